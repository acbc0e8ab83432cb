/* SPDX-License-Identifier: GPL-2.0-only */
/* Which zone memory goes to: the arithmetic. Pure: builds in user space, too. */
#ifndef __MM_HOTPLUG_POLICY_H
#define __MM_HOTPLUG_POLICY_H

#include <linux/types.h>

/**
 * enum mhp_zone_choice - kernel memory or movable memory
 * @MHP_CHOOSE_KERNEL: A kernel zone.
 * @MHP_CHOOSE_MOVABLE: ZONE_MOVABLE.
 */
enum mhp_zone_choice {
	MHP_CHOOSE_KERNEL,
	MHP_CHOOSE_MOVABLE,
};

/**
 * struct mhp_contig_facts - what the contig-zones policy decides from
 * @in_kernel: The range lies within, or overlaps, a kernel zone's span.
 * @in_movable: The same for ZONE_MOVABLE.
 * @prefer_movable: The machine was booted with movable_node.
 */
struct mhp_contig_facts {
	bool in_kernel;
	bool in_movable;
	bool prefer_movable;
};

/**
 * struct mhp_group_sums - other groups' claims
 * @movable_pages: Dynamic groups' pages in ZONE_MOVABLE.
 * @required_kernel_pages: Kernel pages of boot that the ratio asks for beside
 *	those, beyond the kernel pages that the groups have themselves.
 * @promised_pages: What of static groups is not online and will be movable, as
 *	the rest of the group is.
 */
struct mhp_group_sums {
	unsigned long movable_pages;
	unsigned long required_kernel_pages;
	unsigned long promised_pages;
};

/**
 * struct mhp_ratio_facts - what the auto-movable policy decides from, in pages,
 *	for the machine or for one node
 * @early_kernel: Present in kernel zones since boot, CMA not counted.
 * @movable: Present in ZONE_MOVABLE, CMA counted.
 * @others: What other groups claim of these.
 * @group_kernel: Kernel pages of the dynamic group the memory belongs to.
 * @wanted: Pages that would become movable.
 * @ratio: Movable to kernel memory, at most, in percent.
 */
struct mhp_ratio_facts {
	unsigned long early_kernel;
	unsigned long movable;
	struct mhp_group_sums others;
	unsigned long group_kernel;
	unsigned long wanted;
	unsigned int ratio;
};

/* policy.c */
enum mhp_zone_choice mhp_policy_contig(const struct mhp_contig_facts *facts);
bool mhp_policy_ratio_allows(const struct mhp_ratio_facts *facts);
unsigned long mhp_policy_required_kernel(unsigned long movable_pages,
					 unsigned long kernel_pages,
					 unsigned int ratio);

#endif /* __MM_HOTPLUG_POLICY_H */
