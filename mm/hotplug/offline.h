/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the offline operation share. */
#ifndef __MM_HOTPLUG_OFFLINE_H
#define __MM_HOTPLUG_OFFLINE_H

#include "hotplug.h"
#include "../isolation/isolation.h"

/**
 * struct mhp_leaving - what an offline operation knows of one of its blocks
 * @zone: Its zone, to which it returns where the operation is refused later.
 * @pages: Its pages, but for those that hold its own memmap.
 * @memmap: Those.
 * @isolation: The isolation of @pages, which knows what their pageblocks were.
 * @isolated: @pages are isolated.
 * @notify: What the notifiers are told.
 */
struct mhp_leaving {
	struct zone *zone;
	struct mhp_range pages;
	struct mhp_range memmap;
	struct isolation isolation;
	bool isolated;
	struct memory_notify notify;
};

/* offline_isolate.c */
void mhp_quiesce_lru(bool *quiet);
void mhp_resume_lru(bool *quiet);
int mhp_isolate_block(struct mhp_op *op, struct mhp_leaving *leaving, bool *quiet);
void mhp_unisolate_block(struct mhp_leaving *leaving);

/* offline_block.c */
int mhp_offline_commit_block(struct mhp_evacuation *ev, struct memory_block *mem,
			     struct mhp_leaving *leaving);
void mhp_offline_leave_block(struct memory_block *mem, struct mhp_leaving *leaving);

#endif /* __MM_HOTPLUG_OFFLINE_H */
