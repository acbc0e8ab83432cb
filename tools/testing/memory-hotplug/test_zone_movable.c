// SPDX-License-Identifier: GPL-2.0-only
/*
 * mm/zone_movable_plan.c: words against a table and against what they were made
 * of; plans against a model that hands out memory page by page.
 */
#include "test.h"
#include "zone_movable_plan.h"

#define NR_NODES	4
#define NR_PAGES	240UL
#define MAX_RANGES	24

static struct movable_range ranges[MAX_RANGES];
static struct movable_node nodes[NR_NODES];

static struct movable_range get_range(unsigned int index)
{
	CHECK(index < MAX_RANGES);
	return ranges[index];
}

static struct movable_plan plan = {
	.get_range = get_range,
	.nr_nodes = NR_NODES,
	.nodes = nodes,
};

static void parses(const char *word, unsigned long pages, unsigned int percent)
{
	struct movable_amount amount = { 11, 7 };

	CHECK_MSG(!movable_parse_amount(word, &amount), " for %s", word);
	CHECK_MSG(amount.pages == pages && amount.percent == percent,
		  " for %s: %lu pages, %u%%", word, amount.pages, amount.percent);
}

static void refuses(const char *word, int error)
{
	struct movable_amount amount = { 11, 7 };

	CHECK_MSG(movable_parse_amount(word, &amount) == error, " for \"%s\"", word);
	CHECK_MSG(amount.pages == 11 && amount.percent == 7, " for \"%s\"", word);
}

static void test_words(void)
{
	parses("0", 0, 0);
	parses("0%", 0, 0);
	parses("4095", 0, 0);
	parses("4096", 1, 0);
	parses("512M", 512UL << 8, 0);
	parses("512m", 512UL << 8, 0);
	parses("3G", 3UL << 18, 0);
	parses("8k", 2, 0);
	parses("1E", 1UL << 48, 0);
	parses("0x10E", 0, 0);		/* a digit here */
	parses("0x10eP", 270UL << 38, 0);
	parses("0x10M", 16UL << 8, 0);
	parses("15E", 15UL << 48, 0);
	parses("18446744073709551615", ULONG_MAX >> 12, 0);
	parses("01777777777777777777777", ULONG_MAX >> 12, 0);
	parses("1%", 0, 1);
	parses("100%", 0, 100);
	parses("0x20%", 0, 32);

	refuses("", -EINVAL);
	refuses("%", -EINVAL);
	refuses("M", -EINVAL);
	refuses("-1", -EINVAL);
	refuses("+1", -EINVAL);
	refuses(" 1", -EINVAL);
	refuses("lots", -EINVAL);
	refuses("mirrors", -EINVAL);
	refuses("512MB", -EINVAL);
	refuses("512Q", -EINVAL);
	refuses("1G,2G", -EINVAL);
	refuses("1.5G", -EINVAL);
	refuses("0x", -EINVAL);
	refuses("0xM", -EINVAL);
	refuses("089M", -EINVAL);
	refuses("50%%", -EINVAL);
	refuses("50%M", -EINVAL);
	refuses("0000000000000000000000000000000000000001", -EINVAL);
	refuses("101%", -ERANGE);
	refuses("18446744073709551516%", -ERANGE);
	refuses("16E", -ERANGE);
	refuses("17179869184G", -ERANGE);
	refuses("18446744073709551616", -ERANGE);
}

static void test_random_words(void)
{
	static const char units[] = "KMGTPE";

	for (int i = 0; i < 100000; i++) {
		bool hex = rnd_below(2);	/* where E is a digit */
		unsigned int unit = rnd_below(hex ? 5 : 6), shift = 10 * (unit + 1);
		u64 value = rnd_spread();
		char word[40];

		snprintf(word, sizeof(word), hex ? "%#llx%c" : "%llu%c",
			 (unsigned long long)value, units[unit]);
		if (value > UINT64_MAX >> shift)
			refuses(word, -ERANGE);
		else
			parses(word, value << shift >> 12, 0);
	}
}

