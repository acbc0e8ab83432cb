// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that is online is taken from its users for a device or the firmware: one
 * offline operation over all of it, and, where asked, removal.
 *
 * Called by drivers (virtio-mem) and the ACPI front end.
 */
#include <linux/device.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "hotplug.h"

/* Offline blocks are none of the offline operation's business. */
static void mhp_drop_offline(struct mhp_blocks *blocks)
{
	unsigned int i, nr = 0;

	for (i = 0; i < blocks->nr; i++) {
		struct memory_block *mem = blocks->mem[i];

		if (mem->state == MHP_BLOCK_OFFLINE)
			mhp_block_put(mem);
		else
			blocks->mem[nr++] = mem;
	}
	blocks->nr = nr;
}

static struct zone **mhp_note_zones(const struct mhp_blocks *blocks)
{
	struct zone **zones;
	unsigned int i;

	zones = kvcalloc(max(blocks->nr, 1U), sizeof(*zones), GFP_KERNEL);
	if (!zones)
		return NULL;
	for (i = 0; i < blocks->nr; i++)
		zones[i] = blocks->mem[i]->zone;
	return zones;
}

static void mhp_bring_back(const struct mhp_blocks *blocks, struct zone **zones)
{
	unsigned int i;

	for (i = 0; i < blocks->nr; i++) {
		if (mhp_reonline_block(blocks->mem[i], zones[i]))
			pr_warn("memory%lu could not come online again\n",
				mhp_block_id(blocks->mem[i]));
		else
			mhp_block_changed(blocks->mem[i]);
	}
}

static int mhp_offline_rest(struct mhp_blocks *blocks, unsigned int timeout_ms)
{
	unsigned int i;
	int error;

	if (!blocks->nr)
		return 0;
	error = mhp_offline_blocks(blocks, timeout_ms);
	if (error)
		return error;
	for (i = 0; i < blocks->nr; i++)
		mhp_block_changed(blocks->mem[i]);
	return 0;
}

static int mhp_offline_then_remove(struct mhp_blocks *blocks, u64 start, u64 size)
{
	struct zone **zones;
	int error;

	mhp_drop_offline(blocks);
	zones = mhp_note_zones(blocks);
	if (!zones)
		return -ENOMEM;

	error = mhp_offline_rest(blocks, 0);
	if (!error) {
		error = mhp_remove_range(start, size);
		if (error)
			mhp_bring_back(blocks, zones);
	}
	kvfree(zones);
	return error;
}

static int mhp_withdraw(u64 start, u64 size, struct mhp_range range)
{
	struct mhp_blocks blocks;
	int error;

	error = mhp_blocks_collect(&blocks, &range, 1, GFP_KERNEL);
	if (error)
		return error;

	/* Removal would be refused. */
	if (blocks.nr != mhp_range_pages(range) / mhp_block_nr_pages())
		error = -EINVAL;
	else
		error = mhp_offline_then_remove(&blocks, start, size);
	mhp_blocks_release(&blocks);
	return error;
}

/**
 * offline_and_remove_memory() - take memory offline and remove it
 * @start: First physical address; of a memory block.
 * @size: In bytes; of memory blocks.
 *
 * For devices that have made sure that the memory is hardly in use any more;
 * else it may take long. Either all of it is removed, or the blocks that were
 * online are so in the zones they had; one that could not come online again
 * is named in the log.
 *
 * Context: may sleep; takes device_hotplug_lock.
 * Return: 0; -EINVAL for a range of something else than whole blocks that are
 * there; -ENOMEM; -EBUSY where a kernel thread's patience ended; what
 * mhp_offline_blocks() refused with.
 */
int offline_and_remove_memory(u64 start, u64 size)
{
	struct mhp_range range;
	int error;

	error = mhp_phys_to_range(start, size, memory_block_size_bytes(), U64_MAX,
				  &range);
	if (error)
		return error;

	lock_device_hotplug();
	error = mhp_withdraw(start, size, range);
	unlock_device_hotplug();
	/* Drivers set no deadline, and know of none. */
	return error == -ETIMEDOUT ? -EBUSY : error;
}
EXPORT_SYMBOL_GPL(offline_and_remove_memory);

static int mhp_phys_ranges(const struct range *phys, unsigned int nr,
			   struct mhp_range *ranges)
{
	u64 unit = memory_block_size_bytes();
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (mhp_phys_to_range(phys[i].start, range_len(&phys[i]), unit, U64_MAX,
				      &ranges[i]))
			return -EINVAL;
	return 0;
}

/**
 * mhp_offline_ranges() - take all the memory of a device offline
 * @ranges: Physical addresses, the last one included; of memory blocks.
 * @nr: How many ranges.
 * @timeout_ms: How long it may take, in milliseconds; 0: as mhp_offline_blocks().
 *
 * One operation over the memory blocks of all ranges, those already offline left
 * out.
 *
 * Context: device_hotplug_lock, may sleep.
 * Return: 0; -EINVAL for a range of something else than whole blocks; -ENOMEM; what
 * mhp_offline_blocks() refused with.
 */
int mhp_offline_ranges(const struct range *ranges, unsigned int nr,
		       unsigned int timeout_ms)
{
	struct mhp_range *pfn_ranges;
	struct mhp_blocks blocks;
	int error;

	assert_device_hotplug_lock();

	pfn_ranges = kcalloc(max(nr, 1U), sizeof(*pfn_ranges), GFP_KERNEL);
	if (!pfn_ranges)
		return -ENOMEM;

	error = mhp_phys_ranges(ranges, nr, pfn_ranges);
	if (!error)
		error = mhp_blocks_collect(&blocks, pfn_ranges, nr, GFP_KERNEL);
	if (!error) {
		mhp_drop_offline(&blocks);
		error = mhp_offline_rest(&blocks, timeout_ms);
		mhp_blocks_release(&blocks);
	}
	kfree(pfn_ranges);
	return error;
}
