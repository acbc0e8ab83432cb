// SPDX-License-Identifier: GPL-2.0-only
/* mm/hotplug/range.c against sets of pages: a set is a word, a page is a bit. */
#include <linux/errno.h>

#include "range.h"
#include "test.h"

#define NR_PAGES	24UL

static u64 pages_of(struct mhp_range range)
{
	u64 pages = 0;

	for (unsigned long pfn = range.start; pfn < range.end; pfn++)
		pages |= (u64)1 << pfn;
	return pages;
}

/* The next of all ranges in a small world; false after the last. */
static bool next_range(struct mhp_range *range)
{
	if (range->end++ < NR_PAGES)
		return true;
	range->start++;
	range->end = range->start;
	return range->start <= NR_PAGES;
}

static bool next_pair(struct mhp_range *a, struct mhp_range *b)
{
	if (next_range(b))
		return true;
	*b = mhp_range(0, 0);
	return next_range(a);
}

static void test_overlap(void)
{
	struct mhp_range a = {}, b = {};

	do
		CHECK(mhp_ranges_overlap(a, b) == !!(pages_of(a) & pages_of(b)));
	while (next_pair(&a, &b));
}

static void test_contains(void)
{
	struct mhp_range a = {}, b = {};

	do
		CHECK(mhp_range_contains(a, b) == !(pages_of(b) & ~pages_of(a)));
	while (next_pair(&a, &b));
}

/* Goes through a range as callers do, and looks at each chunk. */
static unsigned long check_chunks(struct mhp_range range, unsigned long unit)
{
	struct mhp_range todo = range;
	unsigned long nr_chunks = 0;

	while (!mhp_range_empty(todo)) {
		struct mhp_range chunk = mhp_range_next_chunk(todo, unit);

		CHECK(chunk.start == todo.start);
		CHECK(chunk.start < chunk.end && chunk.end <= range.end);
		CHECK(chunk.start / unit == (chunk.end - 1) / unit);
		CHECK(chunk.end == range.end || chunk.end % unit == 0);
		todo.start = chunk.end;
		nr_chunks++;
	}
	CHECK(mhp_range_empty(mhp_range_next_chunk(todo, unit)));
	return nr_chunks;
}

static void test_chunks(void)
{
	for (int i = 0; i < 20000; i++) {
		unsigned long unit = 1UL << rnd_below(17);
		unsigned long start = rnd() >> rnd_below(64);
		unsigned long size = rnd_below(unit * 20) + 1;

		if (start > ULONG_MAX - size)
			start = ULONG_MAX - size;
		/* One for each unit that the range touches. */
		CHECK(check_chunks(mhp_range(start, start + size), unit) ==
		      (start + size - 1) / unit - start / unit + 1);
	}
}

static void test_aligned(void)
{
	for (unsigned long unit = 1; unit <= 16; unit *= 2)
		for (unsigned long a = 0; a <= 40; a++)
			for (unsigned long b = a; b <= 40; b++)
				CHECK(mhp_range_aligned(mhp_range(a, b), unit) ==
				      (a % unit == 0 && b % unit == 0));
}

/* What the errno should be, by arithmetic that cannot wrap. */
static int expected_error(u64 start, u64 size, u64 unit, u64 limit)
{
	unsigned __int128 end = (unsigned __int128)start + size;

	if (size == 0 || start % unit || size % unit || end > (unsigned __int128)1 << 64)
		return -EINVAL;
	if (end - 1 > limit)
		return -ERANGE;
	return 0;
}

static int check_phys(u64 start, u64 size, u64 unit, u64 limit)
{
	const struct mhp_range untouched = mhp_range(11, 7);
	struct mhp_range range = untouched;
	int err = mhp_phys_to_range(start, size, unit, limit, &range);
	unsigned __int128 end = (unsigned __int128)start + size;

	CHECK_MSG(err == expected_error(start, size, unit, limit),
		  ": %d for start %#lx size %#lx unit %#lx limit %#lx",
		  err, start, size, unit, limit);
	if (err) {
		CHECK(range.start == untouched.start && range.end == untouched.end);
		return err;
	}
	CHECK((unsigned __int128)range.start << PAGE_SHIFT == start);
	CHECK((unsigned __int128)range.end << PAGE_SHIFT == end);
	return 0;
}

static void test_phys_random(void)
{
	unsigned int nr_sound = 0, nr_out_of_reach = 0;

	for (int i = 0; i < 500000; i++) {
		u64 unit = (u64)1 << (PAGE_SHIFT + rnd_below(26));
		u64 start = rnd_spread();
		u64 size = rnd_spread();

		/* Mostly aligned, or little else would be seen. */
		if (rnd_below(8))
			start -= start % unit;
		if (rnd_below(8))
			size -= size % unit;
		switch (check_phys(start, size, unit, rnd_below(2) ? ~(u64)0 : rnd_spread())) {
		case 0:
			nr_sound++;
			break;
		case -ERANGE:
			nr_out_of_reach++;
			break;
		}
	}
	CHECK(nr_sound > 1000 && nr_out_of_reach > 1000);
}

static void test_phys_edges(void)
{
	const u64 block = (u64)128 << 20, top = ~(u64)0;

	check_phys(0, block, block, top);
	check_phys(0, 0, block, top);
	check_phys(-block, block, block, top);		/* ends with the last byte */
	check_phys(-block, 2 * block, block, top);	/* wraps */
	check_phys(-block, -block, block, top);
	check_phys(block, block, block, 2 * block - 1);	/* the limit is included */
	check_phys(block, block, block, 2 * block - 2);
	check_phys(block + 1, block, block, top);
	check_phys(block, block + 1, block, top);
	check_phys(block, block / 2, block, top);
	check_phys(top, 1, block, top);
	check_phys(block + 1, block, block, block);	/* unsound before out of reach */
}

const struct test range_tests[] = {
	{ "range: overlap is a common page", test_overlap },
	{ "range: containing is no page outside", test_contains },
	{ "range: chunks cover it, each in a unit", test_chunks },
	{ "range: aligned is both ends", test_aligned },
	{ "range: bytes to pages, random", test_phys_random },
	{ "range: bytes to pages, edges", test_phys_edges },
	{ }
};