static unsigned long kernel_pages(unsigned long pages, unsigned int percent,
				  unsigned long m_pages, unsigned int m_percent,
				  unsigned long total, unsigned long unit)
{
	return movable_kernel_pages((struct movable_amount){ pages, percent },
				    (struct movable_amount){ m_pages, m_percent },
				    total, unit);
}

static void test_amounts(void)
{
	/* Nothing asked for, one of the two, and the one that leaves the kernel more */
	CHECK(kernel_pages(0, 0, 0, 0, 1000, 8) == 0);
	CHECK(kernel_pages(300, 0, 0, 0, 1000, 8) == 300);
	CHECK(kernel_pages(0, 30, 0, 0, 1000, 8) == 300);
	CHECK(kernel_pages(0, 0, 200, 0, 1000, 8) == 800);
	CHECK(kernel_pages(0, 0, 0, 20, 1000, 8) == 800);
	CHECK(kernel_pages(300, 0, 200, 0, 1000, 8) == 800);
	CHECK(kernel_pages(900, 0, 200, 0, 1000, 8) == 900);

	/* Movable memory comes in whole units: never less than was asked for. */
	CHECK(kernel_pages(0, 0, 201, 0, 1000, 8) == 792);
	CHECK(kernel_pages(0, 0, 999, 0, 1000, 16) == 0);

	/* All of it, or more */
	CHECK(kernel_pages(0, 0, 0, 100, 1000, 8) == 0);
	CHECK(kernel_pages(0, 0, 5000, 0, 1000, 8) == 0);
	CHECK(kernel_pages(0, 0, ULONG_MAX, 0, 1000, 8) == 0);
	CHECK(kernel_pages(0, 100, 0, 0, 1000, 8) == 1000);
	CHECK(kernel_pages(ULONG_MAX, 0, 1, 0, 1000, 8) == ULONG_MAX);

	/* Shares of all that can be counted: nothing wraps. */
	CHECK(kernel_pages(0, 75, 0, 0, ULONG_MAX, 8) == ULONG_MAX / 4 * 3 + 2);
	CHECK(kernel_pages(0, 100, 0, 0, ULONG_MAX, 8) == ULONG_MAX);
}

/* Nodes may take turns, have holes, and have nothing; some memory is of no node. */
static void rnd_memory(void)
{
	unsigned long pfn = rnd_below(8);

	plan.nr_ranges = 0;
	while (plan.nr_ranges < 1 + rnd_below(MAX_RANGES)) {
		unsigned long size = rnd_below(24);

		if (plan.nr_ranges == MAX_RANGES || pfn + size > NR_PAGES)
			break;
		ranges[plan.nr_ranges++] = (struct movable_range){
			.start = pfn, .end = pfn + size,
			.nid = (int)rnd_below(NR_NODES + 1 + !rnd_below(8)) - 1,
			.wanted = !rnd_below(3),
		};
		pfn += size + (rnd_below(2) ? rnd_below(12) : 0);
	}
}

/* The node of each page, -1: hole */
static void make_map(int *map)
{
	for (unsigned long pfn = 0; pfn < NR_PAGES; pfn++)
		map[pfn] = -1;
	for (unsigned int i = 0; i < plan.nr_ranges; i++)
		for (unsigned long pfn = ranges[i].start; pfn < ranges[i].end; pfn++)
			if (ranges[i].nid >= 0 && ranges[i].nid < NR_NODES)
				map[pfn] = ranges[i].nid;
}

/*
 * A page at a time to the node whose kernel zones have least and that has one
 * left, until all together have enough; what is too low is theirs before.
 */
