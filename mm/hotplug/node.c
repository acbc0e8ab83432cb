// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nodes: up with their first CPU or memory, down with the last, and what changes
 * as their first page comes online or their last goes offline.
 *
 * Called by all operations with the memory hotplug lock held for writing; by
 * kernel/cpu.c and drivers/acpi/acpi_processor.c as said at the functions.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/node.h>
#include <linux/nodemask.h>
#include <linux/swap.h>

/* Needs what the above declare. */
#include <linux/compaction.h>

#include "hotplug.h"

/**
 * mhp_node_prepare() - make a node fit for use, short of showing it
 * @nid: The node. Nothing is done where it is online.
 *
 * Its data was allocated at boot. There is no undo: it may be prepared again.
 *
 * Return: 0, or -ENOMEM.
 */
int mhp_node_prepare(int nid)
{
	struct pglist_data *pgdat;
	int error;

	mhp_assert_write_locked();

	if (node_online(nid))
		return 0;
	pgdat = NODE_DATA(nid);
	error = free_area_init_core_hotplug(pgdat);
	if (error) {
		pr_err("node %d cannot be prepared (%d)\n", nid, error);
		return error;
	}
	/* Allocations for the node must find the memory of others. */
	build_all_zonelists(pgdat);
	return 0;
}

/**
 * mhp_node_register() - set a node online and show it in sysfs
 * @nid: The node, prepared. Nothing is done where it is online.
 *
 * Return: 0, or an errno of the driver core; the node is as before then.
 */
int mhp_node_register(int nid)
{
	int error;

	mhp_assert_write_locked();

	if (node_online(nid))
		return 0;
	node_set_online(nid);
	error = __register_one_node(nid);
	if (error)
		node_set_offline(nid);
	return error;
}

/**
 * mhp_node_unregister() - the reverse of mhp_node_register()
 * @nid: The node, without memory blocks and CPUs.
 */
void mhp_node_unregister(int nid)
{
	node_set_offline(nid);
	unregister_one_node(nid);
}

/**
 * try_online_node() - see to it that a CPU's node is online
 * @nid: The node.
 *
 * Called by kernel/cpu.c before a CPU comes up.
 *
 * Context: may sleep; takes the memory hotplug lock.
 * Return: 0; -ENOMEM or an errno of the driver core where the node remains offline.
 */
int try_online_node(int nid)
{
	int error;

	mem_hotplug_begin();
	error = mhp_node_prepare(nid);
	if (!error)
		error = mhp_node_register(nid);
	mem_hotplug_done();
	return error;
}

#ifdef CONFIG_MEMORY_HOTREMOVE
static bool mhp_node_has_cpu(int nid)
{
	int cpu;

	for_each_present_cpu(cpu)
		if (cpu_to_node(cpu) == nid)
			return true;
	return false;
}

/**
 * try_offline_node() - set a node offline if nothing is left of it
 * @nid: The node.
 *
 * A node that spans pages has memory online, or device memory. One with blocks
 * may get memory online. Called when the last CPU or memory may have gone.
 *
 * Context: device_hotplug_lock, may sleep.
 */
void try_offline_node(int nid)
{
	assert_device_hotplug_lock();

	if (!node_online(nid) || node_spanned_pages(nid))
		return;
	if (mhp_node_has_blocks(nid) || mhp_node_has_cpu(nid))
		return;
	mhp_node_unregister(nid);
}
EXPORT_SYMBOL(try_offline_node);
#endif

/**
 * mhp_node_plan_online() - what of the node's states changes with pages to come
 * @arg: Gets its status_change_ members.
 * @zone: The zone that the pages come to.
 */
void mhp_node_plan_online(struct memory_notify *arg, const struct zone *zone)
{
	int nid = zone->zone_pgdat->node_id;
	bool normal = zone_idx(zone) <= ZONE_NORMAL;

	mhp_assert_write_locked();

	arg->status_change_nid = node_state(nid, N_MEMORY) ? NUMA_NO_NODE : nid;
	arg->status_change_nid_normal =
		normal && !node_state(nid, N_NORMAL_MEMORY) ? nid : NUMA_NO_NODE;
}

/**
 * mhp_node_plan_offline() - what of the node's states changes with pages to go
 * @arg: Gets its status_change_ members.
 * @zone: The zone that the pages leave.
 * @nr_pages: All that leave it, the pages of a self-hosted memmap among them.
 */
void mhp_node_plan_offline(struct memory_notify *arg, const struct zone *zone,
			   unsigned long nr_pages)
{
	const struct zone *zones = zone->zone_pgdat->node_zones;
	int nid = zone->zone_pgdat->node_id;
	unsigned long normal = 0;
	int i;

	mhp_assert_write_locked();

	for (i = 0; i <= ZONE_NORMAL; i++)
		normal += zones[i].present_pages;

	arg->status_change_nid = NUMA_NO_NODE;
	arg->status_change_nid_normal = NUMA_NO_NODE;
	if (zone_idx(zone) <= ZONE_NORMAL && nr_pages >= normal)
		arg->status_change_nid_normal = nid;
	if (nr_pages >= normal + zones[ZONE_MOVABLE].present_pages)
		arg->status_change_nid = nid;
}

/**
 * mhp_node_gained_memory() - pages came online
 * @arg: What mhp_node_plan_online() said.
 */
void mhp_node_gained_memory(const struct memory_notify *arg)
{
	mhp_assert_write_locked();

	if (arg->status_change_nid_normal != NUMA_NO_NODE)
		node_set_state(arg->status_change_nid_normal, N_NORMAL_MEMORY);
	if (arg->status_change_nid != NUMA_NO_NODE)
		node_set_state(arg->status_change_nid, N_MEMORY);
}

/**
 * mhp_node_lost_memory() - pages went offline
 * @arg: What mhp_node_plan_offline() said.
 *
 * Before zonelists are built anew, which are of nodes with memory.
 */
void mhp_node_lost_memory(const struct memory_notify *arg)
{
	mhp_assert_write_locked();

	if (arg->status_change_nid_normal != NUMA_NO_NODE)
		node_clear_state(arg->status_change_nid_normal, N_NORMAL_MEMORY);
	if (arg->status_change_nid != NUMA_NO_NODE)
		node_clear_state(arg->status_change_nid, N_MEMORY);
}

/**
 * mhp_node_start_threads() - a node with memory has kswapd and kcompactd
 * @nid: The node; nothing is done where they run.
 */
void mhp_node_start_threads(int nid)
{
	mhp_assert_write_locked();
	kswapd_run(nid);
	kcompactd_run(nid);
}

/**
 * mhp_node_stop_threads() - a node without memory has no kswapd and kcompactd
 * @arg: What mhp_node_plan_offline() said.
 */
void mhp_node_stop_threads(const struct memory_notify *arg)
{
	int nid = arg->status_change_nid;

	mhp_assert_write_locked();

	if (nid == NUMA_NO_NODE)
		return;
	kcompactd_stop(nid);
	kswapd_stop(nid);
}
