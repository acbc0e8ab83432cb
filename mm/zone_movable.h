/* SPDX-License-Identifier: GPL-2.0-only */
/* ZONE_MOVABLE at boot, for mm_init.c. */
#ifndef __MM_ZONE_MOVABLE_H
#define __MM_ZONE_MOVABLE_H

#include <linux/numa.h>

/* The first pfn of ZONE_MOVABLE in each node, 0 where there is none */
extern unsigned long zone_movable_pfn[MAX_NUMNODES];

void zone_movable_init(const unsigned long *zone_start_pfn,
		       const unsigned long *zone_end_pfn);
void adjust_zone_range_for_zone_movable(int nid, unsigned long zone_type,
					unsigned long node_end_pfn,
					unsigned long *zone_start_pfn,
					unsigned long *zone_end_pfn);

#endif /* __MM_ZONE_MOVABLE_H */
