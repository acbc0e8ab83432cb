// SPDX-License-Identifier: GPL-2.0-only
/*
 * mm/hotplug/span.c against a map of pages: what a zone spans is worked out anew
 * from the map after each change, page by page.
 */
#include <string.h>

#include "span.h"
#include "test.h"

#define UNIT		8UL
#define NR_UNITS	40UL
#define NR_PAGES	(UNIT * NR_UNITS)

/* Memory of the zone, and where probes may look just now. */
struct world {
	bool present[NR_PAGES];
	struct mhp_range span;
	struct mhp_range removed;
	unsigned int nr_probes;
};

static struct mhp_range hull(const bool *present, struct mhp_range range)
{
	struct mhp_range found = {};

	for (unsigned long pfn = range.start; pfn < range.end; pfn++) {
		if (!present[pfn])
			continue;
		if (found.end == 0)
			found.start = pfn;
		found.end = pfn + 1;
	}
	return found;
}

static struct mhp_range hull_of_all(const struct world *world)
{
	return hull(world->present, mhp_range(0, NR_PAGES));
}

static bool same(struct mhp_range a, struct mhp_range b)
{
	return a.start == b.start && a.end == b.end;
}

static void set_pages(struct world *world, struct mhp_range range, bool present)
{
	for (unsigned long pfn = range.start; pfn < range.end; pfn++)
		world->present[pfn] = present;
}

static struct mhp_range probe(struct mhp_range chunk, void *ctx)
{
	struct world *world = ctx;

	CHECK(chunk.start < chunk.end);
	CHECK(chunk.start / UNIT == (chunk.end - 1) / UNIT);
	CHECK(chunk.start >= world->span.start && chunk.end <= world->span.end);
	CHECK(chunk.end <= world->removed.start || chunk.start >= world->removed.end);
	world->nr_probes++;
	return hull(world->present, chunk);
}

static struct mhp_range shrink(struct world *world, struct mhp_range removed)
{
	world->removed = removed;
	world->nr_probes = 0;
	return mhp_span_shrink(world->span, removed, UNIT, probe, world);
}

/* Empty now and then; whole units mostly, as zones of hotplugged memory are. */
static struct mhp_range rnd_range(unsigned long nr_units)
{
	unsigned long step = rnd_below(4) ? UNIT : 1;
	unsigned long a = rnd_below(NR_PAGES / step + 1);
	unsigned long size = rnd_below(nr_units * UNIT / step + 1);

	return mhp_range(a * step, min((a + size) * step, NR_PAGES));
}

/* At an edge of the span as a rule, or it would seldom shrink. */
static struct mhp_range rnd_removed(const struct world *world)
{
	struct mhp_range span = world->span, range = rnd_range(4);
	unsigned long pages = mhp_range_pages(range);

	switch (rnd_below(4)) {
	case 0:
		return range;
	case 1:
		return mhp_range(span.start, min(span.start + pages, NR_PAGES));
	case 2:
		return mhp_range(span.end - min(span.end, pages), span.end);
	default:
		/* All but some pages at the upper end. */
		return mhp_range(span.start, max(span.start, span.end - min(span.end, pages)));
	}
}

static void random_step(struct world *world)
{
	struct mhp_range range;

	if (rnd_below(5) < 2) {
		range = rnd_range(6);
		set_pages(world, range, true);
		world->span = mhp_span_grow(world->span, range);
	} else {
		range = rnd_removed(world);
		set_pages(world, range, false);
		world->span = shrink(world, range);
	}
	CHECK_MSG(same(world->span, hull_of_all(world)),
		  ": [%lu,%lu) after [%lu,%lu), should be [%lu,%lu)",
		  world->span.start, world->span.end, range.start, range.end,
		  hull_of_all(world).start, hull_of_all(world).end);
}

