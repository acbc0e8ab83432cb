// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sections of boot: what memblock knows of memory becomes sections with a usage
 * map and a memmap.
 *
 * sparse_init() is called once by each architecture when memblock is complete and
 * before zones are made of it, on the one CPU of boot.
 *
 * Until it has its memmap, a section holds the number of its node in the place of it.
 */
#include <linux/log2.h>
#include <linux/memblock.h>

#include "../internal.h"
#include "sparsemem.h"

/**
 * struct run - sections of one node, none of another node between them
 * @nid: The node.
 * @first: The number of the first section.
 * @end: The number behind that of the last one.
 * @nr_present: How many of them are present; 0: there is none left.
 */
struct run {
	int nid;
	unsigned long first;
	unsigned long end;
	unsigned long nr_present;
};

/* The architecture may print what it collected while it populated memmaps. */
void __weak __meminit vmemmap_populate_print_last(void)
{
}

static unsigned long __init coded_nid(int nid)
{
	return (unsigned long)nid << SECTION_NID_SHIFT;
}

static int __init section_nid(unsigned long nr)
{
	return __nr_to_section(nr)->section_mem_map >> SECTION_NID_SHIFT;
}

/* The first section present, @nr or one behind it; ULONG_MAX: there is none. */
static unsigned long __init present_from(unsigned long nr)
{
	return next_present_section_nr(nr - 1);
}

static void __init mark_section(unsigned long nr, int nid)
{
	struct mem_section *ms;

	/* Without room for the table of sections there is no return: cannot fail. */
	sparse_index_init(nr, nid);
	ms = __nr_to_section(nr);
	if (ms->section_mem_map)
		return;

	sparse_set_section_nid(nr, nid);
	sparse_note_present(nr);
	ms->section_mem_map = coded_nid(nid) | SECTION_MARKED_PRESENT | SECTION_IS_ONLINE;
}

static void __init mark_range(unsigned long start, unsigned long end, int nid)
{
	const unsigned long limit = (PHYSMEM_END + 1) >> PAGE_SHIFT;
	unsigned long nr;

	if (WARN_ONCE(end > limit, "sparsemem: no sections for pfns %#lx-%#lx\n",
		      max(start, limit), end - 1))
		end = limit;
	if (start >= end)
		return;

	for (nr = pfn_to_section_nr(start); nr <= pfn_to_section_nr(end - 1); nr++)
		mark_section(nr, nid);
}

static void __init mark_memory(void)
{
	unsigned long start, end;
	int i, nid;

#ifdef CONFIG_SPARSEMEM_EXTREME
	if (!mem_section) {
		const unsigned long size = NR_SECTION_ROOTS * sizeof(*mem_section);

		mem_section = memblock_alloc(size, 1 << INTERNODE_CACHE_SHIFT);
		if (!mem_section)
			panic("sparsemem: no memory for %lu bytes of section table\n", size);
	}
#endif
	for_each_mem_pfn_range(i, MAX_NUMNODES, &start, &end, &nid)
		mark_range(start, end, nid);
}

static struct run __init run_from(unsigned long start)
{
	struct run run = { .first = present_from(start) };
	unsigned long nr;

	if (run.first == ULONG_MAX)
		return run;

	run.nid = section_nid(run.first);
	for (nr = run.first; nr != ULONG_MAX; nr = present_from(nr + 1)) {
		if (section_nid(nr) != run.nid)
			break;
		run.end = nr + 1;
		run.nr_present++;
	}
	return run;
}

#ifdef CONFIG_MEMORY_HOTREMOVE
static phys_addr_t __init pgdat_address(int nid)
{
#ifdef CONFIG_NUMA
	return __pa(NODE_DATA(nid));
#else
	return __pa_symbol(&contig_page_data);
#endif
}

