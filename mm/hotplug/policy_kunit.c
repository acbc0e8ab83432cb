// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of policy.c: what the documentation of the online policies says, on
 * made-up machines. Much more of it is tried in user space:
 * tools/testing/memory-hotplug.
 */
#include <kunit/test.h>
#include <linux/math64.h>
#include <linux/prandom.h>
#include <linux/sizes.h>

#include "policy.h"

#define GIB(n)	((unsigned long)(n) << (30 - PAGE_SHIFT))

static void contig_zones(struct kunit *test)
{
	static const struct {
		struct mhp_contig_facts facts;
		enum mhp_zone_choice choice;
	} cases[] = {
		/* in_kernel, in_movable, prefer_movable */
		{ { true, false, false }, MHP_CHOOSE_KERNEL },
		{ { true, false, true }, MHP_CHOOSE_KERNEL },
		{ { false, true, false }, MHP_CHOOSE_MOVABLE },
		{ { false, true, true }, MHP_CHOOSE_MOVABLE },
		{ { false, false, false }, MHP_CHOOSE_KERNEL },
		{ { false, false, true }, MHP_CHOOSE_MOVABLE },
		{ { true, true, false }, MHP_CHOOSE_KERNEL },
		{ { true, true, true }, MHP_CHOOSE_MOVABLE },
	};

	for (int i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, mhp_policy_contig(&cases[i].facts),
				    cases[i].choice, "case %d", i);
}

/* The most that is allowed, found by trying */
static unsigned long most_movable(struct mhp_ratio_facts facts)
{
	unsigned long low = 0, high = GIB(1UL << 20);

	while (low < high) {
		facts.wanted = low + (high - low + 1) / 2;
		if (mhp_policy_ratio_allows(&facts))
			low = facts.wanted;
		else
			high = facts.wanted - 1;
	}
	return low;
}

static void ratio_by_itself(struct kunit *test)
{
	struct mhp_ratio_facts facts = { .early_kernel = GIB(8), .ratio = 301 };
	struct rnd_state rnd;

	KUNIT_EXPECT_EQ(test, most_movable(facts), GIB(8) * 301 / 100);

	/* What is movable already counts. */
	facts.movable = GIB(20);
	KUNIT_EXPECT_EQ(test, most_movable(facts), GIB(8) * 301 / 100 - GIB(20));

	facts.movable = 0;
	prandom_seed_state(&rnd, 1);
	for (int i = 0; i < 1000; i++) {
		facts.early_kernel = prandom_u32_state(&rnd);
		facts.ratio = prandom_u32_state(&rnd) % 1000;
		KUNIT_EXPECT_EQ(test, most_movable(facts),
				mul_u64_u64_div_u64(facts.early_kernel, facts.ratio, 100));
	}
}

static void ratio_with_groups(struct kunit *test)
{
	struct mhp_ratio_facts facts = { .early_kernel = GIB(8), .ratio = 100 };

	/* A dynamic group's own kernel memory is worth as much as boot memory ... */
	facts.group_kernel = GIB(4);
	KUNIT_EXPECT_EQ(test, most_movable(facts), GIB(12));

	/* ... and what others have and need is as if it were not there ... */
	facts.movable = GIB(6);
	facts.others.movable_pages = GIB(6);
	facts.others.required_kernel_pages = GIB(5);
	KUNIT_EXPECT_EQ(test, most_movable(facts), GIB(7));

	/* ... but for the rest of a device that has begun to be movable ... */
	facts.others.promised_pages = GIB(3);
	KUNIT_EXPECT_EQ(test, most_movable(facts), GIB(4));
	facts.others.promised_pages = ULONG_MAX;
	KUNIT_EXPECT_FALSE(test, mhp_policy_ratio_allows(&facts));
	facts.others.promised_pages = 0;

	/* ... which must leave some. */
	facts.others.required_kernel_pages = GIB(8);
	KUNIT_EXPECT_FALSE(test, mhp_policy_ratio_allows(&facts));
	facts.others.required_kernel_pages = GIB(9);
	KUNIT_EXPECT_FALSE(test, mhp_policy_ratio_allows(&facts));
}

static void no_boot_memory(struct kunit *test)
{
	const struct mhp_ratio_facts facts = {
		.group_kernel = GIB(4),
		.wanted = 1,
		.ratio = 301,
	};

	KUNIT_EXPECT_FALSE(test, mhp_policy_ratio_allows(&facts));
}

/* Too big to multiply, and still no yes by a wrap */
static void absurd_numbers(struct kunit *test)
{
	struct mhp_ratio_facts facts = {
		.early_kernel = 100,
		.movable = ULONG_MAX,
		.wanted = ULONG_MAX,
		.ratio = UINT_MAX,
	};

	KUNIT_EXPECT_FALSE(test, mhp_policy_ratio_allows(&facts));
	facts.wanted = 1;
	KUNIT_EXPECT_FALSE(test, mhp_policy_ratio_allows(&facts));
	facts.movable = 1;
	facts.early_kernel = ULONG_MAX;
	KUNIT_EXPECT_TRUE(test, mhp_policy_ratio_allows(&facts));
	KUNIT_EXPECT_EQ(test, mhp_policy_required_kernel(ULONG_MAX, 0, 1), ULONG_MAX);
}

static void required_kernel(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, mhp_policy_required_kernel(GIB(9), 0, 300), GIB(3));
	KUNIT_EXPECT_EQ(test, mhp_policy_required_kernel(GIB(9), GIB(1), 300), GIB(2));
	KUNIT_EXPECT_EQ(test, mhp_policy_required_kernel(GIB(9), GIB(3), 300), 0);
	/* What one group has to spare is no claim of a negative size. */
	KUNIT_EXPECT_EQ(test, mhp_policy_required_kernel(GIB(9), GIB(4), 300), 0);
	/* A ratio that was just set to 0 does not divide. */
	KUNIT_EXPECT_EQ(test, mhp_policy_required_kernel(GIB(9), 0, 0), 0);
}

static struct kunit_case policy_cases[] = {
	KUNIT_CASE(contig_zones),
	KUNIT_CASE(ratio_by_itself),
	KUNIT_CASE(ratio_with_groups),
	KUNIT_CASE(no_boot_memory),
	KUNIT_CASE(absurd_numbers),
	KUNIT_CASE(required_kernel),
	{}
};

static struct kunit_suite policy_suite = {
	.name = "mhp_policy",
	.test_cases = policy_cases,
};

kunit_test_suite(policy_suite);
