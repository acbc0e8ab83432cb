// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of vmemmap_compound.c: how many pages the memmap of made-up device memory
 * takes.
 */
#include <kunit/test.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "sparsemem.h"

#define START	SZ_4G

static struct dev_pagemap *pgmap_of(struct kunit *test, unsigned int shift, int nr_range)
{
	struct dev_pagemap *pgmap = kunit_kzalloc(test, struct_size(pgmap, ranges, nr_range + 1),
						  GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pgmap);
	pgmap->vmemmap_shift = shift;
	pgmap->nr_range = nr_range;
	return pgmap;
}

static unsigned long pages_of(struct dev_pagemap *pgmap, u64 start, u64 size)
{
	return vmemmap_compound_pages(PHYS_PFN(start), PHYS_PFN(size), pgmap);
}

static void compound_folios_within_a_chunk(struct kunit *test)
{
	struct dev_pagemap *pgmap = pgmap_of(test, ilog2(SZ_2M >> PAGE_SHIFT), 1);

	pgmap->ranges[0] = (struct range){ START, START + SZ_1G - 1 };
	KUNIT_EXPECT_EQ(test, pages_of(pgmap, START, SZ_2M), 2);
	KUNIT_EXPECT_EQ(test, pages_of(pgmap, START + SZ_128M, SZ_128M), 128);
}

static void compound_chunks_within_a_folio(struct kunit *test)
{
	struct dev_pagemap *pgmap = pgmap_of(test, ilog2(SZ_1G >> PAGE_SHIFT), 1);

	pgmap->ranges[0] = (struct range){ START, START + 2ULL * SZ_1G - 1 };
	KUNIT_EXPECT_EQ(test, pages_of(pgmap, START, SZ_128M), 2);
	KUNIT_EXPECT_EQ(test, pages_of(pgmap, START + SZ_128M, SZ_128M), 0);
	KUNIT_EXPECT_EQ(test, pages_of(pgmap, START + SZ_1G, SZ_128M), 2);
}

/* Folios count from the start of the range, and may end in the middle of a chunk. */
static void compound_range_in_mid_section(struct kunit *test)
{
	struct dev_pagemap *pgmap = pgmap_of(test, ilog2(SZ_1G >> PAGE_SHIFT), 1);
	const u64 start = START + SZ_64M;

	pgmap->ranges[0] = (struct range){ start, start + 2ULL * SZ_1G - 1 };
	KUNIT_EXPECT_EQ(test, pages_of(pgmap, start, SZ_64M), 2);
	KUNIT_EXPECT_EQ(test, pages_of(pgmap, START + SZ_128M, SZ_128M), 0);
	KUNIT_EXPECT_EQ(test, pages_of(pgmap, START + SZ_1G, SZ_128M), 2);
	KUNIT_EXPECT_EQ(test, pages_of(pgmap, START + SZ_1G, SZ_64M), 0);
}

/* While ranges are added, nr_range is the one that is at it; later, all of them. */
static void compound_several_ranges(struct kunit *test)
{
	struct dev_pagemap *pgmap = pgmap_of(test, ilog2(SZ_1G >> PAGE_SHIFT), 2);
	const u64 second = START + 4ULL * SZ_1G + SZ_128M;

	pgmap->ranges[0] = (struct range){ START, START + SZ_1G - 1 };
	pgmap->ranges[1] = (struct range){ second, second + SZ_1G - 1 };
	KUNIT_EXPECT_EQ(test, pages_of(pgmap, second, SZ_128M), 2);
	pgmap->nr_range = 1;
	KUNIT_EXPECT_EQ(test, pages_of(pgmap, second, SZ_128M), 2);
	KUNIT_EXPECT_EQ(test, pages_of(pgmap, second + SZ_128M, SZ_128M), 0);
	pgmap->nr_range = 0;
	KUNIT_EXPECT_EQ(test, pages_of(pgmap, START, SZ_128M), 2);
}

static struct kunit_case compound_cases[] = {
	KUNIT_CASE(compound_folios_within_a_chunk),
	KUNIT_CASE(compound_chunks_within_a_folio),
	KUNIT_CASE(compound_range_in_mid_section),
	KUNIT_CASE(compound_several_ranges),
	{ }
};

static struct kunit_suite compound_suite = {
	.name = "mhp_compound",
	.test_cases = compound_cases,
};

kunit_test_suite(compound_suite);
