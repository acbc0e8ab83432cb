// SPDX-License-Identifier: GPL-2.0-only
/*
 * The offline operation: one over all blocks of a range. They are isolated
 * (offline_isolate.c) before anything moves, so no page moves twice; then they are
 * committed block by block, in offline_block.c.
 *
 * Called by the view (a write to state or online) for one block, and by remove.c
 * for many. Under device_hotplug_lock; migrates without the memory hotplug lock,
 * which is held for writing over the commit of all blocks.
 */
#include <linux/device.h>
#include <linux/ioport.h>
#include <linux/ksm.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/writeback.h>

#include "hotplug.h"
#include "offline.h"
#include "../internal.h"

/* For kernel threads that set no limit themselves */
#define MHP_KTHREAD_TIMEOUT_MS	(120 * MSEC_PER_SEC)

/**
 * struct mhp_offline - memory blocks on their way offline
 * @op: What every operation has.
 * @blocks: The blocks, all online at the start.
 * @leaving: What is known of each.
 * @types: What the pageblocks of all were before they were isolated.
 * @nr_gone: Of the first ones, how many are offline.
 * @quiet: The LRU caches are disabled.
 * @ev: The emptying of them.
 */
struct mhp_offline {
	struct mhp_op op;
	struct mhp_blocks *blocks;
	struct mhp_leaving *leaving;
	u8 *types;
	unsigned int nr_gone;
	bool quiet;
	struct mhp_evacuation ev;
};

static struct mhp_offline *to_offline(struct mhp_op *op)
{
	return container_of(op, struct mhp_offline, op);
}

/**
 * struct mhp_ram - how far RAM without holes reaches
 * @next: The pfn behind it.
 */
struct mhp_ram {
	unsigned long next;
};

static int mhp_ram_extend(unsigned long start_pfn, unsigned long nr_pages, void *arg)
{
	struct mhp_ram *ram = arg;

	if (start_pfn != ram->next)
		return 1;
	ram->next += nr_pages;
	return 0;
}

static int mhp_check_holes(struct mhp_op *op, struct mhp_range pages)
{
	struct mhp_ram ram = { .next = pages.start };

	walk_system_ram_range(pages.start, mhp_range_pages(pages), &ram, mhp_ram_extend);
	if (ram.next >= pages.end)
		return 0;
	return mhp_refuse_page(op, MHP_HOLE, ram.next, PAGE_CLASS_HOLE);
}

static int mhp_check_block(struct mhp_op *op, const struct memory_block *mem,
			   struct mhp_leaving *leaving, u8 *types)
{
	struct mhp_range all = mhp_block_range(mem);
	unsigned long split = all.start + mhp_block_memmap_pages(mem);
	int error;

	*leaving = (struct mhp_leaving) {
		.zone = mem->zone,
		.memmap = mhp_range(all.start, split),
		.pages = mhp_range(split, all.end),
	};
	leaving->isolation = (struct isolation) {
		.start_pfn = split,
		.end_pfn = all.end,
		.migratetype = MIGRATE_MOVABLE,
		.flags = MEMORY_OFFLINE,
		.types = types,
	};
	if (mem->state != MHP_BLOCK_ONLINE)
		return mhp_refuse(op, MHP_WRONG_STATE);
	error = mhp_check_holes(op, leaving->pages);
	if (error)
		return error;
	if (!mem->zone ||
	    page_zone(pfn_to_page(split)) != mem->zone ||
	    page_zone(pfn_to_page(all.end - 1)) != mem->zone)
		return mhp_refuse(op, MHP_MANY_ZONES);
	return 0;
}

static void mhp_offline_unclaim(struct mhp_op *op)
{
	struct mhp_offline *off = to_offline(op);
	unsigned int i;

	for (i = 0; i < off->blocks->nr; i++)
		if (off->blocks->mem[i]->state == MHP_BLOCK_GOING_OFFLINE)
			mhp_block_set_state(off->blocks->mem[i], MHP_BLOCK_ONLINE);
}

static int mhp_offline_claim(struct mhp_op *op)
{
	struct mhp_offline *off = to_offline(op);
	unsigned long nr_types = isolation_nr_pageblocks(mhp_block_nr_pages());
	unsigned int i;
	int error;

	for (i = 0; i < off->blocks->nr; i++) {
		error = mhp_failpoint("offline", "claim-block",
				      mhp_block_start_pfn(off->blocks->mem[i]));
		if (!error)
			error = mhp_check_block(op, off->blocks->mem[i], &off->leaving[i],
						off->types + i * nr_types);
		if (error) {
			mhp_offline_unclaim(op);
			return error;
		}
		mhp_block_set_state(off->blocks->mem[i], MHP_BLOCK_GOING_OFFLINE);
	}
	return 0;
}

