// SPDX-License-Identifier: GPL-2.0-only
/*
 * How an operation may end: errno and phrase of each outcome, and the one line
 * in the log and the one event that a refusal leaves.
 *
 * Called by every operation; no locks. The tables build in user space, too.
 */
#include <linux/errno.h>

#include "outcome.h"

static const struct {
	int error;
	const char *phrase;
} mhp_outcomes[NR_MHP_OUTCOMES] = {
	[MHP_DONE]		= { 0,		"done" },
	[MHP_BAD_RANGE]		= { -EINVAL,	"not a range of whole memory blocks" },
	[MHP_BAD_NODE]		= { -EINVAL,	"no such node or memory group" },
	[MHP_OUT_OF_REACH]	= { -E2BIG,	"beyond what can be addressed" },
	[MHP_CLAIMED]		= { -EEXIST,	"range is in use" },
	[MHP_NOT_MEMORY]	= { -ENODEV,	"not memory" },
	[MHP_WRONG_STATE]	= { -EINVAL,	"memory block in another state" },
	[MHP_NOT_OFFLINE]	= { -EBUSY,	"memory block not offline" },
	[MHP_HOLE]		= { -EINVAL,	"memory hole" },
	[MHP_MANY_ZONES]	= { -EINVAL,	"more than one zone or node" },
	[MHP_UNMOVABLE]		= { -EBUSY,	"unmovable page" },
	[MHP_STUCK]		= { -ETIMEDOUT,	"page did not move in time" },
	[MHP_NO_ROOM]		= { -ENOMEM,	"no room elsewhere" },
	[MHP_HUGETLB]		= { -EBUSY,	"huge pages in use" },
	[MHP_VETOED]		= { -EBUSY,	"vetoed by a notifier" },
	[MHP_INTERRUPTED]	= { -EINTR,	"interrupted by a signal" },
	[MHP_POISONED]		= { -EHWPOISON,	"hardware memory error" },
	[MHP_NO_MEMORY]		= { -ENOMEM,	"out of memory" },
	[MHP_FAILED]		= { -EIO,	"failed" },
	[MHP_NOT_RESTORED]	= { -EBUSY,	"refused, and not all blocks came online again" },
};

/**
 * mhp_outcome_errno() - what a caller is told
 * @outcome: How the operation ended.
 *
 * Return: 0 or a negative errno.
 */
int mhp_outcome_errno(enum mhp_outcome outcome)
{
	if (outcome >= NR_MHP_OUTCOMES)
		return -EIO;
	return mhp_outcomes[outcome].error;
}

/**
 * mhp_outcome_phrase() - what the log says
 * @outcome: How the operation ended.
 *
 * Return: a constant string.
 */
const char *mhp_outcome_phrase(enum mhp_outcome outcome)
{
	if (outcome >= NR_MHP_OUTCOMES)
		return "unknown";
	return mhp_outcomes[outcome].phrase;
}
