// SPDX-License-Identifier: GPL-2.0-only
/*
 * What stands across the end of an isolated range.
 *
 * Free chunks do not: isolating a pageblock splits those that reach out of it.
 * Something that is in use may, for allocations can be larger than a pageblock.
 * Freed, one part of it would belong on the isolated lists, and the other not.
 *
 * Called by range.c once the pageblocks within are isolated, so that nothing
 * new comes to stand there. No locks.
 */
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/page-flags.h>

#include "isolation.h"

/**
 * isolation_is_straddled() - does an allocation stand across a boundary?
 * @pfn: The boundary; the first page of a pageblock.
 *
 * hugetlb does not count: it is freed by pageblocks.
 *
 * Return: true if the pages before and at @pfn are of one allocation.
 */
bool isolation_is_straddled(unsigned long pfn)
{
	struct page *page = pfn_to_online_page(pfn);

	if (!page || !PageTail(page))
		return false;
	/* Nobody else's business: nothing is freed there. */
	if (!pfn_to_online_page(pfn - 1))
		return false;
	return !folio_test_hugetlb(page_folio(page));
}
