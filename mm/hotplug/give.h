/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages that come online are given to the page allocator: give.c, for online.c.
 * With the memory hotplug lock held for writing.
 */
#ifndef __MM_HOTPLUG_GIVE_H
#define __MM_HOTPLUG_GIVE_H

#include "range.h"

struct zone;

void mhp_give_prepare(struct zone *zone, struct mhp_range pages);
void mhp_give(struct zone *zone, struct mhp_range pages);
void mhp_give_finish(struct zone *zone, struct mhp_range pages);

#endif /* __MM_HOTPLUG_GIVE_H */
