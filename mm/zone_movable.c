// SPDX-License-Identifier: GPL-2.0-only
/*
 * ZONE_MOVABLE at boot: which memory is movable from the start, by kernelcore=,
 * movablecore= and movable_node. Documented in
 * Documentation/admin-guide/mm/memory-hotplug.rst and kernel-parameters.txt.
 *
 * Called by mm_init.c when it sizes the zones, before there is anybody else: no
 * locks. zone_movable_plan.c has the arithmetic; memory that comes later is
 * hotplug/zone_choice.c's.
 */
#include <linux/align.h>
#include <linux/crash_dump.h>
#include <linux/init.h>
#include <linux/memblock.h>
#include <linux/memory_hotplug.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/pfn.h>
#include <linux/printk.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "internal.h"
#include "zone_movable.h"
#include "zone_movable_plan.h"

/* kernelcore=mirror: read by memblock, too, which takes mirrored memory first */
bool mirrored_kernelcore __initdata_memblock;

unsigned long zone_movable_pfn[MAX_NUMNODES] __initdata;

/* The end of the zone that ZONE_MOVABLE takes its memory from */
static unsigned long movable_limit_pfn __initdata;

static struct movable_amount kernelcore __initdata;
static struct movable_amount movablecore __initdata;

static struct movable_node plan_nodes[MAX_NUMNODES] __initdata;

static int __init parse_amount(const char *name, const char *str,
			       struct movable_amount *amount)
{
	int ret = str ? movable_parse_amount(str, amount) : -EINVAL;

	if (ret)
		pr_warn("%s=%s is %s, ignored\n", name, str ?: "", ret == -ERANGE ?
			"too large" : "no amount of memory (nn[KMGTPE] or nn%)");
	return ret;
}

/* The last one counts, "mirror" excepted: that excludes the others. */
static int __init kernelcore_param(char *str)
{
	if (str && !strcmp(str, "mirror")) {
		mirrored_kernelcore = true;
		return 0;
	}
	return parse_amount("kernelcore", str, &kernelcore);
}
early_param("kernelcore", kernelcore_param);

static int __init movablecore_param(char *str)
{
	return parse_amount("movablecore", str, &movablecore);
}
early_param("movablecore", movablecore_param);

static struct movable_range __init get_range(unsigned int index)
{
	struct memblock_region *region = &memblock.memory.regions[index];

	return (struct movable_range){
		.start = memblock_region_memory_base_pfn(region),
		.end = memblock_region_memory_end_pfn(region),
		.nid = memblock_get_region_node(region),
	};
}

static struct movable_range __init get_hotpluggable(unsigned int index)
{
	struct movable_range range = get_range(index);

	range.wanted = memblock_is_hotpluggable(&memblock.memory.regions[index]);
	return range;
}

/* Memory below 4 GiB is the kernel's in any case: devices may need it. */
static struct movable_range __init get_unmirrored(unsigned int index)
{
	struct movable_range range = get_range(index);

	range.wanted = !memblock_is_mirror(&memblock.memory.regions[index]) &&
		       range.start >= PHYS_PFN(SZ_4G);
	return range;
}

static bool __init unmirrored_below_4g(void)
{
	struct memblock_region *region;

	for_each_mem_region(region) {
		if (!memblock_is_mirror(region) &&
		    memblock_region_memory_base_pfn(region) < PHYS_PFN(SZ_4G))
			return true;
	}
	return false;
}

static bool __init asks_for(struct movable_amount amount)
{
	return amount.pages || amount.percent;
}

static void __init plan_by_hotplug(struct movable_plan *plan)
{
	if (mirrored_kernelcore || asks_for(kernelcore) || asks_for(movablecore))
		pr_warn("movable_node: kernelcore= and movablecore= have no effect.\n");

	plan->get_range = get_hotpluggable;
	movable_plan_by_kind(plan);
}

static void __init plan_by_mirror(struct movable_plan *plan)
{
	if (asks_for(kernelcore) || asks_for(movablecore))
		pr_warn("kernelcore=mirror: amounts have no effect.\n");
	if (!memblock_has_mirror()) {
		pr_warn("The system has no mirror memory, ignore kernelcore=mirror.\n");
		return;
	}
	/* Its little memory may have none of it that is mirrored. */
	if (is_kdump_kernel()) {
		pr_warn("The system is under kdump, ignore kernelcore=mirror.\n");
		return;
	}
	if (unmirrored_below_4g())
		pr_warn("This configuration results in unmirrored kernel memory.\n");

	plan->get_range = get_unmirrored;
	movable_plan_by_kind(plan);
}

