// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moves the folios of one page that stand in a window of memory, all together: into
 * pages that were allocated in chunks, with each LRU list, page table and owner
 * locked once, one flush of the TLB, and what is left freed in chunks.
 *
 * Only what is plain goes this way: on the LRU lists, one page, not being written
 * back, locked by nobody. Everything else, and what turns out to be held by others,
 * is left to migrate_pages(), which waits and retries. So as many folios are locked
 * at once and none is waited for.
 */
#include <linux/bitmap.h>
#include <linux/fs.h>
#include <linux/log2.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/page_owner.h>
#include <linux/pagemap.h>
#include <linux/pgalloc_tag.h>
#include <linux/rmap.h>
#include <linux/sort.h>
#include <linux/vmstat.h>

#include "move.h"
#include "../internal.h"
#include "../isolation/isolation.h"

#include <trace/events/migrate.h>

/**
 * mhp_mover_init() - nothing to move yet
 * @mover: To be given up by mhp_mover_release().
 */
void mhp_mover_init(struct mhp_mover *mover)
{
	INIT_LIST_HEAD(&mover->targets.pages);
	mover->targets.nr = 0;
	mover->nr = 0;
}

/**
 * mhp_mover_release() - give back what was prepared for folios to come
 * @mover: With no folio in it.
 */
void mhp_mover_release(struct mhp_mover *mover)
{
	mhp_targets_release(&mover->targets);
}

/**
 * mhp_mover_add() - have a page moved, if it is of the plain kind
 * @mover: Not full.
 * @page: Online, within the same window as those before.
 *
 * Return: whether it will be moved by mhp_mover_run().
 */
bool mhp_mover_add(struct mhp_mover *mover, struct page *page)
{
	struct folio *folio = (struct folio *)page;

	if (!page_is_plain_lru(page) || !folio_try_get(folio))
		return false;
	/* Without a reference it may have become anything. */
	if (!page_is_plain_lru(page)) {
		folio_put(folio);
		return false;
	}
	if (!mover->nr)
		mover->window = round_down(page_to_pfn(page), MHP_WINDOW_PAGES);
	mover->moves[mover->nr++] = (struct mhp_move){ .src = folio };
	return true;
}

/* May a folio that is locked be moved, without waiting for anything? */
static bool mhp_may_move_now(struct folio *folio, struct address_space *mapping)
{
	if (!folio->mapping || folio_test_writeback(folio) || folio_test_ksm(folio) ||
	    folio_test_mlocked(folio))
		return false;
	return !mapping ||
	       (!mapping_inaccessible(mapping) && mapping->a_ops->migrate_folio);
}

/* Lock a folio and a page for it to go to. */
static bool mhp_move_begin(struct mhp_targets *targets, struct mhp_move *move)
{
	struct folio *src = move->src, *dst;

	if (!folio_trylock(src))
		return false;
	move->mapping = folio_mapping(src);
	dst = mhp_may_move_now(src, move->mapping) ? mhp_target_take(targets) : NULL;
	if (!dst) {
		folio_unlock(src);
		return false;
	}
	__folio_set_locked(dst);
	move->dst = dst;
	move->owner = src->mapping;
	return true;
}

static void mhp_leave(struct mhp_move *move, struct list_head *left)
{
	list_add_tail(&move->src->lru, left);
}

/* Begin with all that can be; the others go to @left. */
static void mhp_begin(struct mhp_mover *mover, struct list_head *left)
{
	unsigned int i, begun = 0;

	for (i = 0; i < mover->nr; i++) {
		struct mhp_move *move = &mover->moves[i];

		if (mhp_move_begin(&mover->targets, move))
			mover->moves[begun++] = *move;
		else
			mhp_leave(move, left);
	}
	mover->nr = begun;
}

static int mhp_compare_moves(const void *one, const void *other)
{
	const struct mhp_move *a = one, *b = other;

	if (a->owner != b->owner)
		return a->owner < b->owner ? -1 : 1;
	return a->src->index < b->src->index ? -1 : a->src->index > b->src->index;
}

/* Those with the owner of the first one. */
static unsigned int mhp_nr_owned(const struct mhp_move *moves, unsigned int nr)
{
	unsigned int i;

	for (i = 1; i < nr && moves[i].owner == moves[0].owner; i++)
		;
	return i;
}

/* Bring together what has one owner. Mostly it is, being faulted in by one task. */
static void mhp_group_by_owner(struct mhp_mover *mover)
{
	unsigned int i, groups = 0;

	for (i = 0; i < mover->nr; i += mhp_nr_owned(&mover->moves[i], mover->nr - i))
		groups++;
	if (groups > 8)
		sort(mover->moves, mover->nr, sizeof(*mover->moves), mhp_compare_moves, NULL);
}

typedef void (*mhp_owned_fn_t)(struct mhp_move *moves, unsigned int nr);