static void test_random_walk(void)
{
	unsigned int nr_empty = 0, nr_probes = 0;
	struct world world = {};

	for (int i = 0; i < 200000; i++) {
		random_step(&world);
		nr_empty += mhp_range_empty(world.span);
		nr_probes += world.nr_probes;
	}
	/* The walk went where it is interesting. */
	CHECK(nr_empty > 100 && nr_probes > 1000);
}

/* Every way to remove from every small zone whose edge pages are memory. */
static void test_exhaustive(void)
{
	const unsigned long nr = 2 * UNIT + 3, base = UNIT - 2;

	for (u64 map = 0; map < 1UL << (nr - 2); map += 1 + rnd_below(64)) {
		struct world world = {};

		for (unsigned long i = 0; i < nr; i++)
			world.present[base + i] = i == 0 || i == nr - 1 || (map >> i & 1);
		world.span = mhp_range(base, base + nr);

		for (unsigned long a = base; a <= base + nr; a += 1 + rnd_below(4)) {
			for (unsigned long b = a; b <= base + nr; b += 1 + rnd_below(4)) {
				struct world after = world;

				set_pages(&after, mhp_range(a, b), false);
				CHECK(same(shrink(&after, mhp_range(a, b)),
					   hull_of_all(&after)));
			}
		}
	}
}

static void test_stays(void)
{
	struct world world = { .span = { 2 * UNIT, 9 * UNIT } };
	static const struct mhp_range elsewhere[] = {
		{ 0, 0 }, { 0, 2 * UNIT }, { 9 * UNIT, 11 * UNIT },
		{ 3 * UNIT, 8 * UNIT }, { 2 * UNIT, 2 * UNIT },
		{ 9 * UNIT, 9 * UNIT }, { 5 * UNIT, 5 * UNIT },
	};

	/* Without a search: no memory would be found here. */
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++) {
		CHECK(same(shrink(&world, elsewhere[i]), world.span));
		CHECK(!world.nr_probes);
	}
}

static void test_covered(void)
{
	struct world world = { .span = { 3, 5 * UNIT } };

	set_pages(&world, mhp_range(0, NR_PAGES), true);	/* other zones' */
	CHECK(same(shrink(&world, mhp_range(3, 5 * UNIT)), mhp_range(0, 0)));
	CHECK(same(shrink(&world, mhp_range(0, NR_PAGES)), mhp_range(0, 0)));
	CHECK(same(shrink(&world, mhp_range(3, NR_PAGES)), mhp_range(0, 0)));
	CHECK(!world.nr_probes);
}

/* A removed range may stick out of the span: then what is inside counts. */
static void test_sticks_out(void)
{
	struct world world = { .span = { 4 * UNIT, 12 * UNIT } };

	set_pages(&world, mhp_range(6 * UNIT + 1, 9 * UNIT - 1), true);
	CHECK(same(shrink(&world, mhp_range(0, 5 * UNIT)),
		   mhp_range(6 * UNIT + 1, 12 * UNIT)));
	CHECK(same(shrink(&world, mhp_range(10 * UNIT, NR_PAGES)),
		   mhp_range(4 * UNIT, 9 * UNIT - 1)));
}

/* Zones can span holes at their edges since boot: nobody asked about those. */
static void test_far_edge_stays(void)
{
	struct world world = { .span = { 0, 20 * UNIT } };

	set_pages(&world, mhp_range(5 * UNIT, 6 * UNIT), true);
	CHECK(same(shrink(&world, mhp_range(0, UNIT)), mhp_range(5 * UNIT, 20 * UNIT)));
	CHECK(same(shrink(&world, mhp_range(19 * UNIT, 20 * UNIT)),
		   mhp_range(0, 6 * UNIT)));

	/* Holes alone are nothing. */
	set_pages(&world, mhp_range(0, NR_PAGES), false);
	CHECK(same(shrink(&world, mhp_range(0, UNIT)), mhp_range(0, 0)));
	CHECK(same(shrink(&world, mhp_range(19 * UNIT, 20 * UNIT)), mhp_range(0, 0)));
}

