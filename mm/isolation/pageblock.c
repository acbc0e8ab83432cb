// SPDX-License-Identifier: GPL-2.0-only
/*
 * One pageblock is isolated: its free pages go to lists from which nothing is
 * allocated, and so does what is freed in it from then on. Or it is not any more.
 * Pageblocks that are one free chunk are not torn apart for that.
 *
 * Called by range.c. Takes the zone's lock with interrupts off, for one pageblock
 * or chunk at a time. Of two who want the same pageblock, one gets it.
 */
#include <linux/cleanup.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/string.h>

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

/*
 * Is all of it, from @pfn to the end of the pageblock, movable? Counts in @nr_held
 * the pages that a driver holds.
 */
static int check_pages(struct isolation *iso, const struct zone *zone, unsigned long pfn,
		       unsigned long *nr_held)
{
	unsigned long end_pfn = pageblock_end_pfn(pfn);

	while (pfn < end_pfn) {
		struct page *page = pfn_to_page(pfn);
		unsigned long nr_pages;
		enum page_class class;

		if (page_is_plain_lru(page)) {
			iso->in_use = true;
			pfn++;
			continue;
		}
		class = page_class(page);
		nr_pages = page_class_nr_pages(page, class);
		if (!page_class_admitted(class, zone, iso->flags))
			return isolation_refuse(iso, pfn, class);
		if (class == PAGE_CLASS_OFFLINE)
			*nr_held += nr_pages;
		else if (class != PAGE_CLASS_FREE && class != PAGE_CLASS_LET_GO)
			iso->in_use = true;
		pfn += nr_pages;
	}
	return 0;
}

static int check_pageblock(struct isolation *iso, const struct zone *zone,
			   struct page *page, int type, unsigned long *nr_held)
{
	unsigned long pfn = page_to_pfn(page);

	if (is_migrate_isolate(type))
		return isolation_refuse(iso, pfn, PAGE_CLASS_ISOLATED);
	if (!is_migrate_cma(type))
		return check_pages(iso, zone, pfn, nr_held);
	/* The owner of the area isolates it whatever is in it. */
	iso->in_use = true;
	if (is_migrate_cma(iso->migratetype))
		return 0;
	return isolation_refuse(iso, pfn, PAGE_CLASS_CMA);
}

/*
 * Free pages change lists with their pageblock. To look for them is to go through
 * all of its pages; where a driver holds all of them there are none.
 */
static bool move_to_isolated(struct zone *zone, struct page *page, unsigned long nr_held)
{
	if (nr_held < pageblock_nr_pages || page_zone(page + nr_held - 1) != zone)
		return move_freepages_block_isolate(zone, page, MIGRATE_ISOLATE);
	set_pageblock_migratetype(page, MIGRATE_ISOLATE);
	return true;
}

