// SPDX-License-Identifier: GPL-2.0-only
/*
 * One pageblock is isolated: its free pages go to lists from which nothing is
 * allocated, and so does what is freed in it from then on. Or it is not any more.
 *
 * Called by range.c. Takes the zone's lock with interrupts off, for one pageblock
 * at a time. Of two who want the same pageblock, one gets it.
 */
#include <linux/cleanup.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>

#include "isolation.h"
#include "../internal.h"

/*
 * Memory that the firmware has not handed over yet stands in chunks of the
 * largest order, of which the pageblock may be any part. Take all of it.
 */
static void accept_pageblock(unsigned long pfn)
{
	struct page *head = pfn_to_online_page(ALIGN_DOWN(pfn, MAX_ORDER_NR_PAGES));

	if (head && PageUnaccepted(head))
		accept_page(head);
}

/* Is all of it, from @pfn to the end of the pageblock, movable? */
static int check_pages(struct isolation *iso, const struct zone *zone, unsigned long pfn)
{
	unsigned long end_pfn = pageblock_end_pfn(pfn);

	while (pfn < end_pfn) {
		struct page *page = pfn_to_page(pfn);
		enum page_class class = page_class(page);

		if (!page_class_admitted(class, zone, iso->flags))
			return isolation_refuse(iso, pfn, class);
		pfn += page_class_nr_pages(page, class);
	}
	return 0;
}

static int check_pageblock(struct isolation *iso, const struct zone *zone,
			   struct page *page, int type)
{
	unsigned long pfn = page_to_pfn(page);

	if (is_migrate_isolate(type))
		return isolation_refuse(iso, pfn, PAGE_CLASS_ISOLATED);
	if (!is_migrate_cma(type))
		return check_pages(iso, zone, pfn);
	/* The owner of the area isolates it whatever is in it. */
	if (is_migrate_cma(iso->migratetype))
		return 0;
	return isolation_refuse(iso, pfn, PAGE_CLASS_CMA);
}

static int isolate_locked(struct isolation *iso, struct zone *zone, struct page *page)
{
	unsigned long pfn = page_to_pfn(page);
	int type = get_pageblock_migratetype(page);
	int error;

	lockdep_assert_held(&zone->lock);

	error = check_pageblock(iso, zone, page, type);
	if (error)
		return error;
	/* It needs the lock of all that is in the pageblock. */
	if (!move_freepages_block_isolate(zone, page, MIGRATE_ISOLATE))
		return isolation_refuse(iso, pfn, PAGE_CLASS_NONE);
	zone->nr_isolate_pageblock++;
	*isolation_type(iso, pageblock_start_pfn(pfn)) = type;
	return 0;
}

/* Not under the zone's lock, which the console may need. */
static void report_failure(const struct isolation *iso)
{
	if (!(iso->flags & REPORT_FAILURE) ||
	    iso->blame.class == PAGE_CLASS_ISOLATED ||
	    iso->blame.class == PAGE_CLASS_NONE)
		return;
	dump_page(pfn_to_page(iso->blame.pfn), "unmovable page");
}

/**
 * isolate_pageblock() - isolate one pageblock of a range
 * @iso: The range.
 * @pfn: First page of the pageblock.
 *
 * Notes what the pageblock was. One that is offline or a hole is left alone.
 *
 * Context: takes the zone's lock.
 * Return: 0; -EBUSY: @iso->blame has the page in the way, nothing has changed.
 */
int isolate_pageblock(struct isolation *iso, unsigned long pfn)
{
	struct page *page = first_online_page(pfn, pfn + pageblock_nr_pages);
	struct zone *zone;
	int error;

	*isolation_type(iso, pfn) = MIGRATE_ISOLATE;
	if (!page)
		return 0;

	accept_pageblock(pfn);
	zone = page_zone(page);
	scoped_guard(spinlock_irqsave, &zone->lock)
		error = isolate_locked(iso, zone, page);
	if (error)
		report_failure(iso);
	return error;
}

/*
 * Free pageblocks that were isolated one after the other are chunks of their
 * own. Where the one beside @page is back already, let the two be one again, by
 * way of taking @page and freeing it. Not where the types differ: the merged
 * chunk would have one type.
 */
static bool reunite(struct zone *zone, struct page *page, int migratetype)
{
	struct page *buddy;

	if (pageblock_order >= MAX_PAGE_ORDER || !PageBuddy(page) ||
	    buddy_order(page) != pageblock_order)
		return false;
	buddy = find_buddy_page_pfn(page, page_to_pfn(page), pageblock_order, NULL);
	if (!buddy || get_pageblock_migratetype(buddy) != migratetype)
		return false;
	/* Watermarks do not apply to isolated pages, so this does not fail. */
	if (WARN_ON_ONCE(!__isolate_free_page(page, pageblock_order)))
		return false;
	set_pageblock_migratetype(page, migratetype);
	__putback_isolated_page(page, pageblock_order, migratetype);
	return true;
}

static void unisolate_locked(struct zone *zone, struct page *page, int migratetype)
{
	lockdep_assert_held(&zone->lock);

	if (!is_migrate_isolate_page(page))
		return;
	/* It was within its zone when it was isolated. */
	if (!reunite(zone, page, migratetype))
		WARN_ON_ONCE(!move_freepages_block_isolate(zone, page, migratetype));
	zone->nr_isolate_pageblock--;
}

/**
 * unisolate_pageblock() - end the isolation of a pageblock
 * @pfn: First page of the pageblock.
 * @migratetype: What it is to be from now on.
 *
 * Free pages go to the end of their lists: memory that just came online is not
 * the first to be allocated. One that is not isolated is left alone.
 *
 * Context: takes the zone's lock.
 */
void unisolate_pageblock(unsigned long pfn, int migratetype)
{
	struct page *page = first_online_page(pfn, pfn + pageblock_nr_pages);
	struct zone *zone;

	if (!page)
		return;
	zone = page_zone(page);
	scoped_guard(spinlock_irqsave, &zone->lock)
		unisolate_locked(zone, page, migratetype);
}
