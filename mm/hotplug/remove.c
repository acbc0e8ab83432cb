// SPDX-License-Identifier: GPL-2.0-only
/*
 * The remove operation: memory blocks that are offline go away, with all that
 * adding them made.
 *
 * Called by drivers and firmware front ends, and by withdraw.c; all under
 * device_hotplug_lock, which keeps the blocks offline. The steps run with the
 * memory hotplug lock held for writing, but not those that deal with blocks: to
 * take a block out of sysfs is to wait for all inside of its files, and these may
 * wait for that lock. All that may be refused is refused before the first change.
 *
 * Drivers rely on it that what is offline can be removed (virtio-mem has a BUG_ON):
 * what is needed for that is allocated without fail.
 */
#include <linux/crash_core.h>
#include <linux/device.h>
#include <linux/export.h>
#include <linux/firmware-map.h>
#include <linux/ioport.h>
#include <linux/memblock.h>
#include <linux/mm.h>

#include "hotplug.h"
#include "mapping.h"
#include "plug.h"

/**
 * struct mhp_remove - memory on its way out
 * @op: As every operation.
 * @start: First physical address.
 * @size: In bytes.
 * @blocks: The blocks of the range.
 * @map: Its range, in pfns, and memmap.
 */
struct mhp_remove {
	struct mhp_op op;
	u64 start;
	u64 size;
	struct mhp_blocks blocks;
	struct mhp_mapping map;
};

static struct mhp_remove *mhp_to_remove(struct mhp_op *op)
{
	return container_of(op, struct mhp_remove, op);
}

static int mhp_remove_gather(struct mhp_op *op)
{
	struct mhp_remove *rm = mhp_to_remove(op);
	unsigned long nr_blocks;

	if (mhp_phys_to_range(rm->start, rm->size, memory_block_size_bytes(), U64_MAX,
			      &rm->map.range))
		return mhp_refuse(op, MHP_BAD_RANGE);

	mhp_blocks_collect(&rm->blocks, &rm->map.range, 1, GFP_KERNEL | __GFP_NOFAIL);
	nr_blocks = mhp_range_pages(rm->map.range) / mhp_block_nr_pages();
	return rm->blocks.nr == nr_blocks ? 0 : mhp_refuse(op, MHP_BAD_RANGE);
}

static int mhp_remove_check(struct mhp_op *op)
{
	struct mhp_remove *rm = mhp_to_remove(op);
	bool own_memmap = false;
	unsigned int i;

	for (i = 0; i < rm->blocks.nr; i++) {
		const struct memory_block *mem = rm->blocks.mem[i];

		if (mem->state != MHP_BLOCK_OFFLINE) {
			pr_warn("memory%lu is %s\n", mhp_block_id(mem),
				mhp_block_state_name(mem->state));
			return mhp_refuse(op, MHP_NOT_OFFLINE);
		}
		own_memmap |= !!mem->altmap;
	}
	if (own_memmap)
		mhp_mapping_alloc(&rm->map, GFP_KERNEL | __GFP_NOFAIL);
	return 0;
}

/* Their pages are no longer there to be counted one by one. */
static void mhp_remove_poison(struct mhp_op *op)
{
	struct mhp_remove *rm = mhp_to_remove(op);
	unsigned int i;

	for (i = 0; i < rm->blocks.nr; i++)
		num_poisoned_pages_sub(-1UL, mhp_block_nr_poison(rm->blocks.mem[i]));
}

static void mhp_remove_blocks(struct mhp_op *op)
{
	struct mhp_remove *rm = mhp_to_remove(op);
	unsigned int i;

	for (i = 0; i < rm->blocks.nr; i++) {
		struct vmem_altmap *altmap = mhp_block_destroy(rm->blocks.mem[i]);

		if (altmap)
			rm->map.altmaps[i] = altmap;
	}
}

static void mhp_remove_lock(struct mhp_op *op)
{
	mem_hotplug_begin();
}

static void mhp_remove_unlock(struct mhp_op *op)
{
	mem_hotplug_done();
}

static void mhp_remove_map(struct mhp_op *op)
{
	mhp_unmap(&mhp_to_remove(op)->map);
}