static void mhp_by_owner(struct mhp_mover *mover, mhp_owned_fn_t fn)
{
	unsigned int i, nr;

	for (i = 0; i < mover->nr; i += nr) {
		nr = mhp_nr_owned(&mover->moves[i], mover->nr - i);
		fn(&mover->moves[i], nr);
	}
}

/* Copy a folio, and have all who look for it find the copy. */
static bool mhp_copy(struct mhp_move *move)
{
	struct folio *src = move->src, *dst = move->dst;
	struct address_space *mapping = move->mapping;
	int error;

	if (folio_mapped(src))
		return false;
	/* Waits for nobody, as other folios are locked. */
	if (mapping)
		error = mapping->a_ops->migrate_folio(mapping, dst, src, MIGRATE_ASYNC);
	else
		error = migrate_folio(NULL, dst, src, MIGRATE_ASYNC);
	if (error)
		return false;

	/* An anonymous folio is one until it is freed. */
	if (!folio_test_anon(src))
		src->mapping = NULL;
	flush_dcache_folio(dst);
	set_page_owner_migrate_reason(&dst->page, MR_MEMORY_HOTPLUG);
	return true;
}

/* Let go of a folio that has moved. What nobody looks at any more can be freed. */
static void mhp_move_end(struct mhp_mover *mover, struct mhp_move *move)
{
	struct folio *src = move->src, *dst = move->dst;
	struct page *page = &src->page;

	folio_unlock(dst);
	folio_put(dst);
	folio_unlock(src);
	if (!folio_put_testzero(src))
		return;
	/* As a part of a chunk it is not looked at once more. */
	src->mapping = NULL;
	if (PageHWPoison(page))
		free_unref_page(page, 0);
	else
		__set_bit(page_to_pfn(page) - mover->window, mover->freed);
}

static void mhp_move_undo(struct mhp_mover *mover, struct mhp_move *move,
			  struct list_head *left)
{
	folio_unlock(move->dst);
	mhp_target_return(&mover->targets, move->dst);
	folio_unlock(move->src);
	mhp_leave(move, left);
}

/* Allocation tags and page_owner count by page; they would charge a chunk to its first. */
static bool mhp_pages_are_tracked(void)
{
#ifdef CONFIG_PAGE_OWNER
	if (static_branch_unlikely(&page_owner_inited))
		return true;
#endif
	return mem_alloc_profiling_enabled();
}

static void mhp_free_range(unsigned long pfn, unsigned long end_pfn)
{
	unsigned int order;

	for (; pfn < end_pfn; pfn += 1UL << order) {
		order = min_t(unsigned long, ilog2(end_pfn - pfn), MAX_PAGE_ORDER);
		if (mhp_pages_are_tracked())
			order = 0;
		else if (pfn)
			order = min_t(unsigned long, order, __ffs(pfn));
		free_unref_page(pfn_to_page(pfn), order);
	}
}

static void mhp_free_window(struct mhp_mover *mover)
{
	unsigned long start, end;

	for_each_set_bitrange(start, end, mover->freed, MHP_WINDOW_PAGES)
		mhp_free_range(mover->window + start, mover->window + end);
	bitmap_zero(mover->freed, MHP_WINDOW_PAGES);
}

static unsigned int mhp_end(struct mhp_mover *mover, struct list_head *left)
{
	unsigned int i, nr_moved = 0;

	for (i = 0; i < mover->nr; i++) {
		if (mover->moves[i].moved) {
			mhp_move_end(mover, &mover->moves[i]);
			nr_moved++;
		} else {
			mhp_move_undo(mover, &mover->moves[i], left);
		}
	}
	mhp_free_window(mover);
	count_vm_events(PGMIGRATE_SUCCESS, nr_moved);
	trace_mm_migrate_pages(nr_moved, 0, 0, 0, 0, 0, MIGRATE_ASYNC, MR_MEMORY_HOTPLUG);
	return nr_moved;
}

/**
 * mhp_mover_run() - move the folios that were gathered
 * @mover: Empty after it.
 * @left: Those that could not be moved this way are added, isolated, for
 *	migrate_pages() to try.
 *
 * Context: sleeps; with no folio locked.
 * Return: How many have moved.
 */
unsigned int mhp_mover_run(struct mhp_mover *mover, struct list_head *left)
{
	unsigned int i, nr_moved;

	mover->nr = mhp_lru_isolate(mover->moves, mover->nr);
	if (!mover->nr)
		return 0;
	mhp_targets_fill(&mover->targets, folio_zone(mover->moves[0].src), mover->nr);
	mhp_begin(mover, left);
	mhp_group_by_owner(mover);
	mhp_by_owner(mover, mhp_unmap_owned);
	for (i = 0; i < mover->nr; i++)
		mover->moves[i].moved = mhp_copy(&mover->moves[i]);
	/* First, so that memory that is locked meanwhile is counted right. */
	mhp_lru_add_moved(mover->moves, mover->nr);
	mhp_by_owner(mover, mhp_remap_owned);
	nr_moved = mhp_end(mover, left);
	mover->nr = 0;
	return nr_moved;
}
