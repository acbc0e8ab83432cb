// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a page is, and what that means to those who want its pageblock: may it
 * stand there when the pageblock is isolated, and has it left for good? Nothing
 * else decides about pages; isolating, testing and hotplug's refusals ask here.
 *
 * Called with the pages kept from going away, by the caller's lock or by what
 * it owns; with and without the zone's lock, with interrupts off, too. Holds no
 * reference but in page_is_held(): without the zone's lock pages change while
 * they are looked at, so an answer is a good guess that somebody checks again.
 */
#include <linux/hugetlb.h>
#include <linux/memory_hotplug.h>
#include <linux/migrate.h>
#include <linux/mm.h>

#include "isolation.h"
#include "../internal.h"

static enum page_class classify_hugetlb(struct folio *folio)
{
	/* NULL: it was dissolved or demoted just now. */
	struct hstate *h = size_to_hstate(folio_size(folio));

	if (h && !hugepage_migration_supported(h))
		return PAGE_CLASS_GIGANTIC;
	if (folio_test_hugetlb_migratable(folio) || !folio_ref_count(folio))
		return PAGE_CLASS_HUGETLB;
	return PAGE_CLASS_HUGETLB_HELD;
}

static enum page_class classify_folio(struct folio *folio)
{
	bool unused = !folio_ref_count(folio);

	if (unused && !folio_test_large(folio))
		return PAGE_CLASS_FREEING;
	if (folio_test_lru(folio))
		return PAGE_CLASS_LRU;
	if (__folio_test_movable(folio))
		return PAGE_CLASS_DRIVER;
	/* It was taken off the lists to be moved, split or freed. */
	if (unused || folio->mapping || folio_test_swapcache(folio))
		return PAGE_CLASS_TRANSIT;
	return PAGE_CLASS_KERNEL;
}

static enum page_class classify_unbroken(struct page *page)
{
	struct folio *folio;

	if (PageTable(page))
		return PAGE_CLASS_TABLE;

	folio = page_folio(page);
	if (folio_test_hugetlb(folio))
		return classify_hugetlb(folio);
	/* Its other fields may look like anything. */
	if (folio_test_slab(folio))
		return PAGE_CLASS_SLAB;
	if (!PageOffline(page))
		return classify_folio(folio);
	if (!page_count(page))
		return PAGE_CLASS_LET_GO;
	return __folio_test_movable(folio) ? PAGE_CLASS_DRIVER : PAGE_CLASS_OFFLINE;
}

/*
 * memory_failure() takes a page from its users and keeps a reference. More of them
 * than that are of the kernel, of drivers and of pins, which go on with what they
 * have, and of files in memory, which say by it that their contents are lost: no one
 * may take such a page away, or copy it, until it is given back.
 */
static enum page_class classify_broken(struct page *page)
{
	enum page_class class = classify_unbroken(page);
	struct folio *folio = page_folio(page);
	int own = !memory_failure_ignored(page_to_pfn(page));

	/* Its driver may let go of it before it leaves. */
	if (class == PAGE_CLASS_OFFLINE)
		return class;
	/* Of a huge page the others are in the way. */
	if (folio_test_hugetlb(folio) || folio_ref_count(folio) <= own)
		return PAGE_CLASS_POISONED;
	return PAGE_CLASS_POISONED_HELD;
}

/**
 * page_class() - what a page is
 * @page: The page, online.
 *
 * User pages are not told from pinned ones, which needs a reference:
 * page_is_held(). What depends on more than the page (PAGE_CLASS_CMA, _ISOLATED,
 * _HOLE) is left to the caller.
 *
 * Return: its class.
 */
enum page_class page_class(struct page *page)
{
	if (PageBuddy(page))
		return PAGE_CLASS_FREE;
	if (PageReserved(page))
		return PAGE_CLASS_RESERVED;
	return PageHWPoison(page) ? classify_broken(page) : classify_unbroken(page);
}

static unsigned long nr_free_pages_from(struct page *page)
{
	/* Anything, but under the zone's lock. */
	unsigned int order = buddy_order_unsafe(page);

	if (order > MAX_PAGE_ORDER || !IS_ALIGNED(page_to_pfn(page), 1UL << order))
		return 1;
	return 1UL << order;
}

static unsigned long nr_folio_pages_from(struct page *page)
{
	struct folio *folio = page_folio(page);
	unsigned long nr = folio_nr_pages(folio);
	unsigned long index = folio_page_idx(folio, page);

	/* It may have been split or freed since. */
	if (nr > MAX_FOLIO_NR_PAGES || index >= nr)
		return 1;
	return nr - index;
}

/*
 * Drivers hold pages by the thousand, each a page of its own: so this is the loop
 * that counts where their memory goes offline. Pages that are alike in these fields
 * are of one class.
 */
