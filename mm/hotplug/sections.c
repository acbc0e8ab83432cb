// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sections: which pages may be looked at, and the sections of a range that comes
 * or goes.
 *
 * __add_pages() and __remove_pages() are called by the architectures' part of
 * adding memory, for system RAM as for device memory (mm/memremap.c), with the
 * memory hotplug lock held for writing. pfn_to_online_page() is called by
 * everybody who walks pfns, on hot paths, and takes no lock.
 */
#include <linux/export.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "hotplug.h"

/* What sections can be added and removed by. */
static unsigned long mhp_section_granule(void)
{
	return IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP) ? PAGES_PER_SUBSECTION
						    : PAGES_PER_SECTION;
}

/* Only the page map tells device memory from RAM in a section of both. */
static bool mhp_is_device_pfn(unsigned long pfn)
{
	struct dev_pagemap *pgmap = get_dev_pagemap(pfn, NULL);

	put_dev_pagemap(pgmap);
	return pgmap;
}

/**
 * pfn_to_online_page() - the page of a pfn that the page allocator looks after
 * @pfn: Any number.
 *
 * Pages of memory that is offline or a device's have no, or no initialised,
 * &struct page: walkers of pfns look at those alone that this returns.
 *
 * Context: any. That the page stays online is for the caller to see to, with
 * get_online_mems() or a reference.
 * Return: the page, or NULL.
 */
struct page *pfn_to_online_page(unsigned long pfn)
{
	unsigned long nr = pfn_to_section_nr(pfn);
	struct mem_section *ms;

	if (unlikely(nr >= NR_MEM_SECTIONS))
		return NULL;
	ms = __nr_to_section(nr);
	if (!online_section(ms) || !pfn_section_valid(ms, pfn))
		return NULL;

	/* Such architectures have online sections with holes, arm for one. */
	if (IS_ENABLED(CONFIG_HAVE_ARCH_PFN_VALID) && !pfn_valid(pfn))
		return NULL;

	if (unlikely(online_device_section(ms)) && mhp_is_device_pfn(pfn))
		return NULL;
	return pfn_to_page(pfn);
}
EXPORT_SYMBOL_GPL(pfn_to_online_page);

static bool mhp_altmap_fits(struct vmem_altmap *altmap, struct mhp_range range)
{
	return altmap->base_pfn == range.start &&
	       vmem_altmap_offset(altmap) <= mhp_range_pages(range);
}

static int mhp_add_sections(int nid, struct mhp_range range,
			    const struct mhp_params *params)
{
	struct mhp_range todo = range;
	int error = 0;

	while (!mhp_range_empty(todo)) {
		struct mhp_range chunk = mhp_range_next_chunk(todo, PAGES_PER_SECTION);

		error = mhp_failpoint("map", "section", chunk.start);
		if (!error)
			error = sparse_add_section(nid, chunk.start, mhp_range_pages(chunk),
						   params->altmap, params->pgmap);
		if (error)
			break;
		todo.start = chunk.end;
		cond_resched();
	}
	if (error && todo.start != range.start)
		__remove_pages(range.start, todo.start - range.start,
			       params->altmap, params->pgmap);
	return error;
}

/**
 * __add_pages() - add the sections of a range, with their memmap
 * @nid: The node that the memmap is allocated on.
 * @start_pfn: The first page; of a sub-section, or of a section where there is
 *	no virtual memmap.
 * @nr_pages: How many; the same unit.
 * @params: Protection, and where the memmap comes from. An altmap must begin
 *	with the range and lie within it.
 *
 * The pages are neither initialised nor of any zone. All of the range is added,
 * or nothing, and no memory is taken where that cannot do.
 *
 * Context: memory hotplug lock held for writing, may sleep.
 * Return: 0; -EINVAL for a range or parameters that cannot be; -EEXIST where
 * part of it is there already; -ENOMEM.
 */
int __add_pages(int nid, unsigned long start_pfn, unsigned long nr_pages,
		struct mhp_params *params)
{
	struct mhp_range range = mhp_range(start_pfn, start_pfn + nr_pages);
	int error;

	mhp_assert_write_locked();

	if (WARN_ON_ONCE(!pgprot_val(params->pgprot)))
		return -EINVAL;
	if (WARN_ON_ONCE(!mhp_range_allowed(PFN_PHYS(start_pfn),
					    (u64)nr_pages << PAGE_SHIFT, false)))
		return -EINVAL;
	if (WARN(!mhp_range_aligned(range, mhp_section_granule()),
		 "sections of an unaligned range, pfns %#lx-%#lx\n",
		 range.start, range.end - 1))
		return -EINVAL;
	if (params->altmap) {
		if (!mhp_altmap_fits(params->altmap, range)) {
			pr_warn_once("memmap does not fit into its range\n");
			return -EINVAL;
		}
		params->altmap->alloc = 0;
	}

	if (!mhp_memmap_obtainable(range, params)) {
		pr_warn("the memmap of [mem %#010llx-%#010llx] takes more memory than there is\n",
			(u64)PFN_PHYS(range.start), (u64)PFN_PHYS(range.end) - 1);
		return -ENOMEM;
	}

	error = mhp_add_sections(nid, range, params);
	vmemmap_populate_print_last();
	return error;
}

/**
 * __remove_pages() - remove the sections of a range, with their memmap
 * @start_pfn: The first page, aligned as for __add_pages().
 * @nr_pages: How many; the same unit.
 * @altmap: What the memmap was allocated from; NULL: ordinary memory.
 * @pgmap: The device memory it was; NULL: system RAM.
 *
 * The pages are of no zone any more: remove_pfn_range_from_zone() came before.
 *
 * Context: memory hotplug lock held for writing, may sleep.
 */
void __remove_pages(unsigned long start_pfn, unsigned long nr_pages,
		    struct vmem_altmap *altmap, struct dev_pagemap *pgmap)
{
	struct mhp_range todo = mhp_range(start_pfn, start_pfn + nr_pages);

	mhp_assert_write_locked();

	if (WARN(!mhp_range_aligned(todo, mhp_section_granule()),
		 "sections of an unaligned range, pfns %#lx-%#lx\n",
		 todo.start, todo.end - 1))
		return;

	while (!mhp_range_empty(todo)) {
		struct mhp_range chunk = mhp_range_next_chunk(todo, PAGES_PER_SECTION);

		cond_resched();
		sparse_remove_section(chunk.start, mhp_range_pages(chunk), altmap,
				      pgmap);
		todo.start = chunk.end;
	}
}

/**
 * mhp_sections_online() - let pfn_to_online_page() find a range
 * @range: Of which every section is meant, also those it has a part of only.
 *
 * The pages are initialised by now.
 */
void mhp_sections_online(struct mhp_range range)
{
	mhp_assert_write_locked();
	online_mem_sections(range.start, range.end);
}

/**
 * mhp_sections_offline() - let pfn_to_online_page() find a range no more
 * @range: As for mhp_sections_online().
 */
void mhp_sections_offline(struct mhp_range range)
{
	mhp_assert_write_locked();
	offline_mem_sections(range.start, range.end);
}
