// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memmap of device memory in large folios (&dev_pagemap.vmemmap_shift): all tail
 * pages of a folio look the same, so that two pages of memmap do for one. The first
 * one has the head, the second one tails only, and is mapped once more in place of
 * each that would follow. See Documentation/mm/vmemmap_dedup.rst.
 *
 * A range is populated in chunks of a section or less, upwards. A folio may be
 * larger than that: a chunk that begins inside one goes on with the page that the
 * chunk before it ended with. Folios are counted from the start of their range.
 *
 * Called by vmemmap.c with the memory hotplug lock held for writing.
 */
#include <linux/align.h>
#include <linux/minmax.h>

#include "sparsemem.h"

/*
 * The first pfn of the range of @pgmap that has @pfn. While it is added it is the
 * last one that &dev_pagemap.nr_range reaches, later one of all of them.
 */
static unsigned long range_start(unsigned long pfn, const struct dev_pagemap *pgmap)
{
	int i;

	for (i = 0; i < pgmap->nr_range; i++)
		if (pfn >= PHYS_PFN(pgmap->ranges[i].start) &&
		    pfn <= PHYS_PFN(pgmap->ranges[i].end))
			break;
	return PHYS_PFN(pgmap->ranges[i].start);
}

/**
 * vmemmap_compound_pages() - how many pages the memmap of a chunk takes
 * @pfn: The first page of the chunk.
 * @nr_pages: How many.
 * @pgmap: The device memory, of large folios.
 *
 * Return: two for each folio that begins in the chunk.
 */
unsigned long vmemmap_compound_pages(unsigned long pfn, unsigned long nr_pages,
				     struct dev_pagemap *pgmap)
{
	const unsigned long folio = pgmap_vmemmap_nr(pgmap);
	const unsigned long first = pfn - range_start(pfn, pgmap);
	const unsigned long before = DIV_ROUND_UP(first, folio);
	const unsigned long by_end = DIV_ROUND_UP(first + nr_pages, folio);

	return VMEMMAP_RESERVE_NR * (by_end - before);
}

#ifndef vmemmap_populate_compound_pages
/* The page of memmap that ends at @addr, or NULL. */
static struct page * __meminit page_before(unsigned long addr)
{
	const unsigned long last = addr - PAGE_SIZE;
	pte_t *entry = pte_offset_kernel(pmd_off_k(last), last);

	return pte_present(ptep_get(entry)) ? pte_page(ptep_get(entry)) : NULL;
}

/* The memmap of a folio's start, and of as much behind it as the chunk has. */
static int __meminit populate_head(unsigned long start, unsigned long end, int nid)
{
	pte_t *tail;

	if (!vmemmap_populate_page(start, nid, NULL, NULL))
		return -ENOMEM;
	tail = vmemmap_populate_page(start + PAGE_SIZE, nid, NULL, NULL);
	if (!tail)
		return -ENOMEM;
	return vmemmap_populate_pages(start + VMEMMAP_RESERVE_NR * PAGE_SIZE, end, nid, NULL,
				      pte_page(ptep_get(tail)));
}

/* The memmap of the inside of a folio. */
static int __meminit populate_tails(unsigned long start, unsigned long end, int nid)
{
	struct page *tails = page_before(start);

	if (WARN_ON_ONCE(!tails))
		return -EINVAL;
	return vmemmap_populate_pages(start, end, nid, NULL, tails);
}

/**
 * vmemmap_populate_compound_pages() - map the memmap of a chunk of large folios
 * @pfn: The first page of the chunk.
 * @start: Its &struct page, as a virtual address.
 * @end: The address behind that of the last page.
 * @nid: The node that all of it is best allocated on.
 * @pgmap: The device memory. What its range has before @pfn is populated.
 *
 * Context: memory hotplug lock held for writing; may sleep.
 * Return: 0; -ENOMEM; -EINVAL if what is before was not populated like this.
 */
int __meminit vmemmap_populate_compound_pages(unsigned long pfn, unsigned long start,
					      unsigned long end, int nid,
					      struct dev_pagemap *pgmap)
{
	const unsigned long folio = pgmap_vmemmap_nr(pgmap) * sizeof(struct page);
	const unsigned long base = start - (pfn - range_start(pfn, pgmap)) * sizeof(struct page);
	unsigned long addr, next;
	int error;

	for (addr = start; addr < end; addr = next) {
		const unsigned long offset = (addr - base) % folio;

		next = min(end, addr - offset + folio);
		error = offset ? populate_tails(addr, next, nid) : populate_head(addr, next, nid);
		if (error)
			return error;
	}
	return 0;
}
#endif
