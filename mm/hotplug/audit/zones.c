// SPDX-License-Identifier: GPL-2.0-only
/*
 * Audit of zones: what they span, what is present, managed, contiguous and
 * isolated, against a look at all pageblocks.
 *
 * The memory of boot has holes whose pages belong to some zone, too: reserved, and
 * not counted. Of such sections the audit demands less.
 */
#include <linux/cleanup.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/page-isolation.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "audit.h"
#include "../../internal.h"

/* Where pages are counted whose zone no node has: behind all that there are */
static unsigned int mhp_seen_astray(void)
{
	return nr_node_ids * MAX_NR_ZONES;
}

static unsigned int mhp_seen_index(const struct page *page)
{
	unsigned int nid = page_to_nid(page), zone = page_zonenum(page);

	if (nid >= nr_node_ids || zone >= MAX_NR_ZONES)
		return mhp_seen_astray();
	return nid * MAX_NR_ZONES + zone;
}

/* @nr_pages: From @page on, all of one zone. */
static void mhp_see_pages(struct mhp_seen *zones, struct page *page, unsigned long nr_pages)
{
	unsigned int index = mhp_seen_index(page);
	struct mhp_seen *seen = &zones[index];
	unsigned long pfn = page_to_pfn(page);
	bool early = early_section(__pfn_to_section(pfn));

	if (early)
		seen->nr_early += nr_pages;
	else
		seen->nr_added += nr_pages;
	if (early && PageReserved(page) && index != mhp_seen_astray())
		return;
	if (!seen->end)
		seen->first = pfn;
	seen->end = pfn + nr_pages;
}

/* As a whole, where both ends say the same; else page by page. */
static void mhp_see_pageblock(struct mhp_seen *zones, unsigned long pfn)
{
	struct page *first = pfn_to_online_page(pfn);
	struct page *last = pfn_to_online_page(pfn + pageblock_nr_pages - 1);
	unsigned long i;

	if (first && last && page_zone(first) == page_zone(last) &&
	    PageReserved(first) == PageReserved(last)) {
		mhp_see_pages(zones, first, pageblock_nr_pages);
		return;
	}
	for (i = 0; i < pageblock_nr_pages; i++) {
		struct page *page = pfn_to_online_page(pfn + i);

		if (page)
			mhp_see_pages(zones, page, 1);
	}
}

/**
 * mhp_see_zones() - have a look at all online pages
 *
 * Return: what was seen, by node and zone, and then of pages whose zone there is
 * not, to be freed with kvfree(); NULL where there is no memory for that.
 */
struct mhp_seen *mhp_see_zones(void)
{
	struct mhp_seen *seen;
	unsigned long nr, pfn;

	seen = kvcalloc(mhp_seen_astray() + 1, sizeof(*seen), GFP_KERNEL);
	if (!seen)
		return NULL;
	for (nr = 0; nr <= __highest_present_section_nr; nr++) {
		cond_resched();
		if (!online_section_nr(nr))
			continue;
		for (pfn = section_nr_to_pfn(nr); pfn < section_nr_to_pfn(nr + 1);
		     pfn += pageblock_nr_pages)
			mhp_see_pageblock(seen, pfn);
	}
	return seen;
}

typedef void (*mhp_audit_zone_t)(struct mhp_audit *audit, struct zone *zone,
				 const struct mhp_seen *seen);

static void mhp_audit_each_zone(struct mhp_audit *audit, mhp_audit_zone_t look)
{
	int nid, i;

	if (!audit->seen) {
		mhp_audit_broken(audit, "no memory to look");
		return;
	}
	for_each_online_node(nid)
		for (i = 0; i < MAX_NR_ZONES; i++) {
			struct zone *zone = &NODE_DATA(nid)->node_zones[i];

			if (!zone_is_zone_device(zone))
				look(audit, zone, &audit->seen[nid * MAX_NR_ZONES + i]);
		}
}

/* Everything is within the span, and the span begins and ends with something. */
static void mhp_audit_zone_span(struct mhp_audit *audit, struct zone *zone,
				const struct mhp_seen *seen)
{
	unsigned long start = zone->zone_start_pfn, end = zone_end_pfn(zone);
	int nid = zone_to_nid(zone);

	if (seen->end && (seen->first < start || seen->end > end))
		mhp_audit_broken(audit, "%s of node %d spans %#lx-%#lx and has %#lx-%#lx",
				 zone->name, nid, start, end - 1, seen->first, seen->end - 1);
	/* Boot's zones span what their node does, up to the next zone. */
	if (!zone->spanned_pages || seen->nr_early)
		return;
	if (!seen->nr_added)
		mhp_audit_broken(audit, "%s of node %d spans %#lx-%#lx and has nothing",
				 zone->name, nid, start, end - 1);
	else if (seen->first > start || seen->end < end)
		mhp_audit_broken(audit, "%s of node %d spans %#lx-%#lx, more than %#lx-%#lx",
				 zone->name, nid, start, end - 1, seen->first, seen->end - 1);
}

