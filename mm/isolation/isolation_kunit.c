// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of isolation, on memory that the page allocator gives: what pages are,
 * who is let in, and that a refused range is as it was. The rest of the system
 * may allocate what is free meanwhile, so no test relies on a free page staying.
 */
#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "isolation.h"

#define NR_BLOCKS	4

static const struct zone *zone_of(enum zone_type type)
{
	return &NODE_DATA(first_online_node)->node_zones[type];
}

static void tells_pages_apart(struct kunit *test)
{
	void *object = kmalloc(64, GFP_KERNEL);
	struct page *page = alloc_page(GFP_KERNEL);
	struct page *large = alloc_pages(GFP_KERNEL | __GFP_COMP, 2);

	KUNIT_ASSERT_NOT_NULL(test, object);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_NOT_NULL(test, large);
	KUNIT_EXPECT_EQ(test, page_class(virt_to_page(object)), PAGE_CLASS_SLAB);
	KUNIT_EXPECT_EQ(test, page_class(page), PAGE_CLASS_KERNEL);
	KUNIT_EXPECT_EQ(test, page_class(large), PAGE_CLASS_KERNEL);
	KUNIT_EXPECT_EQ(test, page_class(large + 3), PAGE_CLASS_KERNEL);
	KUNIT_EXPECT_EQ(test, page_class(ZERO_PAGE(0)), PAGE_CLASS_RESERVED);

	__SetPageOffline(page);
	KUNIT_EXPECT_EQ(test, page_class(page), PAGE_CLASS_OFFLINE);
	page_ref_dec(page);
	KUNIT_EXPECT_EQ(test, page_class(page), PAGE_CLASS_LET_GO);
	page_ref_inc(page);
	__ClearPageOffline(page);

	__free_pages(large, 2);
	__free_page(page);
	kfree(object);
}

/* In ZONE_MOVABLE, elsewhere, and elsewhere for offline; then the test, and for offline */
static const struct {
	enum page_class class;
	bool movable, normal, normal_offline;
	bool empty, empty_offline;
} rules[] = {
	{ PAGE_CLASS_FREE,	true,	true,	true,	true,	true },
	{ PAGE_CLASS_FREEING,	true,	true,	true,	false,	false },
	{ PAGE_CLASS_LRU,	true,	true,	true,	false,	false },
	{ PAGE_CLASS_TRANSIT,	true,	false,	false,	false,	false },
	{ PAGE_CLASS_HUGETLB,	true,	true,	true,	false,	false },
	{ PAGE_CLASS_GIGANTIC,	true,	false,	false,	false,	false },
	{ PAGE_CLASS_DRIVER,	true,	true,	true,	false,	false },
	{ PAGE_CLASS_OFFLINE,	true,	false,	true,	false,	false },
	{ PAGE_CLASS_LET_GO,	true,	true,	true,	false,	true },
	{ PAGE_CLASS_POISONED,	true,	false,	true,	false,	true },
	{ PAGE_CLASS_POISONED_HELD, true, false, false,	false,	false },
	{ PAGE_CLASS_SLAB,	true,	false,	false,	false,	false },
	{ PAGE_CLASS_TABLE,	true,	false,	false,	false,	false },
	{ PAGE_CLASS_KERNEL,	true,	false,	false,	false,	false },
	{ PAGE_CLASS_RESERVED,	false,	false,	false,	false,	false },
};

static void knows_what_may_stay(struct kunit *test)
{
	const struct zone *movable = zone_of(ZONE_MOVABLE), *normal = zone_of(ZONE_NORMAL);
	int i;

	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		enum page_class class = rules[i].class;
		const char *name = page_class_name(class);

		KUNIT_EXPECT_EQ_MSG(test, page_class_admitted(class, movable, 0),
				    rules[i].movable, "%s", name);
		KUNIT_EXPECT_EQ_MSG(test, page_class_admitted(class, normal, 0),
				    rules[i].normal, "%s", name);
		KUNIT_EXPECT_EQ_MSG(test, page_class_admitted(class, normal, MEMORY_OFFLINE),
				    rules[i].normal_offline, "%s", name);
		KUNIT_EXPECT_EQ_MSG(test, page_class_emptied(class, 0),
				    rules[i].empty, "%s", name);
		KUNIT_EXPECT_EQ_MSG(test, page_class_emptied(class, MEMORY_OFFLINE),
				    rules[i].empty_offline, "%s", name);
	}
}

