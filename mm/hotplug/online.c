// SPDX-License-Identifier: GPL-2.0-only
/*
 * The online operation: a memory block's pages join a zone and are given to the
 * page allocator.
 *
 * Called by the view (a write to state or online), by plug.c (auto-online) and
 * by offline.c (a refused offline puts back what was offline already). Under
 * device_hotplug_lock; holds the memory hotplug lock for writing while a block
 * comes online.
 */
#include <linux/mm.h>
#include <linux/swap.h>
#include <linux/writeback.h>

#include "give.h"
#include "hotplug.h"
#include "../internal.h"

/**
 * struct mhp_online - one memory block on its way online
 * @op: What every operation has.
 * @mem: The block.
 * @type: What was asked for.
 * @zone: The zone it goes to. Given, or chosen from @type.
 * @memmap: The block's first pages, where they hold its own memmap.
 * @pages: The others.
 * @notify: What the notifiers are told.
 */
struct mhp_online {
	struct mhp_op op;
	struct memory_block *mem;
	enum mmop type;
	struct zone *zone;
	struct mhp_range memmap;
	struct mhp_range pages;
	struct memory_notify notify;
};

static struct mhp_online *to_online(struct mhp_op *op)
{
	return container_of(op, struct mhp_online, op);
}

static int mhp_online_claim(struct mhp_op *op)
{
	struct memory_block *mem = to_online(op)->mem;

	if (mem->state != MHP_BLOCK_OFFLINE)
		return mhp_refuse(op, MHP_WRONG_STATE);
	if (mhp_block_nr_poison(mem))
		return mhp_refuse(op, MHP_POISONED);
	mhp_block_set_state(mem, MHP_BLOCK_GOING_ONLINE);
	return 0;
}

static void mhp_online_unclaim(struct mhp_op *op)
{
	mhp_block_set_state(to_online(op)->mem, MHP_BLOCK_OFFLINE);
}

static int mhp_online_lock(struct mhp_op *op)
{
	mem_hotplug_begin();
	return 0;
}

static void mhp_online_unlock(struct mhp_op *op)
{
	mem_hotplug_done();
}

static int mhp_online_choose(struct mhp_op *op)
{
	struct mhp_online *on = to_online(op);

	if (!on->zone)
		on->zone = mhp_choose_zone(on->type, on->mem->nid, on->mem->group,
					   mhp_block_range(on->mem));
	return 0;
}

static int mhp_online_prepare(struct mhp_op *op)
{
	struct mhp_online *on = to_online(op);
	int error;

	on->notify = (struct memory_notify) {
		.altmap_start_pfn = on->memmap.start,
		.altmap_nr_pages = mhp_range_pages(on->memmap),
		.start_pfn = on->pages.start,
		.nr_pages = mhp_range_pages(on->pages),
		.status_change_nid_normal = NUMA_NO_NODE,
		.status_change_nid = NUMA_NO_NODE,
		.movable = zone_idx(on->zone) == ZONE_MOVABLE,
	};
	error = mhp_notify_prepare_online(&on->notify);
	return error ? mhp_refuse_error(op, MHP_VETOED, error) : 0;
}

static void mhp_online_unprepare(struct mhp_op *op)
{
	mhp_notify(MEM_FINISH_OFFLINE, &to_online(op)->notify);
}

static int mhp_online_host_memmap(struct mhp_op *op)
{
	struct mhp_online *on = to_online(op);
	int error;

	if (mhp_range_empty(on->memmap))
		return 0;
	error = mhp_selfhosted_init(on->zone, on->memmap, on->mem->altmap);
	return error ? mhp_refuse_error(op, MHP_NO_MEMORY, error) : 0;
}

static void mhp_online_unhost_memmap(struct mhp_op *op)
{
	struct mhp_online *on = to_online(op);

	if (!mhp_range_empty(on->memmap))
		mhp_selfhosted_deinit(on->memmap);
}

static int mhp_online_join(struct mhp_op *op)
{
	struct mhp_online *on = to_online(op);

	mhp_give_prepare(on->zone, on->pages);
	return 0;
}

static void mhp_online_leave(struct mhp_op *op)
{
	struct mhp_online *on = to_online(op);

	remove_pfn_range_from_zone(on->zone, on->pages.start,
				   mhp_range_pages(on->pages));
}

static int mhp_online_announce(struct mhp_op *op)
{
	struct mhp_online *on = to_online(op);
	int error;

	mhp_node_plan_online(&on->notify, on->zone);
	error = mhp_notify_going_online(&on->notify);
	return error ? mhp_refuse_error(op, MHP_VETOED, error) : 0;
}

static void mhp_online_give(struct mhp_op *op)
{
	struct mhp_online *on = to_online(op);

	/* Such a zone has no per-CPU lists of its own yet. */
	if (!populated_zone(on->zone))
		setup_zone_pageset(on->zone);
	mhp_give(on->zone, on->pages);
}

