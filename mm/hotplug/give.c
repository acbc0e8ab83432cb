// SPDX-License-Identifier: GPL-2.0-only
/*
 * How pages that come online get to the page allocator.
 *
 * As a rule straight onto its free lists: each struct page is written once, as it
 * is of a free page, and chunks of the largest order are put onto the lists when
 * all else is ready for them. Where a balloon driver has set a function that takes
 * the pages, they are PageOffline first, it gets them chunk by chunk, and what it
 * frees of them is isolated until all is ready.
 *
 * Called by online.c for one block at a time, with the memory hotplug lock held for
 * writing: so the function does not change within an operation.
 */
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/highmem.h>
#include <linux/kasan.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>

#include "give.h"
#include "hotplug.h"
#include "../internal.h"
#include "../page_reporting.h"
#include "../shuffle.h"

/* How the allocator gets pages; changed with the mutex and as a reader */
static online_page_callback_t mhp_online_page = generic_online_page;
static DEFINE_MUTEX(mhp_online_page_mutex);

static int mhp_replace_callback(online_page_callback_t from, online_page_callback_t to)
{
	int error = -EINVAL;

	get_online_mems();
	mutex_lock(&mhp_online_page_mutex);
	if (mhp_online_page == from) {
		mhp_online_page = to;
		error = 0;
	}
	mutex_unlock(&mhp_online_page_mutex);
	put_online_mems();
	return error;
}

/**
 * set_online_page_callback() - have a function of one's own give pages
 * @callback: Called for each chunk that comes online, up to MAX_PAGE_ORDER. It
 *	may keep pages back: they stay PageOffline, and count as present.
 *
 * For balloon drivers (Hyper-V, Xen, virtio-mem). One at a time.
 *
 * Context: may sleep.
 * Return: 0, or -EINVAL where somebody else has set one.
 */
int set_online_page_callback(online_page_callback_t callback)
{
	return mhp_replace_callback(generic_online_page, callback);
}
EXPORT_SYMBOL_GPL(set_online_page_callback);

/**
 * restore_online_page_callback() - end of what set_online_page_callback() began
 * @callback: As it was set.
 *
 * Context: may sleep.
 * Return: 0, or -EINVAL where another one is set.
 */
int restore_online_page_callback(online_page_callback_t callback)
{
	return mhp_replace_callback(callback, generic_online_page);
}
EXPORT_SYMBOL_GPL(restore_online_page_callback);

static bool mhp_pages_go_straight(void)
{
	return mhp_online_page == generic_online_page;
}

/* The largest chunk of free pages that may begin at @pfn. */
static unsigned int mhp_chunk_order(unsigned long pfn)
{
	return pfn ? min(__ffs(pfn), MAX_PAGE_ORDER) : MAX_PAGE_ORDER;
}

/* What the flags of each page of a section are. */
static unsigned long mhp_page_flags(struct zone *zone, unsigned long pfn)
{
	struct page page;

	__init_single_page(&page, pfn, zone_idx(zone), zone_to_nid(zone));
	return page.flags;
}

/*
 * The hottest loop of adding memory. A page that is free has no reference, and its
 * list head is nobody's: the first page of a chunk gets its own in time. One that
 * the driver is to be asked about is offline, and the driver's. Inlined for each, so
 * that type and references are one store.
 */
static __always_inline void mhp_write_pages(struct page *page, unsigned long nr_pages,
					    unsigned long flags, bool offline)
{
	const struct page *end = page + nr_pages;

	for (; page < end; page++) {
		mm_zero_struct_page(page);
		page->flags = flags;
		page->page_type = offline ? (unsigned int)PGTY_offline << 24 : UINT_MAX;
		page->_refcount.counter = offline;
	}
}

static __always_inline void mhp_init_pages(struct zone *zone, struct mhp_range todo,
					   bool offline)
{
	int type = offline ? MIGRATE_ISOLATE : MIGRATE_MOVABLE;

	highest_memmap_pfn = max(highest_memmap_pfn, todo.end - 1);

	while (!mhp_range_empty(todo)) {
		struct mhp_range chunk = mhp_range_next_chunk(todo, PAGES_PER_SECTION);
		unsigned long pfn = chunk.start;

		mhp_write_pages(pfn_to_page(pfn), mhp_range_pages(chunk),
				mhp_page_flags(zone, pfn), offline);
		for (; pfn < chunk.end; pfn += pageblock_nr_pages)
			set_pageblock_migratetype(pfn_to_page(pfn), type);
		todo.start = chunk.end;
		cond_resched();
	}
}

/*
 * What the allocator does to each page that is freed. They may be unmapped, from
 * when they were free before they went offline.
 */
