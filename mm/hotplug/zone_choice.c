// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which zone memory goes to: gathers the facts that policy.c decides from.
 *
 * Called by the online operation, under device_hotplug_lock, which keeps the
 * counters of groups, and the memory hotplug lock, which keeps those of zones; and
 * to show what a block could become (valid_zones), as a reader of the latter: a
 * stale counter makes for a guess as good as that of a moment ago.
 */
#include <linux/device.h>
#include <linux/mm.h>

#include "hotplug.h"

static struct zone *mhp_movable_zone(int nid)
{
	return &NODE_DATA(nid)->node_zones[ZONE_MOVABLE];
}

static bool mhp_zone_meets(struct zone *zone, struct mhp_range range)
{
	return zone_intersects(zone, range.start, mhp_range_pages(range));
}

/* Kernel memory is ZONE_NORMAL, unless a lower zone spans that place already. */
static struct zone *mhp_kernel_zone(int nid, struct mhp_range range)
{
	struct zone *zones = NODE_DATA(nid)->node_zones;
	int i = 0;

	while (i < ZONE_NORMAL && !mhp_zone_meets(&zones[i], range))
		i++;
	return &zones[i];
}

static enum mhp_zone_choice mhp_choose_contig(int nid, struct mhp_range range)
{
	struct mhp_contig_facts facts = {
		.in_kernel = mhp_zone_meets(mhp_kernel_zone(nid, range), range),
		.in_movable = mhp_zone_meets(mhp_movable_zone(nid), range),
		.prefer_movable = movable_node_is_enabled(),
	};

	return mhp_policy_contig(&facts);
}

static void mhp_sum_zone(struct mhp_ratio_facts *facts, const struct zone *zone)
{
	unsigned long cma_pages = 0;

	if (zone_idx(zone) == ZONE_MOVABLE) {
		facts->movable += zone->present_pages;
		return;
	}
#ifdef CONFIG_CMA
	/* Always of boot-time memory, and as good as movable. */
	cma_pages = zone->cma_pages;
#endif
	facts->early_kernel += zone->present_early_pages - cma_pages;
	facts->movable += cma_pages;
}

static void mhp_sum_node(struct mhp_ratio_facts *facts, int nid)
{
	struct zone *zones = NODE_DATA(nid)->node_zones;
	int i;

	for (i = 0; i < MAX_NR_ZONES; i++)
		if (populated_zone(&zones[i]))
			mhp_sum_zone(facts, &zones[i]);
}

/* NUMA_NO_NODE: of all nodes */
static bool mhp_ratio_allows(int nid, const struct memory_group *group,
			     unsigned long wanted)
{
	struct mhp_ratio_facts facts = {
		.wanted = wanted,
		.ratio = READ_ONCE(auto_movable_ratio),
	};
	int node;

	if (nid != NUMA_NO_NODE)
		mhp_sum_node(&facts, nid);
	else
		for_each_online_node(node)
			mhp_sum_node(&facts, node);

	mhp_groups_sum(nid, group, facts.ratio, &facts.others);
	if (group && group->is_dynamic)
		facts.group_kernel = group->present_kernel_pages;

	return mhp_policy_ratio_allows(&facts);
}

/**
 * struct mhp_whole - what goes to one zone together with a range: the device, or
 *	a unit of a dynamic one
 * @pages: Pages of the whole.
 * @has_kernel: Some of it is in a kernel zone.
 * @has_movable: Some of it is in ZONE_MOVABLE.
 */
struct mhp_whole {
	unsigned long pages;
	bool has_kernel;
	bool has_movable;
};

/* Only hotplugged memory is in groups, so a section is of one zone. */
static struct mhp_whole mhp_whole_unit(struct mhp_range unit)
{
	struct mhp_whole whole = { .pages = mhp_range_pages(unit) };
	unsigned long pfn;

