// SPDX-License-Identifier: GPL-2.0-only
/*
 * The add operation: memory that the machine can reach becomes known, as memory
 * blocks that are offline, or that the auto-online policy brings online at once.
 *
 * Called by add.c with device_hotplug_lock held. The steps that change memory and
 * nodes run with the memory hotplug lock held for writing; blocks are made, user
 * space is told, and memory brought online, after it was dropped.
 */
#include <linux/crash_core.h>
#include <linux/device.h>
#include <linux/firmware-map.h>
#include <linux/ioport.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/node.h>
#include <linux/string.h>

#include "hotplug.h"
#include "mapping.h"
#include "plug.h"

/**
 * struct mhp_add - memory on its way in
 * @op: As every operation.
 * @start: First physical address.
 * @size: In bytes.
 * @nid: The node.
 * @wish: What was asked for.
 * @res: The range's resource.
 * @group: The group to join, or NULL.
 * @node_is_new: The node was offline before.
 * @map: Its range, in pfns, and memmap.
 */
struct mhp_add {
	struct mhp_op op;
	u64 start;
	u64 size;
	int nid;
	const struct mhp_add_wish *wish;
	struct resource *res;
	struct memory_group *group;
	bool node_is_new;
	struct mhp_mapping map;
};

static struct mhp_add *mhp_to_add(struct mhp_op *op)
{
	return container_of(op, struct mhp_add, op);
}

static int mhp_add_refuse(struct mhp_op *op, int error)
{
	if (error == -ENOMEM)
		return mhp_refuse(op, MHP_NO_MEMORY);
	return mhp_refuse_error(op, MHP_FAILED, error);
}

static int mhp_add_check_node(struct mhp_add *add)
{
	add->nid = add->wish->nid;
	if (add->wish->flags & MHP_NID_IS_MGID) {
		add->group = mhp_group_find(add->nid);
		if (!add->group)
			return mhp_refuse(&add->op, MHP_BAD_NODE);
		add->nid = add->group->nid;
	}
	if (!numa_valid_node(add->nid) || !node_possible(add->nid))
		return mhp_refuse(&add->op, MHP_BAD_NODE);
	return 0;
}

static int mhp_add_check(struct mhp_op *op)
{
	const struct range reach = mhp_get_pluggable_range(true);
	struct mhp_add *add = mhp_to_add(op);
	int error;

	error = mhp_phys_to_range(add->start, add->size, memory_block_size_bytes(),
				  reach.end, &add->map.range);
	if (error == -ERANGE || (!error && add->start < reach.start))
		return mhp_refuse(op, MHP_OUT_OF_REACH);
	if (error)
		return mhp_refuse(op, MHP_BAD_RANGE);
	return mhp_add_check_node(add);
}

/* mem= is about the memory of boot, not about what is plugged later. */
static bool mhp_beyond_mem_limit(const struct mhp_add *add)
{
	return system_state < SYSTEM_RUNNING && add->start + add->size > max_mem_size;
}

/* What is not busy makes way for what it contains as a whole. */
static int mhp_add_in_the_way(struct resource *part, void *arg)
{
	const struct mhp_add *add = arg;

	return part->flags & IORESOURCE_BUSY || part->start > add->start ||
	       part->end < add->start + add->size - 1;
}

/* A region that could not be requested: is it somebody's, or was there no memory? */
static int mhp_add_refuse_region(struct mhp_add *add)
{
	int claimed = walk_iomem_res_desc(IORES_DESC_NONE, IORESOURCE_MEM, add->start,
					  add->start + add->size - 1, add,
					  mhp_add_in_the_way);

	return mhp_refuse(&add->op, claimed > 0 ? MHP_CLAIMED : MHP_NO_MEMORY);
}

static int mhp_add_reserve(struct mhp_op *op)
{
	struct mhp_add *add = mhp_to_add(op);
	unsigned long flags = IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY;
	const char *name = add->wish->name;

	if (add->res)
		return 0;
	if (mhp_beyond_mem_limit(add))
		return mhp_refuse(op, MHP_OUT_OF_REACH);
	if (strcmp(name, SYSTEM_RAM))
		flags |= IORESOURCE_SYSRAM_DRIVER_MANAGED;

	/* Below a resource that is not busy, if there is one for that range. */
	add->res = __request_region(&iomem_resource, add->start, add->size, name, flags);
	return add->res ? 0 : mhp_add_refuse_region(add);
}

