// SPDX-License-Identifier: GPL-2.0-only
/*
 * The store of memory blocks and the table of their states. No sysfs: devices
 * are made and unmade by the registered view (drivers/base/memory.c).
 *
 * Called by plug.c, remove.c, online.c and offline.c, and by the view. All of it
 * under device_hotplug_lock but for the counting of poisoned pages, which looks
 * blocks up under RCU.
 */
#include <linux/device.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "hotplug.h"
#include "block.h"
#include "block_state.h"

#include <trace/events/memory_hotplug.h>

/* Indexed by block id: its first section's number, in blocks. */
static DEFINE_XARRAY(mhp_blocks);

/* Blocks in each state, device_hotplug_lock */
static unsigned long mhp_nr_in_state[NR_MHP_BLOCK_STATES];

/* Constant after boot */
static unsigned long sections_per_block __ro_after_init = 1;
static const struct mhp_view *mhp_view;

/**
 * memory_block_size_bytes() - the size of a memory block
 *
 * Architectures may override it. A power of two of at least a section.
 *
 * Return: the size in bytes.
 */
unsigned long __weak memory_block_size_bytes(void)
{
	return MIN_MEMORY_BLOCK_SIZE;
}
EXPORT_SYMBOL_GPL(memory_block_size_bytes);

/**
 * mhp_block_init_size() - fix the size of memory blocks for good
 *
 * Context: boot, once.
 * Return: 0, or -EINVAL for a size that cannot be.
 */
int __init mhp_block_init_size(void)
{
	unsigned long size = memory_block_size_bytes();

	if (!is_power_of_2(size) || size < MIN_MEMORY_BLOCK_SIZE) {
		pr_err("memory blocks of %#lx bytes cannot be\n", size);
		return -EINVAL;
	}
	sections_per_block = size / MIN_MEMORY_BLOCK_SIZE;
	return 0;
}

/**
 * mhp_block_nr_pages() - pages in a memory block
 *
 * Return: the pages.
 */
unsigned long mhp_block_nr_pages(void)
{
	return sections_per_block * PAGES_PER_SECTION;
}

/**
 * mhp_block_id() - a block's number, the N of memoryN
 * @mem: The block.
 *
 * Return: the number.
 */
unsigned long mhp_block_id(const struct memory_block *mem)
{
	return mem->start_section_nr / sections_per_block;
}

/**
 * mhp_block_start_pfn() - a block's first page
 * @mem: The block.
 *
 * Return: the pfn.
 */
unsigned long mhp_block_start_pfn(const struct memory_block *mem)
{
	return section_nr_to_pfn(mem->start_section_nr);
}

/**
 * mhp_block_range() - all the pages of a block
 * @mem: The block.
 *
 * Return: the range, a self-hosted memmap included.
 */
struct mhp_range mhp_block_range(const struct memory_block *mem)
{
	unsigned long start = mhp_block_start_pfn(mem);

	return mhp_range(start, start + mhp_block_nr_pages());
}

/**
 * mhp_block_memmap_pages() - pages at a block's start that hold its own memmap
 * @mem: The block.
 *
 * Return: the pages, 0 where the memmap lies elsewhere.
 */
unsigned long mhp_block_memmap_pages(const struct memory_block *mem)
{
	return mem->altmap ? mem->altmap->free : 0;
}

/**
 * mhp_block_find() - look a block up
 * @block_id: Its number.
 *
 * Context: any that may read under RCU; device_hotplug_lock for a block that is
 * to stay.
 * Return: the block with a reference, for mhp_block_put(), or NULL.
 */
struct memory_block *mhp_block_find(unsigned long block_id)
{
	struct memory_block *mem;

	guard(rcu)();
	mem = xa_load(&mhp_blocks, block_id);
	if (mem && !kobject_get_unless_zero(&mem->dev.kobj))
		return NULL;
	return mem;
}

/**
 * mhp_block_put() - drop the reference of mhp_block_find()
 * @mem: The block.
 */
void mhp_block_put(struct memory_block *mem)
{
	put_device(&mem->dev);
}

