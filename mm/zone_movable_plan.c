// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where ZONE_MOVABLE begins at boot: what the parameters ask for, and what that
 * means for each node.
 *
 * Pure: looks at nothing but its arguments and takes no lock; built in user
 * space, too (tools/testing/memory-hotplug). Called from zone_movable.c, once,
 * while the machine boots.
 */
#include <linux/align.h>
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/kstrtox.h>
#include <linux/limits.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "zone_movable_plan.h"

/* How long the number at the beginning of a word is; 0 if there is none. */
static size_t __init number_length(const char *str)
{
	if (str[0] == '0' && tolower(str[1]) == 'x' && isxdigit(str[2]))
		return 2 + strspn(str + 2, "0123456789abcdefABCDEF");
	return strspn(str, "0123456789");
}

/* The bytes of a size with a unit, as memparse() has it, but nothing wraps. */
static int __init apply_unit(const char *unit, u64 *bytes)
{
	static const char units[] = "KMGTPE";
	const char *found;
	unsigned int shift;

	if (!*unit)
		return 0;
	found = strchr(units, toupper(*unit));
	if (!found || unit[1])
		return -EINVAL;

	shift = 10 * (found - units + 1);
	if (*bytes > U64_MAX >> shift)
		return -ERANGE;
	*bytes <<= shift;
	return 0;
}

/**
 * movable_parse_amount() - what a word of the command line asks for
 * @str: ``nn[KMGTPE]``, or ``nn%``.
 * @amount: Gets the amount; untouched on an error.
 *
 * Numbers are decimal, octal or hexadecimal, as everywhere on the command line.
 * A part of a page counts as nothing.
 *
 * Context: boot.
 * Return: 0; -EINVAL if @str is something else; -ERANGE if it is more than all,
 * or more than can be counted.
 */
int __init movable_parse_amount(const char *str, struct movable_amount *amount)
{
	char number[sizeof("01777777777777777777777")];
	size_t length = number_length(str);
	const char *unit = str + length;
	u64 value;
	int ret;

	if (length >= sizeof(number))
		return -EINVAL;
	memcpy(number, str, length);
	number[length] = '\0';
	ret = kstrtou64(number, 0, &value);
	if (ret)
		return ret;

	if (*unit == '%') {
		if (unit[1])
			return -EINVAL;
		if (value > 100)
			return -ERANGE;
		*amount = (struct movable_amount){ .percent = value };
		return 0;
	}

	ret = apply_unit(unit, &value);
	if (ret)
		return ret;
	value >>= PAGE_SHIFT;
	if (value > ULONG_MAX)
		return -ERANGE;
	*amount = (struct movable_amount){ .pages = value };
	return 0;
}

/* In pages; may be more than @total. */
static unsigned long __init pages_of(struct movable_amount amount, unsigned long total)
{
	return amount.percent ? mult_frac(total, amount.percent, 100UL) : amount.pages;
}

/**
 * movable_kernel_pages() - how much memory of boot is for the kernel zones
 * @kernelcore: What kernelcore= asks for.
 * @movablecore: What movablecore= asks for.
 * @total: All memory of boot, in pages.
 * @unit: Zones start at multiples of it, in pages, a power of two.
 *
 * Where both are given, the kernel zones get what leaves them more: they are
 * what a machine cannot do without.
 *
 * Context: boot.
 * Return: pages; 0 if nothing was asked for, or all of it as movable memory;
 * @total or more if nothing is to be movable.
 */
unsigned long __init movable_kernel_pages(struct movable_amount kernelcore,
					  struct movable_amount movablecore,
					  unsigned long total, unsigned long unit)
{
	unsigned long kernel = pages_of(kernelcore, total);
	unsigned long movable = pages_of(movablecore, total);

	if (!movable)
		return kernel;

	/* Up to a whole unit, as the start of the zone goes up to one. */
	movable = movable < total ? ALIGN(movable, unit) : total;
	return max(kernel, total - min(movable, total));
}

/* The node of a range, NULL where there is nothing to be counted. */
static struct movable_node *__init node_of(const struct movable_plan *plan,
					   struct movable_range range)
{
	if (range.nid < 0 || range.nid >= plan->nr_nodes || range.start >= range.end)
		return NULL;
	return &plan->nodes[range.nid];
}

