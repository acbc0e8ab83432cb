// SPDX-License-Identifier: GPL-2.0-only
/*
 * What may be added at all: the addresses that the machine and its page tables
 * reach, and whether a memory block can hold its own memmap.
 *
 * Called from plug.c, probe.c, architectures and drivers (virtio-mem, memremap,
 * Xen, dax). No lock: all of it is settled at boot.
 */
#include <linux/align.h>
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pageblock-flags.h>
#include <linux/pfn.h>
#include <linux/pgtable.h>
#include <linux/printk.h>

#include "hotplug.h"

/*
 * Where memory ends that may be added before user space runs, in bytes: what
 * mem= asked for must not come back as a DIMM. Written at boot by
 * architectures and Xen, read by plug.c.
 */
u64 max_mem_size = U64_MAX;

/**
 * arch_get_mappable_range() - the addresses that the direct map can cover
 *
 * For architectures to override; start <= end, both within the range.
 *
 * Context: any.
 * Return: the range in bytes; here: anything.
 */
struct range __weak arch_get_mappable_range(void)
{
	return (struct range){ .start = 0, .end = U64_MAX };
}

/**
 * mhp_get_pluggable_range() - the addresses that can be added
 * @need_mapping: Memory that is to be in the direct map; false for device
 *	memory that is not.
 *
 * Context: any.
 * Return: the range in bytes, both ends within. Where nothing can be mapped,
 * that is the single byte 0, which is no whole memory block.
 */
struct range mhp_get_pluggable_range(bool need_mapping)
{
	struct range reach = { .start = 0, .end = PHYSMEM_END };
	struct range mappable;

	if (!need_mapping)
		return reach;

	mappable = arch_get_mappable_range();
	if (mappable.start > reach.end)
		return (struct range){ .start = 0, .end = 0 };
	return (struct range){
		.start = mappable.start,
		.end = min(mappable.end, reach.end),
	};
}
EXPORT_SYMBOL_GPL(mhp_get_pluggable_range);

/**
 * mhp_range_allowed() - can the machine reach memory that is to be added?
 * @start: First address, in bytes.
 * @size: In bytes.
 * @need_mapping: As for mhp_get_pluggable_range().
 *
 * Says so in the log where not.
 *
 * Context: any.
 * Return: true if all of it lies in the pluggable range; false if not, if it is
 * empty, or if it goes past the last address.
 */
bool mhp_range_allowed(u64 start, u64 size, bool need_mapping)
{
	const struct range reach = mhp_get_pluggable_range(need_mapping);
	const u64 last = start + size - 1;

	if (size && start <= last && reach.start <= start && last <= reach.end)
		return true;

	pr_warn("Hotplug memory [%#llx-%#llx] exceeds maximum addressable range [%#llx-%#llx]\n",
		start, start + size, reach.start, reach.end);
	return false;
}

#ifndef arch_supports_memmap_on_memory
/*
 * Architectures override it by a macro of that name. Without whole PMDs, the
 * huge page that maps this block's memmap would map the next one's, too, and
 * that is another block's memory.
 */
static bool arch_supports_memmap_on_memory(unsigned long memmap_bytes)
{
	return IS_ALIGNED(memmap_bytes, PMD_SIZE);
}
#endif

/**
 * mhp_supports_memmap_on_memory() - can a memory block hold its own memmap?
 *
 * Beside what the administrator and the architecture say: the memmap has to be
 * whole pages, so that nothing else is allocated from the block; the pages
 * after it have to start with a pageblock, as on- and offlining work on whole
 * ones; and some have to be left.
 *
 * Context: any.
 * Return: true if MHP_MEMMAP_ON_MEMORY will be followed for single blocks.
 */
bool mhp_supports_memmap_on_memory(void)
{
	const unsigned long block_pages = PHYS_PFN(memory_block_size_bytes());
	const unsigned long memmap_bytes = block_pages * sizeof(struct page);
	const unsigned long taken_pages = mhp_memmap_pages();

	if (!mhp_memmap_on_memory_enabled())
		return false;
	if (!PAGE_ALIGNED(memmap_bytes) || !pageblock_aligned(taken_pages))
		return false;
	if (taken_pages >= block_pages)
		return false;
	return arch_supports_memmap_on_memory(memmap_bytes);
}
EXPORT_SYMBOL_GPL(mhp_supports_memmap_on_memory);
