// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory devices that vanished with their memory in use.
 *
 * What of it can go offline does. The rest stays as it is, known and in use, for
 * it cannot be saved from here. Nothing of it comes online any more until the
 * device is back, or until an eject takes all of it away.
 *
 * Called by acpi_memhotplug.c, under device_hotplug_lock and acpi_scan_lock. The
 * list of such devices is also looked at by a memory notifier, which has the
 * former alone: that protects it.
 */

#include <linux/acpi.h>
#include <linux/device.h>
#include <linux/list.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/range.h>

#include "acpi_memory_ranges.h"
#include "internal.h"

/* However many blocks a device has: each is given a try, and so long. */
#define LEAST_TRY_MS	20

static LIST_HEAD(lost_devices);

/**
 * struct acpi_memory_toll - what is left of a device's memory
 * @nr_blocks: How many blocks it has.
 * @nr_online: How many of them are online.
 */
struct acpi_memory_toll {
	unsigned int nr_blocks;
	unsigned int nr_online;
};

static int acpi_memory_take_toll(struct memory_block *block, void *arg)
{
	struct acpi_memory_toll *toll = arg;

	toll->nr_blocks++;
	toll->nr_online += block->state != MHP_BLOCK_OFFLINE;
	return 0;
}

static struct acpi_memory_toll acpi_memory_toll(const struct acpi_memory_device *mem)
{
	struct acpi_memory_toll toll = { };
	unsigned int i;

	for (i = 0; i < mem->nr_ranges; i++)
		walk_memory_blocks(mem->ranges[i].span.start,
				   range_len(&mem->ranges[i].span), &toll,
				   acpi_memory_take_toll);
	return toll;
}

/* One by one: together they were refused. */
static void acpi_memory_offline_each(const struct range *span, unsigned int timeout_ms)
{
	u64 size = memory_block_size_bytes(), start;

	for (start = span->start; start < span->end; start += size) {
		const struct range block = { .start = start, .end = start + size - 1 };

		mhp_offline_ranges(&block, 1, timeout_ms);
	}
}

/**
 * acpi_memory_lose() - a device has vanished, and its memory cannot go
 * @mem: the device
 * @timeout_ms: how long to try for what can
 *
 * Context: device_hotplug_lock and acpi_scan_lock held.
 */
void acpi_memory_lose(struct acpi_memory_device *mem, unsigned int timeout_ms)
{
	struct acpi_memory_toll toll = acpi_memory_toll(mem);
	unsigned int i;

	assert_device_hotplug_lock();
	acpi_scan_lock_assert();

	mem->lost = true;
	list_add_tail(&mem->among_lost, &lost_devices);

	timeout_ms = max(timeout_ms / max(toll.nr_online, 1U), LEAST_TRY_MS);
	for (i = 0; i < mem->nr_ranges; i++) {
		acpi_memory_unbind(mem, &mem->ranges[i]);
		acpi_memory_offline_each(&mem->ranges[i].span, timeout_ms);
	}

	toll = acpi_memory_toll(mem);
	dev_crit(&mem->adev->dev,
		 "memory device is gone with its memory in use: %u of %u blocks stay online\n",
		 toll.nr_online, toll.nr_blocks);
}

/**
 * acpi_memory_find_again() - a device is lost no more
 * @mem: the device, which is back, or whose memory is about to be removed
 *
 * Context: device_hotplug_lock and acpi_scan_lock held.
 */
void acpi_memory_find_again(struct acpi_memory_device *mem)
{
	assert_device_hotplug_lock();
	acpi_scan_lock_assert();

	list_del(&mem->among_lost);
	mem->lost = false;
}

static bool acpi_memory_same_ranges(const struct acpi_memory_device *a,
				    const struct acpi_memory_device *b)
{
	unsigned int i;

	if (a->nr_ranges != b->nr_ranges)
		return false;
	for (i = 0; i < a->nr_ranges; i++) {
		if (a->ranges[i].span.start != b->ranges[i].span.start ||
		    a->ranges[i].span.end != b->ranges[i].span.end)
			return false;
	}
	return true;
}

/**
 * acpi_memory_readopt() - a device that was lost has come back
 * @lost: what is known of it
 * @now: what it says now
 *
 * Context: device_hotplug_lock and acpi_scan_lock held.
 * Return: 0; -EBUSY if it is other memory.
 */
int acpi_memory_readopt(struct acpi_memory_device *lost,
			const struct acpi_memory_device *now)
{
	unsigned int i;

	if (!acpi_memory_same_ranges(lost, now)) {
		dev_err(&lost->adev->dev, "other memory than what was lost and is in use\n");
		return -EBUSY;
	}

	/* Unbound blocks are no harm: what is ejected goes by address. */
	for (i = 0; i < lost->nr_ranges; i++)
		acpi_memory_bind(lost, &lost->ranges[i]);
	acpi_memory_find_again(lost);
	dev_warn(&lost->adev->dev, "is back; what its memory held may be gone\n");
	return 0;
}

static bool acpi_memory_is_lost(u64 start, u64 end)
{
	struct acpi_memory_device *mem;
	unsigned int i;

	list_for_each_entry(mem, &lost_devices, among_lost) {
		for (i = 0; i < mem->nr_ranges; i++) {
			if (start <= mem->ranges[i].span.end &&
			    end > mem->ranges[i].span.start)
				return true;
		}
	}
	return false;
}

/* Before anybody touches it: the block may hold its own memmap. */
static int acpi_memory_refuse_lost(struct notifier_block *nb, unsigned long event,
				   void *data)
{
	const struct memory_notify *arg = data;

	if (event != MEM_PREPARE_ONLINE)
		return NOTIFY_DONE;

	assert_device_hotplug_lock();
	if (acpi_memory_is_lost(PFN_PHYS(arg->start_pfn),
				PFN_PHYS(arg->start_pfn + arg->nr_pages)))
		return notifier_from_errno(-ENODEV);
	return NOTIFY_DONE;
}

static struct notifier_block lost_memory_notifier = {
	.notifier_call = acpi_memory_refuse_lost,
};

/**
 * acpi_memory_lost_init() - see to it that lost memory does not come online
 *
 * Context: boot, once.
 */
void __init acpi_memory_lost_init(void)
{
	register_memory_notifier(&lost_memory_notifier);
}