static void mhp_add_release(struct mhp_op *op)
{
	struct mhp_add *add = mhp_to_add(op);

	if (!add->wish->res)
		release_mem_region(add->start, add->size);
}

static int mhp_add_lock(struct mhp_op *op)
{
	mem_hotplug_begin();
	return 0;
}

static void mhp_add_undo_lock(struct mhp_op *op)
{
	mem_hotplug_done();
}

/* From here on blocks may have to be unmade, for which see remove.c. */
static int mhp_add_unlock(struct mhp_op *op)
{
	mem_hotplug_done();
	return 0;
}

static void mhp_add_undo_unlock(struct mhp_op *op)
{
	mem_hotplug_begin();
}

static int mhp_add_memblock(struct mhp_op *op)
{
#ifdef CONFIG_ARCH_KEEP_MEMBLOCK
	struct mhp_add *add = mhp_to_add(op);
	bool by_driver = add->res->flags & IORESOURCE_SYSRAM_DRIVER_MANAGED;
	int error;

	error = memblock_add_node(add->start, add->size, add->nid,
				  by_driver ? MEMBLOCK_DRIVER_MANAGED : MEMBLOCK_NONE);
	if (error)
		return mhp_add_refuse(op, error);
#endif
	return 0;
}

static void mhp_add_undo_memblock(struct mhp_op *op)
{
#ifdef CONFIG_ARCH_KEEP_MEMBLOCK
	struct mhp_add *add = mhp_to_add(op);

	memblock_remove(add->start, add->size);
#endif
}

static int mhp_add_prepare_node(struct mhp_op *op)
{
	struct mhp_add *add = mhp_to_add(op);
	int error;

	add->node_is_new = !node_online(add->nid);
	error = mhp_node_prepare(add->nid);
	return error ? mhp_add_refuse(op, error) : 0;
}

static int mhp_add_map(struct mhp_op *op)
{
	struct mhp_add *add = mhp_to_add(op);
	int error = 0;

	add->map.nid = add->nid;
	add->map.inaccessible = add->wish->flags & MHP_OFFLINE_INACCESSIBLE;
	if ((add->wish->flags & MHP_MEMMAP_ON_MEMORY) && mhp_supports_memmap_on_memory())
		error = mhp_mapping_alloc(&add->map, GFP_KERNEL);
	if (!error)
		error = mhp_map(&add->map);
	return error ? mhp_add_refuse(op, error) : 0;
}

static void mhp_add_unmap(struct mhp_op *op)
{
	mhp_unmap(&mhp_to_add(op)->map);
}

/* Before the blocks and gone after them: they are linked to it in sysfs. */
static int mhp_add_register_node(struct mhp_op *op)
{
	int error = mhp_node_register(mhp_to_add(op)->nid);

	return error ? mhp_add_refuse(op, error) : 0;
}

static void mhp_add_unregister_node(struct mhp_op *op)
{
	struct mhp_add *add = mhp_to_add(op);

	if (add->node_is_new)
		mhp_node_unregister(add->nid);
}

/* The altmaps remain in add->map, for mhp_unmap() to free. */
static void mhp_add_destroy_blocks(struct mhp_add *add, unsigned long end_pfn)
{
	unsigned long pages = mhp_block_nr_pages();
	unsigned long pfn = end_pfn;

	while (pfn > add->map.range.start) {
		struct memory_block *mem;

		pfn -= pages;
		mem = mhp_block_find(pfn / pages);
		if (WARN_ON_ONCE(!mem))
			continue;
		mhp_block_destroy(mem);
		mhp_block_put(mem);
	}
}

static int mhp_add_blocks(struct mhp_op *op)
{
	struct mhp_add *add = mhp_to_add(op);
	struct vmem_altmap **altmap = add->map.altmaps;
	unsigned long pages = mhp_block_nr_pages();
	unsigned long pfn;

	for (pfn = add->map.range.start; pfn < add->map.range.end; pfn += pages) {
		int error = mhp_failpoint("add", "block", pfn);

		if (!error)
			error = mhp_block_create(pfn / pages, add->nid,
						 altmap ? *altmap++ : NULL, add->group);
		if (error) {
			mhp_add_destroy_blocks(add, pfn);
			return mhp_add_refuse(op, error);
		}
	}
	return 0;
}

static void mhp_add_undo_blocks(struct mhp_op *op)
{
	struct mhp_add *add = mhp_to_add(op);

	mhp_add_destroy_blocks(add, add->map.range.end);
}

