// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which zone memory goes to when nobody named one: the arithmetic of the two
 * online policies, contig-zones and auto-movable. Who wants to know what they
 * promise reads Documentation/admin-guide/mm/memory-hotplug.rst.
 *
 * Pure: facts come as arguments, no lock is taken; built in user space, too
 * (tools/testing/memory-hotplug). Called from zone.c, which collects the facts,
 * and group.c.
 *
 * Quotients round down. What does not fit an unsigned long counts as
 * ULONG_MAX, so no ratio, however silly, wraps into a wrong yes.
 */
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/overflow.h>

#include "policy.h"

#define PERCENT	100UL

static unsigned long saturating_add(unsigned long a, unsigned long b)
{
	unsigned long sum;

	return check_add_overflow(a, b, &sum) ? ULONG_MAX : sum;
}

static unsigned long saturating_sub(unsigned long a, unsigned long b)
{
	return a - min(a, b);
}

/*
 * pages * mul / div, exact though the product may not fit: mul and div are an
 * unsigned int at most, so the remainder's share does.
 */
static unsigned long saturating_scale(unsigned long pages, unsigned long mul,
				      unsigned long div)
{
	unsigned long whole;

	if (check_mul_overflow(pages / div, mul, &whole))
		return ULONG_MAX;
	return saturating_add(whole, pages % div * mul / div);
}

/**
 * mhp_policy_contig() - what the contig-zones policy chooses
 * @facts: About the memory.
 *
 * Memory that touches the span of one kind of zone alone joins that kind, which
 * keeps zones in one piece. Elsewhere it is kernel memory, as that is of use
 * to everybody, unless the administrator said that memory is to be removable.
 *
 * Return: the choice.
 */
enum mhp_zone_choice mhp_policy_contig(const struct mhp_contig_facts *facts)
{
	bool movable = facts->prefer_movable;

	if (facts->in_kernel != facts->in_movable)
		movable = facts->in_movable;
	return movable ? MHP_CHOOSE_MOVABLE : MHP_CHOOSE_KERNEL;
}

/**
 * mhp_policy_required_kernel() - kernel memory of boot that a dynamic group needs
 * @movable_pages: Its pages in ZONE_MOVABLE.
 * @kernel_pages: Its pages in kernel zones, which count towards its own need.
 * @ratio: Movable to kernel memory, at most, in percent; 0 (nothing is to be
 *	movable) asks for nothing.
 *
 * Return: how many pages beyond @kernel_pages it takes to keep the ratio.
 */
unsigned long mhp_policy_required_kernel(unsigned long movable_pages,
					 unsigned long kernel_pages,
					 unsigned int ratio)
{
	if (!ratio)
		return 0;
	return saturating_sub(saturating_scale(movable_pages, PERCENT, ratio),
			      kernel_pages);
}

/**
 * mhp_policy_ratio_allows() - may memory become movable under auto-movable?
 * @facts: About the memory, and the machine or the node.
 *
 * Kernel memory that was added later does not count, as it may leave again and
 * movable memory would stay that it had justified. But a dynamic group's own
 * counts for the group, since one driver adds and removes both. So what other
 * dynamic groups have, and the boot memory they need for it, is taken out first.
 * A static group that has begun to be movable counts as a whole.
 *
 * Where the others need all the boot memory there is, the answer is no, however
 * much kernel memory the group has: a node without memory at boot gets
 * movable memory only from policies that do not look at nodes.
 *
 * Return: true if @facts->wanted more movable pages keep the ratio.
 */
bool mhp_policy_ratio_allows(const struct mhp_ratio_facts *facts)
{
	unsigned long kernel, movable;

	if (facts->early_kernel <= facts->others.required_kernel_pages)
		return false;

	kernel = facts->early_kernel - facts->others.required_kernel_pages;
	kernel = saturating_add(kernel, facts->group_kernel);

	movable = saturating_sub(facts->movable, facts->others.movable_pages);
	/* More than can be counted is too much, even for a ratio that is as well. */
	if (check_add_overflow(movable, facts->others.promised_pages, &movable) ||
	    check_add_overflow(movable, facts->wanted, &movable))
		return false;
	return movable <= saturating_scale(kernel, facts->ratio, PERCENT);
}
