// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of span.c: a zone of made-up sections, each with memory of the zone or
 * without. Much more of it is tried in user space: tools/testing/memory-hotplug.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/mmzone.h>
#include <linux/prandom.h>

#include "span.h"

#define NR_SECTIONS	64
#define SECTION		PAGES_PER_SECTION

/**
 * struct world - made-up memory
 * @test: Who asks.
 * @map: Sections that have memory of the zone, all of it.
 * @span: What the zone spans, as span.c says.
 * @removed: Where probes must not look.
 * @nr_probes: How many there were since the last change.
 */
struct world {
	struct kunit *test;
	DECLARE_BITMAP(map, NR_SECTIONS);
	struct mhp_range span;
	struct mhp_range removed;
	unsigned int nr_probes;
};

static struct mhp_range probe(struct mhp_range chunk, void *ctx)
{
	struct world *world = ctx;

	KUNIT_EXPECT_FALSE(world->test, mhp_range_empty(chunk));
	KUNIT_EXPECT_EQ(world->test, chunk.start / SECTION, (chunk.end - 1) / SECTION);
	KUNIT_EXPECT_TRUE(world->test, mhp_range_contains(world->span, chunk));
	KUNIT_EXPECT_FALSE(world->test, mhp_ranges_overlap(world->removed, chunk));
	world->nr_probes++;

	return test_bit(chunk.start / SECTION, world->map) ?
		chunk : mhp_range(chunk.start, chunk.start);
}

static struct mhp_range sections(unsigned long first, unsigned long end)
{
	return mhp_range(first * SECTION, end * SECTION);
}

static void add(struct world *world, unsigned long first, unsigned long end)
{
	bitmap_set(world->map, first, end - first);
	world->span = mhp_span_grow(world->span, sections(first, end));
}

static void remove(struct world *world, unsigned long first, unsigned long end)
{
	bitmap_clear(world->map, first, end - first);
	world->removed = sections(first, end);
	world->nr_probes = 0;
	world->span = mhp_span_shrink(world->span, world->removed, SECTION, probe, world);
}

static void expect_span(struct world *world, unsigned long first, unsigned long end)
{
	KUNIT_EXPECT_EQ(world->test, world->span.start, first * SECTION);
	KUNIT_EXPECT_EQ(world->test, world->span.end, end * SECTION);
}

/* The span is that of the first and the last section on the map. */
static void expect_span_of_map(struct world *world)
{
	if (bitmap_empty(world->map, NR_SECTIONS))
		expect_span(world, 0, 0);
	else
		expect_span(world, find_first_bit(world->map, NR_SECTIONS),
			    find_last_bit(world->map, NR_SECTIONS) + 1);
}

static void random_walk(struct kunit *test)
{
	struct world world = { .test = test };
	struct rnd_state rnd;

	prandom_seed_state(&rnd, 1);
	for (int i = 0; i < 5000; i++) {
		unsigned long first = prandom_u32_state(&rnd) % NR_SECTIONS;
		unsigned long end = first + 1 + prandom_u32_state(&rnd) % (NR_SECTIONS - first);

		if (prandom_u32_state(&rnd) % 3 == 0)
			add(&world, first, end);
		else
			remove(&world, first, end);
		expect_span_of_map(&world);
	}
}

/* Both ends of a zone go, then what is left of it. */
static void shrinks_from_both_ends(struct kunit *test)
{
	struct world world = { .test = test };

	add(&world, 8, 10);
	add(&world, 20, 24);
	add(&world, 40, 41);
	expect_span(&world, 8, 41);

	remove(&world, 8, 10);
	expect_span(&world, 20, 41);
	remove(&world, 40, 41);
	expect_span(&world, 20, 24);
	remove(&world, 21, 22);
	expect_span(&world, 20, 24);
	KUNIT_EXPECT_EQ(test, world.nr_probes, 0);
	remove(&world, 20, 24);
	expect_span(&world, 0, 0);
}

/* Block by block from the top, as a DIMM goes: one look for each block. */
static void search_is_short(struct kunit *test)
{
	struct world world = { .test = test };

	add(&world, 0, NR_SECTIONS);
	for (unsigned long last = NR_SECTIONS - 1; last > 0; last--) {
		remove(&world, last, last + 1);
		expect_span(&world, 0, last);
		KUNIT_EXPECT_EQ(test, world.nr_probes, 1);
	}
}

/* A zone of boot memory may begin and end within a section. */
static void partial_sections(struct kunit *test)
{
	struct world world = {
		.test = test,
		.span = { 2 * SECTION + 100, 6 * SECTION + 50 },
	};

	bitmap_set(world.map, 2, 5);
	remove(&world, 3, 5);
	KUNIT_EXPECT_EQ(test, world.span.start, 2 * SECTION + 100);
	remove(&world, 2, 5);
	KUNIT_EXPECT_EQ(test, world.span.start, 5 * SECTION);
	KUNIT_EXPECT_EQ(test, world.span.end, 6 * SECTION + 50);
}

static void node_of_zones(struct kunit *test)
{
	const struct mhp_range zones[] = {
		{ 0, 0 }, { 700, 900 }, { 0, 0 }, { 100, 200 }, { 850, 860 },
	};
	struct mhp_range node = mhp_span_union(zones, ARRAY_SIZE(zones));

	KUNIT_EXPECT_EQ(test, node.start, 100);
	KUNIT_EXPECT_EQ(test, node.end, 900);

	node = mhp_span_union(zones, 1);
	KUNIT_EXPECT_EQ(test, node.start, 0);
	KUNIT_EXPECT_EQ(test, node.end, 0);
}

static struct kunit_case span_cases[] = {
	KUNIT_CASE(random_walk),
	KUNIT_CASE(shrinks_from_both_ends),
	KUNIT_CASE(search_is_short),
	KUNIT_CASE(partial_sections),
	KUNIT_CASE(node_of_zones),
	{}
};

static struct kunit_suite span_suite = {
	.name = "mhp_span",
	.test_cases = span_cases,
};

kunit_test_suite(span_suite);
