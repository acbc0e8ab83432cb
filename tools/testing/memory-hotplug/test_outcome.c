// SPDX-License-Identifier: GPL-2.0-only
/* mm/hotplug/outcome.c: what callers and readers of the log rely on. */
#include <linux/errno.h>
#include <string.h>

#include "outcome.h"
#include "test.h"

#define MAX_ERRNO	4095

static void test_errno(void)
{
	CHECK(mhp_outcome_errno(MHP_DONE) == 0);
	for (int i = MHP_DONE + 1; i < NR_MHP_OUTCOMES; i++) {
		int err = mhp_outcome_errno(i);

		CHECK_MSG(err < 0 && err >= -MAX_ERRNO, ": %d of outcome %d", err, i);
	}
}

/* What exported functions and sysfs files are documented to return */
static void test_documented_errno(void)
{
	CHECK(mhp_outcome_errno(MHP_BAD_RANGE) == -EINVAL);
	CHECK(mhp_outcome_errno(MHP_OUT_OF_REACH) == -E2BIG);
	CHECK(mhp_outcome_errno(MHP_CLAIMED) == -EEXIST);
	CHECK(mhp_outcome_errno(MHP_UNMOVABLE) == -EBUSY);
	CHECK(mhp_outcome_errno(MHP_INTERRUPTED) == -EINTR);
	CHECK(mhp_outcome_errno(MHP_NO_MEMORY) == -ENOMEM);
	CHECK(mhp_outcome_errno(MHP_HOLE) == -EINVAL);
	CHECK(mhp_outcome_errno(MHP_MANY_ZONES) == -EINVAL);
}

static const char *outcome_phrase(int i)
{
	return mhp_outcome_phrase(i);
}

/* Each has a word of its own, fit for one line of the log. */
static void check_words(const char *(*word)(int i), int nr)
{
	for (int i = 0; i < nr; i++) {
		CHECK_MSG(word(i) && *word(i), ": nothing for %d", i);
		CHECK(!strpbrk(word(i), "\n\""));
		for (int k = 0; k < i; k++)
			CHECK_MSG(strcmp(word(i), word(k)), ": %d and %d", i, k);
	}
	/* One that there is not is no reason to crash. */
	CHECK(word(nr) && word(-1));
}

static void test_phrases(void)
{
	check_words(outcome_phrase, NR_MHP_OUTCOMES);
}

const struct test outcome_tests[] = {
	{ "outcome: an errno for each", test_errno },
	{ "outcome: the documented ones", test_documented_errno },
	{ "outcome: a phrase of its own for each", test_phrases },
	{ }
};
