// SPDX-License-Identifier: GPL-2.0-only
/*
 * A memmap that lies in the memory block that it describes: its own pages.
 *
 * They are of the block's zone and present, but never the page allocator's. Called
 * by the online and offline operations around what they do to the rest of the
 * block, with the memory hotplug lock held for writing.
 */
#include <linux/kasan.h>
#include <linux/memremap.h>
#include <linux/mm.h>

#include "hotplug.h"

/* The last section is shared with the rest of the block, which puts it online. */
static struct mhp_range mhp_whole_sections(struct mhp_range memmap)
{
	unsigned long end = ALIGN_DOWN(memmap.end, PAGES_PER_SECTION);

	return mhp_range(memmap.start, max(memmap.start, end));
}

/**
 * mhp_selfhosted_init() - take the pages of a memmap into a zone
 * @zone: The zone that the block comes online to.
 * @memmap: The pages that the memmap lies in; of pageblocks.
 * @altmap: The block's.
 *
 * After MEM_PREPARE_ONLINE, as the memory cannot be accessed before, and before
 * anything is done to the rest of the block.
 *
 * Return: 0, or -ENOMEM; nothing is changed then.
 */
int mhp_selfhosted_init(struct zone *zone, struct mhp_range memmap,
			const struct vmem_altmap *altmap)
{
	unsigned long nr_pages = mhp_range_pages(memmap);
	struct mhp_range whole = mhp_whole_sections(memmap);
	unsigned long pfn;
	int error;

	error = kasan_add_zero_shadow(__va(PFN_PHYS(memmap.start)), PFN_PHYS(nr_pages));
	if (error)
		return error;

	/* Adding its section could not do that. */
	if (altmap->inaccessible)
		page_init_poison(pfn_to_page(memmap.start),
				 sizeof(struct page) * nr_pages);

	move_pfn_range_to_zone(zone, memmap.start, nr_pages, NULL, MIGRATE_UNMOVABLE);

	for (pfn = memmap.start; pfn < memmap.end; pfn++) {
		struct page *page = pfn_to_page(pfn);

		__ClearPageOffline(page);
		SetPageVmemmapSelfHosted(page);
	}

	if (!mhp_range_empty(whole))
		mhp_sections_online(whole);
	return 0;
}

/**
 * mhp_selfhosted_deinit() - the reverse of mhp_selfhosted_init()
 * @memmap: The same pages; the rest of the block has left the zone.
 */
void mhp_selfhosted_deinit(struct mhp_range memmap)
{
	struct zone *zone = page_zone(pfn_to_page(memmap.start));
	unsigned long nr_pages = mhp_range_pages(memmap);
	struct mhp_range whole = mhp_whole_sections(memmap);

	if (!mhp_range_empty(whole))
		mhp_sections_offline(whole);

	remove_pfn_range_from_zone(zone, memmap.start, nr_pages);
	kasan_remove_zero_shadow(__va(PFN_PHYS(memmap.start)), PFN_PHYS(nr_pages));
}