/* Whole pageblocks in use; their first pfn, 0: none to be had. */
static unsigned long alloc_pageblocks(unsigned long nr)
{
	struct page *page = alloc_contig_pages(nr * pageblock_nr_pages,
					       GFP_KERNEL | __GFP_NOWARN,
					       first_online_node, NULL);

	if (!page)
		return 0;
	/* Pages in use may be aligned to less: they are of no use here. */
	if (pageblock_aligned(page_to_pfn(page)))
		return page_to_pfn(page);
	free_contig_range(page_to_pfn(page), nr * pageblock_nr_pages);
	return 0;
}

/* A driver has all but the last page of a pageblock, and lets go of one. */
static void counts_runs_of_held_pages(struct kunit *test)
{
	unsigned long i, pfn = alloc_pageblocks(1), nr = pageblock_nr_pages - 1;
	struct page *page = pfn_to_page(pfn);

	if (!pfn)
		kunit_skip(test, "no pageblock to be had");

	for (i = 0; i < nr; i++)
		__SetPageOffline(page + i);
	KUNIT_EXPECT_EQ(test, page_class_nr_pages(page, page_class(page)), nr);
	KUNIT_EXPECT_EQ(test, page_class_nr_pages(page + 5, page_class(page + 5)), nr - 5);

	page_ref_dec(page + 8);
	KUNIT_EXPECT_EQ(test, page_class_nr_pages(page, page_class(page)), 8);
	KUNIT_EXPECT_EQ(test, page_class_nr_pages(page + 8, page_class(page + 8)), 1);
	page_ref_inc(page + 8);

	SetPagePrivate(page + 16);
	KUNIT_EXPECT_EQ(test, page_class_nr_pages(page, page_class(page)), 16);
	ClearPagePrivate(page + 16);

	for (i = 0; i < nr; i++)
		__ClearPageOffline(page + i);
	free_contig_range(pfn, pageblock_nr_pages);
}

/* Free pageblocks that are buddies become of one type when they merge: that is over here. */
static void note_types(unsigned long start_pfn, unsigned int nr, int *types)
{
	struct page *page = pfn_to_page(start_pfn);
	unsigned int i;

	drain_all_pages(page_zone(page));
	for (i = 0; i < nr; i++)
		types[i] = get_pageblock_migratetype(page + i * pageblock_nr_pages);
}

/* The page in the way is in the last pageblock but one; each has another type. */
static void leaves_refused_range_as_it_was(struct kunit *test)
{
	static const int types[NR_BLOCKS] = {
		MIGRATE_UNMOVABLE, MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE, MIGRATE_UNMOVABLE,
	};
	int before[NR_BLOCKS];
	unsigned long start = alloc_pageblocks(NR_BLOCKS);
	unsigned long end = start + NR_BLOCKS * pageblock_nr_pages;
	unsigned long busy = end - pageblock_nr_pages - 1;
	u8 noted[NR_BLOCKS];
	struct isolation iso = {
		.start_pfn = start,
		.end_pfn = end,
		.migratetype = MIGRATE_MOVABLE,
		.types = noted,
	};
	int i;

	if (!start)
		kunit_skip(test, "no contiguous memory");
	for (i = 0; i < NR_BLOCKS; i++)
		set_pageblock_migratetype(pfn_to_page(start) + i * pageblock_nr_pages,
					  types[i]);
	free_contig_range(start, busy - start);
	free_contig_range(busy + 1, end - busy - 1);
	note_types(start, NR_BLOCKS, before);

	KUNIT_EXPECT_EQ(test, isolate_range(&iso), -EBUSY);
	/* Or one before it, that somebody was quick to take. */
	KUNIT_EXPECT_GE(test, iso.blame.pfn, start);
	KUNIT_EXPECT_LE(test, iso.blame.pfn, busy);
	KUNIT_EXPECT_EQ(test, start_isolate_page_range(start, end, MIGRATE_MOVABLE,
						       REPORT_FAILURE, GFP_KERNEL), -EBUSY);
	for (i = 0; i < NR_BLOCKS; i++) {
		struct page *page = pfn_to_page(start) + i * pageblock_nr_pages;

		KUNIT_EXPECT_EQ(test, get_pageblock_migratetype(page), before[i]);
	}
	free_contig_range(busy, 1);
}

