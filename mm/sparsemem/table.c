// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of sections: where they are found by number, which node each belongs
 * to where pages have no room to say so, and which ones are online.
 *
 * Debuggers and makedumpfile read mem_section in a crash dump, so its shape is
 * fixed: one array (SPARSEMEM_STATIC), or an array of roots, each a page of
 * sections, that come when the first of their sections does (SPARSEMEM_EXTREME).
 *
 * Called by boot.c before other CPUs run, later by section.c and mm/hotplug with
 * the memory hotplug lock held for writing. Everybody reads it without a lock.
 */
#include <linux/cache.h>
#include <linux/export.h>
#include <linux/memblock.h>
#include <linux/slab.h>

#include "../internal.h"
#include "sparsemem.h"

#ifdef CONFIG_SPARSEMEM_EXTREME
struct mem_section **mem_section;
#else
struct mem_section mem_section[NR_SECTION_ROOTS][SECTIONS_PER_ROOT]
	____cacheline_internodealigned_in_smp;
#endif
EXPORT_SYMBOL(mem_section);

/* No section beyond it is present; it never gets less. Ends walks over sections. */
unsigned long __highest_present_section_nr;

#ifdef NODE_NOT_IN_PAGE_FLAGS
#if MAX_NUMNODES > 256
typedef u16 section_nid_t;
#else
typedef u8 section_nid_t;
#endif

static section_nid_t section_nids[NR_MEM_SECTIONS] __cacheline_aligned;

/**
 * page_to_nid() - the node of a page
 * @page: Of a section that is present.
 *
 * Only where the flags of a page have no room for its node; else an inline function.
 *
 * Return: the number of the node.
 */
int page_to_nid(const struct page *page)
{
	return section_nids[page_to_section(page)];
}
EXPORT_SYMBOL(page_to_nid);
#endif

/**
 * sparse_set_section_nid() - note the node of a section, for page_to_nid()
 * @section_nr: The number of the section.
 * @nid: The node. A section has one: that of the memory first found there.
 */
void __meminit sparse_set_section_nid(unsigned long section_nr, int nid)
{
#ifdef NODE_NOT_IN_PAGE_FLAGS
	section_nids[section_nr] = nid;
#endif
}

/**
 * sparse_note_present() - let walks over sections reach a section
 * @section_nr: The number of a section that is about to be marked as present.
 */
void __meminit sparse_note_present(unsigned long section_nr)
{
	if (section_nr > __highest_present_section_nr)
		WRITE_ONCE(__highest_present_section_nr, section_nr);
}

#ifdef CONFIG_SPARSEMEM_EXTREME
/* There is no kernel without the roots of its boot memory. */
static __init struct mem_section *root_from_boot(unsigned long size, int nid)
{
	struct mem_section *root = memblock_alloc_node(size, SMP_CACHE_BYTES, nid);

	if (!root)
		panic("sparsemem: no memory for %lu bytes of section table\n", size);
	return root;
}

static __ref struct mem_section *alloc_root(int nid)
{
	const unsigned long size = SECTIONS_PER_ROOT * sizeof(struct mem_section);

	if (!slab_is_available())
		return root_from_boot(size, nid);
	return kzalloc_node(size, GFP_KERNEL, nid);
}
#endif

/**
 * sparse_index_init() - have a place for a section in the table
 * @section_nr: The number of the section.
 * @nid: The node that the place is allocated on, if it is not there yet.
 *
 * The place is shared with the sections beside it and is never taken away: who
 * looks for a section holds no lock that would say when nobody looks at it.
 *
 * Context: boot, or memory hotplug lock held for writing; may sleep.
 * Return: 0, or -ENOMEM.
 */
int __meminit sparse_index_init(unsigned long section_nr, int nid)
{
#ifdef CONFIG_SPARSEMEM_EXTREME
	unsigned long nr = SECTION_NR_TO_ROOT(section_nr);
	struct mem_section *root;

	if (mem_section[nr])
		return 0;
	root = alloc_root(nid);
	if (!root)
		return -ENOMEM;
	/* Readers follow the pointer to zeroes: sections that are not present. */
	smp_store_release(&mem_section[nr], root);
#endif
	return 0;
}

#ifdef CONFIG_MEMORY_HOTPLUG
/**
 * sparse_decode_mem_map() - the memmap of a section
 * @coded_mem_map: Its &mem_section.section_mem_map.
 * @pnum: Its number.
 *
 * Return: the &struct page of its first page.
 */
struct page *sparse_decode_mem_map(unsigned long coded_mem_map, unsigned long pnum)
{
	struct page *coded = (struct page *)(coded_mem_map & SECTION_MAP_MASK);

	return coded + section_nr_to_pfn(pnum);
}

static void change_flags(unsigned long start_pfn, unsigned long end_pfn,
			 unsigned long clear, unsigned long set)
{
	unsigned long nr;

	if (start_pfn >= end_pfn)
		return;

	for (nr = pfn_to_section_nr(start_pfn); nr <= pfn_to_section_nr(end_pfn - 1); nr++) {
		struct mem_section *ms = __nr_to_section(nr);

		if (WARN_ON_ONCE(!valid_section(ms)))
			continue;
		WRITE_ONCE(ms->section_mem_map, (ms->section_mem_map & ~clear) | set);
	}
}

/**
 * online_mem_sections() - mark sections as online, for pfn_to_online_page()
 * @start_pfn: The first page of a range.
 * @end_pfn: The page behind its last one. Each section that the range touches is
 *	meant; none if it is empty.
 *
 * The pages are initialised by now.
 *
 * Context: memory hotplug lock held for writing.
 */
void online_mem_sections(unsigned long start_pfn, unsigned long end_pfn)
{
	change_flags(start_pfn, end_pfn, 0, SECTION_IS_ONLINE);
}

/**
 * offline_mem_sections() - mark sections as offline
 * @start_pfn: The first page of a range.
 * @end_pfn: The page behind its last one, as for online_mem_sections().
 *
 * Context: memory hotplug lock held for writing.
 */
void offline_mem_sections(unsigned long start_pfn, unsigned long end_pfn)
{
	change_flags(start_pfn, end_pfn, SECTION_IS_ONLINE, 0);
}
#endif /* CONFIG_MEMORY_HOTPLUG */
