// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ranges of pages join and leave zones: spans, memmap, contiguity, and the
 * counters of what is present.
 *
 * Called by the online and offline operations, by memmap.c, and by
 * mm/memremap.c for ZONE_DEVICE. All of it with the memory hotplug lock held for
 * writing, which is also what protects present_pages. Spans are published under
 * node_size_lock and the zone's span_seqlock for those who look without it.
 *
 * A zone is contiguous when all that it spans is present. That is asked where
 * pages become present and where they leave the span, never while a part of the
 * span is without initialised and online pages: compaction looks at no section
 * once a zone is said to be contiguous.
 */
#include <linux/device.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "hotplug.h"
#include "../internal.h"

static struct mhp_range mhp_zone_span(const struct zone *zone)
{
	return mhp_range(zone->zone_start_pfn, zone_end_pfn(zone));
}

static struct mhp_range mhp_node_span(const struct pglist_data *pgdat)
{
	return mhp_range(pgdat->node_start_pfn,
			 pgdat->node_start_pfn + pgdat->node_spanned_pages);
}

/*
 * Lookers at a zone's span come from interrupts, too (bad_range()), and spin
 * while it changes: so interrupts are off.
 */
static void mhp_publish_spans(struct zone *zone, struct mhp_range zone_span,
			      struct mhp_range node_span)
{
	struct pglist_data *pgdat = zone->zone_pgdat;
	unsigned long flags;

	pgdat_resize_lock(pgdat, &flags);
	zone_span_writelock(zone);
	zone->zone_start_pfn = zone_span.start;
	zone->spanned_pages = mhp_range_pages(zone_span);
	zone_span_writeunlock(zone);
	pgdat->node_start_pfn = node_span.start;
	pgdat->node_spanned_pages = mhp_range_pages(node_span);
	pgdat_resize_unlock(pgdat, &flags);
}

/* A hole that was found last time, as it is likely there still. */
static struct {
	const struct zone *zone;
	unsigned long pfn;
} mhp_known_hole;

static bool mhp_is_hole(struct zone *zone, unsigned long pfn)
{
	unsigned long end = min(pageblock_end_pfn(pfn), zone_end_pfn(zone));

	return !__pageblock_pfn_to_page(pfn, end, zone);
}

/* Goes through the zone only where the hole that was known is closed. */
static bool mhp_zone_has_hole(struct zone *zone)
{
	unsigned long pfn = mhp_known_hole.pfn;

	if (mhp_known_hole.zone == zone && zone_spans_pfn(zone, pfn) &&
	    mhp_is_hole(zone, pfn))
		return true;

	for (pfn = zone->zone_start_pfn; pfn < zone_end_pfn(zone);
	     pfn = pageblock_end_pfn(pfn)) {
		if (mhp_is_hole(zone, pfn)) {
			mhp_known_hole.zone = zone;
			mhp_known_hole.pfn = pfn;
			return true;
		}
		cond_resched();
	}
	return false;
}

/*
 * Zones of boot-time memory count as contiguous with holes of less than a
 * pageblock: what is counted does not tell, so these are looked at.
 */
static void mhp_zone_settle_contiguous(struct zone *zone)
{
	if (zone_is_empty(zone))
		return;
	if (zone->present_pages == zone->spanned_pages)
		zone->contiguous = true;
	else if (zone->present_early_pages)
		zone->contiguous = !mhp_zone_has_hole(zone);
}

/* Device memory is not always whole sections: pfn_to_online_page() wants to know. */
static void mhp_taint_partial_section(unsigned long pfn)
{
#ifdef CONFIG_ZONE_DEVICE
	if (!IS_ALIGNED(pfn, PAGES_PER_SECTION))
		__pfn_to_section(pfn)->section_mem_map |= SECTION_TAINT_ZONE_DEVICE;
#endif
}

/**
 * mhp_zone_grow() - have a zone and its node span a range
 * @zone: The zone.
 * @range: Of pageblocks, but for ZONE_DEVICE.
 *
 * The memmap is for the caller to initialise.
 *
 * Context: memory hotplug lock held for writing, may sleep.
 */
void mhp_zone_grow(struct zone *zone, struct mhp_range range)
{
	struct pglist_data *pgdat = zone->zone_pgdat;

	mhp_assert_write_locked();
	clear_zone_contiguous(zone);

	if (zone_is_empty(zone))
		init_currently_empty_zone(zone, range.start, mhp_range_pages(range));
	mhp_publish_spans(zone, mhp_span_grow(mhp_zone_span(zone), range),
			  mhp_span_grow(mhp_node_span(pgdat), range));
}

/**
 * move_pfn_range_to_zone() - make a range part of a zone
 * @zone: The zone.
 * @start_pfn: The first page.
 * @nr_pages: How many; of pageblocks, but for ZONE_DEVICE.
 * @altmap: The memmap of device memory that lies in that memory; else NULL.
 * @migratetype: Of all the pageblocks. Nothing that is counted by migratetype,
 *	such as &zone.nr_isolate_pageblock, is counted here.
 *
 * The pages have a memmap, not initialised yet. Afterwards they are PageOffline;
 * those of ZONE_DEVICE are left to memmap_init_zone_device(), except for
 * those that the memmap itself lies in.
 *
 * Context: memory hotplug lock held for writing, may sleep.
 */