static void mhp_online_account(struct mhp_op *op)
{
	struct mhp_online *on = to_online(op);
	bool new_zone = !populated_zone(on->zone);

	mhp_account_present(on->zone, on->mem->group, on->pages.start,
			    mhp_range_pages(on->pages));
	if (!mhp_range_empty(on->memmap))
		mhp_account_present(on->zone, on->mem->group, on->memmap.start,
				    mhp_range_pages(on->memmap));
	on->mem->zone = on->zone;
	mhp_node_gained_memory(&on->notify);
	if (new_zone)
		build_all_zonelists(NULL);
}

static void mhp_online_release(struct mhp_op *op)
{
	struct mhp_online *on = to_online(op);

	mhp_give_finish(on->zone, on->pages);
	mhp_node_start_threads(zone_to_nid(on->zone));
}

static void mhp_online_tell(struct mhp_op *op)
{
	struct mhp_online *on = to_online(op);

	mhp_notify(MEM_ONLINE, &on->notify);
	mhp_block_set_state(on->mem, MHP_BLOCK_ONLINE);
}

static const struct mhp_step mhp_online_steps[] = {
	{ "claim", .run = mhp_online_claim, .undo = mhp_online_unclaim },
	{ "lock", .run = mhp_online_lock, .undo = mhp_online_unlock },
	{ "choose-zone", .run = mhp_online_choose },
	{ "prepare", .run = mhp_online_prepare, .undo = mhp_online_unprepare },
	{ "host-memmap", .run = mhp_online_host_memmap, .undo = mhp_online_unhost_memmap },
	{ "join-zone", .run = mhp_online_join, .undo = mhp_online_leave },
	{ "announce", .run = mhp_online_announce },
	{ "give", .finish = mhp_online_give },
	{ "account", .finish = mhp_online_account },
	{ "release", .finish = mhp_online_release },
	{ "tell", .finish = mhp_online_tell },
	{ "unlock", .finish = mhp_online_unlock },
};

/* What depends on how much memory there is; once for however many blocks. */
static void mhp_online_settle_totals(void)
{
	init_per_zone_wmark_min();
	writeback_set_ratelimit();
}

/* @zone: NULL: choose by @type. */
static int mhp_online_one(struct memory_block *mem, enum mmop type, struct zone *zone)
{
	struct mhp_range all = mhp_block_range(mem);
	unsigned long split = all.start + mhp_block_memmap_pages(mem);
	struct mhp_online on = {
		.op = {
			.name = "online",
			.start_pfn = all.start,
			.end_pfn = all.end,
		},
		.mem = mem,
		.type = type,
		.zone = zone,
		.memmap = mhp_range(all.start, split),
		.pages = mhp_range(split, all.end),
	};
	int error;

	error = mhp_run_steps(&on.op, mhp_online_steps, ARRAY_SIZE(mhp_online_steps));
	if (error)
		mhp_report_refusal(&on.op);
	return error;
}

/**
 * mhp_online_block() - bring one memory block online
 * @mem: The block.
 * @type: Where to; not MMOP_OFFLINE.
 *
 * For the view's bus callback, whose caller follows &memory_block.dev itself.
 *
 * Context: under device_hotplug_lock, may sleep.
 * Return: 0, also where it is online already; -EINVAL for a block in another
 * state, -EHWPOISON for one with hardware errors, -ENOMEM, or the errno of a
 * notifier's veto. Nothing has changed then.
 */
int mhp_online_block(struct memory_block *mem, enum mmop type)
{
	int error;

	assert_device_hotplug_lock();
	if (mem->state == MHP_BLOCK_ONLINE)
		return 0;
	error = mhp_online_one(mem, type, NULL);
	if (!error)
		mhp_online_settle_totals();
	return error;
}

/**
 * mhp_reonline_block() - put a block back that a refused operation took offline
 * @mem: The block.
 * @zone: The zone it was in.
 *
 * The caller has the view follow, and the totals with mhp_online_blocks() or by
 * itself.
 *
 * Context: under device_hotplug_lock, may sleep.
 * Return: as mhp_online_block().
 */
int mhp_reonline_block(struct memory_block *mem, struct zone *zone)
{
	int error;

	assert_device_hotplug_lock();
	error = mhp_online_one(mem, MMOP_ONLINE, zone);
	if (!error)
		mhp_online_settle_totals();
	return error;
}

/**
 * mhp_online_blocks() - bring memory blocks online, in order
 * @blocks: The blocks; those that are online already are passed over.
 * @type: Where to.
 *
 * Ends at the first refusal; what came online before stays so, for memory is
 * wanted.
 *
 * Context: under device_hotplug_lock, may sleep.
 * Return: 0, or as mhp_online_block() for the block that was refused.
 */
int mhp_online_blocks(struct mhp_blocks *blocks, enum mmop type)
{
	unsigned int i;
	int error = 0;

	assert_device_hotplug_lock();
	for (i = 0; i < blocks->nr && !error; i++) {
		struct memory_block *mem = blocks->mem[i];

		if (mem->state == MHP_BLOCK_ONLINE)
			continue;
		error = mhp_online_one(mem, type, NULL);
		if (!error)
			mhp_block_changed(mem);
	}
	mhp_online_settle_totals();
	return error;
}
