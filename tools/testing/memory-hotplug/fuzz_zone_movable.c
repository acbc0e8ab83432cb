// SPDX-License-Identifier: GPL-2.0-only
/*
 * mm/zone_movable_plan.c: any words of the command line against a reader that
 * goes letter by letter; any memory of boot against a map that has each page.
 */
#include <linux/errno.h>
#include <string.h>

#include "fuzz.h"
#include "zone_movable_plan.h"

#define u128		unsigned __int128
#define NR_PAGES	128U
#define NR_NODES	3
#define MAX_RANGES	10
#define MOST_PAGES	(ULONG_MAX >> PAGE_SHIFT)	/* of any machine */

static struct movable_range ranges[MAX_RANGES];
static struct movable_node nodes[NR_NODES];
static int node_of_page[NR_PAGES];	/* -1: hole */

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

/* Words */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 32) >= 'a' && (c | 32) <= 'f')
		return (c | 32) - 'a' + 10;
	return 99;
}

/* Bytes, or percent; what is too long for a number is a word, not a large number. */
static int model_parse(const char *word, struct movable_amount *amount)
{
	static const char units[] = "KkMmGgTtPpEe";
	const char *at = word, *unit;
	u128 value = 0;
	int base = 10;

	if (at[0] == '0' && (at[1] | 32) == 'x' && digit(at[2]) < 16) {
		base = 16;
		at += 2;
	} else if (at[0] == '0') {
		base = 8;
	}
	if (digit(*at) > 9 && base != 16)
		return -EINVAL;
	for (; digit(*at) < (base == 16 ? 16 : 10); at++) {
		if (digit(*at) >= base || at - word > 22)
			return -EINVAL;
		value = value * base + digit(*at);
	}
	if (value > U64_MAX)
		return -ERANGE;
	if (*at == '%') {
		if (at[1])
			return -EINVAL;
		if (value > 100)
			return -ERANGE;
		*amount = (struct movable_amount){ .percent = value };
		return 0;
	}
	if (*at) {
		unit = strchr(units, *at);
		if (!unit || at[1])
			return -EINVAL;
		for (long i = 0; i <= (unit - units) / 2; i++)
			value *= 1024;
	}
	if (value > U64_MAX)
		return -ERANGE;
	*amount = (struct movable_amount){ .pages = value / 4096 };
	return 0;
}

static void check_word(struct fuzz_input *in)
{
	static const char usual[] = "0123456789xXabefEKkMGTP% -";
	struct movable_amount got = { 11, 7 }, expected = got;
	bool any = fuzz_below(in, 4) == 3;
	char word[32] = {};
	int error;

	for (size_t i = 0; i < sizeof(word) - 1 && fuzz_left(in); i++)
		word[i] = any ? fuzz_bytes(in, 1) : usual[fuzz_below(in, sizeof(usual) - 1)];
	error = model_parse(word, &expected);
	CHECK_MSG(movable_parse_amount(word, &got) == error, " for \"%s\", %d", word, error);
	CHECK_MSG(got.pages == expected.pages && got.percent == expected.percent,
		  " for \"%s\"", word);
}

/* Amounts */

static struct movable_amount take_amount(struct fuzz_input *in)
{
	struct movable_amount amount = { .percent = fuzz_below(in, 128) };

	if (amount.percent > 100) {
		amount.percent = 0;
		amount.pages = fuzz_number(in) & MOST_PAGES;
	}
	return amount;
}

static u128 model_pages(struct movable_amount amount, unsigned long total)
{
	return amount.percent ? (u128)total * amount.percent / 100 : amount.pages;
}

static void check_amounts(struct fuzz_input *in)
{
	unsigned long total = fuzz_number(in) & MOST_PAGES;
	unsigned long unit = 1UL << fuzz_below(in, 20);
	struct movable_amount kernelcore = take_amount(in), movablecore = take_amount(in);
	u128 kernel = model_pages(kernelcore, total);
	u128 movable = model_pages(movablecore, total), expected = kernel;

	if (movable) {
		movable = (movable + unit - 1) / unit * unit;
		if (movable < total && total - movable > kernel)
			expected = total - movable;
	}
	CHECK_MSG(movable_kernel_pages(kernelcore, movablecore, total, unit) == expected,
		  " of %lu, unit %lu: %lu, %u%% and %lu, %u%%", total, unit, kernelcore.pages,
		  kernelcore.percent, movablecore.pages, movablecore.percent);
}

/* Plans */

