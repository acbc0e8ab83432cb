// SPDX-License-Identifier: GPL-2.0-only
/*
 * mm/hotplug/policy.c: what the policies promise, in arithmetic of 128 bits and
 * without a division; and machines that grow block by block.
 */
#include "policy.h"
#include "test.h"

#define u128 unsigned __int128

static enum mhp_zone_choice contig(bool in_kernel, bool in_movable, bool prefer_movable)
{
	const struct mhp_contig_facts facts = {
		.in_kernel = in_kernel,
		.in_movable = in_movable,
		.prefer_movable = prefer_movable,
	};

	return mhp_policy_contig(&facts);
}

static void test_contig(void)
{
	/* A neighbour decides, whatever was asked for at boot. */
	for (int prefer = 0; prefer <= 1; prefer++) {
		CHECK(contig(true, false, prefer) == MHP_CHOOSE_KERNEL);
		CHECK(contig(false, true, prefer) == MHP_CHOOSE_MOVABLE);
	}
	/* Without one, or with both kinds, movable_node does. */
	for (int both = 0; both <= 1; both++) {
		CHECK(contig(both, both, false) == MHP_CHOOSE_KERNEL);
		CHECK(contig(both, both, true) == MHP_CHOOSE_MOVABLE);
	}
}

/* What is asked for is the whole number of pages below movable * 100 / ratio. */
static void check_required(unsigned long movable, unsigned long kernel, unsigned int ratio)
{
	unsigned long required = mhp_policy_required_kernel(movable, kernel, ratio);
	u128 total = (u128)required + kernel, wanted = (u128)movable * 100;

	CHECK_MSG(!required || required == ULONG_MAX - kernel || total * ratio <= wanted,
		  ": %lu for movable %lu kernel %lu ratio %u", required, movable,
		  kernel, ratio);
	CHECK_MSG(total == ULONG_MAX || (total + 1) * ratio > wanted,
		  ": %lu for movable %lu kernel %lu ratio %u", required, movable,
		  kernel, ratio);
}

static unsigned int rnd_ratio(void)
{
	static const unsigned int usual[] = { 1, 50, 99, 100, 101, 300, 301, 1000 };

	if (rnd_below(2))
		return usual[rnd_below(ARRAY_SIZE(usual))];
	return (unsigned int)rnd_spread() | 1;
}

static void test_required(void)
{
	for (int i = 0; i < 500000; i++)
		check_required(rnd_spread(), rnd_spread(), rnd_ratio());
	CHECK(mhp_policy_required_kernel(301, 0, 301) == 100);
	CHECK(mhp_policy_required_kernel(301, 40, 301) == 60);
	CHECK(mhp_policy_required_kernel(301, 400, 301) == 0);
	CHECK(mhp_policy_required_kernel(0, 0, 301) == 0);
	CHECK(mhp_policy_required_kernel(ULONG_MAX, 0, 0) == 0);
	CHECK(mhp_policy_required_kernel(ULONG_MAX, 0, 1) == ULONG_MAX);
}

/* The rule: movable pages * 100 <= ratio * kernel pages, others' share left out. */
static bool rule_allows(const struct mhp_ratio_facts *facts)
{
	u128 kernel, movable = facts->wanted;

	if (facts->early_kernel <= facts->others.required_kernel_pages)
		return false;
	kernel = (u128)facts->early_kernel + facts->group_kernel -
		 facts->others.required_kernel_pages;
	if (facts->movable > facts->others.movable_pages)
		movable += facts->movable - facts->others.movable_pages;
	movable += facts->others.promised_pages;
	return movable * 100 <= kernel * facts->ratio;
}

static unsigned long rnd_pages(void)
{
	return rnd_spread() >> 6;
}

static struct mhp_ratio_facts rnd_facts(void)
{
	struct mhp_ratio_facts facts = {
		.early_kernel = rnd_pages(),
		.movable = rnd_pages(),
		.wanted = rnd_pages(),
		.ratio = rnd_below(16) ? rnd_ratio() : 0,
	};

	if (rnd_below(2))
		facts.group_kernel = rnd_pages();
	if (rnd_below(2)) {
		facts.others.movable_pages = rnd_pages();
		facts.others.required_kernel_pages = rnd_pages();
		facts.others.promised_pages = rnd_pages();
	}
	/* On the edge: just as much as the rule allows, or one page more. */
	if (rnd_below(2)) {
		u128 kernel = (u128)facts.early_kernel + facts.group_kernel -
			      facts.others.required_kernel_pages;
		u128 allowed = kernel * facts.ratio / 100;

		if (facts.early_kernel > facts.others.required_kernel_pages &&
		    allowed < ULONG_MAX - 1) {
			facts.movable = facts.others.movable_pages;
			facts.others.promised_pages = rnd_below(2) ? allowed / 3 : 0;
			facts.wanted = allowed - facts.others.promised_pages + rnd_below(2);
		}
	}
	return facts;
}

