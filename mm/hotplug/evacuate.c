// SPDX-License-Identifier: GPL-2.0-only
/*
 * Empties isolated memory: migrates what moves, dissolves free huge pages,
 * drains, and tries again until nothing is left, or until it is plain that
 * something will stay.
 *
 * Called by offline.c under device_hotplug_lock with the range isolated, so that
 * nothing new is allocated there. Migration takes its own locks. Without the
 * memory hotplug lock, but for mhp_settle().
 */
#include <linux/device.h>
#include <linux/gfp.h>
#include <linux/hugetlb.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/mmdebug.h>
#include <linux/mmzone.h>
#include <linux/page-isolation.h>
#include <linux/rmap.h>
#include <linux/sched/signal.h>
#include <linux/swap.h>

#include "hotplug.h"
#include "move.h"
#include "../internal.h"
#include "../isolation/isolation.h"

#include <trace/events/memory_hotplug.h>

/* Pages that are gathered before they are migrated together */
#define MHP_BATCH_PAGES		2048UL

/*
 * Passes after which a page that cannot move is believed to stay: slab and the
 * like may be on their way out when they are first seen.
 */
#define MHP_PASSES_FOR_FIXED	25

/* Passes in which all that failed did so for want of memory */
#define MHP_PASSES_WITHOUT_ROOM	50

/* Between passes that moved nothing */
#define MHP_PAUSE_MS		20

/* There is one operation at a time, under device_hotplug_lock. */
static struct mhp_mover mhp_mover;

/**
 * struct mhp_pass - going through a range once
 * @folios: Isolated, to be migrated one by one.
 * @nr_queued: Their pages.
 * @nr_moved: Pages migrated so far.
 * @nr_failed: Folios that could be neither isolated nor migrated.
 * @nr_starved: Those of them that found no memory to go to, in batches.
 * @stuck: The first pfn that failed; 0: none.
 */
struct mhp_pass {
	struct list_head folios;
	unsigned long nr_queued;
	unsigned long nr_moved;
	unsigned long nr_failed;
	unsigned long nr_starved;
	unsigned long stuck;
};

static void mhp_pass_failed(struct mhp_pass *pass, unsigned long pfn)
{
	if (!pass->stuck)
		pass->stuck = pfn;
	pass->nr_failed++;
}

/*
 * Targets: on the same node where there is room, else on any. All that is to
 * leave is isolated, so no page lands in a block that is next.
 */
static void mhp_migrate(struct mhp_pass *pass)
{
	nodemask_t nodes = node_states[N_MEMORY];
	struct migration_target_control target = {
		.nid = NUMA_NO_NODE,
		.nmask = &nodes,
		.gfp_mask = GFP_USER | __GFP_MOVABLE | __GFP_RETRY_MAYFAIL | __GFP_NOWARN,
		.reason = MR_MEMORY_HOTPLUG,
	};
	unsigned int moved = 0;
	struct folio *folio;
	int left;

	if (list_empty(&pass->folios))
		return;

	left = migrate_pages(&pass->folios, alloc_migration_target, NULL,
			     (unsigned long)&target, MIGRATE_SYNC,
			     MR_MEMORY_HOTPLUG, &moved);
	pass->nr_moved += moved;
	if (left == -ENOMEM)
		pass->nr_starved++;
	list_for_each_entry(folio, &pass->folios, lru)
		mhp_pass_failed(pass, folio_pfn(folio));
	putback_movable_pages(&pass->folios);
	pass->nr_queued = 0;
}

/* A page with a hardware error stays; its users must let go of it. */
static void mhp_unmap_poisoned(struct folio *folio, unsigned long pfn)
{
	if (folio_test_large(folio) && !folio_test_hugetlb(folio))
		return;
	if (!folio_mapped(folio))
		return;
	folio_lock(folio);
	unmap_poisoned_folio(folio, pfn, false);
	folio_unlock(folio);
}

static bool mhp_may_move(struct folio *folio)
{
	return folio_test_lru(folio) || folio_test_hugetlb(folio) ||
	       __folio_test_movable(folio);
}

