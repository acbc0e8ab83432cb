/* SPDX-License-Identifier: GPL-2.0-only */
/* What the store of memory blocks lets the boot population use. */
#ifndef __MM_HOTPLUG_BLOCK_H
#define __MM_HOTPLUG_BLOCK_H

#include <linux/memory.h>

/* block.c */
int mhp_block_init_size(void);
struct memory_block *mhp_block_alloc(unsigned long block_id);
int mhp_block_publish(struct memory_block *mem, enum mhp_block_state state);

#endif /* __MM_HOTPLUG_BLOCK_H */