/* Whatever the owner of the range does in between, the pageblocks get their types back. */
static void puts_types_back(struct kunit *test)
{
	unsigned long start = alloc_pageblocks(2);
	struct page *first = pfn_to_page(start), *second = first + pageblock_nr_pages;
	u8 types[2];
	struct isolation iso = {
		.start_pfn = start,
		.end_pfn = start + 2 * pageblock_nr_pages,
		.migratetype = MIGRATE_MOVABLE,
		.types = types,
	};
	unsigned long isolated;
	int before[2];

	if (!start)
		kunit_skip(test, "no contiguous memory");
	set_pageblock_migratetype(first, MIGRATE_RECLAIMABLE);
	set_pageblock_migratetype(second, MIGRATE_UNMOVABLE);
	free_contig_range(start, 2 * pageblock_nr_pages);
	note_types(start, 2, before);

	isolated = page_zone(first)->nr_isolate_pageblock;
	if (isolate_range(&iso))
		kunit_skip(test, "somebody took a page");
	KUNIT_EXPECT_EQ(test, page_zone(first)->nr_isolate_pageblock, isolated + 2);
	KUNIT_EXPECT_TRUE(test, is_migrate_isolate_page(first));
	KUNIT_EXPECT_TRUE(test, is_migrate_isolate_page(second));
	KUNIT_EXPECT_EQ(test, test_pages_isolated(iso.start_pfn, iso.end_pfn, 0), 0);
	/* Who comes second is refused, and takes nothing from who was first. */
	KUNIT_EXPECT_EQ(test, start_isolate_page_range(iso.start_pfn, iso.end_pfn,
						       MIGRATE_MOVABLE, 0, GFP_KERNEL), -EBUSY);
	KUNIT_EXPECT_TRUE(test, is_migrate_isolate_page(first));
	unisolate_range(&iso);
	KUNIT_EXPECT_EQ(test, page_zone(first)->nr_isolate_pageblock, isolated);
	KUNIT_EXPECT_EQ(test, get_pageblock_migratetype(first), before[0]);
	KUNIT_EXPECT_EQ(test, get_pageblock_migratetype(second), before[1]);
}

static void sees_what_stands_across_an_end(struct kunit *test)
{
	unsigned int order = pageblock_order + 1;
	unsigned long pfn;
	struct page *page;

	if (order > MAX_PAGE_ORDER)
		kunit_skip(test, "no allocation is larger than a pageblock");
	page = alloc_pages(GFP_KERNEL | __GFP_COMP | __GFP_NOWARN, order);
	if (!page)
		kunit_skip(test, "no contiguous memory");
	pfn = page_to_pfn(page);
	KUNIT_EXPECT_FALSE(test, isolation_is_straddled(pfn));
	KUNIT_EXPECT_TRUE(test, isolation_is_straddled(pfn + pageblock_nr_pages));
	KUNIT_EXPECT_FALSE(test, isolation_is_straddled(pfn + 2 * pageblock_nr_pages));
	__free_pages(page, order);
}

static struct kunit_case isolation_cases[] = {
	KUNIT_CASE(tells_pages_apart),
	KUNIT_CASE(counts_runs_of_held_pages),
	KUNIT_CASE(knows_what_may_stay),
	KUNIT_CASE(leaves_refused_range_as_it_was),
	KUNIT_CASE(puts_types_back),
	KUNIT_CASE(sees_what_stands_across_an_end),
	{}
};

static struct kunit_suite isolation_suite = {
	.name = "page_isolation",
	.test_cases = isolation_cases,
};

kunit_test_suite(isolation_suite);