static int mhp_release_part(struct resource *part, void *unused)
{
	u64 start = part->start, end = part->end + 1;

	release_mem_region_adjustable(start, end - start);
	firmware_map_remove(start, end, SYSTEM_RAM);
	return 0;
}

/*
 * What boot or an add registered: that may be several resources, or a part of one,
 * and only a part of one resource can be released at a time.
 */
static void mhp_remove_claims(struct mhp_op *op)
{
	struct mhp_remove *rm = mhp_to_remove(op);

#ifdef CONFIG_ARCH_KEEP_MEMBLOCK
	memblock_remove(rm->start, rm->size);
#endif
	walk_system_ram_res(rm->start, rm->start + rm->size - 1, NULL, mhp_release_part);
}

static void mhp_remove_nodes(struct mhp_op *op)
{
	struct mhp_remove *rm = mhp_to_remove(op);
	int last = NUMA_NO_NODE;
	unsigned int i;

	for (i = 0; i < rm->blocks.nr; i++) {
		int nid = rm->blocks.mem[i]->nid;

		if (nid != last && nid != NUMA_NO_NODE)
			try_offline_node(nid);
		last = nid;
	}
}

/* Once for the whole range: to write that map is to walk all resources. */
static void mhp_remove_from_dump(struct mhp_op *op)
{
	crash_memory_removed(op->start_pfn, op->end_pfn - op->start_pfn);
}

static const struct mhp_step mhp_remove_steps[] = {
	{ .name = "gather", .run = mhp_remove_gather },
	{ .name = "check", .run = mhp_remove_check },
	{ .name = "poison", .finish = mhp_remove_poison },
	{ .name = "blocks", .finish = mhp_remove_blocks },
	{ .name = "lock", .finish = mhp_remove_lock },
	{ .name = "unmap", .finish = mhp_remove_map },
	{ .name = "claims", .finish = mhp_remove_claims },
	{ .name = "nodes", .finish = mhp_remove_nodes },
	{ .name = "unlock", .finish = mhp_remove_unlock },
	{ .name = "crash-kernel", .finish = mhp_remove_from_dump },
};

/**
 * mhp_remove_range() - remove memory, if all of it is offline
 * @start: First physical address; of a memory block.
 * @size: In bytes; of memory blocks.
 *
 * A refusal is logged.
 *
 * Context: device_hotplug_lock, may sleep.
 * Return: 0; -EINVAL for a range of something else than whole blocks that are
 * there; -EBUSY where one is not offline. Nothing is changed then.
 */
int mhp_remove_range(u64 start, u64 size)
{
	struct mhp_remove rm = {
		.op.name = "remove",
		.op.start_pfn = PHYS_PFN(start),
		.op.end_pfn = PHYS_PFN(start) + PHYS_PFN(size),
		.start = start,
		.size = size,
	};
	int error;

	assert_device_hotplug_lock();

	error = mhp_run_steps(&rm.op, mhp_remove_steps, ARRAY_SIZE(mhp_remove_steps));

	mhp_mapping_free(&rm.map);
	mhp_blocks_release(&rm.blocks);
	if (error)
		mhp_report_refusal(&rm.op);
	return error;
}

/**
 * __remove_memory() - remove memory that is known to be offline
 * @start: First physical address; of a memory block.
 * @size: In bytes; of memory blocks.
 *
 * Where it is not, the memory stays, and the log says so.
 *
 * Context: device_hotplug_lock, may sleep.
 */
void __remove_memory(u64 start, u64 size)
{
	mhp_remove_range(start, size);
}

/**
 * remove_memory() - remove memory, if all of it is offline
 * @start: First physical address; of a memory block.
 * @size: In bytes; of memory blocks.
 *
 * Context: may sleep; takes device_hotplug_lock.
 * Return: 0; -EBUSY where a block is not offline; -EINVAL for a range of something
 * else than whole blocks that are there. Nothing is changed then.
 */
int remove_memory(u64 start, u64 size)
{
	int error;

	lock_device_hotplug();
	error = mhp_remove_range(start, size);
	unlock_device_hotplug();
	return error;
}
EXPORT_SYMBOL_GPL(remove_memory);
