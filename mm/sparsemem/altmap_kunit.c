// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of altmap.c: the arithmetic of made-up altmaps; no page is touched.
 */
#include <kunit/test.h>

#include "sparsemem.h"

#define BASE	0x100000UL
#define HUGE	512UL

static void altmap_hands_out_in_order(struct kunit *test)
{
	struct vmem_altmap altmap = { .base_pfn = BASE, .reserve = 3, .free = 4 };
	unsigned long pfn, i;

	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_TRUE(test, altmap_take(&altmap, 1, &pfn));
		KUNIT_EXPECT_EQ(test, pfn, BASE + 3 + i);
	}
	KUNIT_EXPECT_FALSE(test, altmap_take(&altmap, 1, &pfn));
	KUNIT_EXPECT_EQ(test, altmap.alloc, 4);
	KUNIT_EXPECT_EQ(test, altmap.align, 0);
}

static void altmap_aligns_to_the_size(struct kunit *test)
{
	struct vmem_altmap altmap = { .base_pfn = BASE, .reserve = 1, .free = 2 * HUGE - 1 };
	unsigned long pfn;

	KUNIT_EXPECT_TRUE(test, altmap_take(&altmap, HUGE, &pfn));
	KUNIT_EXPECT_EQ(test, pfn, BASE + HUGE);
	KUNIT_EXPECT_EQ(test, altmap.alloc, HUGE);
	KUNIT_EXPECT_EQ(test, altmap.align, HUGE - 1);
	KUNIT_EXPECT_FALSE(test, altmap_take(&altmap, 1, &pfn));
}

static void altmap_aligns_to_the_largest_power_of_two(struct kunit *test)
{
	struct vmem_altmap altmap = { .base_pfn = BASE + 1, .free = 100 };
	unsigned long pfn;

	KUNIT_EXPECT_TRUE(test, altmap_take(&altmap, 12, &pfn));
	KUNIT_EXPECT_EQ(test, pfn, BASE + 4);
}

static void altmap_refusal_changes_nothing(struct kunit *test)
{
	/* Room for the pages, but not for what has to be skipped before them. */
	struct vmem_altmap altmap = { .base_pfn = BASE, .reserve = 1, .free = HUGE };
	unsigned long pfn = 42;

	KUNIT_EXPECT_FALSE(test, altmap_take(&altmap, HUGE, &pfn));
	KUNIT_EXPECT_FALSE(test, altmap_take(&altmap, HUGE + 1, &pfn));
	KUNIT_EXPECT_FALSE(test, altmap_take(&altmap, ~0UL, &pfn));
	KUNIT_EXPECT_EQ(test, pfn, 42);
	KUNIT_EXPECT_EQ(test, altmap.alloc, 0);
	KUNIT_EXPECT_EQ(test, altmap.align, 0);
	KUNIT_EXPECT_TRUE(test, altmap_take(&altmap, 1, &pfn));
}

static void altmap_rewinds(struct kunit *test)
{
	struct vmem_altmap altmap = { .base_pfn = BASE, .reserve = 1, .free = 4 * HUGE };
	struct altmap_mark mark;
	unsigned long pfn, again;

	KUNIT_EXPECT_TRUE(test, altmap_take(&altmap, 1, &pfn));
	mark = altmap_mark(&altmap);
	KUNIT_EXPECT_TRUE(test, altmap_take(&altmap, HUGE, &pfn));

	/* Not while some of it is out. */
	altmap_rewind(&altmap, mark);
	KUNIT_EXPECT_EQ(test, altmap.align, HUGE - 2);

	vmem_altmap_free(&altmap, HUGE);
	altmap_rewind(&altmap, mark);
	KUNIT_EXPECT_EQ(test, altmap.align, 0);
	KUNIT_EXPECT_TRUE(test, altmap_take(&altmap, HUGE, &again));
	KUNIT_EXPECT_EQ(test, again, pfn);

	altmap_rewind(NULL, altmap_mark(NULL));
}

static struct kunit_case altmap_cases[] = {
	KUNIT_CASE(altmap_hands_out_in_order),
	KUNIT_CASE(altmap_aligns_to_the_size),
	KUNIT_CASE(altmap_aligns_to_the_largest_power_of_two),
	KUNIT_CASE(altmap_refusal_changes_nothing),
	KUNIT_CASE(altmap_rewinds),
	{ }
};

static struct kunit_suite altmap_suite = {
	.name = "mhp_altmap",
	.test_cases = altmap_cases,
};

kunit_test_suite(altmap_suite);
