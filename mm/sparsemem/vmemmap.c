// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual memmap: the memmaps of all sections are one array in the kernel's address
 * space, mapped where there is memory. A page and its pfn are one addition apart, by
 * a constant.
 *
 * Populating a range of it: the architecture's vmemmap_populate() or, for device
 * memory of large folios, vmemmap_populate_compound_pages(). Both build on
 * vmemmap_tables.c and take memory from here: from the altmap, from boot's buffer,
 * from memblock before there is a page allocator, and from that later.
 *
 * Called by boot.c, and by section.c with the memory hotplug lock held for writing.
 */
#include <linux/gfp.h>
#include <linux/memblock.h>
#include <linux/slab.h>
#include <linux/vmstat.h>

#include <asm/dma.h>

#include "../internal.h"
#include "sparsemem.h"

static void *__ref block_from_boot(unsigned long size, int node)
{
	return memblock_alloc_try_nid_raw(size, size, __pa(MAX_DMA_ADDRESS),
					  MEMBLOCK_ALLOC_ACCESSIBLE, node);
}

/**
 * vmemmap_alloc_block() - memory for the memmap or for its page tables
 * @size: In bytes, a power of two of at least a page.
 * @node: The node where it is best.
 *
 * Huge pages may well fail, and their callers fall back to small ones: only the first
 * failure is logged.
 *
 * Context: boot, or process context; may sleep.
 * Return: the block, aligned to its size, not initialised; or NULL.
 */
void * __meminit vmemmap_alloc_block(unsigned long size, int node)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_RETRY_MAYFAIL;
	const unsigned int order = get_order(size);
	static bool warned;
	struct page *page;

	if (!slab_is_available())
		return block_from_boot(size, node);

	page = alloc_pages_node(node, gfp | __GFP_NOWARN, order);
	if (page)
		return page_address(page);
	if (!warned) {
		warned = true;
		warn_alloc(gfp, NULL, "no memory for the memmap: order:%u", order);
	}
	return NULL;
}

static void * __meminit block_from_altmap(unsigned long size, struct vmem_altmap *altmap)
{
	unsigned long pfn;

	if (!PAGE_ALIGNED(size)) {
		pr_warn_once("sparsemem: altmaps consist of whole pages, not of %lu bytes\n", size);
		return NULL;
	}
	if (!altmap_take(altmap, PHYS_PFN(size), &pfn))
		return NULL;
	return __va(PFN_PHYS(pfn));
}

/**
 * vmemmap_alloc_block_buf() - memory for the memmap
 * @size: In bytes, a power of two of at least a page.
 * @node: The node where it is best, without an altmap.
 * @altmap: Where it has to come from; NULL: from wherever there is some.
 *
 * Context: as vmemmap_alloc_block().
 * Return: the block, aligned to its size, not initialised; or NULL.
 */
void * __meminit vmemmap_alloc_block_buf(unsigned long size, int node,
					 struct vmem_altmap *altmap)
{
	void *block;

	if (altmap)
		return block_from_altmap(size, altmap);
	block = sparse_buffer_alloc(size);
	return block ?: vmemmap_alloc_block(size, node);
}

/** sparse_memmap_size() - what the memmap of a section takes of boot's buffer, in bytes */
unsigned long __init sparse_memmap_size(void)
{
	return ALIGN(PAGES_PER_SECTION * sizeof(struct page), PMD_SIZE);
}

/* How many pages hold a part of the memmap, page tables and altmaps aside. */
static long memmap_pages(unsigned long pfn, unsigned long nr_pages,
			 struct vmem_altmap *altmap, struct dev_pagemap *pgmap)
{
	if (vmemmap_can_optimize(altmap, pgmap))
		return vmemmap_compound_pages(pfn, nr_pages, pgmap);
	return DIV_ROUND_UP(nr_pages * sizeof(struct page), PAGE_SIZE);
}

static int __meminit populate(unsigned long pfn, unsigned long nr_pages, int nid,
			      struct vmem_altmap *altmap, struct dev_pagemap *pgmap)
{
	unsigned long start = (unsigned long)pfn_to_page(pfn);
	unsigned long end = (unsigned long)pfn_to_page(pfn + nr_pages);

