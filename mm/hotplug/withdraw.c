// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that is online is taken from its users for a device or the firmware: one
 * offline operation over all of it, and, where asked, removal.
 *
 * Called by drivers (virtio-mem) and the ACPI front end.
 */
#include <linux/device.h>
#include <linux/err.h>
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

/**
 * struct mhp_withdrawal - ranges on their way out
 * @ranges: Of memory blocks.
 * @nr: How many ranges.
 * @nr_removed: How many of them are gone, the first ones.
 * @blocks: Their blocks that were online.
 * @timeout_ms: How long taking them offline may take, see mhp_offline_blocks().
 */
struct mhp_withdrawal {
	const struct mhp_range *ranges;
	unsigned int nr;
	unsigned int nr_removed;
	struct mhp_blocks blocks;
	unsigned int timeout_ms;
};

static bool mhp_was_removed(const struct mhp_withdrawal *out,
			    const struct memory_block *mem)
{
	unsigned int i;

	for (i = 0; i < out->nr_removed; i++)
		if (mhp_range_contains(out->ranges[i], mhp_block_range(mem)))
			return true;
	return false;
}

static void mhp_bring_back(const struct mhp_withdrawal *out, struct zone **zones)
{
	unsigned int i;

	for (i = 0; i < out->blocks.nr; i++) {
		struct memory_block *mem = out->blocks.mem[i];

		if (mhp_was_removed(out, mem))
			continue;
		if (mhp_reonline_block(mem, zones[i]))
			pr_warn("memory%lu could not come online again\n",
				mhp_block_id(mem));
		else
			mhp_block_changed(mem);
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

static int mhp_remove_each(struct mhp_withdrawal *out)
{
	for (; out->nr_removed < out->nr; out->nr_removed++) {
		struct mhp_range range = out->ranges[out->nr_removed];
		int error = mhp_remove_range(PFN_PHYS(range.start),
					     PFN_PHYS(mhp_range_pages(range)));

		if (error)
			return error;
	}
	return 0;
}

static int mhp_offline_then_remove(struct mhp_withdrawal *out)
{
	struct zone **zones;
	int error;

	mhp_drop_offline(&out->blocks);
	zones = mhp_note_zones(&out->blocks);
	if (!zones)
		return -ENOMEM;

	error = mhp_offline_rest(&out->blocks, out->timeout_ms);
	if (!error) {
		error = mhp_remove_each(out);
		if (error)
			mhp_bring_back(out, zones);
	}
	kvfree(zones);
	return error;
}

static int mhp_withdraw(const struct mhp_range *ranges, unsigned int nr,
			unsigned int timeout_ms)
{
	struct mhp_withdrawal out = {
		.ranges = ranges,
		.nr = nr,
		.timeout_ms = timeout_ms,
	};
	unsigned long nr_pages = 0;
	unsigned int i;
	int error;

	error = mhp_blocks_collect(&out.blocks, ranges, nr, GFP_KERNEL);
	if (error)
		return error;

	for (i = 0; i < nr; i++)
		nr_pages += mhp_range_pages(ranges[i]);
	/* Removal would be refused. */
	if (out.blocks.nr != nr_pages / mhp_block_nr_pages())
		error = -EINVAL;
	else
		error = mhp_offline_then_remove(&out);
	mhp_blocks_release(&out.blocks);
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
	error = mhp_withdraw(&range, 1, 0);
	unlock_device_hotplug();
	/* Drivers set no deadline, and know of none. */
	return error == -ETIMEDOUT ? -EBUSY : error;
}
EXPORT_SYMBOL_GPL(offline_and_remove_memory);

/* To be freed by the caller. */
static struct mhp_range *mhp_phys_ranges(const struct range *phys, unsigned int nr)
{
	u64 unit = memory_block_size_bytes();
	struct mhp_range *ranges;
	unsigned int i;

	ranges = kcalloc(max(nr, 1U), sizeof(*ranges), GFP_KERNEL);
	if (!ranges)
		return ERR_PTR(-ENOMEM);

	for (i = 0; i < nr; i++) {
		if (mhp_phys_to_range(phys[i].start, range_len(&phys[i]), unit, U64_MAX,
				      &ranges[i])) {
			kfree(ranges);
			return ERR_PTR(-EINVAL);
		}
	}
	return ranges;
}

/**
 * mhp_withdraw_ranges() - take all the memory of a device offline and remove it
 * @phys: Physical addresses, the last one included; of memory blocks.
 * @nr: How many ranges.
 * @timeout_ms: How long taking it offline may take, in milliseconds; 0: as
 *	mhp_offline_blocks().
 *
 * One offline operation over the memory blocks of all ranges. Where it is refused,
 * or the first range cannot be removed, the blocks that were online are so again
 * in the zones they had. What is offline can be removed; should one of the later
 * ranges be refused all the same, those before it are gone.
 *
 * Context: device_hotplug_lock, may sleep.
 * Return: 0; -EINVAL for a range of something else than whole blocks that are
 * there; -ENOMEM; what mhp_offline_blocks() refused with.
 */
int mhp_withdraw_ranges(const struct range *phys, unsigned int nr,
			unsigned int timeout_ms)
{
	struct mhp_range *ranges;
	int error;

	assert_device_hotplug_lock();

	ranges = mhp_phys_ranges(phys, nr);
	if (IS_ERR(ranges))
		return PTR_ERR(ranges);
	error = mhp_withdraw(ranges, nr, timeout_ms);
	kfree(ranges);
	return error;
}

/**
 * mhp_offline_ranges() - take all the memory of a device offline
 * @phys: Physical addresses, the last one included; of memory blocks.
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
int mhp_offline_ranges(const struct range *phys, unsigned int nr,
		       unsigned int timeout_ms)
{
	struct mhp_range *ranges;
	struct mhp_blocks blocks;
	int error;

	assert_device_hotplug_lock();

	ranges = mhp_phys_ranges(phys, nr);
	if (IS_ERR(ranges))
		return PTR_ERR(ranges);
	error = mhp_blocks_collect(&blocks, ranges, nr, GFP_KERNEL);
	if (!error) {
		mhp_drop_offline(&blocks);
		error = mhp_offline_rest(&blocks, timeout_ms);
		mhp_blocks_release(&blocks);
	}
	kfree(ranges);
	return error;
}
