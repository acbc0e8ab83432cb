// SPDX-License-Identifier: GPL-2.0-only
/* mm/hotplug/outcome.c: each and any number, against the administrator's guide. */
#include <linux/errno.h>
#include <string.h>

#include "fuzz.h"
#include "outcome.h"

/* The table under "When the kernel refuses", in the order of enum mhp_outcome */
static const struct {
	const char *phrase;
	int error;
} promised[] = {
	{ "done", 0 },
	{ "not a range of whole memory blocks", EINVAL },
	{ "no such node or memory group", EINVAL },
	{ "beyond what can be addressed", E2BIG },
	{ "range is in use", EEXIST },
	{ "not memory", ENODEV },
	{ "memory block in another state", EINVAL },
	{ "memory block not offline", EBUSY },
	{ "memory hole", EINVAL },
	{ "more than one zone or node", EINVAL },
	{ "unmovable page", EBUSY },
	{ "page did not move in time", ETIMEDOUT },
	{ "no room elsewhere", ENOMEM },
	{ "huge pages in use", EBUSY },
	{ "vetoed by a notifier", EBUSY },
	{ "interrupted by a signal", EINTR },
	{ "hardware memory error", EHWPOISON },
	{ "out of memory", ENOMEM },
	{ "failed", EIO },
	{ "refused, and not all blocks came online again", EBUSY },
};

static void check_outcome(unsigned int outcome)
{
	if (outcome >= ARRAY_SIZE(promised)) {
		CHECK(mhp_outcome_errno(outcome) == -EIO);
		CHECK(!strcmp(mhp_outcome_phrase(outcome), "unknown"));
		return;
	}
	CHECK(mhp_outcome_errno(outcome) == -promised[outcome].error);
	CHECK(!strcmp(mhp_outcome_phrase(outcome), promised[outcome].phrase));
}

void fuzz_outcome(struct fuzz_input *in)
{
	for (unsigned int i = 0; i <= NR_MHP_OUTCOMES; i++)
		check_outcome(i);
	check_outcome(fuzz_number(in));
}
