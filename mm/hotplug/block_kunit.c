// SPDX-License-Identifier: GPL-2.0-only
/* Tests of block_state.c: which lives a memory block may lead, and their names. */
#include <kunit/test.h>
#include <linux/string.h>

#include "block_state.h"

static bool may(enum mhp_block_state from, enum mhp_block_state to)
{
	return mhp_block_state_allowed(from, to);
}

static void expect_life(struct kunit *test, const enum mhp_block_state *states,
			unsigned int nr)
{
	for (unsigned int i = 1; i < nr; i++)
		KUNIT_EXPECT_TRUE_MSG(test, may(states[i - 1], states[i]), "%s to %s",
				      mhp_block_state_name(states[i - 1]),
				      mhp_block_state_name(states[i]));
}

/* Plugged, used, refused both ways, and unplugged; and one that boot found */
static void usual_lives(struct kunit *test)
{
	static const enum mhp_block_state plugged[] = {
		MHP_BLOCK_ABSENT, MHP_BLOCK_OFFLINE,
		MHP_BLOCK_GOING_ONLINE, MHP_BLOCK_OFFLINE,
		MHP_BLOCK_GOING_ONLINE, MHP_BLOCK_ONLINE,
		MHP_BLOCK_GOING_OFFLINE, MHP_BLOCK_ONLINE,
		MHP_BLOCK_GOING_OFFLINE, MHP_BLOCK_OFFLINE,
		MHP_BLOCK_ABSENT,
	};
	static const enum mhp_block_state from_boot[] = {
		MHP_BLOCK_ABSENT, MHP_BLOCK_ONLINE,
		MHP_BLOCK_GOING_OFFLINE, MHP_BLOCK_OFFLINE,
	};

	expect_life(test, plugged, ARRAY_SIZE(plugged));
	expect_life(test, from_boot, ARRAY_SIZE(from_boot));
}

/* No short cut past a state in which notifiers are asked */
static void no_short_cuts(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, may(MHP_BLOCK_OFFLINE, MHP_BLOCK_ONLINE));
	KUNIT_EXPECT_FALSE(test, may(MHP_BLOCK_ONLINE, MHP_BLOCK_OFFLINE));
	KUNIT_EXPECT_FALSE(test, may(MHP_BLOCK_GOING_ONLINE, MHP_BLOCK_GOING_OFFLINE));
	KUNIT_EXPECT_FALSE(test, may(MHP_BLOCK_GOING_OFFLINE, MHP_BLOCK_GOING_ONLINE));
	KUNIT_EXPECT_FALSE(test, may(MHP_BLOCK_ONLINE, MHP_BLOCK_GOING_ONLINE));
	KUNIT_EXPECT_FALSE(test, may(MHP_BLOCK_OFFLINE, MHP_BLOCK_GOING_OFFLINE));
}

/* Memory in use, or about to be, does not vanish; and what is new is in no hurry. */
static void only_offline_blocks_vanish(struct kunit *test)
{
	for (enum mhp_block_state state = 0; state < NR_MHP_BLOCK_STATES; state++) {
		bool going = state == MHP_BLOCK_GOING_ONLINE ||
			     state == MHP_BLOCK_GOING_OFFLINE;

		KUNIT_EXPECT_EQ(test, may(state, MHP_BLOCK_ABSENT), state == MHP_BLOCK_OFFLINE);
		if (going)
			KUNIT_EXPECT_FALSE(test, may(MHP_BLOCK_ABSENT, state));
	}
}

static void nothing_follows_itself(struct kunit *test)
{
	for (enum mhp_block_state state = 0; state < NR_MHP_BLOCK_STATES; state++)
		KUNIT_EXPECT_FALSE(test, may(state, state));
}

/* From every state there is a way to every other: none is a trap or out of reach. */
static void no_state_is_a_trap(struct kunit *test)
{
	bool way[NR_MHP_BLOCK_STATES][NR_MHP_BLOCK_STATES];
	int i, j, k;

	for (i = 0; i < NR_MHP_BLOCK_STATES; i++)
		for (j = 0; j < NR_MHP_BLOCK_STATES; j++)
			way[i][j] = may(i, j);
	for (k = 0; k < NR_MHP_BLOCK_STATES; k++)
		for (i = 0; i < NR_MHP_BLOCK_STATES; i++)
			for (j = 0; j < NR_MHP_BLOCK_STATES; j++)
				way[i][j] |= way[i][k] && way[k][j];

	for (i = 0; i < NR_MHP_BLOCK_STATES; i++)
		for (j = 0; j < NR_MHP_BLOCK_STATES; j++)
			KUNIT_EXPECT_TRUE_MSG(test, way[i][j], "%d to %d", i, j);
}

static void states_that_are_none(struct kunit *test)
{
	for (int i = 0; i < NR_MHP_BLOCK_STATES; i++) {
		KUNIT_EXPECT_FALSE(test, may(i, NR_MHP_BLOCK_STATES));
		KUNIT_EXPECT_FALSE(test, may(NR_MHP_BLOCK_STATES, i));
		KUNIT_EXPECT_FALSE(test, may(i, -1));
		KUNIT_EXPECT_FALSE(test, may(-1, i));
	}
	KUNIT_EXPECT_NOT_NULL(test, mhp_block_state_name(NR_MHP_BLOCK_STATES));
}

/* User space reads these in sysfs. */
static void names(struct kunit *test)
{
	KUNIT_EXPECT_STREQ(test, mhp_block_state_name(MHP_BLOCK_ONLINE), "online");
	KUNIT_EXPECT_STREQ(test, mhp_block_state_name(MHP_BLOCK_OFFLINE), "offline");
	KUNIT_EXPECT_STREQ(test, mhp_block_state_name(MHP_BLOCK_GOING_OFFLINE),
			   "going-offline");

	for (int i = 0; i < NR_MHP_BLOCK_STATES; i++)
		for (int j = 0; j < i; j++)
			KUNIT_EXPECT_STRNEQ(test, mhp_block_state_name(i),
					    mhp_block_state_name(j));
}

static struct kunit_case block_cases[] = {
	KUNIT_CASE(usual_lives),
	KUNIT_CASE(no_short_cuts),
	KUNIT_CASE(only_offline_blocks_vanish),
	KUNIT_CASE(nothing_follows_itself),
	KUNIT_CASE(no_state_is_a_trap),
	KUNIT_CASE(states_that_are_none),
	KUNIT_CASE(names),
	{}
};

static struct kunit_suite block_suite = {
	.name = "mhp_block",
	.test_cases = block_cases,
};

kunit_test_suite(block_suite);
