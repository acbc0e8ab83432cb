// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ways to add memory: what drivers and firmware front ends call.
 *
 * The operation itself is in plug.c; each function says whether it takes
 * device_hotplug_lock or its caller has.
 */
#include <linux/device.h>
#include <linux/export.h>
#include <linux/ioport.h>
#include <linux/string.h>

#include "hotplug.h"
#include "plug.h"

/**
 * add_memory_resource() - add memory that the caller has reserved
 * @nid: The node, or a group's id with MHP_NID_IS_MGID.
 * @res: The reserved range, of whole memory blocks. With MHP_MERGE_RESOURCE the
 *	pointer is stale afterwards.
 * @mhp_flags: What the caller wishes.
 *
 * That the auto-online policy could not bring it online is no error.
 *
 * Context: device_hotplug_lock, may sleep.
 * Return: 0; -EINVAL for a range of something else than whole blocks, or a node
 * or group that cannot be; -E2BIG beyond what can be mapped; -EEXIST where part of
 * it is there already; -ENOMEM; an errno of the architecture or the driver core.
 * Nothing is left behind then but the caller's reservation.
 */
int add_memory_resource(int nid, struct resource *res, mhp_t mhp_flags)
{
	const struct mhp_add_wish wish = {
		.start = res->start,
		.size = resource_size(res),
		.nid = nid,
		.flags = mhp_flags,
		.res = res,
	};

	return mhp_add(&wish);
}

static int mhp_add_named(int nid, u64 start, u64 size, const char *name,
			 mhp_t mhp_flags)
{
	const struct mhp_add_wish wish = {
		.start = start,
		.size = size,
		.nid = nid,
		.flags = mhp_flags,
		.name = name,
	};

	return mhp_add(&wish);
}

/**
 * __add_memory() - add_memory() for those who have device_hotplug_lock
 * @nid: The node, or a group's id with MHP_NID_IS_MGID.
 * @start: First physical address.
 * @size: In bytes.
 * @mhp_flags: What the caller wishes.
 *
 * Context: device_hotplug_lock, may sleep.
 * Return: as add_memory().
 */
int __add_memory(int nid, u64 start, u64 size, mhp_t mhp_flags)
{
	return mhp_add_named(nid, start, size, SYSTEM_RAM, mhp_flags);
}

/**
 * add_memory() - add memory, as System RAM of the machine
 * @nid: The node, or a group's id with MHP_NID_IS_MGID.
 * @start: First physical address; of a memory block.
 * @size: In bytes; of memory blocks.
 * @mhp_flags: What the caller wishes.
 *
 * Context: may sleep; takes device_hotplug_lock.
 * Return: as add_memory_resource(); -E2BIG at boot also beyond what mem= allows,
 * -EEXIST also where somebody has reserved part of the range.
 */
int add_memory(int nid, u64 start, u64 size, mhp_t mhp_flags)
{
	int error;

	lock_device_hotplug();
	error = __add_memory(nid, start, size, mhp_flags);
	unlock_device_hotplug();
	return error;
}
EXPORT_SYMBOL_GPL(add_memory);

static bool mhp_driver_name_valid(const char *name)
{
	return name && str_has_prefix(name, SYSTEM_RAM " (") &&
	       name[strlen(name) - 1] == ')';
}

/**
 * add_memory_driver_managed() - add memory that only its driver knows of
 * @nid: The node, or a group's id with MHP_NID_IS_MGID.
 * @start: First physical address; of a memory block.
 * @size: In bytes; of memory blocks.
 * @resource_name: "System RAM ($DRIVER)", for /proc/iomem. Must outlive the memory.
 * @mhp_flags: What the caller wishes.
 *
 * The firmware's map does not have such memory and the driver adds it again
 * after a reboot or kexec: a kernel started by kexec must neither be put there
 * nor find it in its first memory map. So it does not get into
 * /sys/firmware/memmap, and its resource is marked.
 *
 * Context: may sleep; takes device_hotplug_lock.
 * Return: as add_memory(); -EINVAL also for another form of name.
 */
int add_memory_driver_managed(int nid, u64 start, u64 size,
			      const char *resource_name, mhp_t mhp_flags)
{
	int error;

	if (!mhp_driver_name_valid(resource_name))
		return -EINVAL;

	lock_device_hotplug();
	error = mhp_add_named(nid, start, size, resource_name, mhp_flags);
	unlock_device_hotplug();
	return error;
}
EXPORT_SYMBOL_GPL(add_memory_driver_managed);