/* No undo: the links that were made go with the blocks. */
static int mhp_add_links(struct mhp_op *op)
{
	struct mhp_add *add = mhp_to_add(op);
	int error;

	error = register_memory_blocks_under_node(add->nid, add->map.range.start,
						  add->map.range.end, MEMINIT_HOTPLUG);
	return error ? mhp_add_refuse(op, error) : 0;
}

/*
 * The last one that can fail: there is no undo, as it may find an entry of boot,
 * which is not to be removed. What a driver manages is not the firmware's.
 */
static int mhp_add_firmware_map(struct mhp_op *op)
{
	struct mhp_add *add = mhp_to_add(op);
	int error;

	if (strcmp(add->res->name, SYSTEM_RAM))
		return 0;
	error = firmware_map_add_hotplug(add->start, add->start + add->size,
					 SYSTEM_RAM);
	return error ? mhp_add_refuse(op, error) : 0;
}

/* Once for the whole range: to write that map is to walk all resources. */
static void mhp_add_to_dump(struct mhp_op *op)
{
	crash_memory_added(op->start_pfn, op->end_pfn - op->start_pfn);
}

static const struct mhp_step mhp_add_steps[] = {
	{ .name = "check", .run = mhp_add_check },
	{ .name = "reserve", .run = mhp_add_reserve, .undo = mhp_add_release },
	{ .name = "lock", .run = mhp_add_lock, .undo = mhp_add_undo_lock },
	{ .name = "memblock", .run = mhp_add_memblock, .undo = mhp_add_undo_memblock },
	{ .name = "prepare-node", .run = mhp_add_prepare_node },
	{ .name = "map", .run = mhp_add_map, .undo = mhp_add_unmap },
	{ .name = "register-node", .run = mhp_add_register_node,
	  .undo = mhp_add_unregister_node },
	{ .name = "unlock", .run = mhp_add_unlock, .undo = mhp_add_undo_unlock },
	{ .name = "blocks", .run = mhp_add_blocks, .undo = mhp_add_undo_blocks },
	{ .name = "links", .run = mhp_add_links },
	{ .name = "firmware-map", .run = mhp_add_firmware_map },
	{ .name = "crash-kernel", .finish = mhp_add_to_dump },
};

static void mhp_add_announce(struct mhp_range range)
{
	unsigned long pages = mhp_block_nr_pages();
	unsigned long pfn;

	for (pfn = range.start; pfn < range.end; pfn += pages) {
		struct memory_block *mem = mhp_block_find(pfn / pages);

		if (WARN_ON_ONCE(!mem))
			continue;
		mhp_block_announce(mem);
		mhp_block_put(mem);
	}
}

/* A refusal is reported by the online operation; the memory was added all the same. */
static void mhp_add_online(struct mhp_range range)
{
	enum mmop type = mhp_get_default_online_type();
	struct mhp_blocks blocks;

	if (type == MMOP_OFFLINE)
		return;
	if (mhp_blocks_collect(&blocks, &range, 1, GFP_KERNEL)) {
		pr_warn("out of memory, added memory remains offline\n");
		return;
	}
	mhp_online_blocks(&blocks, type);
	mhp_blocks_release(&blocks);
}

/**
 * mhp_add() - add memory
 * @wish: What is asked for.
 *
 * A refusal is logged. That memory was added and did not come online is none.
 *
 * Context: device_hotplug_lock, may sleep.
 * Return: 0; -EINVAL for a range of something else than whole blocks, or a node
 * or group that cannot be; -E2BIG beyond what can be mapped, or at boot beyond what
 * mem= allows; -EEXIST where somebody has part of the range; -ENOMEM; an errno of
 * the architecture or the driver core. Nothing is left behind then.
 */
int mhp_add(const struct mhp_add_wish *wish)
{
	struct mhp_add add = {
		.op.name = "add",
		.op.start_pfn = PHYS_PFN(wish->start),
		.op.end_pfn = PHYS_PFN(wish->start) + PHYS_PFN(wish->size),
		.start = wish->start,
		.size = wish->size,
		.wish = wish,
		.res = wish->res,
	};
	int error;

	assert_device_hotplug_lock();

	error = mhp_run_steps(&add.op, mhp_add_steps, ARRAY_SIZE(mhp_add_steps));
	mhp_mapping_free(&add.map);
	if (error) {
		mhp_report_refusal(&add.op);
		return error;
	}

	mhp_add_announce(add.map.range);
	if (wish->flags & MHP_MERGE_RESOURCE)
		merge_system_ram_resource(add.res);
	mhp_add_online(add.map.range);
	return 0;
}