	for (pfn = unit.start; pfn < unit.end; pfn += PAGES_PER_SECTION) {
		struct page *page = pfn_to_online_page(pfn);

		if (!page)
			continue;
		if (is_zone_movable_page(page))
			whole.has_movable = true;
		else
			whole.has_kernel = true;
	}
	return whole;
}

static struct mhp_whole mhp_whole_of(const struct memory_group *group,
				     struct mhp_range range)
{
	unsigned long start;

	if (group && !group->is_dynamic)
		return (struct mhp_whole){
			.pages = group->s.max_pages,
			.has_kernel = group->present_kernel_pages,
			.has_movable = group->present_movable_pages,
		};
	if (!group || group->d.unit_pages <= mhp_range_pages(range))
		return (struct mhp_whole){ .pages = mhp_range_pages(range) };

	start = ALIGN_DOWN(range.start, group->d.unit_pages);
	return mhp_whole_unit(mhp_range(start, start + group->d.unit_pages));
}

/* The ratio is asked about the whole, once: the rest goes where its first part is. */
static enum mhp_zone_choice mhp_choose_auto_movable(int nid,
						    const struct memory_group *group,
						    struct mhp_range range)
{
	struct mhp_whole whole = mhp_whole_of(group, range);

	if (whole.has_kernel)
		return MHP_CHOOSE_KERNEL;
	if (whole.has_movable)
		return MHP_CHOOSE_MOVABLE;

	if (!mhp_ratio_allows(NUMA_NO_NODE, group, whole.pages))
		return MHP_CHOOSE_KERNEL;
	if (IS_ENABLED(CONFIG_NUMA) && auto_movable_numa_aware &&
	    !mhp_ratio_allows(nid, group, whole.pages))
		return MHP_CHOOSE_KERNEL;
	return MHP_CHOOSE_MOVABLE;
}

static enum mhp_zone_choice mhp_choose(enum mmop type, int nid,
				       const struct memory_group *group,
				       struct mhp_range range)
{
	switch (type) {
	case MMOP_ONLINE_KERNEL:
		return MHP_CHOOSE_KERNEL;
	case MMOP_ONLINE_MOVABLE:
		return MHP_CHOOSE_MOVABLE;
	default:
		break;
	}
	if (mhp_policy_is_auto_movable())
		return mhp_choose_auto_movable(nid, group, range);
	return mhp_choose_contig(nid, range);
}

static struct zone *mhp_chosen_zone(enum mmop type, int nid,
				    const struct memory_group *group,
				    struct mhp_range range)
{
	if (mhp_choose(type, nid, group, range) == MHP_CHOOSE_MOVABLE)
		return mhp_movable_zone(nid);
	return mhp_kernel_zone(nid, range);
}

/**
 * mhp_choose_zone() - which zone a range is to come online to
 * @type: What was asked for; MMOP_ONLINE leaves it to the online policy.
 * @nid: The range's node, which has been online before or is.
 * @group: The memory group it belongs to, or NULL.
 * @range: A block, or several.
 *
 * Context: device_hotplug_lock, and the memory hotplug lock held for writing.
 * Return: the zone, which may be empty.
 */
struct zone *mhp_choose_zone(enum mmop type, int nid, struct memory_group *group,
			     struct mhp_range range)
{
	assert_device_hotplug_lock();
	mhp_assert_write_locked();
	return mhp_chosen_zone(type, nid, group, range);
}

/**
 * mhp_zone_for_block() - which zone a block would come online to
 * @mem: The block, offline.
 * @type: What would be asked for.
 *
 * For the view to show: without device_hotplug_lock it is a guess.
 *
 * Context: memory hotplug lock held for reading.
 * Return: the zone.
 */
struct zone *mhp_zone_for_block(struct memory_block *mem, enum mmop type)
{
	mhp_assert_locked();
	return mhp_chosen_zone(type, mem->nid, mem->group, mhp_block_range(mem));
}
