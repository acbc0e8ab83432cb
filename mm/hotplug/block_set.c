// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many memory blocks at a time: walks over the blocks of a range, and the
 * blocks that an operation works on.
 *
 * Called by every operation, by drivers/base/node.c and by drivers. Under
 * device_hotplug_lock; takes references, no locks.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "hotplug.h"

/**
 * walk_memory_blocks() - call a function for each block that a range overlaps
 * @start: Physical address.
 * @size: Bytes; 0: nothing to do.
 * @arg: Passed on.
 * @func: Called with a reference to the block held; an errno ends the walk.
 *
 * Numbers without a block are passed over.
 *
 * Context: under device_hotplug_lock, except at boot.
 * Return: 0 or what @func returned.
 */
int walk_memory_blocks(unsigned long start, unsigned long size, void *arg,
		       walk_memory_blocks_func_t func)
{
	unsigned long bytes = mhp_block_nr_pages() << PAGE_SHIFT;
	unsigned long id, last;

	if (system_state >= SYSTEM_RUNNING)
		assert_device_hotplug_lock();
	if (!size)
		return 0;

	last = (start + size - 1) / bytes;
	for (id = start / bytes; id <= last; id++) {
		struct memory_block *mem = mhp_block_find(id);
		int error;

		if (!mem)
			continue;
		error = func(mem, arg);
		mhp_block_put(mem);
		if (error)
			return error;
	}
	return 0;
}

static int mhp_block_cmp(const void *a, const void *b)
{
	const struct memory_block *x = *(const struct memory_block **)a;
	const struct memory_block *y = *(const struct memory_block **)b;

	if (x->start_section_nr == y->start_section_nr)
		return 0;
	return x->start_section_nr < y->start_section_nr ? -1 : 1;
}

static void mhp_blocks_collect_range(struct mhp_blocks *blocks, struct mhp_range range)
{
	unsigned long per_block = mhp_block_nr_pages();
	unsigned long id;

	for (id = range.start / per_block; id < DIV_ROUND_UP(range.end, per_block); id++) {
		struct memory_block *mem = mhp_block_find(id);

		if (mem)
			blocks->mem[blocks->nr++] = mem;
	}
}

/* Ranges may share a block. */
static void mhp_blocks_sort(struct mhp_blocks *blocks)
{
	unsigned int i, nr = 0;

	sort(blocks->mem, blocks->nr, sizeof(*blocks->mem), mhp_block_cmp, NULL);
	for (i = 0; i < blocks->nr; i++) {
		if (nr && blocks->mem[nr - 1] == blocks->mem[i])
			mhp_block_put(blocks->mem[i]);
		else
			blocks->mem[nr++] = blocks->mem[i];
	}
	blocks->nr = nr;
}

/**
 * mhp_blocks_collect() - the blocks that ranges overlap
 * @blocks: To be filled; for mhp_blocks_release() on success.
 * @ranges: The ranges.
 * @nr_ranges: How many.
 * @gfp: For the list of them.
 *
 * Numbers without a block are passed over.
 *
 * Context: under device_hotplug_lock.
 * Return: 0 or -ENOMEM.
 */
int mhp_blocks_collect(struct mhp_blocks *blocks, const struct mhp_range *ranges,
		       unsigned int nr_ranges, gfp_t gfp)
{
	unsigned long per_block = mhp_block_nr_pages();
	size_t most = 0;
	unsigned int i;

	assert_device_hotplug_lock();
	for (i = 0; i < nr_ranges; i++)
		if (!mhp_range_empty(ranges[i]))
			most += DIV_ROUND_UP(ranges[i].end, per_block) -
				ranges[i].start / per_block;

	blocks->nr = 0;
	blocks->mem = kvcalloc(max(most, 1), sizeof(*blocks->mem), gfp);
	if (!blocks->mem)
		return -ENOMEM;
	for (i = 0; i < nr_ranges; i++)
		if (!mhp_range_empty(ranges[i]))
			mhp_blocks_collect_range(blocks, ranges[i]);
	mhp_blocks_sort(blocks);
	return 0;
}

/**
 * mhp_blocks_release() - drop what mhp_blocks_collect() collected
 * @blocks: The blocks; empty afterwards.
 */
void mhp_blocks_release(struct mhp_blocks *blocks)
{
	unsigned int i;

	for (i = 0; i < blocks->nr; i++)
		mhp_block_put(blocks->mem[i]);
	kvfree(blocks->mem);
	*blocks = (struct mhp_blocks) { };
}
