// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sections that come and go at run time, as a whole or, with a virtual memmap, in
 * parts: chunks of sub-sections.
 *
 * Called by mm/hotplug/sections.c, chunk by chunk, with the memory hotplug lock held
 * for writing. pfn_valid() and its like run at the same time, under RCU: a chunk is
 * published when all of it is there, and withdrawn before any of it goes. That nobody
 * uses the pages of a chunk that goes is for the caller to see to.
 *
 * A section of boot (SECTION_IS_EARLY) has its memmap all of the time, also for
 * sub-sections where there is no memory. One that came back is none any more.
 */
#include <linux/slab.h>

#include "../internal.h"
#include "sparsemem.h"

/* What can come or go at once; the callers check it, too. */
static bool is_chunk(unsigned long pfn, unsigned long nr_pages)
{
	const unsigned long unit = IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP) ? PAGES_PER_SUBSECTION
									: PAGES_PER_SECTION;

	return nr_pages && IS_ALIGNED(pfn | nr_pages, unit) &&
	       nr_pages <= PAGES_PER_SECTION - (pfn & ~PAGE_SECTION_MASK);
}

/* Part of a section of boot, for which there is a memmap already? */
static bool has_memmap(struct mem_section *ms, unsigned long nr_pages)
{
	return early_section(ms) && nr_pages < PAGES_PER_SECTION;
}

/* The first chunk makes the section valid, with its map; others extend that. */
static void __meminit publish(struct mem_section *ms, struct mem_section_usage *usage,
			      unsigned long pfn, unsigned long nr_pages, struct page *memmap,
			      int nid)
{
	const unsigned long nr = pfn_to_section_nr(pfn);
	unsigned long coded;

	/* Readers that find the bits below find the memmap as it is by now. */
	smp_wmb();
	sparse_usage_set(usage, pfn, nr_pages);
	if (valid_section(ms))
		return;

	sparse_set_section_nid(nr, nid);
	sparse_note_present(nr);
	memmap -= pfn - section_nr_to_pfn(nr);
	coded = sparse_encode_memmap(memmap, nr);

	/* Readers look whether the section is valid before they look for its map. */
	WRITE_ONCE(ms->usage, usage);
	/* Pairs with the control dependency in pfn_valid(). */
	smp_store_release(&ms->section_mem_map,
			  coded | SECTION_MARKED_PRESENT | SECTION_HAS_MEM_MAP);
}

/* The usage map that a section without one, or with one left from boot, will have. */
static struct mem_section_usage * __meminit prepare_usage(struct mem_section *ms)
{
	if (!ms->usage)
		return sparse_usage_alloc();
	if (!valid_section(ms))
		sparse_usage_reset(ms->usage);
	return ms->usage;
}

/**
 * sparse_add_section() - add a section, or a part of one, with its memmap
 * @nid: The node that all of it is best allocated on.
 * @pfn: The first page; of a sub-section, or of a section where there is no virtual
 *	memmap.
 * @nr_pages: How many: the same unit, up to the end of the section at most.
 * @altmap: Where the memmap has to come from; NULL: from ordinary memory.
 * @pgmap: The device memory that it is for, or NULL.
 *
 * The struct pages are not initialised but poisoned, unless they lie in memory that
 * cannot be accessed yet.
 *
 * What fails leaves nothing behind but a page of section table, which the next section
 * thereabouts uses, and what the architecture keeps: the top level of its page tables.
 *
 * Context: memory hotplug lock held for writing; may sleep.
 * Return: 0; -EEXIST if some of it is there already; -ENOMEM; -EINVAL if it is nothing
 * that can be added.
 */
int __meminit sparse_add_section(int nid, unsigned long pfn, unsigned long nr_pages,
				 struct vmem_altmap *altmap, struct dev_pagemap *pgmap)
{
	struct mem_section_usage *usage;
	struct mem_section *ms;
	struct page *memmap;
	int error;

	if (WARN_ON_ONCE(!is_chunk(pfn, nr_pages)))
		return -EINVAL;

	error = sparse_index_init(pfn_to_section_nr(pfn), nid);
	if (error)
		return error;
	ms = __pfn_to_section(pfn);
	if (valid_section(ms) && sparse_usage_any(ms->usage, pfn, nr_pages))
		return -EEXIST;

	usage = prepare_usage(ms);
	if (!usage)
		return -ENOMEM;

	if (has_memmap(ms, nr_pages))
		memmap = pfn_to_page(pfn);
	else
		memmap = __populate_section_memmap(pfn, nr_pages, nid, altmap, pgmap);
	if (!memmap) {
		if (usage != ms->usage)
			kfree(usage);
		return -ENOMEM;
	}

	if (!altmap || !altmap->inaccessible)
		page_init_poison(memmap, nr_pages * sizeof(*memmap));
	publish(ms, usage, pfn, nr_pages, memmap, nid);
	return 0;
}

/* The last chunk takes the section with it: no reader finds it valid from now on. */
static void withdraw(struct mem_section *ms)
{
	WRITE_ONCE(ms->section_mem_map, ms->section_mem_map & ~SECTION_HAS_MEM_MAP);
	sparse_usage_release(ms);
}

/**
 * sparse_remove_section() - remove a section, or a part of one, with its memmap
 * @pfn: The first page, as for sparse_add_section().
 * @nr_pages: How many, as for sparse_add_section().
 * @altmap: Where the memmap came from; NULL: from ordinary memory.
 * @pgmap: The device memory that it was for, or NULL.
 *
 * Nothing happens, but for a warning, if not all of it is there.
 *
 * Context: memory hotplug lock held for writing; may sleep.
 */
void sparse_remove_section(unsigned long pfn, unsigned long nr_pages,
			   struct vmem_altmap *altmap, struct dev_pagemap *pgmap)
{
	const unsigned long nr = pfn_to_section_nr(pfn);
	struct mem_section *ms = __nr_to_section(nr);
	unsigned long coded;
	struct page *memmap;
	bool early, last;

	if (WARN_ON_ONCE(!is_chunk(pfn, nr_pages) || !valid_section(ms)))
		return;
	if (WARN(!sparse_usage_all(ms->usage, pfn, nr_pages),
		 "section already deactivated (%#lx + %lu)\n", pfn, nr_pages))
		return;

	coded = ms->section_mem_map;
	early = coded & SECTION_IS_EARLY;
	sparse_usage_clear(ms->usage, pfn, nr_pages);
	last = sparse_usage_empty(ms->usage);
	if (last)
		withdraw(ms);

	memmap = sparse_decode_mem_map(coded, nr);
	if (!early)
		sparse_memmap_release(memmap + (pfn - section_nr_to_pfn(nr)), pfn, nr_pages,
				      altmap, pgmap);
	else if (last)
		sparse_memmap_release_boot(memmap, nr);

	/* Not earlier: what frees the memmap may want to find it by the section. */
	if (last)
		WRITE_ONCE(ms->section_mem_map, 0);
}