	if (vmemmap_can_optimize(altmap, pgmap))
		return vmemmap_populate_compound_pages(pfn, start, end, nid, pgmap);
	return vmemmap_populate(start, end, nid, altmap);
}

/*
 * Take back what a population did before it failed. The architecture skips what is
 * not there. On one that cannot free a memmap (loongarch) it stays mapped, and the
 * next attempt finds it.
 */
static void __meminit unpopulate(unsigned long pfn, unsigned long nr_pages,
				 struct vmem_altmap *altmap, struct altmap_mark mark)
{
#ifdef CONFIG_MEMORY_HOTPLUG
	if (!slab_is_available())
		return;
	vmemmap_free((unsigned long)pfn_to_page(pfn), (unsigned long)pfn_to_page(pfn + nr_pages),
		     altmap);
	altmap_rewind(altmap, mark);
#endif
}

/**
 * __populate_section_memmap() - map memory for a part of the memmap
 * @pfn: The first page, of a sub-section.
 * @nr_pages: How many: sub-sections, up to the end of the section at most.
 * @nid: The node where the memory is best.
 * @altmap: Where the memory has to come from; NULL: from wherever there is some.
 * @pgmap: Device memory whose folios may share pages of the memmap; NULL: there is
 *	none.
 *
 * All of it is mapped or, at run time, nothing. The memory is counted as the memmap's;
 * what comes from an altmap is, too.
 *
 * Context: boot, or memory hotplug lock held for writing; may sleep.
 * Return: the memmap, not initialised; or NULL when memory ran out.
 */
struct page * __meminit __populate_section_memmap(unsigned long pfn, unsigned long nr_pages,
						  int nid, struct vmem_altmap *altmap,
						  struct dev_pagemap *pgmap)
{
	struct altmap_mark mark = altmap_mark(altmap);
	long pages = memmap_pages(pfn, nr_pages, altmap, pgmap);

	if (WARN_ON_ONCE(!IS_ALIGNED(pfn | nr_pages, PAGES_PER_SUBSECTION)))
		return NULL;

	if (populate(pfn, nr_pages, nid, altmap, pgmap) < 0) {
		unpopulate(pfn, nr_pages, altmap, mark);
		return NULL;
	}

	if (slab_is_available())
		memmap_pages_add(pages);
	else
		memmap_boot_pages_add(pages);
	return pfn_to_page(pfn);
}

#ifdef CONFIG_MEMORY_HOTPLUG
/**
 * sparse_memmap_release() - unmap and free a part of the memmap that was added
 * @memmap: The &struct page of @pfn.
 * @pfn: The first page.
 * @nr_pages: How many, as __populate_section_memmap() was told.
 * @altmap: Where the memory came from.
 * @pgmap: The device memory it was for.
 *
 * Context: memory hotplug lock held for writing, may sleep. pfn_valid() says no to
 * these pages already: powerpc asks it.
 */
void sparse_memmap_release(struct page *memmap, unsigned long pfn, unsigned long nr_pages,
			   struct vmem_altmap *altmap, struct dev_pagemap *pgmap)
{
	memmap_pages_add(-memmap_pages(pfn, nr_pages, altmap, pgmap));
	vmemmap_free((unsigned long)memmap, (unsigned long)(memmap + nr_pages), altmap);
}

/**
 * sparse_memmap_release_boot() - unmap and free the memmap of a section of boot
 * @memmap: The &struct page of its first page.
 * @section_nr: Its number.
 *
 * Context: as sparse_memmap_release().
 */
void sparse_memmap_release_boot(struct page *memmap, unsigned long section_nr)
{
	memmap_boot_pages_add(-memmap_pages(section_nr_to_pfn(section_nr), PAGES_PER_SECTION,
					    NULL, NULL));
	vmemmap_free((unsigned long)memmap, (unsigned long)(memmap + PAGES_PER_SECTION), NULL);
}
#endif