/* A section that holds such data of others goes after them. Say so once a run. */
static void __init report_dependency(const struct run *run, const void *usages)
{
	const unsigned long held_by = pfn_to_section_nr(PHYS_PFN(__pa(usages)));
	const unsigned long pgdat_in = pfn_to_section_nr(PHYS_PFN(pgdat_address(run->nid)));

	if (held_by == pgdat_in)
		return;
	if (early_pfn_to_nid(section_nr_to_pfn(held_by)) == run->nid)
		pr_info("Section %lu and %lu (node %d) have a circular dependency on usemap and pgdat allocations\n",
			held_by, pgdat_in, run->nid);
	else
		pr_info("node %d must be removed before remove section %lu\n", run->nid, held_by);
}

/*
 * A section cannot be removed while it holds the usage maps of others, nor while it
 * holds the data of its node. Best put both into one section.
 */
static void * __init alloc_usages(const struct run *run, size_t size)
{
	const phys_addr_t section = BIT_ULL(PA_SECTION_SHIFT);
	const phys_addr_t goal = round_down(pgdat_address(run->nid), section);
	const int nid = early_pfn_to_nid(PHYS_PFN(goal));
	void *usages;

	usages = memblock_alloc_try_nid(size, SMP_CACHE_BYTES, goal, goal + section, nid);
	if (!usages)
		usages = memblock_alloc_try_nid(size, SMP_CACHE_BYTES, goal,
						MEMBLOCK_ALLOC_ACCESSIBLE, nid);
	if (usages)
		report_dependency(run, usages);
	return usages;
}
#else
static void * __init alloc_usages(const struct run *run, size_t size)
{
	return memblock_alloc_node(size, SMP_CACHE_BYTES, run->nid);
}
#endif

/* Zones are made of what memblock has: withdrawn from there, it is never used. */
static void __init withdraw(const struct run *run, unsigned long nr)
{
	pr_err("sparsemem: no memory for the memmap of sections %lu-%lu of node %d, they will not be used\n",
	       nr, run->end - 1, run->nid);

	for (nr = present_from(nr); nr < run->end; nr = present_from(nr + 1)) {
		__nr_to_section(nr)->section_mem_map = 0;
		memblock_remove(PFN_PHYS(section_nr_to_pfn(nr)), BIT_ULL(PA_SECTION_SHIFT));
	}
}

/* The memmap of a section, and with it all that makes it valid. */
static bool __init populate_section(unsigned long nr, int nid,
				    struct mem_section_usage *usage)
{
	struct mem_section *ms = __nr_to_section(nr);
	const unsigned long flags = SECTION_MARKED_PRESENT | SECTION_IS_ONLINE |
				    SECTION_IS_EARLY | SECTION_HAS_MEM_MAP;
	struct page *memmap;

	memmap = __populate_section_memmap(section_nr_to_pfn(nr), PAGES_PER_SECTION, nid,
					   NULL, NULL);
	if (!memmap)
		return false;

	ms->usage = usage;
	ms->section_mem_map = sparse_encode_memmap(memmap, nr) | flags;
	return true;
}

static void __init populate_run(const struct run *run)
{
	const size_t size = mem_section_usage_size();
	unsigned long nr;
	void *usage;

	usage = alloc_usages(run, size * run->nr_present);
	if (!usage) {
		withdraw(run, run->first);
		return;
	}

	sparse_buffer_init(sparse_memmap_size() * run->nr_present, run->nid);
	for (nr = run->first; nr < run->end; nr = present_from(nr + 1)) {
		if (!populate_section(nr, run->nid, usage)) {
			withdraw(run, nr);
			break;
		}
		usage += size;
	}
	sparse_buffer_fini();
}

/**
 * sparse_init() - make sections of the memory of boot
 *
 * Memory that there is no room for the memmap of is withdrawn from memblock.
 */
void __init sparse_init(void)
{
	struct run run;

	/* The index in a root is the low bits of the section's number. */
	BUILD_BUG_ON(!is_power_of_2(sizeof(struct mem_section)));

	mark_memory();
	/* The size of usage maps depends on it. */
	set_pageblock_order();

	for (run = run_from(0); run.nr_present; run = run_from(run.end))
		populate_run(&run);

	vmemmap_populate_print_last();
}