static void mhp_forget_contents(struct page *page, unsigned int order)
{
	unsigned int i, nr_pages = 1 << order;
	bool zero = want_init_on_free();

	debug_pagealloc_map_pages(page, nr_pages);
	kernel_poison_pages(page, nr_pages);
	kasan_poison_pages(page, order, zero);
	if (zero && !kasan_has_integrated_init())
		for (i = 0; i < nr_pages; i++)
			clear_highpage_kasan_tagged(page + i);
	arch_free_page(page, order);
	debug_pagealloc_unmap_pages(page, nr_pages);
}

/* To the end of the list: memory that just came is not the first to be used. */
static void mhp_list_chunk(struct zone *zone, struct page *page, unsigned int order,
			   int migratetype)
{
	mhp_forget_contents(page, order);
	scoped_guard(spinlock_irqsave, &zone->lock)
		__putback_isolated_page(page, order, migratetype);
	page_reporting_notify_free(order);
}

static void mhp_list_pages(struct zone *zone, struct mhp_range pages)
{
	unsigned long pfn = pages.start;

	accept_memory(PFN_PHYS(pages.start), PFN_PHYS(mhp_range_pages(pages)));
	adjust_managed_page_count(pfn_to_page(pages.start), mhp_range_pages(pages));

	while (pfn < pages.end) {
		unsigned int order = mhp_chunk_order(pfn);

		mhp_list_chunk(zone, pfn_to_page(pfn), order, MIGRATE_MOVABLE);
		pfn += 1UL << order;
	}
}

/*
 * What the driver gives back at once was written just now, and nobody has seen it:
 * there is nothing to check.
 */
static void mhp_give_fresh(struct page *page, unsigned int order)
{
	struct page *p = page;
	const struct page *end = page + (1UL << order);

	for (; p < end; p++) {
		VM_WARN_ON_ONCE(!PageOffline(p));
		p->page_type = UINT_MAX;
		p->_refcount.counter = 0;
	}
	accept_memory(page_to_phys(page), PAGE_SIZE << order);
	adjust_managed_page_count(page, 1L << order);
	mhp_list_chunk(page_zone(page), page, order, MIGRATE_ISOLATE);
}

/**
 * generic_online_page() - give pages that come online to the page allocator
 * @page: The first of them.
 * @order: Of the chunk.
 *
 * For online_page_callback_t functions that decide to give pages, at once or later.
 */
void generic_online_page(struct page *page, unsigned int order)
{
	if (online_section_nr(pfn_to_section_nr(page_to_pfn(page))))
		__free_pages_core(page, order, MEMINIT_HOTPLUG);
	else
		mhp_give_fresh(page, order);
}
EXPORT_SYMBOL_GPL(generic_online_page);

/* Isolated, so that nothing is allocated from what the driver gives back already. */
static void mhp_ask_driver(struct zone *zone, struct mhp_range pages)
{
	unsigned long pfn = pages.start;

	spin_lock_irq(&zone->lock);
	zone->nr_isolate_pageblock += mhp_range_pages(pages) / pageblock_nr_pages;
	spin_unlock_irq(&zone->lock);

	while (pfn < pages.end) {
		unsigned int order = mhp_chunk_order(pfn);

		mhp_online_page(pfn_to_page(pfn), order);
		pfn += 1UL << order;
	}
}

/**
 * mhp_give_prepare() - have pages join a zone, and write their memmap
 * @zone: The zone.
 * @pages: Of pageblocks, their memmap not initialised.
 *
 * remove_pfn_range_from_zone() is the undo. mhp_give() and mhp_give_finish()
 * follow under the same hold of the lock.
 *
 * Context: memory hotplug lock held for writing, may sleep.
 */
void mhp_give_prepare(struct zone *zone, struct mhp_range pages)
{
	mhp_zone_grow(zone, pages);
	if (mhp_pages_go_straight())
		mhp_init_pages(zone, pages, false);
	else
		mhp_init_pages(zone, pages, true);
}

/**
 * mhp_give() - let pages be found, and the driver, if there is one, take them
 * @zone: The zone, which has per-CPU lists.
 * @pages: As for mhp_give_prepare().
 *
 * Nothing is allocated from them yet.
 *
 * Context: memory hotplug lock held for writing, may sleep.
 */
void mhp_give(struct zone *zone, struct mhp_range pages)
{
	if (!mhp_pages_go_straight())
		mhp_ask_driver(zone, pages);
	mhp_sections_online(pages);
}

/**
 * mhp_give_finish() - let pages be allocated
 * @zone: The zone.
 * @pages: As for mhp_give(); accounted for by now.
 *
 * Context: memory hotplug lock held for writing, may sleep.
 */
void mhp_give_finish(struct zone *zone, struct mhp_range pages)
{
	if (mhp_pages_go_straight())
		mhp_list_pages(zone, pages);
	else
		undo_isolate_page_range(pages.start, pages.end, MIGRATE_MOVABLE);
	shuffle_zone(zone);
}
