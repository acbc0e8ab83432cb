// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which page keeps a range from going offline: the reason that a refusal gives.
 *
 * Called by evacuate.c under device_hotplug_lock, so that the memory stays.
 * Takes no lock: pages change while they are looked at, so an answer is a good
 * guess that the caller checks again. What a page is: mm/isolation/classify.c.
 */
#include <linux/device.h>
#include <linux/mm.h>

#include "hotplug.h"
#include "../isolation/isolation.h"

/* How much a class stands in the way; the worst one is blamed. */
enum mhp_weight {
	MHP_WEIGHT_NONE,
	MHP_WEIGHT_DRIVER,	/* a driver may let go of it */
	MHP_WEIGHT_MOVABLE,
	MHP_WEIGHT_FIXED,
};

static enum mhp_weight mhp_weigh(enum page_class class)
{
	if (page_class_is_vacant(class))
		return MHP_WEIGHT_NONE;
	if (class == PAGE_CLASS_OFFLINE)
		return MHP_WEIGHT_DRIVER;
	return page_class_is_fixed(class) ? MHP_WEIGHT_FIXED : MHP_WEIGHT_MOVABLE;
}

/* Why does a page that can move stay? */
static enum page_class mhp_look_closer(unsigned long pfn, enum page_class class)
{
	if ((class == PAGE_CLASS_LRU || class == PAGE_CLASS_TRANSIT) &&
	    page_is_held(pfn_to_page(pfn)))
		return PAGE_CLASS_PINNED;
	return class;
}

/**
 * mhp_first_in_the_way() - the page that keeps a range from going offline
 * @start_pfn: First page of the range.
 * @end_pfn: The one after the last.
 * @class: Set to the page's class; PAGE_CLASS_NONE where no page is in the way.
 *
 * Blames the first page that is fixed; where there is none, the first one that
 * could move and did not; then the first one that a driver holds.
 *
 * Context: under device_hotplug_lock, all of the range online.
 * Return: the page's pfn, @end_pfn where no page is in the way.
 */
unsigned long mhp_first_in_the_way(unsigned long start_pfn, unsigned long end_pfn,
				   enum page_class *class)
{
	unsigned long pfn = start_pfn, found = end_pfn;
	enum mhp_weight worst = MHP_WEIGHT_NONE;

	assert_device_hotplug_lock();

	*class = PAGE_CLASS_NONE;
	while (pfn < end_pfn && worst < MHP_WEIGHT_FIXED) {
		struct page *page = pfn_to_online_page(pfn);
		enum page_class this = page ? page_class(page) : PAGE_CLASS_HOLE;

		if (mhp_weigh(this) > worst) {
			worst = mhp_weigh(this);
			found = pfn;
			*class = this;
		}
		if (!(pfn % pageblock_nr_pages))
			cond_resched();
		pfn += page ? page_class_nr_pages(page, this) : 1;
	}
	*class = mhp_look_closer(found, *class);
	return found;
}
