/* SPDX-License-Identifier: GPL-2.0-only */
/* Where ZONE_MOVABLE begins at boot: the arithmetic. Pure: builds in user space, too. */
#ifndef __MM_ZONE_MOVABLE_PLAN_H
#define __MM_ZONE_MOVABLE_PLAN_H

#include <linux/types.h>

/**
 * struct movable_amount - how much kernelcore= or movablecore= asks for
 * @pages: So many pages, if @percent is 0.
 * @percent: That share of all memory of boot, at most 100.
 *
 * Nothing was asked for where both are 0.
 */
struct movable_amount {
	unsigned long pages;
	unsigned int percent;
};

/**
 * struct movable_range - a range of memory that is there at boot
 * @start: The first pfn.
 * @end: The pfn after the last.
 * @nid: Its node.
 * @wanted: It is of the kind that ZONE_MOVABLE is to begin with, where kinds
 *	of memory decide and not amounts: hot-pluggable, or not mirrored.
 */
struct movable_range {
	unsigned long start;
	unsigned long end;
	int nid;
	bool wanted;
};

/**
 * struct movable_node - a node in the making of a plan
 * @pages: Memory that is there at boot, in pages.
 * @fixed: How many of these lie too low for ZONE_MOVABLE.
 * @kernel: How many are for the kernel zones and not found yet.
 * @end: The pfn after the node's last one.
 * @first: The first pfn that is to be movable, MOVABLE_NONE if none is.
 */
struct movable_node {
	unsigned long pages;
	unsigned long fixed;
	unsigned long kernel;
	unsigned long end;
	unsigned long first;
};

#define MOVABLE_NONE	(~0UL)

/**
 * struct movable_plan - all memory of boot, and what becomes of it
 * @nr_ranges: How many ranges there are.
 * @get_range: Returns one of them, 0 to @nr_ranges - 1; they ascend and have
 *	no page in common.
 * @nr_nodes: How many @nodes there are.
 * @nodes: By node id; movable_plan_init() fills them.
 */
struct movable_plan {
	unsigned int nr_ranges;
	struct movable_range (*get_range)(unsigned int index);
	int nr_nodes;
	struct movable_node *nodes;
};

int movable_parse_amount(const char *str, struct movable_amount *amount);
unsigned long movable_kernel_pages(struct movable_amount kernelcore,
				   struct movable_amount movablecore,
				   unsigned long total, unsigned long unit);

unsigned long movable_plan_init(struct movable_plan *plan, unsigned long lowest_pfn);
void movable_plan_by_kind(struct movable_plan *plan);
void movable_plan_by_amount(struct movable_plan *plan, unsigned long kernel_pages);
void movable_plan_align(struct movable_plan *plan, unsigned long unit);

#endif /* __MM_ZONE_MOVABLE_PLAN_H */
