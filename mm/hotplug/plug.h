/* SPDX-License-Identifier: GPL-2.0-only */
/* What the add operation is asked for. */
#ifndef __MM_HOTPLUG_PLUG_H
#define __MM_HOTPLUG_PLUG_H

#include <linux/memory_hotplug.h>
#include <linux/types.h>

struct resource;

/* The name of memory that is not a driver's, in /proc/iomem and the firmware's map. */
#define SYSTEM_RAM	"System RAM"

/**
 * struct mhp_add_wish - memory to be added
 * @start: First physical address; of a memory block.
 * @size: In bytes; of memory blocks.
 * @nid: Its node, or a group's id where @flags say so.
 * @flags: MHP_ flags.
 * @name: What to reserve the range as.
 * @res: Instead of @name, where the caller has reserved the range.
 */
struct mhp_add_wish {
	u64 start;
	u64 size;
	int nid;
	mhp_t flags;
	const char *name;
	struct resource *res;
};

/* plug.c */
int mhp_add(const struct mhp_add_wish *wish);

#endif /* __MM_HOTPLUG_PLUG_H */
