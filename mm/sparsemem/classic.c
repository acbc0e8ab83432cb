// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memmaps without a virtual memmap: each section has an array of its own, wherever
 * there is room for it. Sections come and go as a whole, and there are no altmaps.
 *
 * Called by boot.c, and by section.c with the memory hotplug lock held for writing.
 */
#include <linux/bootmem_info.h>
#include <linux/memblock.h>
#include <linux/slab.h>
#include <linux/vmstat.h>

#include <asm/dma.h>

#include "../internal.h"
#include "sparsemem.h"

#define MEMMAP_BYTES	(PAGES_PER_SECTION * sizeof(struct page))
#define MEMMAP_PAGES	((long)DIV_ROUND_UP(MEMMAP_BYTES, PAGE_SIZE))

/** sparse_memmap_size() - what the memmap of a section takes of boot's buffer, in bytes */
unsigned long __init sparse_memmap_size(void)
{
	return PAGE_ALIGN(MEMMAP_BYTES);
}

static struct page * __ref memmap_from_boot(int nid)
{
	const unsigned long size = sparse_memmap_size();
	struct page *memmap = sparse_buffer_alloc(size);

	if (!memmap)
		memmap = memmap_alloc(size, PAGE_SIZE, __pa(MAX_DMA_ADDRESS), nid, false);
	if (memmap)
		memmap_boot_pages_add(MEMMAP_PAGES);
	return memmap;
}

/**
 * __populate_section_memmap() - a memmap for a section
 * @pfn: The first page of the section.
 * @nr_pages: PAGES_PER_SECTION.
 * @nid: The node that it is best allocated on.
 * @altmap: NULL.
 * @pgmap: Without effect.
 *
 * Return: the memmap, not initialised, or NULL.
 */
struct page * __meminit __populate_section_memmap(unsigned long pfn, unsigned long nr_pages,
						  int nid, struct vmem_altmap *altmap,
						  struct dev_pagemap *pgmap)
{
	struct page *memmap;

	if (!slab_is_available())
		return memmap_from_boot(nid);

	memmap = kvmalloc_node(MEMMAP_BYTES, GFP_KERNEL, nid);
	if (memmap)
		memmap_pages_add(MEMMAP_PAGES);
	return memmap;
}

#ifdef CONFIG_MEMORY_HOTPLUG
/**
 * sparse_memmap_release() - free the memmap of a section that was added
 * @memmap: The memmap.
 * @pfn: The first page of the section.
 * @nr_pages: PAGES_PER_SECTION.
 * @altmap: NULL.
 * @pgmap: Without effect.
 */
void sparse_memmap_release(struct page *memmap, unsigned long pfn, unsigned long nr_pages,
			   struct vmem_altmap *altmap, struct dev_pagemap *pgmap)
{
	memmap_pages_add(-MEMMAP_PAGES);
	kvfree(memmap);
}

/**
 * sparse_memmap_release_boot() - free the memmap of a section of boot
 * @memmap: The memmap.
 * @section_nr: The number of the section. The part of its memmap that lies in the
 *	section itself goes away with it: nobody may get these pages.
 */
void sparse_memmap_release_boot(struct page *memmap, unsigned long section_nr)
{
	struct page *page = virt_to_page(memmap);
	struct page *end = page + MEMMAP_PAGES;

	memmap_boot_pages_add(-MEMMAP_PAGES);
	for (; page < end; page++) {
		if (pfn_to_section_nr(page_to_pfn(page)) == section_nr)
			continue;
		/* mm/bootmem_info.c has counted one user, if it knows the page. */
		if (page->index == SECTION_INFO)
			put_page_bootmem(page);
		else
			free_reserved_page(page);
	}
}
#endif
