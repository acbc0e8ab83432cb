// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of range.c with the kernel's own page size, limits and block size. Much
 * more of it is tried in user space: tools/testing/memory-hotplug.
 */
#include <kunit/test.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/prandom.h>

#include "range.h"

/* Neighbours touch, but have no page in common. */
static void neighbours(struct kunit *test)
{
	const struct mhp_range low = mhp_range(8, 16), high = mhp_range(16, 24);

	KUNIT_EXPECT_FALSE(test, mhp_ranges_overlap(low, high));
	KUNIT_EXPECT_FALSE(test, mhp_ranges_overlap(high, low));
	KUNIT_EXPECT_TRUE(test, mhp_ranges_overlap(low, mhp_range(15, 24)));
	KUNIT_EXPECT_TRUE(test, mhp_ranges_overlap(mhp_range(0, 9), low));
	KUNIT_EXPECT_TRUE(test, mhp_ranges_overlap(low, low));
	KUNIT_EXPECT_TRUE(test, mhp_ranges_overlap(low, mhp_range(10, 11)));
}

static void empty_ranges(struct kunit *test)
{
	const struct mhp_range range = mhp_range(8, 16);

	for (unsigned long pfn = 0; pfn < 24; pfn++) {
		const struct mhp_range empty = mhp_range(pfn, pfn);

		KUNIT_EXPECT_FALSE(test, mhp_ranges_overlap(range, empty));
		KUNIT_EXPECT_FALSE(test, mhp_ranges_overlap(empty, range));
		KUNIT_EXPECT_TRUE(test, mhp_range_contains(range, empty));
		KUNIT_EXPECT_FALSE(test, mhp_range_contains(empty, range));
	}
}

static void containing(struct kunit *test)
{
	const struct mhp_range outer = mhp_range(8, 16);

	KUNIT_EXPECT_TRUE(test, mhp_range_contains(outer, outer));
	KUNIT_EXPECT_TRUE(test, mhp_range_contains(outer, mhp_range(8, 9)));
	KUNIT_EXPECT_TRUE(test, mhp_range_contains(outer, mhp_range(15, 16)));
	KUNIT_EXPECT_FALSE(test, mhp_range_contains(outer, mhp_range(7, 9)));
	KUNIT_EXPECT_FALSE(test, mhp_range_contains(outer, mhp_range(15, 17)));
	KUNIT_EXPECT_FALSE(test, mhp_range_contains(outer, mhp_range(7, 17)));
}

/* Section by section through a range that begins and ends somewhere */
static void chunks_of_sections(struct kunit *test)
{
	struct mhp_range todo = mhp_range(PAGES_PER_SECTION - 3, 3 * PAGES_PER_SECTION + 5);
	const struct mhp_range expected[] = {
		{ PAGES_PER_SECTION - 3, PAGES_PER_SECTION },
		{ PAGES_PER_SECTION, 2 * PAGES_PER_SECTION },
		{ 2 * PAGES_PER_SECTION, 3 * PAGES_PER_SECTION },
		{ 3 * PAGES_PER_SECTION, 3 * PAGES_PER_SECTION + 5 },
	};

	for (int i = 0; i < ARRAY_SIZE(expected); i++) {
		struct mhp_range chunk = mhp_range_next_chunk(todo, PAGES_PER_SECTION);

		KUNIT_EXPECT_EQ(test, chunk.start, expected[i].start);
		KUNIT_EXPECT_EQ(test, chunk.end, expected[i].end);
		todo.start = chunk.end;
	}
	KUNIT_EXPECT_TRUE(test, mhp_range_empty(todo));
}

/* The unit that the last pages lie in ends where no number is. */
static void chunk_at_the_top(struct kunit *test)
{
	struct mhp_range top = mhp_range(ULONG_MAX - 2, ULONG_MAX);
	struct mhp_range chunk = mhp_range_next_chunk(top, PAGES_PER_SECTION);

	KUNIT_EXPECT_EQ(test, chunk.start, top.start);
	KUNIT_EXPECT_EQ(test, chunk.end, top.end);
}

static void whole_blocks(struct kunit *test)
{
	const u64 block = memory_block_size_bytes();
	const unsigned long block_pages = PHYS_PFN(block);
	struct rnd_state rnd;

	prandom_seed_state(&rnd, 1);
	for (int i = 0; i < 1000; i++) {
		u64 start = prandom_u32_state(&rnd) % 10000 * block;
		u64 size = (prandom_u32_state(&rnd) % 10000 + 1) * block;
		u64 off = prandom_u32_state(&rnd) % (block - 1) + 1;
		struct mhp_range range;

		KUNIT_ASSERT_EQ(test, mhp_phys_to_range(start, size, block, U64_MAX, &range), 0);
		KUNIT_EXPECT_EQ(test, PFN_PHYS(range.start), start);
		KUNIT_EXPECT_EQ(test, PFN_PHYS(mhp_range_pages(range)), size);
		KUNIT_EXPECT_TRUE(test, mhp_range_aligned(range, block_pages));

		/* A byte too many or too few is not rounded away. */
		KUNIT_EXPECT_EQ(test, -EINVAL,
				mhp_phys_to_range(start + off, size, block, U64_MAX, &range));
		KUNIT_EXPECT_EQ(test, -EINVAL,
				mhp_phys_to_range(start, size + off, block, U64_MAX, &range));

		/* The limit is the last byte that is in. */
		KUNIT_EXPECT_EQ(test, 0,
				mhp_phys_to_range(start, size, block, start + size - 1, &range));
		KUNIT_EXPECT_EQ(test, -ERANGE,
				mhp_phys_to_range(start, size, block, start + size - 2, &range));
	}
}

static void ends_of_the_address_space(struct kunit *test)
{
	const u64 block = memory_block_size_bytes();
	const struct mhp_range untouched = mhp_range(11, 7);
	struct mhp_range range = untouched;

	KUNIT_EXPECT_EQ(test, -EINVAL, mhp_phys_to_range(0, 0, block, U64_MAX, &range));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			mhp_phys_to_range(-block, 2 * block, block, U64_MAX, &range));
	KUNIT_EXPECT_EQ(test, -ERANGE,
			mhp_phys_to_range(-block, block, block, PHYSMEM_END, &range));
	KUNIT_EXPECT_EQ(test, range.start, untouched.start);
	KUNIT_EXPECT_EQ(test, range.end, untouched.end);

	/* Up to the last byte: the size is right though the end wraps. */
	KUNIT_EXPECT_EQ(test, 0, mhp_phys_to_range(-block, block, block, U64_MAX, &range));
	KUNIT_EXPECT_EQ(test, mhp_range_pages(range), PHYS_PFN(block));
}

static struct kunit_case range_cases[] = {
	KUNIT_CASE(neighbours),
	KUNIT_CASE(empty_ranges),
	KUNIT_CASE(containing),
	KUNIT_CASE(chunks_of_sections),
	KUNIT_CASE(chunk_at_the_top),
	KUNIT_CASE(whole_blocks),
	KUNIT_CASE(ends_of_the_address_space),
	{}
};

static struct kunit_suite range_suite = {
	.name = "mhp_range",
	.test_cases = range_cases,
};

kunit_test_suite(range_suite);