/* Queue the folio of @pfn if it can move. Return the pfn to go on with. */
static unsigned long mhp_queue(struct mhp_pass *pass, unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);
	unsigned long next = pfn + 1;
	struct folio *folio;

	if (mhp_mover_add(&mhp_mover, page))
		return next;
	folio = page_folio(page);
	if (!mhp_may_move(folio) || !folio_try_get(folio))
		return next;
	/* Without a reference the folio may have been split or freed. */
	if (page_folio(page) != folio)
		goto out;

	next = max(next, folio_pfn(folio) + folio_nr_pages(folio));
	if (folio_contain_hwpoisoned_page(folio))
		mhp_unmap_poisoned(folio, pfn);
	else if (isolate_folio_to_list(folio, &pass->folios))
		pass->nr_queued += folio_nr_pages(folio);
	else
		mhp_pass_failed(pass, pfn);
out:
	folio_put(folio);
	return next;
}

/* The pfn behind a free chunk; @pfn where it is none. */
static unsigned long mhp_skip_free(unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);

	if (!PageBuddy(page))
		return pfn;
	return pfn + page_class_nr_pages(page, PAGE_CLASS_FREE);
}

/*
 * The page that was tried and did not move, if it is still there; not one that
 * was not looked at yet, which would have moved. What is fixed comes before it.
 */
static unsigned long mhp_find_culprit(const struct mhp_evacuation *ev,
				      struct mhp_range range,
				      enum page_class *class)
{
	unsigned long pfn = mhp_first_in_the_way(range.start, range.end, class);
	enum page_class stuck;

	if (*class == PAGE_CLASS_NONE || page_class_is_fixed(*class) ||
	    ev->stuck < range.start || ev->stuck >= range.end)
		return pfn;
	mhp_first_in_the_way(ev->stuck, ev->stuck + 1, &stuck);
	if (stuck == PAGE_CLASS_NONE)
		return pfn;
	*class = stuck;
	return ev->stuck;
}

/* Has the caller had enough? */
static int mhp_out_of_patience(struct mhp_evacuation *ev, struct mhp_range range)
{
	enum mhp_outcome outcome;
	enum page_class class;
	unsigned long pfn;

	if (signal_pending(current))
		outcome = MHP_INTERRUPTED;
	else if (ev->deadline && time_after_eq(jiffies, ev->deadline))
		outcome = MHP_STUCK;
	else
		return 0;

	pfn = mhp_find_culprit(ev, range, &class);
	if (class == PAGE_CLASS_NONE)
		return mhp_refuse(ev->op, outcome);
	return mhp_refuse_page(ev->op, outcome, pfn, class);
}

/* Queue what is in a window, and move what is plain. Return the pfn to go on with. */
static unsigned long mhp_pass_window(struct mhp_pass *pass, unsigned long pfn,
				     unsigned long end_pfn)
{
	unsigned int nr, nr_moved;

	while (pfn < end_pfn) {
		unsigned long next = mhp_skip_free(pfn);

		pfn = next == pfn ? mhp_queue(pass, pfn) : next;
	}
	nr = mhp_mover.nr;
	if (!nr)
		return pfn;
	nr_moved = mhp_mover_run(&mhp_mover, &pass->folios);
	pass->nr_moved += nr_moved;
	pass->nr_queued += nr - nr_moved;
	return pfn;
}

static int mhp_pass_over(struct mhp_evacuation *ev, struct mhp_pass *pass,
			 struct mhp_range range)
{
	unsigned long pfn = range.start;
	int error = 0;

	mhp_mover_init(&mhp_mover);
	while (pfn < range.end && !error) {
		unsigned long end = round_down(pfn, MHP_WINDOW_PAGES) + MHP_WINDOW_PAGES;

		pfn = mhp_pass_window(pass, pfn, min(end, range.end));
		if (pass->nr_queued >= MHP_BATCH_PAGES)
			mhp_migrate(pass);
		ev->stuck = pass->stuck ?: ev->stuck;
		error = mhp_out_of_patience(ev, range);
		cond_resched();
	}
	mhp_migrate(pass);
	mhp_mover_release(&mhp_mover);
	ev->stuck = pass->stuck ?: ev->stuck;
	ev->nr_moved += pass->nr_moved;
	ev->nr_passes++;
	trace_mhp_evacuate_pass(range.start, range.end, pass->nr_moved,
				pass->nr_failed, pass->stuck);
	return error;
}

