// SPDX-License-Identifier: GPL-2.0-only
/*
 * Isolates a memory block that is to go offline, says which page kept it from
 * that, and makes its pageblocks what they were where the block stays.
 *
 * Called by offline.c under device_hotplug_lock. A page in a CPU's LRU cache looks
 * unmovable, but to disable these is to wait for a grace period and all CPUs: so it
 * is done once for an operation, where a block was refused or is in use. Isolation
 * takes the zone's lock.
 */
#include <linux/device.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/swap.h>

#include "hotplug.h"
#include "offline.h"

/* Isolation may meet a page on its way between two lists: try again. */
#define MHP_ISOLATE_ATTEMPTS	5
#define MHP_ISOLATE_PAUSE_MS	10

/* Which page made isolation refuse? */
static int mhp_blame_isolation(struct mhp_op *op, const struct isolation *iso)
{
	if (iso->blame.class == PAGE_CLASS_NONE)
		return mhp_refuse(op, MHP_UNMOVABLE);
	return mhp_refuse_page(op, MHP_UNMOVABLE, iso->blame.pfn, iso->blame.class);
}

/**
 * mhp_quiesce_lru() - disable the LRU caches, unless that is done
 * @quiet: Are they disabled by this operation? Set.
 *
 * Context: sleeps.
 */
void mhp_quiesce_lru(bool *quiet)
{
	if (*quiet)
		return;
	lru_cache_disable();
	*quiet = true;
}

/**
 * mhp_resume_lru() - the reverse of mhp_quiesce_lru(), if that was called
 * @quiet: The same; cleared.
 */
void mhp_resume_lru(bool *quiet)
{
	if (*quiet)
		lru_cache_enable();
	*quiet = false;
}

/**
 * mhp_isolate_block() - isolate a block that is to go offline
 * @op: The operation, for its report.
 * @leaving: The block.
 * @quiet: For mhp_quiesce_lru().
 *
 * Context: under device_hotplug_lock; sleeps.
 * Return: 0; -EBUSY for a page that cannot move, or CMA; -EINTR for a signal.
 */
int mhp_isolate_block(struct mhp_op *op, struct mhp_leaving *leaving, bool *quiet)
{
	struct isolation *iso = &leaving->isolation;
	unsigned int attempt;

	assert_device_hotplug_lock();

	for (attempt = 0; attempt < MHP_ISOLATE_ATTEMPTS; attempt++) {
		bool was_quiet = *quiet;

		if (!isolate_range(iso)) {
			leaving->isolated = true;
			return 0;
		}
		if (signal_pending(current))
			return mhp_refuse(op, MHP_INTERRUPTED);
		if (page_class_is_fixed(iso->blame.class) && attempt)
			break;
		mhp_quiesce_lru(quiet);
		if (was_quiet)
			lru_add_drain_all();
		schedule_timeout_interruptible(msecs_to_jiffies(MHP_ISOLATE_PAUSE_MS));
	}
	return mhp_blame_isolation(op, iso);
}

/**
 * mhp_unisolate_block() - let a block be allocated from again
 * @leaving: The block. Nothing is done where it is not isolated.
 *
 * Each pageblock becomes what it was: else a refusal would make all of them
 * movable, and the kernel's own pages spread over more and more of the memory.
 */
void mhp_unisolate_block(struct mhp_leaving *leaving)
{
	if (!leaving->isolated)
		return;
	unisolate_range(&leaving->isolation);
	leaving->isolated = false;
}