/**
 * movable_plan_init() - count the memory of each node, nothing is movable yet
 * @plan: Its ranges and the array of nodes are set.
 * @lowest_pfn: Where ZONE_MOVABLE may begin at the earliest: it takes its
 *	memory from the highest zone alone.
 *
 * Ranges of no node are left out.
 *
 * Context: boot.
 * Return: all memory, in pages.
 */
unsigned long __init movable_plan_init(struct movable_plan *plan, unsigned long lowest_pfn)
{
	unsigned long total = 0;

	for (int nid = 0; nid < plan->nr_nodes; nid++)
		plan->nodes[nid] = (struct movable_node){ .first = MOVABLE_NONE };

	for (unsigned int i = 0; i < plan->nr_ranges; i++) {
		struct movable_range range = plan->get_range(i);
		struct movable_node *node = node_of(plan, range);

		if (!node)
			continue;
		node->pages += range.end - range.start;
		node->fixed += clamp(lowest_pfn, range.start, range.end) - range.start;
		node->end = range.end;
		total += range.end - range.start;
	}
	return total;
}

/**
 * movable_plan_by_kind() - let memory be movable for what it is
 * @plan: After movable_plan_init().
 *
 * In each node, from the first range on that is wanted in ZONE_MOVABLE.
 *
 * Context: boot.
 */
void __init movable_plan_by_kind(struct movable_plan *plan)
{
	for (unsigned int i = 0; i < plan->nr_ranges; i++) {
		struct movable_range range = plan->get_range(i);
		struct movable_node *node = node_of(plan, range);

		if (node && range.wanted)
			node->first = min(node->first, range.start);
	}
}

/* What the kernel zones of a node have if no node is to have more than @level. */
static unsigned long __init node_share(const struct movable_node *node, unsigned long level)
{
	return clamp(level, node->fixed, node->pages);
}

static unsigned long __init sum_of_shares(const struct movable_plan *plan, unsigned long level)
{
	unsigned long sum = 0;

	for (int nid = 0; nid < plan->nr_nodes; nid++)
		sum += node_share(&plan->nodes[nid], level);
	return sum;
}

/* The lowest level at which the nodes together have enough for the kernel */
static unsigned long __init find_level(const struct movable_plan *plan,
				       unsigned long kernel_pages)
{
	unsigned long low = 0, high = kernel_pages;

	while (low < high) {
		unsigned long mid = low + (high - low) / 2;

		if (sum_of_shares(plan, mid) < kernel_pages)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/**
 * movable_plan_by_amount() - let memory be movable that the kernel need not have
 * @plan: After movable_plan_init().
 * @kernel_pages: What the kernel zones of all nodes together get, less than all
 *	memory.
 *
 * As evenly as possible: as water would stand in vessels of different heights,
 * some of which have something at the bottom. A node with less than its share
 * gives all it has, the rest comes from the others. What lies too low for
 * ZONE_MOVABLE counts, too. So the result is the same whichever node comes first.
 *
 * Context: boot.
 */
void __init movable_plan_by_amount(struct movable_plan *plan, unsigned long kernel_pages)
{
	unsigned long level = find_level(plan, kernel_pages);

	for (int nid = 0; nid < plan->nr_nodes; nid++)
		plan->nodes[nid].kernel = node_share(&plan->nodes[nid], level);

	/* The kernel's pages are the lowest of their node. */
	for (unsigned int i = 0; i < plan->nr_ranges; i++) {
		struct movable_range range = plan->get_range(i);
		struct movable_node *node = node_of(plan, range);

		if (!node || node->first != MOVABLE_NONE)
			continue;
		if (node->kernel < range.end - range.start)
			node->first = range.start + node->kernel;
		else
			node->kernel -= range.end - range.start;
	}
}

/**
 * movable_plan_align() - let zones start where page blocks do
 * @plan: After one of those that plan.
 * @unit: Zones start at multiples of it, in pages, a power of two.
 *
 * Starts go up, so that the kernel has what was asked for. A zone for which
 * nothing of its node remains is not there.
 *
 * Context: boot.
 */
void __init movable_plan_align(struct movable_plan *plan, unsigned long unit)
{
	for (int nid = 0; nid < plan->nr_nodes; nid++) {
		struct movable_node *node = &plan->nodes[nid];

		if (node->first >= node->end || ALIGN(node->first, unit) >= node->end)
			node->first = MOVABLE_NONE;
		else
			node->first = ALIGN(node->first, unit);
	}
}