static unsigned long nr_offline_pages_from(const struct page *page)
{
	unsigned long flags = READ_ONCE(page->flags), pfn = page_to_pfn(page);
	const struct address_space *mapping = READ_ONCE(page->mapping);
	unsigned int type = READ_ONCE(page->page_type);
	int refs = page_ref_count(page);
	const struct page *end = page + (pageblock_end_pfn(pfn) - pfn);
	const struct page *next = page + 1;

	while (next < end && READ_ONCE(next->page_type) == type &&
	       READ_ONCE(next->flags) == flags && READ_ONCE(next->mapping) == mapping &&
	       page_ref_count(next) == refs)
		next++;
	return next - page;
}

/**
 * page_class_nr_pages() - how many pages need no look of their own
 * @page: The page.
 * @class: What page_class() said of it.
 *
 * Return: the pages from @page on that share its class, at least 1: the rest of
 * a free chunk or of a folio, or what a driver holds in the same way, to the end of
 * the pageblock.
 */
unsigned long page_class_nr_pages(struct page *page, enum page_class class)
{
	switch (class) {
	case PAGE_CLASS_FREE:
		return nr_free_pages_from(page);
	case PAGE_CLASS_LRU:
	case PAGE_CLASS_DRIVER:
	case PAGE_CLASS_HUGETLB:
	case PAGE_CLASS_HUGETLB_HELD:
		return nr_folio_pages_from(page);
	case PAGE_CLASS_OFFLINE:
	case PAGE_CLASS_LET_GO:
		return nr_offline_pages_from(page);
	default:
		return 1;
	}
}

/**
 * page_class_admitted() - may its pageblock be isolated with such a page in it?
 * @class: Of the page.
 * @zone: Of the page.
 * @flags: MEMORY_OFFLINE.
 *
 * What is admitted is expected to move, or to be free by then. In ZONE_MOVABLE
 * that is all that the page allocator gave away. Before memory goes offline,
 * drivers get a chance to let go of what they hold, and broken pages are left.
 *
 * Return: true where it may.
 */
bool page_class_admitted(enum page_class class, const struct zone *zone, int flags)
{
	if (zone_idx(zone) == ZONE_MOVABLE)
		return class != PAGE_CLASS_RESERVED;

	switch (class) {
	case PAGE_CLASS_FREE:
	case PAGE_CLASS_FREEING:
	case PAGE_CLASS_LRU:
	case PAGE_CLASS_HUGETLB:
	case PAGE_CLASS_HUGETLB_HELD:
	case PAGE_CLASS_DRIVER:
	case PAGE_CLASS_LET_GO:
		return true;
	case PAGE_CLASS_OFFLINE:
	case PAGE_CLASS_POISONED:
		return flags & MEMORY_OFFLINE;
	default:
		return false;
	}
}

/**
 * page_class_emptied() - is such a page in nobody's use, and will be in nobody's?
 * @class: Of a page in an isolated pageblock.
 * @flags: MEMORY_OFFLINE: what is to go offline need not be on the free lists.
 *
 * Return: true where the page is out of the way.
 */
bool page_class_emptied(enum page_class class, int flags)
{
	switch (class) {
	case PAGE_CLASS_FREE:
		return true;
	case PAGE_CLASS_LET_GO:
	case PAGE_CLASS_POISONED:
		return flags & MEMORY_OFFLINE;
	default:
		return false;
	}
}

/* References that the page's users account for: mappings, caches, buffers. */
static int expected_refs(struct folio *folio)
{
	int refs = folio_mapcount(folio);

	if (folio_test_swapcache(folio) || (folio->mapping && !folio_test_anon(folio)))
		refs += folio_nr_pages(folio);
	if (folio_test_private(folio))
		refs++;
	return refs;
}

/**
 * page_is_held() - has somebody references to a user page that keep it in place?
 * @page: The page, of PAGE_CLASS_LRU or PAGE_CLASS_TRANSIT.
 *
 * Context: without the zone's lock.
 * Return: true where it is pinned, or has more references than its users explain.
 */
bool page_is_held(struct page *page)
{
	struct folio *folio = page_folio(page);
	bool held;

	/* The last reference may turn out to be this one. */
	lockdep_assert_not_held(&page_zone(page)->lock);

	if (!folio_try_get(folio))
		return false;
	held = page_folio(page) == folio &&
	       (folio_maybe_dma_pinned(folio) ||
		folio_ref_count(folio) - 1 > expected_refs(folio));
	folio_put(folio);
	return held;
}

/**
 * first_online_page() - where the memory of a range begins
 * @start_pfn: First page of the range.
 * @end_pfn: The one after the last.
 *
 * Return: the first page that is online; NULL: there is none.
 */
struct page *first_online_page(unsigned long start_pfn, unsigned long end_pfn)
{
	unsigned long pfn;

	for (pfn = start_pfn; pfn < end_pfn; pfn++) {
		struct page *page = pfn_to_online_page(pfn);

		if (page)
			return page;
	}
	return NULL;
}
