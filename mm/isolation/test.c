// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is an isolated range empty?
 *
 * Called by memory hotplug and by the allocator of contiguous ranges. Takes the
 * zone's lock with interrupts off, for as much as a free chunk can be at a time:
 * what is isolated and free stays so without it.
 */
#include <linux/cleanup.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>

#include "isolation.h"

#define CREATE_TRACE_POINTS
#include <trace/events/page_isolation.h>

/* The first pageblock with memory that is not isolated; @end_pfn: there is none. */
static unsigned long find_not_isolated(unsigned long start_pfn, unsigned long end_pfn)
{
	unsigned long pfn;

	for (pfn = start_pfn; pfn < end_pfn; pfn = pageblock_end_pfn(pfn)) {
		struct page *page = first_online_page(pfn, pageblock_end_pfn(pfn));

		if (page && !is_migrate_isolate_page(page))
			return pfn;
	}
	return end_pfn;
}

/* The first page from @pfn on that is in use; not before @end_pfn: there is none. */
static unsigned long find_in_use(unsigned long pfn, unsigned long end_pfn, int flags)
{
	while (pfn < end_pfn) {
		struct page *page = pfn_to_page(pfn);
		enum page_class class = page_class(page);

		if (!page_class_emptied(class, flags))
			break;
		pfn += page_class_nr_pages(page, class);
	}
	return pfn;
}

/* The same, with the lock. A free chunk may end behind @end_pfn. */
static unsigned long find_in_use_locked(struct zone *zone, unsigned long pfn,
					unsigned long end_pfn, int flags)
{
	while (pfn < end_pfn) {
		unsigned long stop = min(end_pfn, ALIGN(pfn + 1, MAX_ORDER_NR_PAGES));

		scoped_guard(spinlock_irqsave, &zone->lock)
			pfn = find_in_use(pfn, stop, flags);
		if (pfn < stop)
			break;
	}
	return pfn;
}

/**
 * test_pages_isolated() - is all of an isolated range free?
 * @start_pfn: First page of the range; where free pages begin before it, the
 *	first of these.
 * @end_pfn: The one after the last. All of the range is in one zone.
 * @isol_flags: MEMORY_OFFLINE: pages that are broken, or that a driver has let go
 *	of, are as good as free.
 *
 * Context: may sleep: huge pages are freed by a worker, for which this waits.
 * Return: 0; -EBUSY for a page that is in use, or a pageblock that is not isolated.
 */
int test_pages_isolated(unsigned long start_pfn, unsigned long end_pfn,
			int isol_flags)
{
	struct page *page = first_online_page(start_pfn, end_pfn);
	unsigned long pfn;

	wait_for_freed_hugetlb_folios();

	pfn = find_not_isolated(start_pfn, end_pfn);
	if (!page)
		pfn = start_pfn;
	else if (pfn >= end_pfn)
		pfn = find_in_use_locked(page_zone(page), start_pfn, end_pfn, isol_flags);
	trace_test_pages_isolated(start_pfn, end_pfn, pfn);
	return pfn < end_pfn ? -EBUSY : 0;
}
