// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory blocks that boot found, and the zone of each.
 *
 * Called by the view's memory_dev_init() and by drivers/base/node.c, which links
 * blocks and nodes. Under device_hotplug_lock.
 */
#include <linux/mm.h>
#include <linux/sched.h>

#include "hotplug.h"
#include "block.h"

/*
 * The one zone of node @nid that a boot-time block lies in. Zones of a node do
 * not overlap at boot, so the spans tell.
 */
static struct zone *mhp_boot_zone(const struct memory_block *mem, int nid)
{
	struct mhp_range range = mhp_block_range(mem);
	struct zone *zones = NODE_DATA(nid)->node_zones, *found = NULL;
	int i;

	for (i = 0; i < MAX_NR_ZONES; i++) {
		struct zone *zone = &zones[i];

		if (!populated_zone(zone) ||
		    !zone_intersects(zone, range.start, mhp_range_pages(range)))
			continue;
		if (found)
			return NULL;
		found = zone;
	}
	return found;
}

#ifdef CONFIG_NUMA
/**
 * memory_block_add_nid() - a node has RAM in a block
 * @mem: The block.
 * @nid: The node.
 * @context: At boot the block's zone is found on the way; a second node leaves
 *	it without one, so it can never go offline.
 *
 * Context: drivers/base/node.c, when it links block and node.
 */
void memory_block_add_nid(struct memory_block *mem, int nid,
			  enum meminit_context context)
{
	if (context == MEMINIT_EARLY && mem->nid != nid)
		mem->zone = mem->nid == NUMA_NO_NODE ? mhp_boot_zone(mem, nid) : NULL;
	mem->nid = nid;
}
#endif

static bool __init mhp_block_has_ram(unsigned long block_id)
{
	unsigned long per_block = mhp_block_nr_pages() / PAGES_PER_SECTION;
	unsigned long nr = block_id * per_block;
	unsigned long end = nr + per_block;

	for (; nr < end; nr++)
		if (present_section_nr(nr))
			return true;
	return false;
}

static int __init mhp_block_create_boot(unsigned long block_id)
{
	struct memory_block *mem = mhp_block_alloc(block_id);

	if (!mem)
		return -ENOMEM;
	if (!IS_ENABLED(CONFIG_NUMA)) {
		mem->nid = 0;
		mem->zone = mhp_boot_zone(mem, 0);
	}
	return mhp_block_publish(mem, MHP_BLOCK_ONLINE);
}

/**
 * mhp_blocks_init() - make a block, online, wherever boot found RAM
 *
 * Context: boot, once, under device_hotplug_lock, the view registered.
 * Return: 0, -EINVAL for a block size that cannot be, -ENOMEM, or the view's
 * errno.
 */
int __init mhp_blocks_init(void)
{
	unsigned long id, last;
	int error = mhp_block_init_size();

	if (error)
		return error;

	last = section_nr_to_pfn(__highest_present_section_nr) / mhp_block_nr_pages();
	for (id = 0; id <= last; id++) {
		if (!mhp_block_has_ram(id))
			continue;
		error = mhp_block_create_boot(id);
		if (error)
			return error;
		cond_resched();
	}
	return 0;
}
