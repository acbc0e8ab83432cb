/* SPDX-License-Identifier: GPL-2.0-only */
/* Which states a memory block may go through. */
#ifndef __MM_HOTPLUG_BLOCK_STATE_H
#define __MM_HOTPLUG_BLOCK_STATE_H

#include <linux/memory.h>

/* block_state.c */
bool mhp_block_state_allowed(enum mhp_block_state from, enum mhp_block_state to);

#endif /* __MM_HOTPLUG_BLOCK_STATE_H */
