// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is there memory for the memmap of a range? Asked before any of it is taken.
 *
 * A population that is to fail for want of memory has all there is until it does. What
 * others want meanwhile ends in the OOM killer, on account of memory that nobody gets.
 * So what cannot be is refused at the start, and the answer is generous: where memory
 * is short, more of it is needed most, and the allocations themselves decide.
 *
 * Called by sections.c with the memory hotplug lock held for writing.
 */
#include <linux/gfp.h>
#include <linux/memory-tiers.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/swap.h>
#include <linux/vmstat.h>

#include "hotplug.h"

#define MEMMAP_GFP	GFP_KERNEL

/* What allocations of a memmap cannot go below. */
static unsigned long reserved(const struct zone *zone)
{
	return min_wmark_pages(zone) + zone->lowmem_reserve[gfp_zone(MEMMAP_GFP)];
}

/* Unlike zone_reclaimable_pages(), which has a zone's free pages where there are none. */
static unsigned long on_lists(struct zone *zone, bool file)
{
	const enum zone_stat_item active = file ? NR_ZONE_ACTIVE_FILE : NR_ZONE_ACTIVE_ANON;
	const enum zone_stat_item inactive = file ? NR_ZONE_INACTIVE_FILE : NR_ZONE_INACTIVE_ANON;

	return zone_page_state_snapshot(zone, active) + zone_page_state_snapshot(zone, inactive);
}

/* Free pages that CPUs keep for themselves, until memory is short. */
static unsigned long on_cpus(struct zone *zone)
{
	unsigned long pages = 0;
	int cpu;

	for_each_online_cpu(cpu) {
		/* They go on allocating: what it was a moment ago will do. */
		pages += data_race(per_cpu_ptr(zone->per_cpu_pageset, cpu)->count);
	}
	return pages;
}

/* Another node takes its pages, without swap. */
static bool has_lower_tier(struct zone *zone)
{
	return numa_demotion_enabled && next_demotion_node(zone_to_nid(zone)) != NUMA_NO_NODE;
}

/* Free pages that a memmap may have, and those that can be read from a file again. */
static unsigned long obtainable(struct zone *zone)
{
	unsigned long free = zone_page_state_snapshot(zone, NR_FREE_PAGES) + on_cpus(zone);
	unsigned long kept = reserved(zone) + zone_page_state_snapshot(zone, NR_FREE_CMA_PAGES);

	return free - min(free, kept) + on_lists(zone, true);
}

/* What shrinkers may give back; no zone's own. */
static unsigned long reclaimable(void)
{
	return global_node_page_state_pages(NR_SLAB_RECLAIMABLE_B) +
	       global_node_page_state(NR_KERNEL_MISC_RECLAIMABLE);
}

/* Others ask for nothing, or next to nothing. */
static bool takes_ordinary_memory(struct mhp_range range, const struct mhp_params *params)
{
	/* Part of a section of boot has its memmap already. */
	if (mhp_range_pages(range) < PAGES_PER_SECTION)
		return false;
	return !params->altmap && !vmemmap_can_optimize(params->altmap, params->pgmap);
}

/**
 * mhp_memmap_obtainable() - can there be memory for a memmap?
 * @range: The pages that it describes; of one section or of many.
 * @params: Where the memory has to come from, and the device memory that it is for.
 *
 * Counts what is free and what reclaim might free, in the zones that a memmap comes
 * from: ZONE_MOVABLE and highmem are none of them. What only the shrinkers of drivers
 * know of is not seen.
 *
 * Context: memory hotplug lock held for writing.
 * Return: false if an attempt would take all memory and fail; true: it may succeed.
 */
bool mhp_memmap_obtainable(struct mhp_range range, const struct mhp_params *params)
{
	unsigned long need = PFN_UP(mhp_range_pages(range) * sizeof(struct page));
	unsigned long swap = max(get_nr_swap_pages(), 0L);
	unsigned long have = reclaimable();
	unsigned long anon;
	struct zone *zone;

	if (!takes_ordinary_memory(range, params))
		return true;

	for_each_populated_zone(zone) {
		if (zone_idx(zone) > gfp_zone(MEMMAP_GFP))
			continue;
		anon = on_lists(zone, false);
		if (!has_lower_tier(zone)) {
			anon = min(anon, swap);
			swap -= anon;
		}
		have += anon + obtainable(zone);
		if (have >= need)
			return true;
	}
	return false;
}
