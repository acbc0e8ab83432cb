/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside of sparse memory: what its files offer one another. Everybody else finds
 * it in mmzone.h, mm.h, memory_hotplug.h and mm/internal.h.
 *
 * Calls go downward only: sections that come and go (section.c) and those of boot
 * (boot.c), then memmaps (vmemmap.c or classic.c) and usage maps (usage.c), then
 * page tables (vmemmap_tables.c, vmemmap_compound.c), then where memory is taken
 * from (boot_buffer.c, altmap.c) and the table of sections (table.c).
 *
 * At run time all of it is called with the memory hotplug lock held for writing.
 * Readers of sections hold nothing: see pfn_valid(). What they may find is complete
 * before they can find it.
 */
#ifndef _MM_SPARSEMEM_H
#define _MM_SPARSEMEM_H

#include <linux/memory_hotplug.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/mmzone.h>

/* table.c */
int sparse_index_init(unsigned long section_nr, int nid);
void sparse_set_section_nid(unsigned long section_nr, int nid);
void sparse_note_present(unsigned long section_nr);

/**
 * sparse_encode_memmap() - what &mem_section.section_mem_map holds of a memmap
 * @memmap: The &struct page of the section's first page.
 * @section_nr: The number of the section.
 *
 * The first pfn is taken off, so that without a virtual memmap a page and its pfn
 * are one addition apart. That leaves the low bits free for the flags.
 *
 * Return: the value, without flags.
 */
static inline unsigned long sparse_encode_memmap(struct page *memmap,
						 unsigned long section_nr)
{
	unsigned long coded = (unsigned long)(memmap - section_nr_to_pfn(section_nr));

	BUILD_BUG_ON(SECTION_MAP_LAST_BIT > PFN_SECTION_SHIFT);
	VM_WARN_ON_ONCE(coded & ~SECTION_MAP_MASK);
	return coded & SECTION_MAP_MASK;
}

/* boot_buffer.c */
void sparse_buffer_init(unsigned long size, int nid);
void sparse_buffer_fini(void);

/* usage.c */
struct mem_section_usage *sparse_usage_alloc(void);
void sparse_usage_release(struct mem_section *ms);
void sparse_usage_reset(struct mem_section_usage *usage);
#ifdef CONFIG_SPARSEMEM_VMEMMAP
bool sparse_usage_any(const struct mem_section_usage *usage, unsigned long pfn,
		      unsigned long nr_pages);
bool sparse_usage_all(const struct mem_section_usage *usage, unsigned long pfn,
		      unsigned long nr_pages);
void sparse_usage_set(struct mem_section_usage *usage, unsigned long pfn,
		      unsigned long nr_pages);
void sparse_usage_clear(struct mem_section_usage *usage, unsigned long pfn,
			unsigned long nr_pages);
bool sparse_usage_empty(const struct mem_section_usage *usage);
#else
/* Sections come and go as a whole: one that is there is in use, all of it. */
static inline bool sparse_usage_any(const struct mem_section_usage *usage,
				    unsigned long pfn, unsigned long nr_pages)
{
	return true;
}

static inline bool sparse_usage_all(const struct mem_section_usage *usage,
				    unsigned long pfn, unsigned long nr_pages)
{
	return true;
}

static inline void sparse_usage_set(struct mem_section_usage *usage,
				    unsigned long pfn, unsigned long nr_pages)
{
}

static inline void sparse_usage_clear(struct mem_section_usage *usage,
				      unsigned long pfn, unsigned long nr_pages)
{
}

static inline bool sparse_usage_empty(const struct mem_section_usage *usage)
{
	return true;
}
#endif

/* vmemmap.c or classic.c; __populate_section_memmap() is in mm.h */
unsigned long sparse_memmap_size(void);
void sparse_memmap_release(struct page *memmap, unsigned long pfn, unsigned long nr_pages,
			   struct vmem_altmap *altmap, struct dev_pagemap *pgmap);
void sparse_memmap_release_boot(struct page *memmap, unsigned long section_nr);

#ifdef CONFIG_SPARSEMEM_VMEMMAP
/**
 * struct altmap_mark - how much of an altmap was used at some time
 * @alloc: Pages handed out.
 * @align: Pages skipped.
 */
struct altmap_mark {
	unsigned long alloc;
	unsigned long align;
};

/* altmap.c */
bool altmap_take(struct vmem_altmap *altmap, unsigned long nr_pages, unsigned long *pfn);
struct altmap_mark altmap_mark(const struct vmem_altmap *altmap);
void altmap_rewind(struct vmem_altmap *altmap, struct altmap_mark mark);

/* vmemmap_tables.c */
pte_t *vmemmap_populate_page(unsigned long addr, int nid, struct vmem_altmap *altmap,
			     struct page *reuse);
int vmemmap_populate_pages(unsigned long start, unsigned long end, int nid,
			   struct vmem_altmap *altmap, struct page *reuse);

/* vmemmap_compound.c; an architecture may have a population of its own */
#ifndef vmemmap_populate_compound_pages
int vmemmap_populate_compound_pages(unsigned long pfn, unsigned long start,
				    unsigned long end, int nid,
				    struct dev_pagemap *pgmap);
#endif
unsigned long vmemmap_compound_pages(unsigned long pfn, unsigned long nr_pages,
				     struct dev_pagemap *pgmap);
#endif /* CONFIG_SPARSEMEM_VMEMMAP */

#endif /* _MM_SPARSEMEM_H */