/**
 * find_memory_block() - look a block up by one of its sections
 * @section_nr: The section's number.
 *
 * Context: as mhp_block_find().
 * Return: the block with a reference to &memory_block.dev, or NULL.
 */
struct memory_block *find_memory_block(unsigned long section_nr)
{
	return mhp_block_find(section_nr / sections_per_block);
}

/**
 * mhp_block_set_state() - the one way by which a block changes its state
 * @mem: The block.
 * @state: Its new state.
 *
 * Context: under device_hotplug_lock.
 */
void mhp_block_set_state(struct memory_block *mem, enum mhp_block_state state)
{
	assert_device_hotplug_lock();
	if (WARN_ON_ONCE(!mhp_block_state_allowed(mem->state, state)))
		return;

	trace_mhp_block_state(mhp_block_id(mem), mhp_block_state_name(mem->state),
			      mhp_block_state_name(state));
	if (mem->state != MHP_BLOCK_ABSENT)
		mhp_nr_in_state[mem->state]--;
	if (state != MHP_BLOCK_ABSENT)
		mhp_nr_in_state[state]++;
	WRITE_ONCE(mem->state, state);
}

/**
 * mhp_block_nr_in_state() - how many blocks are in a state
 * @state: The state; MHP_BLOCK_ABSENT has none.
 *
 * Context: under device_hotplug_lock.
 * Return: the number.
 */
unsigned long mhp_block_nr_in_state(enum mhp_block_state state)
{
	assert_device_hotplug_lock();
	return mhp_nr_in_state[state];
}

/**
 * mhp_view_register() - say who shows the blocks
 * @view: The view, for good.
 *
 * Context: once, at boot.
 */
void mhp_view_register(const struct mhp_view *view)
{
	mhp_view = view;
}

/**
 * mhp_block_alloc() - a block that nobody knows of yet
 * @block_id: Its number.
 *
 * Return: the block, absent and without node, or NULL.
 */
struct memory_block *mhp_block_alloc(unsigned long block_id)
{
	struct memory_block *mem = kzalloc(sizeof(*mem), GFP_KERNEL);

	if (!mem)
		return NULL;
	mem->start_section_nr = block_id * sections_per_block;
	mem->nid = NUMA_NO_NODE;
	INIT_LIST_HEAD(&mem->group_next);
	return mem;
}

/**
 * mhp_block_free() - free a block that nobody refers to
 * @mem: The block, its view gone.
 *
 * Context: any; called by the view from its device's release function.
 */
void mhp_block_free(struct memory_block *mem)
{
	WARN_ON(mem->altmap);
	kfree_rcu(mem, rcu);
}

/**
 * mhp_block_publish() - show a block, then let it be found
 * @mem: Of mhp_block_alloc(); gone on an error.
 * @state: Its first state.
 *
 * Context: under device_hotplug_lock, the memory hotplug lock not held.
 * Return: 0, -EEXIST where there is one of that number, -ENOMEM, or the view's
 * errno.
 */
int mhp_block_publish(struct memory_block *mem, enum mhp_block_state state)
{
	unsigned long id = mhp_block_id(mem);
	int error;

	assert_device_hotplug_lock();
	mhp_assert_not_locked();

	if (xa_load(&mhp_blocks, id)) {
		kfree(mem);
		return -EEXIST;
	}
	error = xa_reserve(&mhp_blocks, id, GFP_KERNEL);
	if (error) {
		kfree(mem);
		return error;
	}
	mhp_block_set_state(mem, state);
	error = mhp_view->added(mem);
	if (error) {
		mhp_nr_in_state[state]--;
		xa_release(&mhp_blocks, id);
		return error;
	}
	xa_store(&mhp_blocks, id, mem, GFP_KERNEL);
	return 0;
}

/**
 * mhp_block_create() - make a new block, offline
 * @block_id: Its number.
 * @nid: Its node.
 * @altmap: Set where its memmap lies in its own first pages; handed over on
 *	success.
 * @group: The group it joins, or NULL.
 *
 * Context: under device_hotplug_lock, the memory hotplug lock not held; its
 * sections are present.
 * Return: 0, -ENOMEM, -EEXIST where there is one already, or the view's errno.
 */
