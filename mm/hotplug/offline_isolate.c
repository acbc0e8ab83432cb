// SPDX-License-Identifier: GPL-2.0-only
/*
 * Isolates a memory block that is to go offline, says which page kept it from
 * that, and makes its pageblocks what they were where the block stays.
 *
 * Called by offline.c under device_hotplug_lock, with the LRU caches disabled: a
 * page in one of them looks unmovable. Isolation takes the zone's lock.
 */
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/sched/signal.h>
#include <linux/swap.h>

#include "hotplug.h"
#include "offline.h"

/* Isolation may meet a page on its way between two lists: try again. */
#define MHP_ISOLATE_ATTEMPTS	5
#define MHP_ISOLATE_PAUSE_MS	10

/* Which page made isolation refuse? */
static int mhp_blame_isolation(struct mhp_op *op, struct mhp_range pages)
{
	enum mhp_page_class class;
	unsigned long pfn;

	for (pfn = pages.start; pfn < pages.end; pfn += pageblock_nr_pages)
		if (is_migrate_cma_page(pfn_to_page(pfn)))
			return mhp_refuse_page(op, MHP_UNMOVABLE, pfn, MHP_PAGE_CMA);

	pfn = mhp_first_in_the_way(pages.start, pages.end, &class);
	if (class == MHP_PAGE_NONE)
		return mhp_refuse(op, MHP_UNMOVABLE);
	return mhp_refuse_page(op, MHP_UNMOVABLE, pfn, class);
}

static unsigned int mhp_type_index(const struct mhp_leaving *leaving, unsigned long pfn)
{
	return (pfn - leaving->pages.start) / pageblock_nr_pages;
}

/*
 * What is isolated by somebody else, or in a CMA area, is refused in a moment,
 * and must not be made that by us if it is not any more.
 */
static void mhp_note_types(struct mhp_leaving *leaving)
{
	unsigned long pfn;

	for (pfn = leaving->pages.start; pfn < leaving->pages.end; pfn += pageblock_nr_pages) {
		int type = get_pageblock_migratetype(pfn_to_page(pfn));

		if (is_migrate_isolate(type) || is_migrate_cma(type))
			type = MIGRATE_MOVABLE;
		leaving->types[mhp_type_index(leaving, pfn)] = type;
	}
}

/* The pageblocks from @pfn on that were of one type; in ZONE_MOVABLE that is all. */
static struct mhp_range mhp_same_type(const struct mhp_leaving *leaving, unsigned long pfn,
				      unsigned long end_pfn)
{
	u8 type = leaving->types[mhp_type_index(leaving, pfn)];
	struct mhp_range same = mhp_range(pfn, pfn);

	while (same.end < end_pfn && leaving->types[mhp_type_index(leaving, same.end)] == type)
		same.end += pageblock_nr_pages;
	return same;
}

static void mhp_unisolate(const struct mhp_leaving *leaving, unsigned long end_pfn)
{
	unsigned long pfn = leaving->pages.start;

	while (pfn < end_pfn) {
		struct mhp_range same = mhp_same_type(leaving, pfn, end_pfn);

		undo_isolate_page_range(same.start, same.end,
					leaving->types[mhp_type_index(leaving, pfn)]);
		pfn = same.end;
	}
}

static int mhp_try_isolate(struct mhp_leaving *leaving)
{
	unsigned long pfn = leaving->pages.start;

	mhp_note_types(leaving);
	while (pfn < leaving->pages.end) {
		struct mhp_range same = mhp_same_type(leaving, pfn, leaving->pages.end);
		u8 type = leaving->types[mhp_type_index(leaving, pfn)];
		int error;

		error = start_isolate_page_range(same.start, same.end, type, MEMORY_OFFLINE,
						 GFP_USER | __GFP_MOVABLE |
						 __GFP_RETRY_MAYFAIL);
		if (error) {
			mhp_unisolate(leaving, pfn);
			return error;
		}
		pfn = same.end;
	}
	leaving->isolated = true;
	return 0;
}

/**
 * mhp_isolate_block() - isolate a block that is to go offline
 * @op: The operation, for its report.
 * @leaving: The block; @leaving->types is to have room for its pageblocks.
 *
 * Context: under device_hotplug_lock, LRU caches disabled; sleeps.
 * Return: 0; -EBUSY for a page that cannot move, or CMA; -EINTR for a signal.
 */
int mhp_isolate_block(struct mhp_op *op, struct mhp_leaving *leaving)
{
	unsigned int attempt;

	for (attempt = 0; attempt < MHP_ISOLATE_ATTEMPTS; attempt++) {
		enum mhp_page_class class;

		if (!mhp_try_isolate(leaving))
			return 0;
		if (signal_pending(current))
			return mhp_refuse(op, MHP_INTERRUPTED);
		mhp_first_in_the_way(leaving->pages.start, leaving->pages.end, &class);
		if (mhp_class_is_fixed(class) && attempt)
			break;
		lru_add_drain_all();
		schedule_timeout_interruptible(msecs_to_jiffies(MHP_ISOLATE_PAUSE_MS));
	}
	return mhp_blame_isolation(op, leaving->pages);
}

/**
 * mhp_unisolate_block() - let a block be allocated from again
 * @leaving: The block. Nothing is done where it is not isolated.
 *
 * Each pageblock becomes what it was: else a refusal would make all of them
 * movable, and the kernel's own pages spread over more and more of the memory.
 */
void mhp_unisolate_block(struct mhp_leaving *leaving)
{
	if (!leaving->isolated)
		return;
	mhp_unisolate(leaving, leaving->pages.end);
	leaving->isolated = false;
}
