/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Isolation of pageblocks: nothing is allocated from them, so that a range can be
 * emptied. For memory hotplug and contiguous allocations; the code is in
 * mm/isolation/, with the contract of each function.
 */
#ifndef __LINUX_PAGEISOLATION_H
#define __LINUX_PAGEISOLATION_H

/* Flags for start_isolate_page_range() and test_pages_isolated(), or'ed */
#define MEMORY_OFFLINE	0x1	/* the memory is to go offline, not to be allocated */
#define REPORT_FAILURE	0x2	/* dump the page that is in the way */

#ifdef CONFIG_MEMORY_ISOLATION

/* Is anything isolated in @zone? Exact under its lock only. */
static inline bool has_isolate_pageblock(struct zone *zone)
{
	return zone->nr_isolate_pageblock;
}

static inline bool is_migrate_isolate(int migratetype)
{
	return migratetype == MIGRATE_ISOLATE;
}

static inline bool is_migrate_isolate_page(struct page *page)
{
	return is_migrate_isolate(get_pageblock_migratetype(page));
}

#else

static inline bool has_isolate_pageblock(struct zone *zone)
{
	return false;
}

static inline bool is_migrate_isolate(int migratetype)
{
	return false;
}

static inline bool is_migrate_isolate_page(struct page *page)
{
	return false;
}

#endif

/* mm/page_alloc.c; all but the first one with the zone's lock held */
void set_pageblock_migratetype(struct page *page, int migratetype);
bool move_freepages_block_isolate(struct zone *zone, struct page *page,
				  int migratetype);
void set_free_chunk_migratetype(struct zone *zone, struct page *page, int migratetype);

/* mm/isolation/ */
int start_isolate_page_range(unsigned long start_pfn, unsigned long end_pfn,
			     int migratetype, int flags, gfp_t gfp_flags);
void undo_isolate_page_range(unsigned long start_pfn, unsigned long end_pfn,
			     int migratetype);
void undo_isolate_taken_range(unsigned long start_pfn, unsigned long end_pfn,
			      int migratetype);
int test_pages_isolated(unsigned long start_pfn, unsigned long end_pfn,
			int isol_flags);

#endif /* __LINUX_PAGEISOLATION_H */
