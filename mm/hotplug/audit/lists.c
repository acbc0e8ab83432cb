// SPDX-License-Identifier: GPL-2.0-only
/*
 * Audit of the page allocator's free lists: each page is what its list says, and
 * the counters are what the lists hold.
 *
 * Holds a zone's lock with interrupts off while it goes through all its lists.
 */
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/page-isolation.h>
#include <linux/vmstat.h>

#include "audit.h"
#include "../../internal.h"

/* Enough for what another CPU is in the middle of */
#define MHP_MOST_LOOKS	10000

/**
 * struct mhp_free - what the lists of a zone hold, in pages
 * @nr_pages: But for those in isolated pageblocks.
 * @nr_cma: Of CMA areas.
 */
struct mhp_free {
	unsigned long nr_pages;
	unsigned long nr_cma;
};

static const char *mhp_wrong_with_free(const struct zone *zone, struct page *page,
				       unsigned int order, int migratetype)
{
	unsigned long pfn = page_to_pfn(page);

	if (!PageBuddy(page))
		return "is not free";
	if (buddy_order(page) != order)
		return "is of another order";
	if (!IS_ALIGNED(pfn, 1UL << order))
		return "is not aligned";
	if (page_zone(page) != zone)
		return "is of another zone";
	if (!pfn_to_online_page(pfn) || !zone_spans_pfn(zone, pfn))
		return "is not of the zone's span";
	if (get_pageblock_migratetype(page) != migratetype)
		return "is of another migratetype";
	return NULL;
}

static unsigned long mhp_audit_list(struct mhp_audit *audit, struct zone *zone,
				    unsigned int order, int migratetype)
{
	struct free_area *area = &zone->free_area[order];
	unsigned long nr = 0;
	struct page *page;

	list_for_each_entry(page, &area->free_list[migratetype], buddy_list) {
		const char *wrong = mhp_wrong_with_free(zone, page, order, migratetype);

		if (wrong)
			mhp_audit_broken(audit, "%s of node %d, order %u, %s: pfn %#lx %s",
					 zone->name, zone_to_nid(zone), order,
					 migratetype_names[migratetype],
					 page_to_pfn(page), wrong);
		nr++;
	}
	return nr;
}

static void mhp_audit_order(struct mhp_audit *audit, struct zone *zone,
			    unsigned int order, struct mhp_free *free)
{
	unsigned long total = 0;
	int migratetype;

	for (migratetype = 0; migratetype < MIGRATE_TYPES; migratetype++) {
		unsigned long nr = mhp_audit_list(audit, zone, order, migratetype);

		total += nr;
		if (!is_migrate_isolate(migratetype))
			free->nr_pages += nr << order;
		if (is_migrate_cma(migratetype))
			free->nr_cma += nr << order;
	}
	if (total != zone->free_area[order].nr_free)
		mhp_audit_broken(audit, "%s of node %d, order %u: %lu are free, %lu are counted",
				 zone->name, zone_to_nid(zone), order, total,
				 zone->free_area[order].nr_free);
}

/*
 * Another CPU may be about to add what it has counted to the sum: it does not need
 * the zone's lock for that, and for a moment it stands in neither.
 */
static bool mhp_is_counted(struct zone *zone, enum zone_stat_item item,
			   unsigned long expected)
{
	unsigned int tries;

	for (tries = 0; tries < MHP_MOST_LOOKS; tries++) {
		if (zone_page_state_snapshot(zone, item) == expected)
			return true;
		cpu_relax();
	}
	return false;
}

static void mhp_audit_zone_lists(struct mhp_audit *audit, struct zone *zone)
{
	struct mhp_free free = { };
	unsigned int order;
	unsigned long flags;

	spin_lock_irqsave(&zone->lock, flags);
	for (order = 0; order < NR_PAGE_ORDERS; order++)
		mhp_audit_order(audit, zone, order, &free);
	if (!mhp_is_counted(zone, NR_FREE_PAGES, free.nr_pages))
		mhp_audit_broken(audit, "%s of node %d: %lu pages are free, %lu are counted",
				 zone->name, zone_to_nid(zone), free.nr_pages,
				 zone_page_state_snapshot(zone, NR_FREE_PAGES));
	if (!mhp_is_counted(zone, NR_FREE_CMA_PAGES, free.nr_cma))
		mhp_audit_broken(audit, "%s of node %d: %lu pages of CMA are free, %lu are counted",
				 zone->name, zone_to_nid(zone), free.nr_cma,
				 zone_page_state_snapshot(zone, NR_FREE_CMA_PAGES));
	spin_unlock_irqrestore(&zone->lock, flags);
}

void mhp_audit_free_lists(struct mhp_audit *audit)
{
	struct zone *zone;

	for_each_populated_zone(zone) {
		mhp_audit_zone_lists(audit, zone);
		cond_resched();
	}
}