static void take_memory(struct fuzz_input *in)
{
	unsigned int pfn = 0;

	memset(node_of_page, -1, sizeof(node_of_page));
	plan.nr_ranges = fuzz_below(in, MAX_RANGES + 1);
	for (unsigned int i = 0; i < plan.nr_ranges; i++) {
		unsigned int what = fuzz_bytes(in, 1);
		int nid = (int)(what >> 1) % (NR_NODES + 2) - 1;	/* some that are none */
		unsigned int start = min(pfn + fuzz_below(in, 8) * (what >> 5), NR_PAGES);

		pfn = min(start + fuzz_below(in, 64), NR_PAGES);
		ranges[i] = (struct movable_range){
			.start = start, .end = pfn, .nid = nid, .wanted = what & 1,
		};
		for (unsigned int k = start; k < pfn; k++)
			node_of_page[k] = nid < NR_NODES ? nid : -1;
	}
}

static unsigned int count(int nid, unsigned long end)
{
	unsigned int nr = 0;

	for (unsigned int pfn = 0; pfn < NR_PAGES && pfn < end; pfn++)
		nr += node_of_page[pfn] == nid;
	return nr;
}

static bool node_has(int nid, unsigned long pfn, unsigned long end)
{
	for (; pfn < end && pfn < NR_PAGES; pfn++)
		if (node_of_page[pfn] == nid)
			return true;
	return false;
}

/* As much of a node as lies too low, and more up to @level pages */
static unsigned int model_share(int nid, unsigned long lowest, unsigned int level)
{
	unsigned int pages = count(nid, NR_PAGES), low = count(nid, lowest);

	if (level < low)
		return low;
	return level < pages ? level : pages;
}

/* The level rises page by page until the kernel has enough. */
static void model_by_amount(unsigned long lowest, unsigned int kernel, unsigned long *first)
{
	unsigned int level = 0, sum;

	for (;; level++) {
		sum = 0;
		for (int nid = 0; nid < NR_NODES; nid++)
			sum += model_share(nid, lowest, level);
		if (sum >= kernel)
			break;
	}
	for (int nid = 0; nid < NR_NODES; nid++) {
		unsigned int share = model_share(nid, lowest, level);

		first[nid] = MOVABLE_NONE;
		for (unsigned int pfn = 0; pfn < NR_PAGES; pfn++) {
			if (node_of_page[pfn] != nid || count(nid, pfn) < share)
				continue;
			first[nid] = pfn;
			break;
		}
	}
}

static void model_by_kind(unsigned long *first)
{
	for (int nid = 0; nid < NR_NODES; nid++)
		first[nid] = MOVABLE_NONE;
	for (unsigned int i = plan.nr_ranges; i--;)
		if (ranges[i].wanted && ranges[i].start < ranges[i].end &&
		    ranges[i].nid >= 0 && ranges[i].nid < NR_NODES)
			first[ranges[i].nid] = ranges[i].start;
}

/* Page by page up to where a unit starts; a zone without a page of its node is none. */
static void model_align(unsigned long *first, unsigned long unit)
{
	for (int nid = 0; nid < NR_NODES; nid++) {
		if (first[nid] == MOVABLE_NONE)
			continue;
		while (first[nid] % unit)
			first[nid]++;
		if (!node_has(nid, first[nid], NR_PAGES))
			first[nid] = MOVABLE_NONE;
	}
}

static void check_first(const unsigned long *first, const char *when)
{
	for (int nid = 0; nid < NR_NODES; nid++)
		CHECK_MSG(nodes[nid].first == first[nid], ", %s: node %d from %ld, not %ld",
			  when, nid, (long)nodes[nid].first, (long)first[nid]);
}

static void check_plan(struct fuzz_input *in)
{
	unsigned long lowest = fuzz_below(in, 2) ? fuzz_below(in, NR_PAGES + 8) : 0;
	unsigned long unit = 1UL << fuzz_below(in, 7), first[NR_NODES], total, sum = 0;
	unsigned int kernel = fuzz_bytes(in, 1);

	take_memory(in);
	total = movable_plan_init(&plan, lowest);
	for (int nid = 0; nid < NR_NODES; nid++) {
		CHECK(nodes[nid].pages == count(nid, NR_PAGES));
		CHECK(nodes[nid].fixed == count(nid, lowest));
		CHECK(nodes[nid].first == MOVABLE_NONE);
		sum += count(nid, NR_PAGES);
	}
	CHECK(total == sum);

	if (kernel < total) {
		movable_plan_by_amount(&plan, kernel);
		model_by_amount(lowest, kernel, first);
	} else {
		movable_plan_by_kind(&plan);
		model_by_kind(first);
	}
	check_first(first, "planned");
	movable_plan_align(&plan, unit);
	model_align(first, unit);
	check_first(first, "aligned");
}

void fuzz_zone_movable(struct fuzz_input *in)
{
	switch (fuzz_below(in, 4)) {
	case 0:
		check_word(in);
		break;
	case 1:
		check_amounts(in);
		break;
	default:
		check_plan(in);
	}
}
