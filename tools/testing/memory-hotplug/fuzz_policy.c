// SPDX-License-Identifier: GPL-2.0-only
/*
 * mm/hotplug/policy.c: in 128 bits, which nothing of this overflows; and where
 * the numbers are small, by counting pages.
 */
#include "fuzz.h"
#include "policy.h"

#define u128	unsigned __int128
#define FEW	4096		/* pages that can be counted */

static unsigned long take_pages(struct fuzz_input *in, bool few)
{
	return few ? fuzz_bytes(in, 2) % FEW : fuzz_number(in);
}

static unsigned long clip(u128 value)
{
	return value > ULONG_MAX ? ULONG_MAX : value;
}

static unsigned long less(unsigned long a, unsigned long b)
{
	return a > b ? a - b : 0;
}

static void check_contig(struct fuzz_input *in)
{
	const struct mhp_contig_facts facts = {
		.in_kernel = fuzz_below(in, 2),
		.in_movable = fuzz_below(in, 2),
		.prefer_movable = fuzz_below(in, 2),
	};
	/* By the three bits, kernel zone first */
	static const char choices[] = "KMMMKKKM";
	int row = facts.in_kernel << 2 | facts.in_movable << 1 | facts.prefer_movable;

	CHECK((mhp_policy_contig(&facts) == MHP_CHOOSE_MOVABLE) == (choices[row] == 'M'));
}

/* As many pages as it takes until one more would be a page too many */
static unsigned long count_required(unsigned long movable, unsigned long kernel,
				    unsigned int ratio)
{
	unsigned long total = 0;

	while ((u128)(total + 1) * ratio <= (u128)movable * 100)
		total++;
	return less(total, kernel);
}

static void check_required(struct fuzz_input *in)
{
	bool few = fuzz_below(in, 2);
	unsigned long movable = take_pages(in, few), kernel = take_pages(in, few);
	unsigned int ratio = fuzz_number(in);
	unsigned long expected = 0;

	if (ratio)
		expected = less(clip((u128)movable * 100 / ratio), kernel);
	CHECK_MSG(mhp_policy_required_kernel(movable, kernel, ratio) == expected,
		  ": movable %lu kernel %lu ratio %u", movable, kernel, ratio);
	if (few && ratio >= 10)
		CHECK(expected == count_required(movable, kernel, ratio));
}

static u128 model_movable(const struct mhp_ratio_facts *facts)
{
	u128 movable = less(facts->movable, facts->others.movable_pages);

	return movable + facts->others.promised_pages + facts->wanted;
}

static bool model_allows(const struct mhp_ratio_facts *facts)
{
	u128 kernel = facts->early_kernel;

	if (kernel <= facts->others.required_kernel_pages)
		return false;
	kernel += facts->group_kernel;
	kernel -= facts->others.required_kernel_pages;
	return model_movable(facts) * 100 <= kernel * facts->ratio;
}

static struct mhp_ratio_facts take_facts(struct fuzz_input *in)
{
	bool few = fuzz_below(in, 2);

	return (struct mhp_ratio_facts){
		.early_kernel = take_pages(in, few),
		.movable = take_pages(in, few),
		.others = {
			.movable_pages = take_pages(in, few),
			.required_kernel_pages = take_pages(in, few),
			.promised_pages = take_pages(in, few),
		},
		.group_kernel = take_pages(in, few),
		.wanted = take_pages(in, few),
		.ratio = few ? fuzz_bytes(in, 2) : fuzz_number(in),
	};
}

/* Sums that cannot be counted: a no may come of them, never a yes. */
static bool fits(const struct mhp_ratio_facts *facts)
{
	u128 kernel = (u128)facts->early_kernel + facts->group_kernel;

	return kernel <= ULONG_MAX && model_movable(facts) <= ULONG_MAX;
}

/* One that is allowed stays so where less is wanted, or there is more kernel memory. */
static void check_direction(struct mhp_ratio_facts facts, struct fuzz_input *in)
{
	unsigned long more = fuzz_bytes(in, 2);

	facts.wanted = less(facts.wanted, more);
	CHECK(mhp_policy_ratio_allows(&facts));
	facts.early_kernel = clip((u128)facts.early_kernel + more);
	CHECK(mhp_policy_ratio_allows(&facts));
}

static void check_ratio(struct fuzz_input *in)
{
	struct mhp_ratio_facts facts = take_facts(in);
	bool got = mhp_policy_ratio_allows(&facts), expected = model_allows(&facts);

	if (fits(&facts))
		CHECK_MSG(got == expected,
			  ": %d: early %lu movable %lu others %lu/%lu/%lu group %lu wanted %lu ratio %u",
			  got, facts.early_kernel, facts.movable, facts.others.movable_pages,
			  facts.others.required_kernel_pages, facts.others.promised_pages,
			  facts.group_kernel, facts.wanted, facts.ratio);
	else
		CHECK(!got || expected);
	if (got)
		check_direction(facts, in);
}

void fuzz_policy(struct fuzz_input *in)
{
	switch (fuzz_below(in, 4)) {
	case 0:
		check_contig(in);
		break;
	case 1:
		check_required(in);
		break;
	default:
		check_ratio(in);
	}
}