void move_pfn_range_to_zone(struct zone *zone, unsigned long start_pfn,
			    unsigned long nr_pages, struct vmem_altmap *altmap,
			    int migratetype)
{
	struct mhp_range range = mhp_range(start_pfn, start_pfn + nr_pages);

	/* First the span: without it, pageblocks take no migratetype. */
	mhp_zone_grow(zone, range);

	if (zone_is_zone_device(zone)) {
		mhp_taint_partial_section(range.start);
		mhp_taint_partial_section(range.end);
	}

	memmap_init_range(nr_pages, zone_to_nid(zone), zone_idx(zone), start_pfn, 0,
			  MEMINIT_HOTPLUG, altmap, migratetype);
}

static bool mhp_pfn_in_zone(unsigned long pfn, const struct zone *zone)
{
	struct page *page = pfn_to_online_page(pfn);

	return page && page_zone(page) == zone;
}

/* Sub-sections are what zones share sections by; boot memory may begin or end in one. */
static bool mhp_chunk_in_zone(struct mhp_range chunk, const struct zone *zone)
{
	return mhp_pfn_in_zone(chunk.start, zone) ||
	       mhp_pfn_in_zone(chunk.end - 1, zone);
}

/* mhp_span_probe_t: a section, or what the span has of it */
static struct mhp_range mhp_probe_section(struct mhp_range range, void *ctx)
{
	struct mhp_range found = mhp_range(range.start, range.start);
	struct mhp_range todo = range;

	cond_resched();
	if (!online_section_nr(pfn_to_section_nr(range.start)))
		return found;

	while (!mhp_range_empty(todo)) {
		struct mhp_range chunk = mhp_range_next_chunk(todo, PAGES_PER_SUBSECTION);

		todo.start = chunk.end;
		if (!mhp_chunk_in_zone(chunk, ctx))
			continue;
		if (mhp_range_empty(found))
			found.start = chunk.start;
		found.end = chunk.end;
	}
	return found;
}

static void mhp_shrink_spans(struct zone *zone, struct mhp_range range)
{
	struct pglist_data *pgdat = zone->zone_pgdat;
	struct mhp_range zone_span, spans[MAX_NR_ZONES];
	int i;

	zone_span = mhp_span_shrink(mhp_zone_span(zone), range, PAGES_PER_SECTION,
				    mhp_probe_section, zone);

	for (i = 0; i < MAX_NR_ZONES; i++)
		spans[i] = mhp_zone_span(&pgdat->node_zones[i]);
	spans[zone_idx(zone)] = zone_span;

	mhp_publish_spans(zone, zone_span, mhp_span_union(spans, MAX_NR_ZONES));
}

/* Nobody is to take a stale memmap for an initialised one. */
static void mhp_poison_memmap(struct mhp_range todo)
{
	/* Without a virtual memmap each section has its own. */
	while (!mhp_range_empty(todo)) {
		struct mhp_range chunk = mhp_range_next_chunk(todo, PAGES_PER_SECTION);

		page_init_poison(pfn_to_page(chunk.start),
				 sizeof(struct page) * mhp_range_pages(chunk));
		todo.start = chunk.end;
		cond_resched();
	}
}

/**
 * remove_pfn_range_from_zone() - the reverse of move_pfn_range_to_zone()
 * @zone: The zone.
 * @start_pfn: The first page.
 * @nr_pages: How many.
 *
 * The sections are offline and their pages no longer counted as present, or
 * never were. The memmap becomes uninitialised. Zone and node then span what
 * remains online in them; ZONE_DEVICE spans what it ever did, as its pages are
 * never online and cannot be searched for.
 *
 * Context: memory hotplug lock held for writing, may sleep.
 */
void remove_pfn_range_from_zone(struct zone *zone, unsigned long start_pfn,
				unsigned long nr_pages)
{
	struct mhp_range range = mhp_range(start_pfn, start_pfn + nr_pages);

	mhp_assert_write_locked();

	if (zone_is_zone_device(zone)) {
		mhp_poison_memmap(range);
		return;
	}

	clear_zone_contiguous(zone);
	mhp_shrink_spans(zone, range);
	mhp_poison_memmap(range);
	mhp_zone_settle_contiguous(zone);
}

/**
 * mhp_account_present() - count pages that came to, or leave, a zone
 * @zone: Their zone.
 * @group: The group that their block belongs to, or NULL.
 * @pfn: The first of them.
 * @nr_pages: How many; negative where they leave. Of one block, so all
 *	boot-time memory or none.
 *
 * Pages that come are online by now, those that leave may still be.
 *
 * Context: device_hotplug_lock, and the memory hotplug lock held for writing.
 */
void mhp_account_present(struct zone *zone, struct memory_group *group,
			 unsigned long pfn, long nr_pages)
{
	assert_device_hotplug_lock();
	mhp_assert_write_locked();

	clear_zone_contiguous(zone);
	if (early_section(__pfn_to_section(pfn)))
		zone->present_early_pages += nr_pages;
	zone->present_pages += nr_pages;
	zone->zone_pgdat->node_present_pages += nr_pages;
	mhp_group_account(group, zone, nr_pages);

	if (nr_pages > 0)
		mhp_zone_settle_contiguous(zone);
}
