// SPDX-License-Identifier: GPL-2.0-only
/*
 * Usage maps: for each section the flags of its pageblocks and, where there is a
 * virtual memmap, which of its sub-sections (2 MiB) are in use. Only with the latter
 * can part of a section be added or removed.
 *
 * Called by boot.c, mm_init.c and section.c. Changes are made before other CPUs run,
 * or with the memory hotplug lock held for writing. pfn_valid() reads the maps under
 * RCU and nothing else: hence a map that has been visible is freed by RCU.
 */
#include <linux/bitmap.h>
#include <linux/find.h>
#include <linux/slab.h>

#include "../internal.h"
#include "sparsemem.h"

/* The flags of the section's pageblocks, in bytes. */
static size_t pageblock_flags_size(void)
{
	return BITS_TO_LONGS(SECTION_BLOCKFLAGS_BITS) * sizeof(unsigned long);
}

/** mem_section_usage_size() - the size of the usage map of a section, in bytes */
size_t mem_section_usage_size(void)
{
	return sizeof(struct mem_section_usage) + pageblock_flags_size();
}

#ifdef CONFIG_MEMORY_HOTPLUG
/**
 * sparse_usage_alloc() - a usage map that says that nothing is in use
 *
 * Return: the map, to be freed with kfree() as long as nobody else has seen it, or
 * NULL.
 */
struct mem_section_usage * __meminit sparse_usage_alloc(void)
{
	return kzalloc(mem_section_usage_size(), GFP_KERNEL);
}

/**
 * sparse_usage_release() - take the usage map from a section that went
 * @ms: The section; pfn_valid() says no to all of it already.
 *
 * Maps of boot lie side by side in pages that may be a whole node's. They stay with
 * their sections for the case that these come back.
 */
void sparse_usage_release(struct mem_section *ms)
{
	struct mem_section_usage *usage = ms->usage;

	if (PageReserved(virt_to_page(usage)))
		return;
	WRITE_ONCE(ms->usage, NULL);
	kfree_rcu(usage, rcu);
}

/**
 * sparse_usage_reset() - forget what a section's former life left in its map
 * @usage: A map of boot of which nothing is in use.
 */
void __meminit sparse_usage_reset(struct mem_section_usage *usage)
{
	memset(usage->pageblock_flags, 0, pageblock_flags_size());
}
#endif

#ifdef CONFIG_SPARSEMEM_VMEMMAP
/**
 * struct chunk - part of a section, in sub-sections
 * @first: The first one, counted from the start of the section.
 * @end: The one behind the last.
 */
struct chunk {
	unsigned long first;
	unsigned long end;
};

/* The sub-sections that pages are in; those all lie in one section. */
static struct chunk chunk_of(unsigned long pfn, unsigned long nr_pages)
{
	return (struct chunk){
		.first = subsection_map_index(pfn),
		.end = subsection_map_index(pfn + nr_pages - 1) + 1,
	};
}

/**
 * sparse_usage_any() - is any of a range in use?
 * @usage: The map of its section.
 * @pfn: The first page.
 * @nr_pages: How many, up to the end of the section at most.
 *
 * Return: true if one of its sub-sections is.
 */
bool sparse_usage_any(const struct mem_section_usage *usage, unsigned long pfn,
		      unsigned long nr_pages)
{
	const struct chunk chunk = chunk_of(pfn, nr_pages);

	return find_next_bit(usage->subsection_map, chunk.end, chunk.first) < chunk.end;
}

/**
 * sparse_usage_all() - is all of a range in use?
 * @usage: The map of its section.
 * @pfn: The first page.
 * @nr_pages: How many, up to the end of the section at most.
 *
 * Return: true if each of its sub-sections is.
 */
bool sparse_usage_all(const struct mem_section_usage *usage, unsigned long pfn,
		      unsigned long nr_pages)
{
	const struct chunk chunk = chunk_of(pfn, nr_pages);

	return find_next_zero_bit(usage->subsection_map, chunk.end, chunk.first) >= chunk.end;
}

/**
 * sparse_usage_set() - note that a range is in use
 * @usage: The map of its section.
 * @pfn: The first page.
 * @nr_pages: How many, up to the end of the section at most.
 */
void sparse_usage_set(struct mem_section_usage *usage, unsigned long pfn,
		      unsigned long nr_pages)
{
	const struct chunk chunk = chunk_of(pfn, nr_pages);

	bitmap_set(usage->subsection_map, chunk.first, chunk.end - chunk.first);
}

/**
 * sparse_usage_clear() - note that a range is not in use any more
 * @usage: The map of its section.
 * @pfn: The first page.
 * @nr_pages: How many, up to the end of the section at most.
 */
void sparse_usage_clear(struct mem_section_usage *usage, unsigned long pfn,
			unsigned long nr_pages)
{
	const struct chunk chunk = chunk_of(pfn, nr_pages);

	bitmap_clear(usage->subsection_map, chunk.first, chunk.end - chunk.first);
}

/**
 * sparse_usage_empty() - is nothing of a section in use?
 * @usage: Its map.
 *
 * Return: true if no sub-section is.
 */
bool sparse_usage_empty(const struct mem_section_usage *usage)
{
	return bitmap_empty(usage->subsection_map, SUBSECTIONS_PER_SECTION);
}

/**
 * sparse_init_subsection_map() - note what memory there is at boot
 * @pfn: The first page of a range of memory.
 * @nr_pages: How many; any number.
 *
 * pfn_valid() says yes to all of a section of boot. Its map tells which parts may be
 * added later, by a pmem device for one.
 */
void __init sparse_init_subsection_map(unsigned long pfn, unsigned long nr_pages)
{
	const unsigned long end = pfn + nr_pages;

	while (pfn < end) {
		unsigned long next = min(SECTION_ALIGN_DOWN(pfn) + PAGES_PER_SECTION, end);
		struct mem_section *ms = __pfn_to_section(pfn);

		/* Memory beyond what the table can hold has no section. */
		if (valid_section(ms))
			sparse_usage_set(ms->usage, pfn, next - pfn);
		pfn = next;
	}
}
#endif /* CONFIG_SPARSEMEM_VMEMMAP */