static void mhp_audit_node_span(struct mhp_audit *audit, const struct pglist_data *pgdat)
{
	struct mhp_range spans[MAX_NR_ZONES], all;
	int i;

	for (i = 0; i < MAX_NR_ZONES; i++)
		spans[i] = mhp_range(pgdat->node_zones[i].zone_start_pfn,
				     zone_end_pfn(&pgdat->node_zones[i]));
	all = mhp_span_union(spans, MAX_NR_ZONES);
	if (mhp_range_pages(all) != pgdat->node_spanned_pages ||
	    (!mhp_range_empty(all) && all.start != pgdat->node_start_pfn))
		mhp_audit_broken(audit, "node %d spans %lu from %#lx, its zones %lu from %#lx",
				 pgdat->node_id, pgdat->node_spanned_pages,
				 pgdat->node_start_pfn, mhp_range_pages(all), all.start);
}

void mhp_audit_spans(struct mhp_audit *audit)
{
	int nid;

	mhp_audit_each_zone(audit, mhp_audit_zone_span);
	for_each_online_node(nid)
		mhp_audit_node_span(audit, NODE_DATA(nid));
}

static void mhp_audit_zone_present(struct mhp_audit *audit, struct zone *zone,
				   const struct mhp_seen *seen)
{
	unsigned long early = zone->present_early_pages;

	if (zone->present_pages - early != seen->nr_added || early > seen->nr_early)
		mhp_audit_broken(audit, "%s of node %d: %lu present, %lu early; counted %lu, %lu",
				 zone->name, zone_to_nid(zone), seen->nr_added, seen->nr_early,
				 zone->present_pages - early, early);
}

/* Whoever asks such a page for its zone reads, and locks, what is behind its node's. */
static void mhp_audit_astray(struct mhp_audit *audit)
{
	const struct mhp_seen *seen = audit->seen ? &audit->seen[mhp_seen_astray()] : NULL;

	if (seen && seen->end)
		mhp_audit_broken(audit, "%lu pages of %#lx-%#lx are of no zone",
				 seen->nr_early + seen->nr_added, seen->first, seen->end - 1);
}

void mhp_audit_present(struct mhp_audit *audit)
{
	int nid, i;

	mhp_audit_each_zone(audit, mhp_audit_zone_present);
	mhp_audit_astray(audit);
	for_each_online_node(nid) {
		const struct pglist_data *pgdat = NODE_DATA(nid);
		unsigned long sum = 0;

		for (i = 0; i < MAX_NR_ZONES; i++)
			sum += pgdat->node_zones[i].present_pages;
		if (sum != pgdat->node_present_pages)
			mhp_audit_broken(audit, "node %d has %lu pages, its zones %lu", nid,
					 pgdat->node_present_pages, sum);
	}
}

void mhp_audit_managed(struct mhp_audit *audit)
{
	unsigned long sum = 0;
	struct zone *zone;

	for_each_zone(zone) {
		if (zone_managed_pages(zone) > zone->present_pages)
			mhp_audit_broken(audit, "%s of node %d manages %lu pages, %lu are present",
					 zone->name, zone_to_nid(zone),
					 zone_managed_pages(zone), zone->present_pages);
		sum += zone_managed_pages(zone);
	}
	if (sum != totalram_pages())
		mhp_audit_broken(audit, "zones manage %lu pages, MemTotal is %lu", sum,
				 totalram_pages());
}

static bool mhp_slowly_contiguous(struct zone *zone)
{
	unsigned long pfn, end;

	for (pfn = zone->zone_start_pfn; pfn < zone_end_pfn(zone); pfn = end) {
		end = min(pageblock_end_pfn(pfn), zone_end_pfn(zone));
		if (!__pageblock_pfn_to_page(pfn, end, zone))
			return false;
		cond_resched();
	}
	return true;
}

/* Said of a zone with a hole it leads compaction into it; not said, it costs. */
void mhp_audit_contiguous(struct mhp_audit *audit)
{
	struct zone *zone;

	for_each_populated_zone(zone) {
		bool is = mhp_slowly_contiguous(zone);

		if (zone_is_zone_device(zone) || is == zone->contiguous)
			continue;
		mhp_audit_broken(audit, "%s of node %d is %scontiguous, and said to be otherwise",
				 zone->name, zone_to_nid(zone), is ? "" : "not ");
	}
}

static unsigned long mhp_nr_isolated(const struct zone *zone)
{
	unsigned long nr = 0, pfn;

	lockdep_assert_held(&zone->lock);
	for (pfn = zone->zone_start_pfn; pfn < zone_end_pfn(zone); pfn = pageblock_end_pfn(pfn)) {
		struct page *page = pfn_to_online_page(pfn);

		nr += page && page_zone(page) == zone && is_migrate_isolate_page(page);
	}
	return nr;
}

/* Whoever allocates a range isolates pageblocks meanwhile, under the lock of the zone alone. */
void mhp_audit_isolated(struct mhp_audit *audit)
{
	unsigned long seen, counted;
	struct zone *zone;

	for_each_populated_zone(zone) {
		scoped_guard(spinlock_irqsave, &zone->lock) {
			seen = mhp_nr_isolated(zone);
			counted = zone->nr_isolate_pageblock;
		}
		if (seen != counted)
			mhp_audit_broken(audit, "%s of node %d isolated %lu pageblocks, counts %lu",
					 zone->name, zone_to_nid(zone), seen, counted);
	}
}
