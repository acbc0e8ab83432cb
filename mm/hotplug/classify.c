// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a page is, as far as hotplug is concerned, and which page stands in the
 * way of an offline: the reason that a refusal gives.
 *
 * Called by offline.c and evacuate.c under device_hotplug_lock, so that the
 * memory stays. Takes no lock and holds no reference: pages change while they
 * are looked at, so an answer is a good guess that the caller checks again.
 */
#include <linux/hugetlb.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>

#include "hotplug.h"
#include "../internal.h"

/* References that the page's users account for: mappings, caches, buffers. */
static int mhp_expected_refs(struct folio *folio)
{
	int refs = folio_mapcount(folio);

	if (folio_test_anon(folio) && !folio_test_swapcache(folio))
		return refs;
	if (folio_mapping(folio))
		refs += folio_nr_pages(folio);
	if (folio_has_private(folio))
		refs++;
	return refs;
}

static enum mhp_page_class mhp_classify_user(struct folio *folio)
{
	if (folio_maybe_dma_pinned(folio) ||
	    folio_ref_count(folio) > mhp_expected_refs(folio))
		return MHP_PAGE_PINNED;
	return MHP_PAGE_LRU;
}

static enum mhp_page_class mhp_classify_folio(struct folio *folio)
{
	if (folio_test_hugetlb(folio)) {
		if (folio_test_hugetlb_migratable(folio) ||
		    !folio_ref_count(folio))
			return MHP_PAGE_HUGETLB;
		return MHP_PAGE_GIGANTIC;
	}
	if (folio_test_slab(folio))
		return MHP_PAGE_SLAB;
	if (!folio_ref_count(folio))
		return MHP_PAGE_FREE;
	/* Off the LRU it may be on its way between two places. */
	if (folio_test_lru(folio) || folio_mapped(folio) || folio->mapping)
		return mhp_classify_user(folio);
	return MHP_PAGE_KERNEL;
}

/**
 * mhp_classify_page() - what a page is
 * @pfn: The page's frame.
 *
 * Return: its class; MHP_PAGE_FREE also for one on its way to the free lists.
 */
enum mhp_page_class mhp_classify_page(unsigned long pfn)
{
	struct page *page = pfn_to_online_page(pfn);

	if (!page)
		return MHP_PAGE_HOLE;
	if (PageReserved(page))
		return MHP_PAGE_RESERVED;
	if (PageHWPoison(page))
		return MHP_PAGE_POISONED;
	if (__PageMovable(page))
		return MHP_PAGE_DRIVER;
	if (PageOffline(page))
		return page_count(page) ? MHP_PAGE_OFFLINE : MHP_PAGE_FREE;
	if (PageBuddy(page))
		return MHP_PAGE_FREE;
	if (PageTable(page))
		return MHP_PAGE_TABLE;
	return mhp_classify_folio(page_folio(page));
}

/**
 * mhp_class_is_fixed() - will a page of this class stay where it is?
 * @class: Of the page.
 *
 * Return: true where neither migration nor the page's owner moves it.
 */
bool mhp_class_is_fixed(enum mhp_page_class class)
{
	switch (class) {
	case MHP_PAGE_GIGANTIC:
	case MHP_PAGE_SLAB:
	case MHP_PAGE_TABLE:
	case MHP_PAGE_CMA:
	case MHP_PAGE_RESERVED:
	case MHP_PAGE_KERNEL:
	case MHP_PAGE_HOLE:
		return true;
	default:
		return false;
	}
}

/* Pages that go offline as they are. */
static bool mhp_class_may_stay(enum mhp_page_class class)
{
	return class == MHP_PAGE_FREE || class == MHP_PAGE_POISONED;
}

/* How much a class stands in the way; the worst one is blamed. */
static int mhp_class_weight(enum mhp_page_class class)
{
	if (mhp_class_may_stay(class))
		return 0;
	if (class == MHP_PAGE_OFFLINE)
		return 1;
	return mhp_class_is_fixed(class) ? 3 : 2;
}

/**
 * mhp_first_in_the_way() - the page that keeps a range from going offline
 * @start_pfn: First page of the range.
 * @end_pfn: The one after the last.
 * @class: Set to the page's class; MHP_PAGE_NONE where no page is in the way.
 *
 * Blames the first page that is fixed; where there is none, the first one that
 * could move and did not; then the first one that a driver holds.
 *
 * Return: the page's pfn, @end_pfn where no page is in the way.
 */
unsigned long mhp_first_in_the_way(unsigned long start_pfn, unsigned long end_pfn,
				   enum mhp_page_class *class)
{
	unsigned long pfn, found = end_pfn;
	int worst = 0;

	*class = MHP_PAGE_NONE;
	for (pfn = start_pfn; pfn < end_pfn && worst < 3; pfn++) {
		struct page *page = pfn_to_page(pfn);
		enum mhp_page_class this;
		int weight;

		if (PageBuddy(page)) {
			unsigned int order = buddy_order_unsafe(page);

			if (order <= MAX_PAGE_ORDER)
				pfn |= (1UL << order) - 1;
			continue;
		}
		if (!(pfn % pageblock_nr_pages))
			cond_resched();
		this = mhp_classify_page(pfn);
		weight = mhp_class_weight(this);
		if (weight <= worst)
			continue;
		worst = weight;
		found = pfn;
		*class = this;
	}
	return found;
}