static void model_shares(const int *map, unsigned long lowest, unsigned long wanted,
			 unsigned long *kernel)
{
	unsigned long left[NR_NODES] = {}, sum = 0;

	memset(kernel, 0, NR_NODES * sizeof(*kernel));
	for (unsigned long pfn = 0; pfn < NR_PAGES; pfn++) {
		if (map[pfn] < 0)
			continue;
		if (pfn < lowest) {
			kernel[map[pfn]]++;
			sum++;
		} else {
			left[map[pfn]]++;
		}
	}
	while (sum < wanted) {
		int poorest = -1;

		for (int nid = 0; nid < NR_NODES; nid++)
			if (left[nid] && (poorest < 0 || kernel[nid] < kernel[poorest]))
				poorest = nid;
		CHECK(poorest >= 0);
		kernel[poorest]++;
		left[poorest]--;
		sum++;
	}
}

/* The pfn of the n-th page of a node, from 0; MOVABLE_NONE if it has no more than n. */
static unsigned long nth_page(const int *map, int nid, unsigned long n)
{
	for (unsigned long pfn = 0; pfn < NR_PAGES; pfn++)
		if (map[pfn] == nid && !n--)
			return pfn;
	return MOVABLE_NONE;
}

static unsigned long pages_below(const int *map, int nid, unsigned long end)
{
	unsigned long nr = 0;

	for (unsigned long pfn = 0; pfn < min(end, NR_PAGES); pfn++)
		nr += map[pfn] == nid;
	return nr;
}

static void test_count(void)
{
	int map[NR_PAGES];

	for (int i = 0; i < 20000; i++) {
		unsigned long lowest = rnd_below(NR_PAGES), sum = 0;
		unsigned long total;

		rnd_memory();
		make_map(map);
		total = movable_plan_init(&plan, lowest);
		for (int nid = 0; nid < NR_NODES; nid++) {
			CHECK(nodes[nid].pages == pages_below(map, nid, NR_PAGES));
			CHECK(nodes[nid].fixed == pages_below(map, nid, lowest));
			CHECK(nodes[nid].first == MOVABLE_NONE);
			sum += nodes[nid].pages;
		}
		CHECK(total == sum);
	}
}

/*
 * The lowest level that is enough gives each node but those at their limits the
 * same; the model, which stops at the last page, may give some of them one less.
 */
static void test_by_amount(void)
{
	unsigned int nr_uneven = 0;
	int map[NR_PAGES];

	for (int i = 0; i < 20000; i++) {
		unsigned long lowest = rnd_below(3) ? 0 : rnd_below(NR_PAGES);
		unsigned long model[NR_NODES], kernel, total;

		rnd_memory();
		make_map(map);
		total = movable_plan_init(&plan, lowest);
		if (total < 2)
			continue;
		kernel = 1 + rnd_below(total - 1);
		movable_plan_by_amount(&plan, kernel);
		model_shares(map, lowest, kernel, model);

		for (int nid = 0; nid < NR_NODES; nid++) {
			unsigned long got = pages_below(map, nid, nodes[nid].first);

			CHECK_MSG(got == model[nid] || got == model[nid] + 1,
				  ": node %d has %lu, model %lu", nid, got, model[nid]);
			CHECK(nodes[nid].first == nth_page(map, nid, got));
			CHECK(nodes[nid].first >= lowest);
			nr_uneven += got != model[nid];
		}
	}
	CHECK(nr_uneven > 100);
}

/* Each amount is met, by less than a page for each node too much. */
static void test_sum(void)
{
	int map[NR_PAGES];

	for (int i = 0; i < 20000; i++) {
		unsigned long kernel, total, sum = 0;

		rnd_memory();
		make_map(map);
		total = movable_plan_init(&plan, 0);
		if (total < 2)
			continue;
		kernel = 1 + rnd_below(total - 1);
		movable_plan_by_amount(&plan, kernel);
		for (int nid = 0; nid < NR_NODES; nid++)
			sum += pages_below(map, nid, nodes[nid].first);
		CHECK(sum >= kernel && sum < kernel + NR_NODES);
	}
}

