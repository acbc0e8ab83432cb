// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of usage.c: which sub-sections of a section a range of pages stands for.
 */
#include <kunit/test.h>

#include "sparsemem.h"

#define SUB	PAGES_PER_SUBSECTION

/* The first page of some section, the same in all of them. */
static const unsigned long base = 5 * PAGES_PER_SECTION;

static struct mem_section_usage *empty_usage(struct kunit *test)
{
	struct mem_section_usage *usage = kunit_kzalloc(test, mem_section_usage_size(),
							GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, usage);
	return usage;
}

static unsigned int weight(const struct mem_section_usage *usage)
{
	return bitmap_weight(usage->subsection_map, SUBSECTIONS_PER_SECTION);
}

static void usage_starts_empty(struct kunit *test)
{
	struct mem_section_usage *usage = empty_usage(test);

	KUNIT_EXPECT_TRUE(test, sparse_usage_empty(usage));
	KUNIT_EXPECT_FALSE(test, sparse_usage_any(usage, base, PAGES_PER_SECTION));
	KUNIT_EXPECT_FALSE(test, sparse_usage_all(usage, base, SUB));
}

static void usage_of_a_whole_section(struct kunit *test)
{
	struct mem_section_usage *usage = empty_usage(test);

	sparse_usage_set(usage, base, PAGES_PER_SECTION);
	KUNIT_EXPECT_EQ(test, weight(usage), SUBSECTIONS_PER_SECTION);
	KUNIT_EXPECT_TRUE(test, sparse_usage_all(usage, base, PAGES_PER_SECTION));

	sparse_usage_clear(usage, base, PAGES_PER_SECTION);
	KUNIT_EXPECT_TRUE(test, sparse_usage_empty(usage));
}

static void usage_has_edges(struct kunit *test)
{
	struct mem_section_usage *usage = empty_usage(test);
	const unsigned long last = PAGES_PER_SECTION - SUB;

	if (SUBSECTIONS_PER_SECTION < 4)
		kunit_skip(test, "sections of few sub-sections");

	sparse_usage_set(usage, base + SUB, SUB);
	KUNIT_EXPECT_EQ(test, weight(usage), 1);
	KUNIT_EXPECT_FALSE(test, sparse_usage_any(usage, base, SUB));
	KUNIT_EXPECT_TRUE(test, sparse_usage_any(usage, base, 2 * SUB));
	KUNIT_EXPECT_FALSE(test, sparse_usage_all(usage, base, 2 * SUB));
	KUNIT_EXPECT_TRUE(test, sparse_usage_all(usage, base + SUB, SUB));
	KUNIT_EXPECT_FALSE(test, sparse_usage_any(usage, base + 2 * SUB, SUB));

	sparse_usage_set(usage, base + last, SUB);
	KUNIT_EXPECT_TRUE(test, sparse_usage_all(usage, base + last, SUB));
	KUNIT_EXPECT_FALSE(test, sparse_usage_any(usage, base + 2 * SUB, last - 2 * SUB));

	sparse_usage_clear(usage, base + SUB, SUB);
	KUNIT_EXPECT_EQ(test, weight(usage), 1);
	KUNIT_EXPECT_FALSE(test, sparse_usage_empty(usage));
}

/* Memory of boot need not begin or end with a sub-section. */
static void usage_of_a_part_counts_whole(struct kunit *test)
{
	struct mem_section_usage *usage = empty_usage(test);

	if (SUBSECTIONS_PER_SECTION < 4 || SUB < 4)
		kunit_skip(test, "sections of few sub-sections, or of few pages");

	sparse_usage_set(usage, base + SUB - 1, 2);
	KUNIT_EXPECT_TRUE(test, sparse_usage_all(usage, base, 2 * SUB));
	KUNIT_EXPECT_EQ(test, weight(usage), 2);
}

static struct kunit_case usage_cases[] = {
	KUNIT_CASE(usage_starts_empty),
	KUNIT_CASE(usage_of_a_whole_section),
	KUNIT_CASE(usage_has_edges),
	KUNIT_CASE(usage_of_a_part_counts_whole),
	{ }
};

static struct kunit_suite usage_suite = {
	.name = "mhp_usage",
	.test_cases = usage_cases,
};

kunit_test_suite(usage_suite);