static void test_ratio(void)
{
	unsigned int nr[2] = {};

	for (int i = 0; i < 500000; i++) {
		struct mhp_ratio_facts facts = rnd_facts();
		bool allowed = mhp_policy_ratio_allows(&facts);

		CHECK_MSG(allowed == rule_allows(&facts),
			  ": early %lu movable %lu others %lu/%lu/%lu group %lu wanted %lu ratio %u",
			  facts.early_kernel, facts.movable, facts.others.movable_pages,
			  facts.others.required_kernel_pages, facts.others.promised_pages,
			  facts.group_kernel, facts.wanted, facts.ratio);
		nr[allowed]++;
	}
	CHECK(nr[0] > 10000 && nr[1] > 10000);
}

/* What is allowed stays so with less to add, or more to base it on. */
static void test_ratio_monotonic(void)
{
	for (int i = 0; i < 200000; i++) {
		struct mhp_ratio_facts facts = rnd_facts();

		if (!mhp_policy_ratio_allows(&facts))
			continue;
		switch (rnd_below(5)) {
		case 0:
			facts.wanted = rnd_below(facts.wanted + 1);
			break;
		case 1:
			facts.movable = rnd_below(facts.movable + 1);
			break;
		case 2:
			facts.early_kernel += rnd_pages();
			break;
		case 3:
			facts.group_kernel += rnd_pages();
			break;
		case 4:
			facts.ratio += rnd_below(UINT_MAX - facts.ratio + 1UL);
			break;
		}
		CHECK(mhp_policy_ratio_allows(&facts));
	}
}

/* Numbers that no machine has must not wrap into a yes, nor trip a sanitizer. */
static void test_ratio_extremes(void)
{
	struct mhp_ratio_facts facts = {
		.early_kernel = 100, .movable = ULONG_MAX, .wanted = ULONG_MAX, .ratio = 301,
	};

	CHECK(!mhp_policy_ratio_allows(&facts));
	facts.movable = 1;
	CHECK(!mhp_policy_ratio_allows(&facts));
	facts.ratio = UINT_MAX;
	CHECK(!mhp_policy_ratio_allows(&facts));

	facts = (struct mhp_ratio_facts){
		.early_kernel = ULONG_MAX, .group_kernel = ULONG_MAX,
		.movable = 1, .wanted = 1, .ratio = UINT_MAX,
	};
	CHECK(mhp_policy_ratio_allows(&facts));
	facts.early_kernel = 100;
	facts.group_kernel = ULONG_MAX - 50;	/* the sum wraps */
	facts.ratio = 301;
	facts.movable = 1000000;
	CHECK(mhp_policy_ratio_allows(&facts));

	/* More claimed by others than there is: counted at another moment. */
	facts = (struct mhp_ratio_facts){
		.early_kernel = 100, .movable = 10, .others.movable_pages = 50,
		.wanted = 301, .ratio = 301,
	};
	CHECK(mhp_policy_ratio_allows(&facts));
	facts.wanted++;
	CHECK(!mhp_policy_ratio_allows(&facts));
}

#define BLOCK		((128UL << 20) >> PAGE_SHIFT)
#define GIB(n)		(((unsigned long)(n) << 30) >> PAGE_SHIFT)
#define NR_GROUPS	3

struct group {
	unsigned long movable;
	unsigned long kernel;
};

/* A machine that brings memory online under auto-movable. */
struct machine {
	unsigned long early;
	unsigned int ratio;
	struct group plain;		/* DIMMs, no dynamic group */
	struct group groups[NR_GROUPS];	/* dynamic ones */
};

static struct mhp_ratio_facts facts_of(const struct machine *machine,
				       const struct group *own, unsigned long pages)
{
	struct mhp_ratio_facts facts = {
		.early_kernel = machine->early,
		.movable = machine->plain.movable,
		.group_kernel = own ? own->kernel : 0,
		.wanted = pages,
		.ratio = machine->ratio,
	};

	for (int i = 0; i < NR_GROUPS; i++) {
		const struct group *group = &machine->groups[i];

		facts.movable += group->movable;
		if (group == own)
			continue;
		facts.others.movable_pages += group->movable;
		facts.others.required_kernel_pages +=
			mhp_policy_required_kernel(group->movable, group->kernel,
						   machine->ratio);
	}
	return facts;
}