/* No further than to the first memory: a zone of terabytes is not walked. */
static void test_search_is_short(void)
{
	struct world world = { .span = { 0, NR_PAGES } };

	set_pages(&world, world.span, true);
	CHECK(same(shrink(&world, mhp_range(0, UNIT)), mhp_range(UNIT, NR_PAGES)));
	CHECK(world.nr_probes == 1);
	CHECK(same(shrink(&world, mhp_range(NR_PAGES - UNIT, NR_PAGES)),
		   mhp_range(0, NR_PAGES - UNIT)));
	CHECK(world.nr_probes == 1);

	/* And one look for each unit of a hole on the way. */
	set_pages(&world, mhp_range(2 * UNIT, NR_PAGES - 2 * UNIT), false);
	CHECK(same(shrink(&world, mhp_range(0, 2 * UNIT)),
		   mhp_range(NR_PAGES - 2 * UNIT, NR_PAGES)));
	CHECK(world.nr_probes == NR_UNITS - 3);
	CHECK(same(shrink(&world, mhp_range(NR_PAGES - 2 * UNIT, NR_PAGES)),
		   mhp_range(0, 2 * UNIT)));
	CHECK(world.nr_probes == NR_UNITS - 3);
}

static struct mhp_range nothing_found(struct mhp_range chunk, void *ctx)
{
	CHECK(chunk.start < chunk.end);
	return mhp_range(chunk.start, chunk.start);
}

/* The last pages there can be, and an empty answer that is not {0, 0} */
static void test_top_of_memory(void)
{
	const unsigned long unit = 1UL << 15;
	struct mhp_range span = mhp_range(ULONG_MAX - 5 * unit, ULONG_MAX);
	struct mhp_range low = mhp_range(span.start, span.start + unit);
	struct mhp_range high = mhp_range(span.end - unit, span.end);

	CHECK(same(mhp_span_shrink(span, low, unit, nothing_found, NULL), mhp_range(0, 0)));
	CHECK(same(mhp_span_shrink(span, high, unit, nothing_found, NULL), mhp_range(0, 0)));
}

static void test_union(void)
{
	for (int i = 0; i < 20000; i++) {
		unsigned int nr = rnd_below(6);
		struct mhp_range spans[6];
		struct world world = {};

		for (unsigned int k = 0; k < nr; k++) {
			spans[k] = rnd_range(NR_UNITS);
			set_pages(&world, spans[k], true);
		}
		CHECK(same(mhp_span_union(spans, nr), hull_of_all(&world)));
	}
}

static void test_grow(void)
{
	for (int i = 0; i < 20000; i++) {
		struct mhp_range a = rnd_range(NR_UNITS), b = rnd_range(NR_UNITS);
		struct world world = {};

		set_pages(&world, a, true);
		set_pages(&world, b, true);
		/* A span is given as it is kept: that of nothing is {0, 0}. */
		CHECK(same(mhp_span_grow(hull(world.present, a), b), hull_of_all(&world)));
		CHECK(same(mhp_span_grow(hull(world.present, b), a), hull_of_all(&world)));
	}
	CHECK(same(mhp_span_grow(mhp_range(0, 0), mhp_range(7, 7)), mhp_range(0, 0)));
	CHECK(same(mhp_span_grow(mhp_range(5, 5), mhp_range(7, 7)), mhp_range(0, 0)));
}

const struct test span_tests[] = {
	{ "span: random walk of growing and shrinking", test_random_walk },
	{ "span: every small zone, every removal", test_exhaustive },
	{ "span: stays where no edge is removed", test_stays },
	{ "span: nothing is left of what is covered", test_covered },
	{ "span: a removed range sticks out", test_sticks_out },
	{ "span: the far edge stays", test_far_edge_stays },
	{ "span: the search ends at the first memory", test_search_is_short },
	{ "span: at the top of memory", test_top_of_memory },
	{ "span: union", test_union },
	{ "span: growing does not mind the order", test_grow },
	{ }
};
