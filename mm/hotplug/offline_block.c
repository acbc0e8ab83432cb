// SPDX-License-Identifier: GPL-2.0-only
/*
 * The second half of the offline operation: a block that is isolated and empty
 * is announced and taken from the page allocator; then it leaves its zone.
 *
 * Called by offline.c for one block after the other, under device_hotplug_lock and
 * with the memory hotplug lock held for writing. Notifiers hear of one block at a
 * time: a driver's may know nothing larger.
 */
#include <linux/device.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>

#include "hotplug.h"
#include "offline.h"
#include "../internal.h"

/**
 * struct mhp_offline_block - the commit of one of these blocks
 * @op: What every operation has.
 * @mem: The block.
 * @leaving: What is known of it.
 * @ev: The operation's evacuation.
 */
struct mhp_offline_block {
	struct mhp_op op;
	struct memory_block *mem;
	struct mhp_leaving *leaving;
	struct mhp_evacuation *ev;
};

static struct mhp_offline_block *to_offline_block(struct mhp_op *op)
{
	return container_of(op, struct mhp_offline_block, op);
}

static int mhp_commit_announce(struct mhp_op *op)
{
	struct mhp_leaving *leaving = to_offline_block(op)->leaving;
	int error;

	leaving->notify = (struct memory_notify) {
		.altmap_start_pfn = leaving->memmap.start,
		.altmap_nr_pages = mhp_range_pages(leaving->memmap),
		.start_pfn = leaving->pages.start,
		.nr_pages = mhp_range_pages(leaving->pages),
		.movable = zone_idx(leaving->zone) == ZONE_MOVABLE,
	};
	mhp_node_plan_offline(&leaving->notify, leaving->zone, mhp_block_nr_pages());
	error = mhp_notify_going_offline(&leaving->notify);
	return error ? mhp_refuse_error(op, MHP_VETOED, error) : 0;
}

static void mhp_commit_cancel(struct mhp_op *op)
{
	mhp_notify(MEM_CANCEL_OFFLINE, &to_offline_block(op)->leaving->notify);
}

static int mhp_commit_settle(struct mhp_op *op)
{
	struct mhp_offline_block *off = to_offline_block(op);
	struct mhp_op *asked = off->ev->op;
	int error;

	off->ev->op = op;
	error = mhp_settle(off->ev, off->leaving->zone, off->leaving->pages);
	off->ev->op = asked;
	return error;
}

/* A chunk at a time: the zone's lock is taken with interrupts off. */
static unsigned long mhp_detach_pages(struct mhp_range pages)
{
	unsigned long managed = 0, end;

	for (; pages.start < pages.end; pages.start = end) {
		end = min(pages.end, ALIGN(pages.start + 1, MAX_ORDER_NR_PAGES));
		managed += __offline_isolated_pages(pages.start, end);
	}
	return managed;
}

/* Take the free pages out of the buddy lists: from here on it has happened. */
static void mhp_commit_detach(struct mhp_op *op)
{
	struct mhp_leaving *leaving = to_offline_block(op)->leaving;
	struct zone *zone = leaving->zone;
	unsigned long managed;

	managed = mhp_detach_pages(leaving->pages);
	spin_lock_irq(&zone->lock);
	zone->nr_isolate_pageblock -= mhp_range_pages(leaving->pages) / pageblock_nr_pages;
	spin_unlock_irq(&zone->lock);
	leaving->isolated = false;
	adjust_managed_page_count(pfn_to_page(leaving->pages.start), -managed);
}

static void mhp_commit_account(struct mhp_op *op)
{
	struct mhp_offline_block *off = to_offline_block(op);
	struct mhp_leaving *leaving = off->leaving;

	mhp_account_present(leaving->zone, off->mem->group, leaving->pages.start,
			    -mhp_range_pages(leaving->pages));
	if (!mhp_range_empty(leaving->memmap))
		mhp_account_present(leaving->zone, off->mem->group,
				    leaving->memmap.start,
				    -mhp_range_pages(leaving->memmap));
}

static void mhp_commit_demote(struct mhp_op *op)
{
	struct mhp_offline_block *off = to_offline_block(op);
	struct mhp_leaving *leaving = off->leaving;
	struct zone *zone = leaving->zone;

	/* A node without memory must not come back into the zonelists. */
	mhp_node_lost_memory(&leaving->notify);
	if (!populated_zone(zone)) {
		mhp_unhush(off->ev);
		zone_pcp_reset(zone);
		build_all_zonelists(NULL);
	}
	mhp_node_stop_threads(&leaving->notify);
}

static void mhp_commit_tell(struct mhp_op *op)
{
	mhp_notify(MEM_OFFLINE, &to_offline_block(op)->leaving->notify);
}

static const struct mhp_step mhp_commit_steps[] = {
	{ "announce", .run = mhp_commit_announce, .undo = mhp_commit_cancel },
	{ "settle", .run = mhp_commit_settle },
	{ "detach", .finish = mhp_commit_detach },
	{ "account", .finish = mhp_commit_account },
	{ "demote", .finish = mhp_commit_demote },
	{ "tell", .finish = mhp_commit_tell },
};

/**
 * mhp_offline_commit_block() - take an isolated, emptied block from the allocator
 * @ev: The evacuation it was emptied by; its operation gets the report of a
 *	refusal.
 * @mem: The block.
 * @leaving: What is known of it; no longer isolated on success, and for
 *	mhp_offline_leave_block() then.
 *
 * Context: under device_hotplug_lock, the memory hotplug lock held for writing.
 *	The zone's per-CPU lists may be left disabled, for mhp_unhush().
 * Return: 0, the errno of a notifier's veto, or as mhp_evacuate(); the block is
 * still isolated then, and all who heard of it have heard the cancellation.
 */
int mhp_offline_commit_block(struct mhp_evacuation *ev, struct memory_block *mem,
			     struct mhp_leaving *leaving)
{
	struct mhp_range all = mhp_block_range(mem);
	struct mhp_offline_block off = {
		.op = {
			.name = "offline-block",
			.start_pfn = all.start,
			.end_pfn = all.end,
		},
		.mem = mem,
		.leaving = leaving,
		.ev = ev,
	};
	int error;

	assert_device_hotplug_lock();
	mhp_assert_write_locked();

	error = mhp_run_steps(&off.op, mhp_commit_steps, ARRAY_SIZE(mhp_commit_steps));
	if (error)
		ev->op->report = off.op.report;
	return error;
}

/**
 * mhp_offline_leave_block() - a block that was committed leaves its zone
 * @mem: The block; offline afterwards.
 * @leaving: What is known of it.
 *
 * Its memmap says nothing from here on: whoever remembered a pfn of it has
 * forgotten it.
 *
 * Context: under device_hotplug_lock, the memory hotplug lock held for writing.
 */
void mhp_offline_leave_block(struct memory_block *mem, struct mhp_leaving *leaving)
{
	assert_device_hotplug_lock();
	mhp_assert_write_locked();

	remove_pfn_range_from_zone(leaving->zone, leaving->pages.start,
				   mhp_range_pages(leaving->pages));
	if (!mhp_range_empty(leaving->memmap))
		mhp_selfhosted_deinit(leaving->memmap);
	mhp_notify(MEM_FINISH_OFFLINE, &leaving->notify);
	mem->zone = NULL;
	mhp_block_set_state(mem, MHP_BLOCK_OFFLINE);
}
