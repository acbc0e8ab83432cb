// SPDX-License-Identifier: GPL-2.0-only
/*
 * mm/hotplug/span.c: memory comes and goes in a map of pages. A model keeps the
 * span by hand, page by page.
 */
#include "fuzz.h"
#include "span.h"

#define NR_PAGES	120UL

struct zone_map {
	bool present[NR_PAGES];
	struct mhp_range span;
	struct mhp_range removed;	/* where nobody may look */
	unsigned long unit;
};

static struct mhp_range take_range(struct fuzz_input *in)
{
	unsigned int start = fuzz_below(in, NR_PAGES + 1), end = fuzz_below(in, NR_PAGES + 1);

	return mhp_range(min(start, end), max(start, end));
}

static void mark(struct zone_map *map, struct mhp_range range, bool present)
{
	for (unsigned long pfn = range.start; pfn < range.end; pfn++)
		map->present[pfn] = present;
}

static struct mhp_range find(struct mhp_range where, void *ctx)
{
	const struct zone_map *map = ctx;
	struct mhp_range found = mhp_range(where.start, where.start);

	CHECK(where.start < where.end);
	CHECK(where.start / map->unit == (where.end - 1) / map->unit);
	for (unsigned long pfn = where.start; pfn < where.end; pfn++) {
		CHECK(pfn >= map->span.start && pfn < map->span.end);
		CHECK(pfn < map->removed.start || pfn >= map->removed.end);
		if (!map->present[pfn])
			continue;
		if (mhp_range_empty(found))
			found.start = pfn;
		found.end = pfn + 1;
	}
	return found;
}

static bool in_range(struct mhp_range range, unsigned long pfn)
{
	return pfn >= range.start && pfn < range.end;
}

/* An edge that was removed goes inwards until it meets memory; the other one stays. */
static struct mhp_range model_shrink(const struct zone_map *map, struct mhp_range removed)
{
	struct mhp_range span = map->span;
	bool low, high;

	if (span.start == span.end)
		return span;
	low = in_range(removed, span.start);
	high = in_range(removed, span.end - 1);
	while (low && span.start < span.end &&
	       (in_range(removed, span.start) || !map->present[span.start]))
		span.start++;
	while (high && span.start < span.end &&
	       (in_range(removed, span.end - 1) || !map->present[span.end - 1]))
		span.end--;
	return span.start < span.end ? span : mhp_range(0, 0);
}

static struct mhp_range model_grow(struct mhp_range span, struct mhp_range added)
{
	struct mhp_range all = {};

	for (unsigned long pfn = 0; pfn < NR_PAGES; pfn++) {
		if (!in_range(span, pfn) && !in_range(added, pfn))
			continue;
		if (!all.end)
			all.start = pfn;
		all.end = pfn + 1;
	}
	return all;
}

static void check_span(struct zone_map *map, struct mhp_range got, struct mhp_range expected)
{
	CHECK_MSG(got.start == expected.start && got.end == expected.end,
		  ": [%lu,%lu) became [%lu,%lu), not [%lu,%lu)", map->span.start,
		  map->span.end, got.start, got.end, expected.start, expected.end);
	map->span = got;
}

static void add(struct zone_map *map, struct fuzz_input *in)
{
	struct mhp_range added = take_range(in);

	mark(map, added, true);
	check_span(map, mhp_span_grow(map->span, added), model_grow(map->span, added));
}

/* With a hole at its edge perhaps: zones of boot have such. */
static void add_with_hole(struct zone_map *map, struct fuzz_input *in)
{
	struct mhp_range hole = take_range(in);

	add(map, in);
	mark(map, hole, false);
}

static void drop(struct zone_map *map, struct fuzz_input *in)
{
	struct mhp_range expected;

	map->removed = take_range(in);
	expected = model_shrink(map, map->removed);
	mark(map, map->removed, false);
	check_span(map, mhp_span_shrink(map->span, map->removed, map->unit, find, map), expected);
}

static void unite(struct fuzz_input *in)
{
	struct mhp_range spans[6], all = {}, got;
	unsigned int nr = fuzz_below(in, ARRAY_SIZE(spans) + 1);

	for (unsigned int i = 0; i < nr; i++) {
		spans[i] = take_range(in);
		all = model_grow(all, spans[i]);
	}
	got = mhp_span_union(spans, nr);
	CHECK(got.start == all.start && got.end == all.end);
}

void fuzz_span(struct fuzz_input *in)
{
	struct zone_map map = { .unit = 1UL << fuzz_below(in, 6) };

	while (fuzz_left(in)) {
		switch (fuzz_below(in, 8)) {
		case 0:
			unite(in);
			break;
		case 1:
			add_with_hole(&map, in);
			break;
		case 2:
		case 3:
			add(&map, in);
			break;
		default:
			drop(&map, in);
		}
	}
}
