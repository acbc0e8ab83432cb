// SPDX-License-Identifier: GPL-2.0-only
/*
 * mm/hotplug/range.c against sets: a range is the set of its pages, bits of a
 * word that stands somewhere in the address space. Bytes against 128 bits.
 */
#include <linux/errno.h>

#include "fuzz.h"
#include "range.h"

#define u128	unsigned __int128
#define WINDOW	64		/* pages that the word is about */

static unsigned long base;	/* its first page */

struct fuzz_set {
	struct mhp_range range;
	u64 pages;
};

static struct fuzz_set take_set(struct fuzz_input *in)
{
	unsigned int start = fuzz_below(in, WINDOW), end = fuzz_below(in, WINDOW);
	struct fuzz_set set = {
		.range = mhp_range(base + min(start, end), base + max(start, end)),
	};

	for (unsigned int i = min(start, end); i < max(start, end); i++)
		set.pages |= (u64)1 << i;
	return set;
}

/* Unit by unit, all pages or none are in it. Empty ones go by where they lie. */
static bool model_aligned(const struct fuzz_set *set, unsigned int unit)
{
	for (unsigned int i = 0; i < WINDOW; i += unit) {
		unsigned int nr = 0;

		for (unsigned int k = i; k < i + unit; k++)
			nr += set->pages >> k & 1;
		if (nr && nr < unit)
			return false;
	}
	return set->pages || (set->range.start - base) % unit == 0;
}

static void check_chunks(const struct fuzz_set *set, unsigned int unit)
{
	struct mhp_range rest = set->range;
	u64 seen = 0;

	while (!mhp_range_empty(rest)) {
		struct mhp_range chunk = mhp_range_next_chunk(rest, unit);

		CHECK(chunk.start == rest.start && chunk.start < chunk.end);
		for (unsigned long pfn = chunk.start; pfn != chunk.end; pfn++) {
			CHECK(pfn - base < WINDOW);
			CHECK((pfn - base) / unit == (chunk.start - base) / unit);
			seen |= (u64)1 << (pfn - base);
		}
		/* It ends where the unit does, or the range. */
		CHECK((chunk.end - base) % unit == 0 || chunk.end == rest.end);
		rest.start = chunk.end;
	}
	CHECK(seen == set->pages);
	rest = mhp_range_next_chunk(rest, unit);
	CHECK(mhp_range_empty(rest));
}

static void check_sets(struct fuzz_input *in)
{
	struct fuzz_set a, b;
	unsigned int unit;

	base = fuzz_number(in) & ~(WINDOW - 1UL);
	a = take_set(in);
	b = take_set(in);
	unit = 1 << fuzz_below(in, 7);

	CHECK(mhp_ranges_overlap(a.range, b.range) == !!(a.pages & b.pages));
	CHECK(mhp_range_contains(a.range, b.range) == !(b.pages & ~a.pages));
	CHECK(mhp_range_pages(a.range) == __builtin_popcountll(a.pages));
	CHECK(mhp_range_empty(a.range) == !a.pages);
	CHECK_MSG(mhp_range_aligned(a.range, unit) == model_aligned(&a, unit),
		  " of [%#lx,%#lx), %u", a.range.start, a.range.end, unit);
	check_chunks(&a, unit);
}

static int model_bytes(u64 start, u64 size, u64 unit, u64 limit)
{
	u128 end = (u128)start + size;

	if (!size || start % unit || size % unit || end > (u128)1 << 64)
		return -EINVAL;
	return end > (u128)limit + 1 ? -ERANGE : 0;
}

static void check_bytes(struct fuzz_input *in)
{
	const struct mhp_range untouched = mhp_range(3, 1);
	struct mhp_range range = untouched;
	u64 start = fuzz_number(in), size = fuzz_number(in), limit = fuzz_number(in);
	u64 unit = (u64)1 << (PAGE_SHIFT + fuzz_below(in, 64 - PAGE_SHIFT));
	int expected;

	if (fuzz_below(in, 2)) {	/* or few are aligned */
		start -= start % unit;
		size -= size % unit;
	}
	expected = model_bytes(start, size, unit, limit);
	CHECK_MSG(mhp_phys_to_range(start, size, unit, limit, &range) == expected,
		  " of %#lx+%#lx, unit %#lx, limit %#lx", start, size, unit, limit);
	if (expected) {
		CHECK(range.start == untouched.start && range.end == untouched.end);
		return;
	}
	CHECK((u128)range.start << PAGE_SHIFT == start);
	CHECK((u128)range.end << PAGE_SHIFT == (u128)start + size);
}

void fuzz_range(struct fuzz_input *in)
{
	if (fuzz_below(in, 2))
		check_bytes(in);
	else
		check_sets(in);
}
