/* SPDX-License-Identifier: GPL-2.0-only */
/* A range's direct map, sections and memmap. */
#ifndef __MM_HOTPLUG_MAPPING_H
#define __MM_HOTPLUG_MAPPING_H

#include "range.h"

struct vmem_altmap;

/**
 * struct mhp_mapping - how a range is, or is to be, mapped
 * @range: Of whole memory blocks.
 * @nid: The node to map it for.
 * @inaccessible: The blocks cannot be accessed before they go online.
 * @nr_blocks: With @altmaps: how many.
 * @altmaps: One for each block, where blocks hold their own memmaps; else NULL.
 *	Filled by mhp_map() for mhp_block_create() to own, or from mhp_block_destroy()
 *	for mhp_unmap() to free.
 */
struct mhp_mapping {
	struct mhp_range range;
	int nid;
	bool inaccessible;
	unsigned long nr_blocks;
	struct vmem_altmap **altmaps;
};

/* mapping.c */
int mhp_mapping_alloc(struct mhp_mapping *map, gfp_t gfp);
void mhp_mapping_free(struct mhp_mapping *map);
int mhp_map(struct mhp_mapping *map);
void mhp_unmap(struct mhp_mapping *map);

#endif /* __MM_HOTPLUG_MAPPING_H */