static void __init plan_by_amount(struct movable_plan *plan, unsigned long total)
{
	unsigned long kernel = movable_kernel_pages(kernelcore, movablecore, total,
						    MAX_ORDER_NR_PAGES);

	if (kernel && kernel < total)
		movable_plan_by_amount(plan, kernel);
	else if (asks_for(movablecore))
		pr_warn("movablecore= has no effect: it would leave %s.\n",
			kernel ? "no movable memory" : "no memory to the kernel");
}

/*
 * ZONE_MOVABLE takes its memory from the highest zone that has some: zones of a
 * node ascend, and what needs memory at low addresses must find it.
 */
static int __init highest_zone(const unsigned long *start_pfn, const unsigned long *end_pfn)
{
	int zone = MAX_NR_ZONES - 1;

	while (zone > 0 && (zone == ZONE_MOVABLE || start_pfn[zone] >= end_pfn[zone]))
		zone--;
	return zone;
}

/**
 * zone_movable_init() - decide where ZONE_MOVABLE begins in each node
 * @zone_start_pfn: The first pfn of each zone but ZONE_MOVABLE, for the machine.
 * @zone_end_pfn: The pfn after the last.
 *
 * Sets movable_zone and zone_movable_pfn[]. movable_node goes before
 * kernelcore=mirror, and that before amounts.
 *
 * Context: boot, when memblock knows the nodes of all memory and free_area_init()
 * the limits of the zones, before any zone is sized.
 */
void __init zone_movable_init(const unsigned long *zone_start_pfn,
			      const unsigned long *zone_end_pfn)
{
	struct movable_plan plan = {
		.nr_ranges = memblock.memory.cnt,
		.get_range = get_range,
		.nr_nodes = MAX_NUMNODES,
		.nodes = plan_nodes,
	};
	unsigned long total;

	movable_zone = highest_zone(zone_start_pfn, zone_end_pfn);
	movable_limit_pfn = zone_end_pfn[movable_zone];

	total = movable_plan_init(&plan, zone_start_pfn[movable_zone]);
	if (movable_node_is_enabled())
		plan_by_hotplug(&plan);
	else if (mirrored_kernelcore)
		plan_by_mirror(&plan);
	else
		plan_by_amount(&plan, total);
	movable_plan_align(&plan, MAX_ORDER_NR_PAGES);

	for (int nid = 0; nid < MAX_NUMNODES; nid++)
		zone_movable_pfn[nid] = plan_nodes[nid].first == MOVABLE_NONE ?
					0 : plan_nodes[nid].first;
}

/**
 * adjust_zone_range_for_zone_movable() - make room for ZONE_MOVABLE in a node
 * @nid: The node.
 * @zone_type: One of its zones.
 * @node_end_pfn: The pfn after the node's last.
 * @zone_start_pfn: The first pfn that the architecture gives the zone.
 * @zone_end_pfn: The pfn after its last.
 *
 * ZONE_MOVABLE gets all from its start on, other zones end there; one that
 * begins later becomes empty. Mirrored memory is the exception: it stays in
 * the zone that it is in, which ZONE_MOVABLE then overlaps.
 *
 * Context: boot, after zone_movable_init().
 */
void __init adjust_zone_range_for_zone_movable(int nid, unsigned long zone_type,
					       unsigned long node_end_pfn,
					       unsigned long *zone_start_pfn,
					       unsigned long *zone_end_pfn)
{
	unsigned long movable_pfn = zone_movable_pfn[nid];

	if (!movable_pfn)
		return;

	if (zone_type == ZONE_MOVABLE) {
		*zone_start_pfn = movable_pfn;
		*zone_end_pfn = min(node_end_pfn, movable_limit_pfn);
		return;
	}

	if (*zone_start_pfn >= movable_pfn)
		*zone_end_pfn = *zone_start_pfn;
	else if (!mirrored_kernelcore)
		*zone_end_pfn = min(*zone_end_pfn, movable_pfn);
}