static int mhp_offline_admit(struct mhp_op *op)
{
	struct mhp_offline *off = to_offline(op);
	unsigned long nr_used = 0, nr_free = 0;
	unsigned int i;

	/* Most have that much room: nothing needs to be counted. */
	if (mhp_has_room(off->blocks->nr * mhp_block_nr_pages(), 0))
		return 0;
	for (i = 0; i < off->blocks->nr; i++)
		mhp_count_pages(off->leaving[i].pages, &nr_used, &nr_free);
	return mhp_has_room(nr_used, nr_free) ? 0 : mhp_refuse(op, MHP_NO_ROOM);
}

static void mhp_offline_resume(struct mhp_op *op)
{
	mhp_resume_lru(&to_offline(op)->quiet);
}

static void mhp_offline_unisolate(struct mhp_op *op)
{
	struct mhp_offline *off = to_offline(op);
	unsigned int i;

	for (i = 0; i < off->blocks->nr; i++)
		mhp_unisolate_block(&off->leaving[i]);
	mhp_offline_resume(op);
}

static int mhp_offline_isolate(struct mhp_op *op)
{
	struct mhp_offline *off = to_offline(op);
	unsigned int i;

	for (i = 0; i < off->blocks->nr; i++) {
		int error = mhp_failpoint("offline", "isolate-block",
					  off->leaving[i].pages.start);

		if (!error)
			error = mhp_isolate_block(op, &off->leaving[i], &off->quiet);
		if (error) {
			mhp_offline_unisolate(op);
			return error;
		}
	}
	return 0;
}

static int mhp_offline_evacuate(struct mhp_op *op)
{
	struct mhp_offline *off = to_offline(op);
	unsigned int i;

	for (i = 0; i < off->blocks->nr; i++) {
		struct mhp_leaving *leaving = &off->leaving[i];
		int error = mhp_failpoint("offline", "evacuate-block", leaving->pages.start);

		if (!error && leaving->isolation.in_use) {
			/* Pages in a CPU's batch could not be taken off the LRU lists. */
			mhp_quiesce_lru(&off->quiet);
			error = mhp_evacuate(&off->ev, leaving->pages);
		}
		if (error)
			return error;
	}
	return 0;
}

/* What depends on how much memory there is; once for however many blocks. */
static void mhp_offline_settle_totals(struct mhp_op *op)
{
	init_per_zone_wmark_min();
	writeback_set_ratelimit();
}

/*
 * The one undo that can itself be refused: it has an outcome of its own, and the
 * errno of the refusal that began it. All blocks are tried, the last one first.
 */
static void mhp_offline_restore(struct mhp_offline *off)
{
	bool complete = true;

	while (off->nr_gone) {
		unsigned int i = --off->nr_gone;

		if (!mhp_reonline_block(off->blocks->mem[i], off->leaving[i].zone))
			continue;
		mhp_block_changed(off->blocks->mem[i]);
		complete = false;
	}
	if (complete)
		return;
	off->op.report.outcome = MHP_NOT_RESTORED;
	mhp_offline_settle_totals(&off->op);
}

static int mhp_offline_commit_blocks(struct mhp_offline *off)
{
	unsigned int i;

	for (i = 0; i < off->blocks->nr; i++) {
		int error = mhp_offline_commit_block(&off->ev, off->blocks->mem[i],
						     &off->leaving[i]);

		if (error)
			return error;
		off->nr_gone++;
		cond_resched();
	}
	return 0;
}

/* One walk of what KSM has for each run of blocks, in place of one for each. */
static void mhp_offline_forget(const struct mhp_offline *off)
{
	unsigned int i = 0;

	while (i < off->nr_gone) {
		struct mhp_range run = mhp_block_range(off->blocks->mem[i]);

		while (++i < off->nr_gone) {
			struct mhp_range next = mhp_block_range(off->blocks->mem[i]);

			if (next.start != run.end)
				break;
			run.end = next.end;
		}
		ksm_forget_range(run.start, run.end);
	}
}

/*
 * Blocks leave their zones when all are out of the allocator: what might remember
 * a pfn of theirs can then be asked to forget it once, as none comes into use again.
 */
