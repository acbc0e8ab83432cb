/* SPDX-License-Identifier: GPL-2.0-only */
/* How an operation may end, and why. Pure: builds in user space, too. */
#ifndef __MM_HOTPLUG_OUTCOME_H
#define __MM_HOTPLUG_OUTCOME_H

#include <linux/types.h>

#include "../isolation/class.h"

/**
 * enum mhp_outcome - how an operation ended
 * @MHP_DONE: It happened.
 * @MHP_BAD_RANGE: Empty, unaligned, wraps.
 * @MHP_BAD_NODE: Node or group that cannot be.
 * @MHP_OUT_OF_REACH: Beyond what the machine can address or map.
 * @MHP_CLAIMED: Somebody has the range already.
 * @MHP_NOT_MEMORY: Firmware does not call it memory, or it is none.
 * @MHP_WRONG_STATE: Not in the state that this starts from.
 * @MHP_NOT_OFFLINE: To be removed, and a block is not offline.
 * @MHP_HOLE: Not all of it is RAM.
 * @MHP_MANY_ZONES: More than one zone or node in a block.
 * @MHP_UNMOVABLE: A page that cannot be moved.
 * @MHP_STUCK: A page that did not move, and time is up.
 * @MHP_NO_ROOM: What is in use fits nowhere else.
 * @MHP_HUGETLB: Huge pages could be neither moved nor dissolved.
 * @MHP_VETOED: By a notifier.
 * @MHP_INTERRUPTED: By a signal.
 * @MHP_POISONED: Hardware errors in the block.
 * @MHP_NO_MEMORY: For the operation itself.
 * @MHP_FAILED: A lower layer, whose errno it is.
 * @MHP_NOT_RESTORED: Refused, and a block could not come online again.
 *
 * Each has an errno and a phrase in outcome.c; Documentation/admin-guide/mm/
 * memory-hotplug.rst promises them.
 */
enum mhp_outcome {
	MHP_DONE,
	MHP_BAD_RANGE,
	MHP_BAD_NODE,
	MHP_OUT_OF_REACH,
	MHP_CLAIMED,
	MHP_NOT_MEMORY,
	MHP_WRONG_STATE,
	MHP_NOT_OFFLINE,
	MHP_HOLE,
	MHP_MANY_ZONES,
	MHP_UNMOVABLE,
	MHP_STUCK,
	MHP_NO_ROOM,
	MHP_HUGETLB,
	MHP_VETOED,
	MHP_INTERRUPTED,
	MHP_POISONED,
	MHP_NO_MEMORY,
	MHP_FAILED,
	MHP_NOT_RESTORED,
	/* private: how many */
	NR_MHP_OUTCOMES
};

/**
 * struct mhp_report - how an operation ended
 * @outcome: How.
 * @error: The errno (negative) that the caller gets; 0: done.
 * @pfn: The first page in the way; valid where @class is not PAGE_CLASS_NONE.
 * @class: What that page is.
 */
struct mhp_report {
	enum mhp_outcome outcome;
	int error;
	unsigned long pfn;
	enum page_class class;
};

/* outcome.c */
int mhp_outcome_errno(enum mhp_outcome outcome);
const char *mhp_outcome_phrase(enum mhp_outcome outcome);

#endif /* __MM_HOTPLUG_OUTCOME_H */