/* What does not move by itself: free huge pages, pages on per-CPU lists. */
static int mhp_sweep(struct mhp_range range)
{
	int error = dissolve_free_hugetlb_folios(range.start, range.end);

	wait_for_freed_hugetlb_folios();
	drain_all_pages(page_zone(pfn_to_page(range.start)));
	return error;
}

/**
 * struct mhp_patience - how long the same obstacle has stood
 * @fixed_pfn: The page that seems fixed.
 * @nr_fixed: For how many passes.
 * @nr_starved: Passes in a row that moved nothing for want of memory.
 * @nr_hugetlb: Passes in a row that could not dissolve huge pages.
 */
struct mhp_patience {
	unsigned long fixed_pfn;
	unsigned int nr_fixed;
	unsigned int nr_starved;
	unsigned int nr_hugetlb;
};

static int mhp_judge_fixed(struct mhp_evacuation *ev, struct mhp_patience *patience,
			   unsigned long pfn, enum page_class class)
{
	if (!page_class_is_fixed(class))
		patience->nr_fixed = 0;
	else if (patience->fixed_pfn == pfn)
		patience->nr_fixed++;
	else
		patience->nr_fixed = 1;
	patience->fixed_pfn = pfn;
	if (patience->nr_fixed < MHP_PASSES_FOR_FIXED)
		return 0;
	return mhp_refuse_page(ev->op, MHP_UNMOVABLE, pfn, class);
}

/* Go on, or is it plain by now that the range cannot be emptied? */
static int mhp_judge(struct mhp_evacuation *ev, struct mhp_patience *patience,
		     const struct mhp_pass *pass, int swept,
		     unsigned long pfn, enum page_class class)
{
	bool starved = pass->nr_starved && !pass->nr_moved;

	patience->nr_starved = starved ? patience->nr_starved + 1 : 0;
	if (patience->nr_starved >= MHP_PASSES_WITHOUT_ROOM)
		return mhp_refuse_page(ev->op, MHP_NO_ROOM, pfn, class);

	patience->nr_hugetlb = swept && !pass->nr_moved ? patience->nr_hugetlb + 1 : 0;
	if (patience->nr_hugetlb >= MHP_PASSES_WITHOUT_ROOM)
		return mhp_refuse_page(ev->op, MHP_HUGETLB, pfn, class);

	return mhp_judge_fixed(ev, patience, pfn, class);
}

/*
 * @driver_pages_leave: Pages that a driver holds may stay for now: it lets go of
 * them when it hears MEM_GOING_OFFLINE.
 */
static int mhp_empty(struct mhp_evacuation *ev, struct mhp_range range,
		     bool driver_pages_leave)
{
	struct mhp_patience patience = { };

	for (;;) {
		struct mhp_pass pass = { .folios = LIST_HEAD_INIT(pass.folios) };
		enum page_class class;
		unsigned long pfn;
		int swept, error;

		error = mhp_pass_over(ev, &pass, range);
		if (error)
			return error;

		/* To sweep is work for all CPUs, and mostly there is nothing left. */
		pfn = mhp_first_in_the_way(range.start, range.end, &class);
		if (class == PAGE_CLASS_NONE)
			return 0;
		swept = mhp_sweep(range);
		pfn = mhp_first_in_the_way(range.start, range.end, &class);
		if (class == PAGE_CLASS_NONE)
			return 0;
		if (class == PAGE_CLASS_OFFLINE)
			return driver_pages_leave ? 0 :
			       mhp_refuse_page(ev->op, MHP_UNMOVABLE, pfn, class);

		error = mhp_out_of_patience(ev, range);
		if (!error)
			error = mhp_judge(ev, &patience, &pass, swept, pfn, class);
		if (error)
			return error;
		if (!pass.nr_moved)
			schedule_timeout_interruptible(msecs_to_jiffies(MHP_PAUSE_MS));
	}
}

/**
 * mhp_evacuate() - empty a range before its blocks are announced
 * @ev: The evacuation, kept over the ranges of an operation.
 * @range: Isolated, online, within one zone.
 *
 * Pages that a driver holds (PageOffline with a reference) may be left.
 *
 * Context: under device_hotplug_lock; sleeps, for as long as it takes.
 * Return: 0; -EBUSY where a page cannot move, -ENOMEM where there is no room
 * elsewhere, -EINTR for a signal, -ETIMEDOUT past the deadline. The pages that
 * have moved are elsewhere then; the rest is as it was.
 */
