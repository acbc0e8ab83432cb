// SPDX-License-Identifier: GPL-2.0-only
/*
 * A range of pageblocks is isolated, or left as it was; and put back.
 *
 * Called by memory hotplug and by the allocator of contiguous ranges. Holds no
 * lock over more than a pageblock: nothing keeps two callers from wanting the
 * same pageblocks, and the second to come is refused.
 *
 * What is freed while its pageblock gets isolated may end up on a per-CPU list
 * and be allocated again from there. Callers drain these lists afterwards; those
 * who must be sure disable them, too, with zone_pcp_disable().
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "isolation.h"

/* Pageblocks of a range whose types fit onto the stack */
#define ISOLATION_FEW	64

/* Put back what is isolated of the pageblocks before @end_pfn. */
static void unisolate_until(const struct isolation *iso, unsigned long end_pfn)
{
	unsigned long pfn = iso->start_pfn;

	while (pfn < end_pfn) {
		u8 type = *isolation_type(iso, pfn);
		unsigned long done = 0;

		if (!is_migrate_isolate(type)) {
			done = unisolate_free_chunk(iso, pfn);
			if (!done)
				unisolate_pageblock(pfn, type);
		}
		pfn += done ?: pageblock_nr_pages;
		cond_resched();
	}
}

/* Does anything stand across one of the range's ends? */
static int check_ends(struct isolation *iso)
{
	unsigned long pfn;

	if (isolation_is_straddled(iso->start_pfn))
		pfn = iso->start_pfn;
	else if (isolation_is_straddled(iso->end_pfn))
		pfn = iso->end_pfn - 1;
	else
		return 0;
	return isolation_refuse(iso, pfn, page_class(pfn_to_page(pfn)));
}

/**
 * isolate_range() - isolate pageblocks, all or none
 * @iso: The range, with room for the types of its pageblocks.
 *
 * Context: may sleep. The memory is kept from going away.
 * Return: 0, @iso->in_use is set; -EBUSY: @iso->blame has the page in the way, and
 * each pageblock is what it was.
 */
int isolate_range(struct isolation *iso)
{
	unsigned long pfn = iso->start_pfn;
	int error;

	iso->in_use = false;
	while (pfn < iso->end_pfn) {
		unsigned long done = isolate_free_chunk(iso, pfn);

		error = done ? 0 : isolate_pageblock(iso, pfn);
		if (error) {
			unisolate_until(iso, pfn);
			return error;
		}
		pfn += done ?: pageblock_nr_pages;
		cond_resched();
	}
	error = check_ends(iso);
	if (error)
		unisolate_range(iso);
	return error;
}

/**
 * unisolate_range() - make of pageblocks what they were before isolate_range()
 * @iso: The range.
 *
 * Context: may sleep.
 */
void unisolate_range(const struct isolation *iso)
{
	unisolate_until(iso, iso->end_pfn);
}

/**
 * start_isolate_page_range() - isolate a range of pages, all or none
 * @start_pfn: First page of the range.
 * @end_pfn: The one after the last.
 * @migratetype: MIGRATE_CMA to isolate the pageblocks of a CMA area, as its owner;
 *	else MIGRATE_MOVABLE.
 * @flags: MEMORY_OFFLINE: the memory is to go offline, so pages that are broken or
 *	held by a driver that may let go are no hindrance. REPORT_FAILURE: dump the
 *	first page that is one.
 * @gfp_flags: How to allocate what a long range needs for itself.
 *
 * Works on whole pageblocks: all of those that the range touches. Nothing is
 * allocated from them until undo_isolate_page_range(); what is in use stays.
 *
 * Context: may sleep. The memory is kept from going away.
 * Return: 0; -EBUSY for a page that is not movable, something that stands across an
 * end, or a pageblock that is isolated already; -ENOMEM. Each pageblock is what it
 * was then.
 */
int start_isolate_page_range(unsigned long start_pfn, unsigned long end_pfn,
			     int migratetype, int flags, gfp_t gfp_flags)
{
	u8 few[ISOLATION_FEW];
	struct isolation iso = {
		.start_pfn = pageblock_start_pfn(start_pfn),
		.end_pfn = pageblock_align(end_pfn),
		.migratetype = migratetype,
		.flags = flags,
		.types = few,
	};
	unsigned long nr = isolation_nr_pageblocks(iso.end_pfn - iso.start_pfn);
	int error;

	if (nr > ISOLATION_FEW) {
		iso.types = kvmalloc(nr, (gfp_flags & GFP_KERNEL) | __GFP_NOWARN);
		if (!iso.types)
			return -ENOMEM;
	}
	error = isolate_range(&iso);
	if (nr > ISOLATION_FEW)
		kvfree(iso.types);
	return error;
}

/**
 * undo_isolate_page_range() - end the isolation of a range of pages
 * @start_pfn: First page of the range.
 * @end_pfn: The one after the last.
 * @migratetype: What the pageblocks are to be that are isolated.
 *
 * For those who have isolated them with start_isolate_page_range(), whether the
 * pages are in use now or not, and for memory that comes online.
 *
 * Context: may sleep.
 */
void undo_isolate_page_range(unsigned long start_pfn, unsigned long end_pfn,
			     int migratetype)
{
	unsigned long pfn = pageblock_start_pfn(start_pfn);

	for (; pfn < end_pfn; pfn += pageblock_nr_pages)
		unisolate_pageblock(pfn, migratetype);
}

/**
 * undo_isolate_taken_range() - end the isolation of pages that have been allocated
 * @start_pfn: First page of the range.
 * @end_pfn: The one after the last. All of the range is the caller's by now.
 * @migratetype: What the pageblocks are to be.
 *
 * As undo_isolate_page_range(), but free pages are looked for in pageblocks only
 * that are not all in the range.
 *
 * Context: may sleep.
 */
void undo_isolate_taken_range(unsigned long start_pfn, unsigned long end_pfn,
			      int migratetype)
{
	unsigned long pfn = pageblock_start_pfn(start_pfn);

	for (; pfn < end_pfn; pfn += pageblock_nr_pages) {
		if (pfn >= start_pfn && pfn + pageblock_nr_pages <= end_pfn)
			unisolate_taken_pageblock(pfn, migratetype);
		else
			unisolate_pageblock(pfn, migratetype);
	}
}