static void mhp_offline_leave(const struct mhp_offline *off)
{
	unsigned int i;

	mhp_offline_forget(off);
	for (i = 0; i < off->nr_gone; i++) {
		mhp_offline_leave_block(off->blocks->mem[i], &off->leaving[i]);
		cond_resched();
	}
}

static int mhp_offline_commit(struct mhp_op *op)
{
	struct mhp_offline *off = to_offline(op);
	int error;

	mem_hotplug_begin();
	error = mhp_offline_commit_blocks(off);
	mhp_unhush(&off->ev);
	mhp_offline_leave(off);
	mem_hotplug_done();
	if (error)
		mhp_offline_restore(off);
	return error;
}

static const struct mhp_step mhp_offline_steps[] = {
	{ "claim", .run = mhp_offline_claim, .undo = mhp_offline_unclaim },
	{ "admit", .run = mhp_offline_admit },
	{ "isolate", .run = mhp_offline_isolate, .undo = mhp_offline_unisolate },
	{ "evacuate", .run = mhp_offline_evacuate },
	{ "commit", .run = mhp_offline_commit },
	{ "resume", .finish = mhp_offline_resume },
	{ "settle-totals", .finish = mhp_offline_settle_totals },
};

static int mhp_offline_alloc(struct mhp_offline *off)
{
	off->leaving = kvcalloc(off->blocks->nr, sizeof(*off->leaving), GFP_KERNEL);
	off->types = kvcalloc(off->blocks->nr, isolation_nr_pageblocks(mhp_block_nr_pages()),
			      GFP_KERNEL);
	if (!off->leaving || !off->types)
		return mhp_refuse(&off->op, MHP_NO_MEMORY);
	return 0;
}

static void mhp_offline_free(struct mhp_offline *off)
{
	kvfree(off->types);
	kvfree(off->leaving);
}

/**
 * mhp_offline_blocks() - take memory blocks offline, all or none
 * @blocks: The blocks, in address order, all online; at least one.
 * @timeout_ms: Give up after so long; 0: never, a signal apart. A kernel thread, to
 *	which nobody sends one, gives up after two minutes then.
 *
 * The view does not follow: the caller has it do so with mhp_block_changed(), or
 * is the view's own callback. Blocks that could not be restored after a refusal
 * (it needs a veto of MEM_GOING_OFFLINE and then one of MEM_GOING_ONLINE) stay
 * offline; the view follows these, and the log says so.
 *
 * Context: under device_hotplug_lock; sleeps, for as long as it takes.
 * Return: 0, or
 * * -EBUSY for a page that cannot move, or CMA in the range
 * * -EINVAL for a block in another state, with a hole, or of several zones
 * * -ENOMEM where what is in use fits nowhere else
 * * -EINTR for a signal
 * * -ETIMEDOUT where time is up
 * * the errno of a notifier's veto.
 */
int mhp_offline_blocks(struct mhp_blocks *blocks, unsigned int timeout_ms)
{
	struct mhp_offline off = {
		.op = {
			.name = "offline",
			.start_pfn = mhp_block_range(blocks->mem[0]).start,
			.end_pfn = mhp_block_range(blocks->mem[blocks->nr - 1]).end,
		},
		.blocks = blocks,
	};
	int error;

	assert_device_hotplug_lock();
	off.ev.op = &off.op;
	if (!timeout_ms && current->flags & PF_KTHREAD)
		timeout_ms = MHP_KTHREAD_TIMEOUT_MS;
	if (timeout_ms)
		off.ev.deadline = jiffies + msecs_to_jiffies(timeout_ms) ?: 1;

	error = mhp_offline_alloc(&off);
	if (!error)
		error = mhp_run_steps(&off.op, mhp_offline_steps,
				      ARRAY_SIZE(mhp_offline_steps));
	mhp_offline_free(&off);
	if (error)
		mhp_report_refusal(&off.op);
	return error;
}

/**
 * mhp_offline_block() - take one memory block offline
 * @mem: The block.
 *
 * For the view's bus callback, whose caller follows &memory_block.dev itself.
 *
 * Context: under device_hotplug_lock; sleeps, for as long as it takes.
 * Return: 0, also where it is offline already, or as mhp_offline_blocks().
 */
int mhp_offline_block(struct memory_block *mem)
{
	struct mhp_blocks one = { .mem = &mem, .nr = 1 };

	assert_device_hotplug_lock();
	if (mem->state == MHP_BLOCK_OFFLINE)
		return 0;
	return mhp_offline_blocks(&one, 0);
}