int mhp_block_create(unsigned long block_id, int nid, struct vmem_altmap *altmap,
		     struct memory_group *group)
{
	struct memory_block *mem = mhp_block_alloc(block_id);
	int error;

	if (!mem)
		return -ENOMEM;
	mem->nid = nid;
	mem->group = group;
	error = mhp_block_publish(mem, MHP_BLOCK_OFFLINE);
	if (error)
		return error;
	mem->altmap = altmap;
	if (group)
		list_add_tail(&mem->group_next, &group->memory_blocks);
	return 0;
}

/**
 * mhp_block_announce() - tell user space of a block that is there to stay
 * @mem: The block.
 *
 * Context: under device_hotplug_lock, the memory hotplug lock not held.
 */
void mhp_block_announce(struct memory_block *mem)
{
	assert_device_hotplug_lock();
	mhp_assert_not_locked();
	mhp_view->announce(mem);
}

/**
 * mhp_block_changed() - have the view follow a block's state
 * @mem: The block, brought on- or offline by a range operation.
 *
 * Context: under device_hotplug_lock, the memory hotplug lock not held.
 */
void mhp_block_changed(struct memory_block *mem)
{
	assert_device_hotplug_lock();
	mhp_assert_not_locked();
	mhp_view->changed(mem);
}

/**
 * mhp_block_destroy() - unmake a block
 * @mem: The block, offline; the caller has a reference of its own.
 *
 * Context: under device_hotplug_lock, the memory hotplug lock not held.
 * Return: the altmap of a self-hosted memmap, now the caller's, or NULL.
 */
struct vmem_altmap *mhp_block_destroy(struct memory_block *mem)
{
	struct vmem_altmap *altmap = mem->altmap;

	mhp_assert_not_locked();
	mhp_block_set_state(mem, MHP_BLOCK_ABSENT);
	xa_erase(&mhp_blocks, mhp_block_id(mem));
	mem->altmap = NULL;
	if (mem->group)
		list_del_init(&mem->group_next);
	mhp_view->removed(mem);
	return altmap;
}

/**
 * mhp_node_has_blocks() - does any block belong to a node?
 * @nid: The node.
 *
 * A boot-time block with several nodes counts for one of them; it is online for
 * good and spanned by all.
 *
 * Context: under device_hotplug_lock.
 * Return: true where one does.
 */
bool mhp_node_has_blocks(int nid)
{
	struct memory_block *mem;
	unsigned long id;

	assert_device_hotplug_lock();
	xa_for_each(&mhp_blocks, id, mem)
		if (mem->nid == nid)
			return true;
	return false;
}

#ifdef CONFIG_MEMORY_FAILURE
/**
 * memblk_nr_poison_inc() - a page of a block has a hardware error
 * @pfn: The page.
 */
void memblk_nr_poison_inc(unsigned long pfn)
{
	struct memory_block *mem = find_memory_block(pfn_to_section_nr(pfn));

	if (!mem)
		return;
	atomic_long_inc(&mem->nr_hwpoison);
	mhp_block_put(mem);
}

/**
 * memblk_nr_poison_sub() - pages of a block have a hardware error no longer
 * @pfn: One of the pages.
 * @i: How many.
 */
void memblk_nr_poison_sub(unsigned long pfn, long i)
{
	struct memory_block *mem = find_memory_block(pfn_to_section_nr(pfn));

	if (!mem)
		return;
	atomic_long_sub(i, &mem->nr_hwpoison);
	mhp_block_put(mem);
}
#endif

/**
 * mhp_block_nr_poison() - pages of a block that have a hardware error
 * @mem: The block.
 *
 * Return: the number.
 */
unsigned long mhp_block_nr_poison(const struct memory_block *mem)
{
#ifdef CONFIG_MEMORY_FAILURE
	return atomic_long_read(&mem->nr_hwpoison);
#else
	return 0;
#endif
}
