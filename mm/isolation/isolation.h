/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Isolation of pageblocks: what its files share, and what memory hotplug uses
 * beyond linux/page-isolation.h. Charter of each: the head of it.
 *
 * Calls go downward only:
 *
 *	range.c, test.c
 *	  pageblock.c, boundary.c
 *	    classify.c
 *	      class.c
 *
 * Ranges of pfns are half-open.
 */
#ifndef __MM_ISOLATION_H
#define __MM_ISOLATION_H

#include <linux/bits.h>
#include <linux/mmzone.h>
#include <linux/page-flags.h>
#include <linux/page-isolation.h>

#include "class.h"

/**
 * struct isolation - a range of pageblocks that is, or is to be, isolated
 * @start_pfn: First page; of a pageblock.
 * @end_pfn: The one after the last; of a pageblock.
 * @migratetype: MIGRATE_CMA for the owner of a CMA area: only for it are the
 *	pageblocks of one isolated. Others say MIGRATE_MOVABLE.
 * @flags: MEMORY_OFFLINE, REPORT_FAILURE.
 * @types: What each pageblock was before, isolation_nr_pageblocks() entries of
 *	the caller's; MIGRATE_ISOLATE: not isolated by us.
 * @in_use: Something was in use, by others than a driver that will let go, when
 *	its pageblock was isolated. Else nothing will be: nothing is allocated there.
 * @blame: Why a range was refused.
 * @blame.pfn: The first page in the way.
 * @blame.class: What it is; PAGE_CLASS_NONE: the pageblock at @blame.pfn is of
 *	several zones.
 */
struct isolation {
	unsigned long start_pfn;
	unsigned long end_pfn;
	int migratetype;
	int flags;
	u8 *types;
	bool in_use;
	struct {
		unsigned long pfn;
		enum page_class class;
	} blame;
};

static inline unsigned long isolation_nr_pageblocks(unsigned long nr_pages)
{
	return nr_pages >> pageblock_order;
}

/* Where the type of the pageblock at @pfn is kept. */
static inline u8 *isolation_type(const struct isolation *iso, unsigned long pfn)
{
	return &iso->types[isolation_nr_pageblocks(pfn - iso->start_pfn)];
}

static inline int isolation_refuse(struct isolation *iso, unsigned long pfn,
				   enum page_class class)
{
	iso->blame.pfn = pfn;
	iso->blame.class = class;
	return -EBUSY;
}

/* range.c */
int isolate_range(struct isolation *iso);
void unisolate_range(const struct isolation *iso);

/* pageblock.c */
unsigned long isolate_free_chunk(struct isolation *iso, unsigned long pfn);
unsigned long unisolate_free_chunk(const struct isolation *iso, unsigned long pfn);
int isolate_pageblock(struct isolation *iso, unsigned long pfn);
void unisolate_pageblock(unsigned long pfn, int migratetype);
void unisolate_taken_pageblock(unsigned long pfn, int migratetype);

/* boundary.c */
bool isolation_is_straddled(unsigned long pfn);

/**
 * page_is_plain_lru() - is it a folio of one page on the LRU lists, unbroken?
 * @page: The page, online.
 *
 * The common case of PAGE_CLASS_LRU, told from the flags alone.
 *
 * Return: true if so.
 */
static inline bool page_is_plain_lru(const struct page *page)
{
	unsigned long flags = READ_ONCE(page->flags);

	flags &= BIT(PG_lru) | BIT(PG_head) | __PG_HWPOISON;
	return flags == BIT(PG_lru) && !PageTail(page);
}

/* classify.c: of pages that are kept from going away */
enum page_class page_class(struct page *page);
unsigned long page_class_nr_pages(struct page *page, enum page_class class);
bool page_class_admitted(enum page_class class, const struct zone *zone, int flags);
bool page_class_emptied(enum page_class class, int flags);
bool page_is_held(struct page *page);
struct page *first_online_page(unsigned long start_pfn, unsigned long end_pfn);

#endif /* __MM_ISOLATION_H */