static bool online(struct machine *machine, struct group *own, unsigned long pages)
{
	struct mhp_ratio_facts facts = facts_of(machine, own, pages);
	bool movable = mhp_policy_ratio_allows(&facts);
	struct group *to = own ?: &machine->plain;

	*(movable ? &to->movable : &to->kernel) += pages;
	return movable;
}

static unsigned long online_blocks(struct machine *machine, struct group *own,
				   unsigned long pages)
{
	unsigned long nr_movable = 0;

	for (; pages; pages -= BLOCK)
		nr_movable += online(machine, own, BLOCK);
	return nr_movable * BLOCK;
}

/* Documented of the default: 24 GiB beside 8 GiB, some of which is not there. */
static void test_default_ratio(void)
{
	struct machine machine = { .early = GIB(8) - 4000, .ratio = 301 };

	CHECK(online_blocks(&machine, NULL, GIB(24)) == GIB(24));
	CHECK(online_blocks(&machine, NULL, GIB(24)) < GIB(1));

	/* 300 would not do. */
	machine = (struct machine){ .early = GIB(8) - 4000, .ratio = 300 };
	CHECK(online_blocks(&machine, NULL, GIB(24)) < GIB(24));
}

/* Kernel memory that came later allows for no more movable memory ... */
static void test_later_kernel_memory(void)
{
	struct machine machine = { .early = GIB(2), .ratio = 100 };

	online_blocks(&machine, NULL, GIB(16));
	CHECK(machine.plain.movable == GIB(2));
	CHECK(machine.plain.kernel == GIB(14));
}

/* ... but a dynamic group's own does, in that group and in no other. */
static void test_groups_help_themselves(void)
{
	struct machine machine = { .early = GIB(2), .ratio = 100 };
	struct group *own = &machine.groups[0];

	online_blocks(&machine, own, GIB(16));
	CHECK(own->movable > GIB(8) - 2 * BLOCK && own->movable <= own->kernel + GIB(2));
	CHECK(!online(&machine, &machine.groups[1], GIB(2) + BLOCK));
	CHECK(!online(&machine, NULL, GIB(2) + BLOCK));
}

/* However groups and DIMMs come: all together keep the ratio. */
static void test_mixed_machine(void)
{
	for (int round = 0; round < 300; round++) {
		struct machine machine = {
			.early = GIB(1 + rnd_below(16)),
			.ratio = 50 + rnd_below(400),
		};
		u128 movable, kernel;

		for (int i = 0; i < 400; i++) {
			unsigned long who = rnd_below(NR_GROUPS + 1);

			online(&machine, who ? &machine.groups[who - 1] : NULL,
			       BLOCK * (1 + rnd_below(4)));
		}
		movable = machine.plain.movable;
		kernel = machine.early;
		for (int i = 0; i < NR_GROUPS; i++) {
			movable += machine.groups[i].movable;
			kernel += machine.groups[i].kernel;
		}
		/* Quotients round down: each group may be off by less than a page. */
		CHECK(movable * 100 <= (kernel + NR_GROUPS) * machine.ratio);
		/* DIMMs alone get nothing from groups' kernel memory. */
		CHECK((u128)machine.plain.movable * 100 <= (u128)machine.early * machine.ratio);
	}
}

/* A node without memory at boot has nothing to base movable memory on. */
static void test_node_without_boot_memory(void)
{
	struct machine machine = { .ratio = 301 };

	CHECK(online_blocks(&machine, NULL, GIB(1)) == 0);
	CHECK(online_blocks(&machine, &machine.groups[0], GIB(1)) == 0);
}

const struct test policy_tests[] = {
	{ "policy: contig-zones", test_contig },
	{ "policy: kernel memory a group requires", test_required },
	{ "policy: ratio against the rule", test_ratio },
	{ "policy: less wanted, or more kernel memory, is no worse", test_ratio_monotonic },
	{ "policy: ratio with absurd numbers", test_ratio_extremes },
	{ "policy: the default ratio takes 24 GiB beside 8", test_default_ratio },
	{ "policy: kernel memory of later does not count", test_later_kernel_memory },
	{ "policy: a dynamic group's does, in that group", test_groups_help_themselves },
	{ "policy: groups and DIMMs mixed keep the ratio", test_mixed_machine },
	{ "policy: a node without boot memory", test_node_without_boot_memory },
	{ }
};