static int isolate_locked(struct isolation *iso, struct zone *zone, struct page *page)
{
	unsigned long pfn = page_to_pfn(page), nr_held = 0;
	int type = get_pageblock_migratetype(page);
	int error;

	lockdep_assert_held(&zone->lock);

	error = check_pageblock(iso, zone, page, type, &nr_held);
	if (error)
		return error;
	/* It needs the lock of all that is in the pageblock. */
	if (!move_to_isolated(zone, page, nr_held))
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

/* Is it a free chunk of several pageblocks that lies in the range? Then its pages, else 0. */
static unsigned long nr_chunk_pages(const struct isolation *iso, struct page *page)
{
	unsigned long pfn = page_to_pfn(page), nr_pages;

	/* Without the lock, which comes later, it is a guess: so that order is bounded. */
	if (!PageBuddy(page))
		return 0;
	nr_pages = 1UL << min_t(unsigned long, buddy_order_unsafe(page), MAX_PAGE_ORDER);
	if (nr_pages <= pageblock_nr_pages || pfn + nr_pages > iso->end_pfn)
		return 0;
	return nr_pages;
}

static bool chunk_is_of_type(struct page *page, unsigned long nr_pages, int type)
{
	const struct page *end = page + nr_pages;

	for (; page < end; page += pageblock_nr_pages)
		if (get_pageblock_migratetype(page) != type)
			return false;
	return true;
}

static unsigned long isolate_chunk_locked(struct isolation *iso, struct zone *zone,
					  struct page *page)
{
	unsigned long nr_pages = nr_chunk_pages(iso, page);
	unsigned long nr_blocks = isolation_nr_pageblocks(nr_pages);
	int type = get_pageblock_migratetype(page);

	lockdep_assert_held(&zone->lock);

	/* What may not be isolated is refused page by page, which tells why. */
	if (!nr_pages || is_migrate_isolate(type) || is_migrate_cma(type) ||
	    !chunk_is_of_type(page, nr_pages, type))
		return 0;
	set_free_chunk_migratetype(zone, page, MIGRATE_ISOLATE);
	zone->nr_isolate_pageblock += nr_blocks;
	memset(isolation_type(iso, page_to_pfn(page)), type, nr_blocks);
	return nr_pages;
}

/**
 * isolate_free_chunk() - isolate several pageblocks of a range that are one free chunk
 * @iso: The range.
 * @pfn: First page of a pageblock.
 *
 * Notes what the pageblocks were.
 *
 * Context: takes the zone's lock.
 * Return: the pages that are isolated; 0 where the pageblock is to be taken by itself.
 */
unsigned long isolate_free_chunk(struct isolation *iso, unsigned long pfn)
{
	struct page *page = pfn_to_online_page(pfn);
	unsigned long nr_pages = 0;

	if (!page || !nr_chunk_pages(iso, page))
		return 0;
	scoped_guard(spinlock_irqsave, &page_zone(page)->lock)
		nr_pages = isolate_chunk_locked(iso, page_zone(page), page);
	return nr_pages;
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

static bool types_are_alike(const u8 *types, unsigned long nr)
{
	return !memchr_inv(types, types[0], nr);
}

static unsigned long unisolate_chunk_locked(const struct isolation *iso, struct zone *zone,
					    struct page *page)
{
	const u8 *types = isolation_type(iso, page_to_pfn(page));
	unsigned long nr_pages = nr_chunk_pages(iso, page);
	unsigned long nr_blocks = isolation_nr_pageblocks(nr_pages);

	lockdep_assert_held(&zone->lock);

	if (!nr_pages || !types_are_alike(types, nr_blocks) ||
	    !chunk_is_of_type(page, nr_pages, MIGRATE_ISOLATE))
		return 0;
	set_free_chunk_migratetype(zone, page, types[0]);
	zone->nr_isolate_pageblock -= nr_blocks;
	return nr_pages;
}

/**
 * unisolate_free_chunk() - the reverse of isolate_free_chunk()
 * @iso: The range.
 * @pfn: First page of a pageblock that the range has isolated.
 *
 * Context: takes the zone's lock.
 * Return: the pages that are what they were; 0 where the pageblock is to be dealt
 * with by itself.
 */
unsigned long unisolate_free_chunk(const struct isolation *iso, unsigned long pfn)
{
	struct page *page = pfn_to_online_page(pfn);
	unsigned long nr_pages = 0;

	if (!page || !nr_chunk_pages(iso, page))
		return 0;
	scoped_guard(spinlock_irqsave, &page_zone(page)->lock)
		nr_pages = unisolate_chunk_locked(iso, page_zone(page), page);
	return nr_pages;
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

/**
 * unisolate_taken_pageblock() - end the isolation of a pageblock without free pages
 * @pfn: First page of the pageblock. All its pages are the caller's.
 * @migratetype: What it is to be from now on.
 *
 * Context: takes the zone's lock.
 */
void unisolate_taken_pageblock(unsigned long pfn, int migratetype)
{
	struct page *page = pfn_to_page(pfn);
	struct zone *zone = page_zone(page);

	scoped_guard(spinlock_irqsave, &zone->lock) {
		if (!is_migrate_isolate_page(page))
			break;
		set_pageblock_migratetype(page, migratetype);
		zone->nr_isolate_pageblock--;
	}
}