static void test_by_kind(void)
{
	for (int i = 0; i < 20000; i++) {
		unsigned long first[NR_NODES];

		rnd_memory();
		for (int nid = 0; nid < NR_NODES; nid++)
			first[nid] = MOVABLE_NONE;
		for (unsigned int k = plan.nr_ranges; k--;)
			if (ranges[k].wanted && ranges[k].nid >= 0 &&
			    ranges[k].nid < NR_NODES && ranges[k].start < ranges[k].end)
				first[ranges[k].nid] = ranges[k].start;
		movable_plan_init(&plan, 0);
		movable_plan_by_kind(&plan);
		for (int nid = 0; nid < NR_NODES; nid++)
			CHECK(nodes[nid].first == first[nid]);
	}
}

static void test_align(void)
{
	const unsigned long unit = 16;

	for (int i = 0; i < 20000; i++) {
		unsigned long before[NR_NODES], last[NR_NODES] = {};

		rnd_memory();
		for (unsigned int k = 0; k < plan.nr_ranges; k++)
			if (ranges[k].nid >= 0 && ranges[k].nid < NR_NODES &&
			    ranges[k].start < ranges[k].end)
				last[ranges[k].nid] = ranges[k].end - 1;
		movable_plan_init(&plan, 0);
		movable_plan_by_kind(&plan);
		for (int nid = 0; nid < NR_NODES; nid++)
			before[nid] = nodes[nid].first;
		movable_plan_align(&plan, unit);
		for (int nid = 0; nid < NR_NODES; nid++) {
			unsigned long first = nodes[nid].first;

			if (first == MOVABLE_NONE) {
				CHECK(before[nid] == MOVABLE_NONE ||
				      before[nid] > last[nid] / unit * unit);
				continue;
			}
			CHECK(first % unit == 0 && first - before[nid] < unit);
			CHECK(first <= last[nid]);
		}
	}
}

/* Two machines that there are: what the guide says of them */
static void test_machines(void)
{
	const unsigned long gib = 1UL << 18, lowest = 4 * gib;

	/* 2 GiB below 4 GiB on node 0, 6 GiB on it above, 8 GiB on node 1 */
	ranges[0] = (struct movable_range){ .start = 0, .end = 2 * gib, .nid = 0 };
	ranges[1] = (struct movable_range){ .start = 4 * gib, .end = 10 * gib, .nid = 0 };
	ranges[2] = (struct movable_range){ .start = 10 * gib, .end = 18 * gib, .nid = 1 };
	plan.nr_ranges = 3;

	CHECK(movable_plan_init(&plan, lowest) == 16 * gib);
	movable_plan_by_amount(&plan, 6 * gib);
	CHECK(nodes[0].first == 5 * gib && nodes[1].first == 13 * gib);

	/* Less than lies too low anyway: all the rest is movable. */
	movable_plan_init(&plan, lowest);
	movable_plan_by_amount(&plan, gib);
	CHECK(nodes[0].first == 4 * gib && nodes[1].first == 10 * gib);

	/* What is too low counts: node 1 gets its share of the rest first. */
	movable_plan_init(&plan, lowest);
	movable_plan_by_amount(&plan, 3 * gib);
	CHECK(nodes[0].first == 4 * gib && nodes[1].first == 11 * gib);
	CHECK(nodes[2].first == MOVABLE_NONE && nodes[3].first == MOVABLE_NONE);

	/* A small node is the kernel's as a whole. */
	ranges[2].end = 11 * gib;
	movable_plan_init(&plan, lowest);
	movable_plan_by_amount(&plan, 6 * gib);
	CHECK(nodes[0].first == 7 * gib && nodes[1].first == MOVABLE_NONE);
}

const struct test zone_movable_tests[] = {
	{ "zone_movable: words of the command line", test_words },
	{ "zone_movable: sizes of all magnitudes", test_random_words },
	{ "zone_movable: from amounts to the kernel's share", test_amounts },
	{ "zone_movable: counting", test_count },
	{ "zone_movable: spread as page by page", test_by_amount },
	{ "zone_movable: the amount is met", test_sum },
	{ "zone_movable: by kind of memory", test_by_kind },
	{ "zone_movable: aligned, or not there", test_align },
	{ "zone_movable: two machines", test_machines },
	{ }
};