int mhp_evacuate(struct mhp_evacuation *ev, struct mhp_range range)
{
	assert_device_hotplug_lock();
	/* A page in a CPU's batch could not be taken off its LRU list. */
	VM_WARN_ON_ONCE(!lru_cache_disabled());
	return mhp_empty(ev, range, true);
}

/* Have the zone's pages go to the buddy lists, past the per-CPU ones. */
static void mhp_hush(struct mhp_evacuation *ev, struct zone *zone)
{
	if (ev->hushed == zone)
		return;
	mhp_unhush(ev);
	zone_pcp_disable(zone);
	ev->hushed = zone;
}

/**
 * mhp_unhush() - let a zone have per-CPU lists again
 * @ev: The evacuation; it may have disabled none.
 *
 * Context: the memory hotplug lock held for writing.
 */
void mhp_unhush(struct mhp_evacuation *ev)
{
	if (ev->hushed)
		zone_pcp_enable(ev->hushed);
	ev->hushed = NULL;
}

/**
 * mhp_settle() - make sure that a range is free, and stays so
 * @ev: The evacuation.
 * @zone: The range's zone.
 * @range: Emptied before, isolated, and MEM_GOING_OFFLINE has been heard.
 *
 * On success the zone's per-CPU lists are disabled: with them a page could be
 * allocated from an isolated pageblock. They stay so for the next range of the
 * zone, until mhp_unhush().
 *
 * Context: device_hotplug_lock, and the memory hotplug lock held for writing.
 * Return: as mhp_evacuate().
 */
int mhp_settle(struct mhp_evacuation *ev, struct zone *zone, struct mhp_range range)
{
	assert_device_hotplug_lock();
	mhp_assert_write_locked();
	for (;;) {
		int error;

		mhp_hush(ev, zone);
		if (!test_pages_isolated(range.start, range.end, MEMORY_OFFLINE))
			return 0;
		mhp_unhush(ev);

		error = mhp_out_of_patience(ev, range);
		if (!error)
			error = mhp_empty(ev, range, false);
		if (error)
			return error;
	}
}

/**
 * mhp_count_pages() - how much of a range is in use
 * @range: Online.
 * @nr_used: The pages in use that migration would need room for are added to it.
 *	hugetlb is left out: it finds room in its own pools.
 * @nr_free: The free pages are added to it.
 */
void mhp_count_pages(struct mhp_range range, unsigned long *nr_used,
		     unsigned long *nr_free)
{
	unsigned long pfn = range.start;

	while (pfn < range.end) {
		unsigned long next = mhp_skip_free(pfn);
		struct folio *folio;

		if (next != pfn) {
			*nr_free += next - pfn;
			pfn = next;
			cond_resched();
			continue;
		}
		if (page_is_plain_lru(pfn_to_page(pfn))) {
			*nr_used += 1;
			pfn++;
			continue;
		}
		cond_resched();
		folio = page_folio(pfn_to_page(pfn));
		if (folio_test_hugetlb(folio)) {
			pfn = max(pfn + 1, folio_pfn(folio) + folio_nr_pages(folio));
			continue;
		}
		*nr_used += !!folio_ref_count(folio) && !PageOffline(pfn_to_page(pfn));
		pfn++;
	}
}

/**
 * mhp_has_room() - may what is in use fit elsewhere?
 * @nr_used: Pages that have to move.
 * @nr_free: Free pages that leave with them. All that leaves, taken as used, says
 *	yes only where it is yes however much of it is free.
 *
 * Generous: page cache and swap count as room, so what is refused here could
 * never have succeeded.
 *
 * Return: false where it plainly does not.
 */
bool mhp_has_room(unsigned long nr_used, unsigned long nr_free)
{
	long room = global_zone_page_state(NR_FREE_PAGES) - nr_free;

	room += global_node_page_state(NR_ACTIVE_FILE);
	room += global_node_page_state(NR_INACTIVE_FILE);
	room += get_nr_swap_pages();
	return room >= 0 && nr_used <= room;
}
