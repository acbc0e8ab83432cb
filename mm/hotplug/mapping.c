// SPDX-License-Identifier: GPL-2.0-only
/*
 * The architecture's part of adding and removing a range: direct map, sections and
 * memmap, in one go, or block by block where each block holds its own memmap.
 *
 * Called by plug.c and remove.c with the memory hotplug lock held for writing.
 */
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "hotplug.h"
#include "mapping.h"

static struct mhp_range mhp_mapping_block(const struct mhp_mapping *map, unsigned long i)
{
	unsigned long start = map->range.start + i * mhp_block_nr_pages();

	return mhp_range(start, start + mhp_block_nr_pages());
}

static int mhp_map_part(int nid, struct mhp_range range, struct vmem_altmap *altmap)
{
	struct mhp_params params = {
		.altmap = altmap,
		.pgprot = pgprot_mhp(PAGE_KERNEL),
	};

	return arch_add_memory(nid, PFN_PHYS(range.start),
			       (u64)mhp_range_pages(range) << PAGE_SHIFT, &params);
}

static void mhp_unmap_part(struct mhp_range range, struct vmem_altmap *altmap)
{
	arch_remove_memory(PFN_PHYS(range.start),
			   (u64)mhp_range_pages(range) << PAGE_SHIFT, altmap, NULL);
	if (!altmap)
		return;
	WARN_ONCE(altmap->alloc, "%lu pages of a memmap were not given back\n",
		  altmap->alloc);
	kfree(altmap);
}

static struct vmem_altmap *mhp_altmap_alloc(struct mhp_range block, bool inaccessible)
{
	const struct vmem_altmap altmap = {
		.base_pfn = block.start,
		.end_pfn = block.end - 1,
		.free = mhp_memmap_pages(),
		.inaccessible = inaccessible,
	};

	return kmemdup(&altmap, sizeof(altmap), GFP_KERNEL);
}

static int mhp_map_block(struct mhp_mapping *map, unsigned long i)
{
	struct mhp_range block = mhp_mapping_block(map, i);
	struct vmem_altmap *altmap = mhp_altmap_alloc(block, map->inaccessible);
	int error;

	if (!altmap)
		return -ENOMEM;
	error = mhp_failpoint("map", "block", block.start);
	if (!error)
		error = mhp_map_part(map->nid, block, altmap);
	if (error < 0) {
		kfree(altmap);
		return error;
	}
	map->altmaps[i] = altmap;
	return 0;
}

static void mhp_unmap_blocks(struct mhp_mapping *map, unsigned long nr)
{
	while (nr--) {
		mhp_unmap_part(mhp_mapping_block(map, nr), map->altmaps[nr]);
		map->altmaps[nr] = NULL;
	}
}

/**
 * mhp_mapping_alloc() - make room for a memmap for each block
 * @map: Its range is set.
 * @gfp: For the list of them.
 *
 * Return: 0 or -ENOMEM.
 */
int mhp_mapping_alloc(struct mhp_mapping *map, gfp_t gfp)
{
	map->nr_blocks = mhp_range_pages(map->range) / mhp_block_nr_pages();
	map->altmaps = kvcalloc(map->nr_blocks, sizeof(*map->altmaps), gfp);
	return map->altmaps ? 0 : -ENOMEM;
}

/**
 * mhp_mapping_free() - the reverse of mhp_mapping_alloc()
 * @map: The mapping; the altmaps themselves have other owners by now.
 */
void mhp_mapping_free(struct mhp_mapping *map)
{
	kvfree(map->altmaps);
	map->altmaps = NULL;
}

/**
 * mhp_map() - map a range and give it a memmap
 * @map: What and how. Where it has room for altmaps, they are filled in.
 *
 * Return: 0 or the architecture's errno; nothing is mapped then.
 */
int mhp_map(struct mhp_mapping *map)
{
	unsigned long i;
	int error;

	if (!map->altmaps) {
		error = mhp_map_part(map->nid, map->range, NULL);
		return min(error, 0);
	}
	for (i = 0; i < map->nr_blocks; i++) {
		error = mhp_map_block(map, i);
		if (error) {
			mhp_unmap_blocks(map, i);
			return error;
		}
	}
	return 0;
}

/**
 * mhp_unmap() - the reverse of mhp_map(), altmaps are freed
 * @map: The mapping. A block without an altmap has its memmap elsewhere.
 */
void mhp_unmap(struct mhp_mapping *map)
{
	if (map->altmaps)
		mhp_unmap_blocks(map, map->nr_blocks);
	else
		mhp_unmap_part(map->range, NULL);
}
