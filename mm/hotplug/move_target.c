// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages for many folios to move to, taken from the allocator in chunks as large as
 * there are, and split: what is left of the last chunk goes back at the end.
 *
 * Nothing is reclaimed for them. Who finds no page here is moved by
 * migrate_pages(), which tries harder and says when there is no room.
 */
#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>

#include "move.h"
#include "../internal.h"

/* What alloc_migration_target() allows, for folios of @from, without effort */
static gfp_t mhp_target_gfp(struct zone *from)
{
	gfp_t gfp = (GFP_USER & ~__GFP_RECLAIM) | __GFP_MOVABLE | __GFP_NOWARN;

	if (is_highmem(from) || zone_idx(from) == ZONE_MOVABLE)
		gfp |= __GFP_HIGHMEM;
	return gfp | __GFP_THISNODE;
}

static void mhp_targets_add(struct mhp_targets *targets, struct page *page,
			    unsigned int order)
{
	unsigned int i;

	if (order)
		split_page(page, order);
	for (i = 0; i < 1U << order; i++) {
		set_page_private(page + i, 0);
		list_add_tail(&page[i].lru, &targets->pages);
	}
	targets->nr += 1U << order;
}

static void mhp_targets_of_node(struct mhp_targets *targets, int nid, gfp_t gfp,
				unsigned int nr)
{
	unsigned int order = ilog2(MHP_WINDOW_PAGES);

	while (targets->nr < nr) {
		struct page *page = NULL;

		order = min_t(unsigned int, order, ilog2(nr - targets->nr));
		if (order <= MAX_PAGE_ORDER)
			page = __alloc_pages(gfp, order, nid, &node_states[N_MEMORY]);
		if (page)
			mhp_targets_add(targets, page, order);
		else if (!order--)
			break;
	}
}

/**
 * mhp_targets_fill() - have pages to move to
 * @targets: Filled up.
 * @from: The zone that the folios are in. What is to leave is isolated, so none of
 *	it comes back as a target.
 * @nr: Pages wanted; there may be fewer.
 *
 * The nearest nodes first.
 */
void mhp_targets_fill(struct mhp_targets *targets, struct zone *from, unsigned int nr)
{
	gfp_t gfp = mhp_target_gfp(from);
	int last = NUMA_NO_NODE;
	struct zoneref *ref;
	struct zone *zone;

	for_each_zone_zonelist(zone, ref, node_zonelist(zone_to_nid(from), gfp & ~__GFP_THISNODE),
			       gfp_zone(gfp)) {
		if (targets->nr >= nr)
			return;
		if (zone_to_nid(zone) == last)
			continue;
		last = zone_to_nid(zone);
		mhp_targets_of_node(targets, last, gfp, nr);
	}
}

/**
 * mhp_target_take() - a page to move to
 * @targets: Of those.
 *
 * Return: A folio of one page with one reference, or NULL.
 */
struct folio *mhp_target_take(struct mhp_targets *targets)
{
	struct page *page = list_first_entry_or_null(&targets->pages, struct page, lru);

	if (!page)
		return NULL;
	list_del(&page->lru);
	targets->nr--;
	return page_folio(page);
}

/**
 * mhp_target_return() - one that was not used after all
 * @targets: Where it is for the next.
 * @folio: As it was taken.
 */
void mhp_target_return(struct mhp_targets *targets, struct folio *folio)
{
	list_add(&folio->lru, &targets->pages);
	targets->nr++;
}

/**
 * mhp_targets_release() - give back what was not used
 * @targets: Empty after it.
 */
void mhp_targets_release(struct mhp_targets *targets)
{
	struct folio *folio;

	while ((folio = mhp_target_take(targets)))
		folio_put(folio);
}
