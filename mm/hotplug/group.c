// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory groups: which memory blocks belong to one memory device. Drivers
 * register a group for their device and name it when they add memory; the
 * auto-movable policy counts by groups.
 *
 * Called from drivers (register, unregister), plug.c, zone.c. The xarray's lock
 * keeps a group from being freed while the groups are summed up: drivers
 * register and unregister without device_hotplug_lock, which protects a
 * group's counters and its list of blocks.
 */
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/export.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/nodemask.h>
#include <linux/pfn.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "hotplug.h"

static DEFINE_XARRAY_ALLOC(groups);

static int group_register(const struct memory_group *properties)
{
	struct memory_group *group;
	u32 mgid;
	int err;

	if (!numa_valid_node(properties->nid) || !node_possible(properties->nid))
		return -EINVAL;

	group = kmemdup(properties, sizeof(*properties), GFP_KERNEL);
	if (!group)
		return -ENOMEM;
	INIT_LIST_HEAD(&group->memory_blocks);

	/* An id is returned as an int, so 31 bits have to do. */
	err = xa_alloc(&groups, &mgid, group, xa_limit_31b, GFP_KERNEL);
	if (err) {
		kfree(group);
		return err;
	}
	return mgid;
}

/**
 * memory_group_register_static() - a group for memory that comes and goes at once
 * @nid: The node of all its memory.
 * @max_pages: Pages of the whole device.
 *
 * For a device such as a DIMM: all of its memory is added in one go, and
 * removed in one go. The auto-movable policy decides for the whole of it.
 *
 * Context: may sleep; no lock is needed.
 * Return: the group's id, 0 or more; -EINVAL if @nid cannot be a node or
 * @max_pages is 0; -ENOMEM; -EBUSY if ids have run out.
 */
int memory_group_register_static(int nid, unsigned long max_pages)
{
	const struct memory_group properties = {
		.nid = nid,
		.is_dynamic = false,
		.s.max_pages = max_pages,
	};

	return max_pages ? group_register(&properties) : -EINVAL;
}
EXPORT_SYMBOL_GPL(memory_group_register_static);

/**
 * memory_group_register_dynamic() - a group for memory that comes and goes in units
 * @nid: The node of all its memory.
 * @unit_pages: Pages of a unit: a power of two, a memory block or more.
 *
 * For a device such as virtio-mem, whose driver decides what to add and what to
 * remove. The auto-movable policy decides unit by unit, and kernel memory of
 * the group allows for more movable memory in it.
 *
 * Context: may sleep; no lock is needed.
 * Return: the group's id, 0 or more; -EINVAL if @nid cannot be a node or
 * @unit_pages is no such number; -ENOMEM; -EBUSY if ids have run out.
 */
int memory_group_register_dynamic(int nid, unsigned long unit_pages)
{
	const struct memory_group properties = {
		.nid = nid,
		.is_dynamic = true,
		.d.unit_pages = unit_pages,
	};

	if (unit_pages < PHYS_PFN(memory_block_size_bytes()) || !is_power_of_2(unit_pages))
		return -EINVAL;
	return group_register(&properties);
}
EXPORT_SYMBOL_GPL(memory_group_register_dynamic);

/**
 * memory_group_unregister() - give up a group
 * @mgid: Its id.
 *
 * Context: the caller sees to it that no memory is being added to the group:
 * both are one driver's doing.
 * Return: 0; -EINVAL if there is no such group; -EBUSY if it still has memory
 * blocks.
 */
int memory_group_unregister(int mgid)
{
	struct memory_group *group;

	scoped_guard(spinlock, &groups.xa_lock) {
		group = mhp_group_find(mgid);
		if (!group)
			return -EINVAL;
		if (!list_empty(&group->memory_blocks))
			return -EBUSY;
		__xa_erase(&groups, mgid);
	}
	kfree(group);
	return 0;
}
EXPORT_SYMBOL_GPL(memory_group_unregister);

/**
 * mhp_group_find() - the group of an id
 * @mgid: The id.
 *
 * The group stays as long as its driver does not unregister it; one that adds
 * memory to it does not do that meanwhile.
 *
 * Context: any.
 * Return: the group; NULL if there is none of that id.
 */
struct memory_group *mhp_group_find(int mgid)
{
	return mgid < 0 ? NULL : xa_load(&groups, mgid);
}

/**
 * mhp_group_account() - count pages of a group that came online or went offline
 * @group: The group; NULL (memory of no group) counts nothing.
 * @zone: Where they are or were.
 * @nr_pages: How many came online; negative: went offline.
 *
 * Context: under device_hotplug_lock.
 */
void mhp_group_account(struct memory_group *group, const struct zone *zone,
		       long nr_pages)
{
	unsigned long *counter;

	if (!group)
		return;
	assert_device_hotplug_lock();

	counter = zone_idx(zone) == ZONE_MOVABLE ? &group->present_movable_pages :
						   &group->present_kernel_pages;
	*counter += nr_pages;
	/* Fewer than none: something was counted in one zone and not in the other. */
	WARN_ON_ONCE((long)*counter < 0);
}

/* A device goes to one zone as a whole: what of it came online first decided. */
static void sum_static_group(struct mhp_group_sums *sums,
			     const struct memory_group *group)
{
	unsigned long movable = group->present_movable_pages;

	if (movable && !group->present_kernel_pages)
		sums->promised_pages += group->s.max_pages -
					min(group->s.max_pages, movable);
}

static void sum_dynamic_group(struct mhp_group_sums *sums,
			      const struct memory_group *group, unsigned int ratio)
{
	sums->movable_pages += group->present_movable_pages;
	sums->required_kernel_pages +=
		mhp_policy_required_kernel(group->present_movable_pages,
					   group->present_kernel_pages, ratio);
}

/**
 * mhp_groups_sum() - what groups claim, for the auto-movable policy
 * @nid: Of groups on this node; NUMA_NO_NODE: of all.
 * @except: A group to leave out, the one that is being decided about; or NULL.
 * @ratio: auto_movable_ratio, as the decision uses it.
 * @sums: Gets the sums.
 *
 * A group that has kernel memory to spare lends it to no other group.
 *
 * Context: any; a decision needs device_hotplug_lock, what is only shown
 * (valid_zones) does not.
 */
void mhp_groups_sum(int nid, const struct memory_group *except,
		    unsigned int ratio, struct mhp_group_sums *sums)
{
	struct memory_group *group;
	unsigned long mgid;

	*sums = (struct mhp_group_sums){};

	xa_lock(&groups);
	xa_for_each(&groups, mgid, group) {
		if (group == except || (nid != NUMA_NO_NODE && group->nid != nid))
			continue;
		if (group->is_dynamic)
			sum_dynamic_group(sums, group, ratio);
		else
			sum_static_group(sums, group);
	}
	xa_unlock(&groups);
}

#ifdef CONFIG_MHP_AUDIT
/**
 * mhp_groups_walk() - call a function for each group
 * @fn: Called with the group, its id and @arg; must not sleep.
 * @arg: Passed on.
 *
 * Context: under device_hotplug_lock.
 */
void mhp_groups_walk(mhp_group_fn_t fn, void *arg)
{
	struct memory_group *group;
	unsigned long mgid;

	assert_device_hotplug_lock();
	xa_lock(&groups);
	xa_for_each(&groups, mgid, group)
		fn(group, mgid, arg);
	xa_unlock(&groups);
}
#endif
