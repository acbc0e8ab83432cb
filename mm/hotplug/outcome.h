/* SPDX-License-Identifier: GPL-2.0-only */
/* How an operation may end, and why. Pure: builds in user space, too. */
#ifndef __MM_HOTPLUG_OUTCOME_H
#define __MM_HOTPLUG_OUTCOME_H

#include <linux/types.h>

/**
 * enum mhp_outcome - how an operation ended
 *
 * Each has an errno and a phrase in outcome.c; Documentation/admin-guide/mm/
 * memory-hotplug.rst promises them.
 */
enum mhp_outcome {
	MHP_DONE,
	MHP_BAD_RANGE,		/* empty, unaligned, wraps */
	MHP_BAD_NODE,		/* node or group that cannot be */
	MHP_OUT_OF_REACH,	/* beyond what the machine can address or map */
	MHP_CLAIMED,		/* somebody has the range already */
	MHP_NOT_MEMORY,		/* firmware does not call it memory, or it is none */
	MHP_WRONG_STATE,	/* not in the state that this starts from */
	MHP_NOT_OFFLINE,	/* to be removed, and a block is not offline */
	MHP_HOLE,		/* not all of it is RAM */
	MHP_MANY_ZONES,		/* more than one zone or node in a block */
	MHP_UNMOVABLE,		/* a page that cannot be moved */
	MHP_STUCK,		/* a page that did not move, and time is up */
	MHP_NO_ROOM,		/* what is in use fits nowhere else */
	MHP_HUGETLB,		/* huge pages could be neither moved nor dissolved */
	MHP_VETOED,		/* by a notifier */
	MHP_INTERRUPTED,	/* by a signal */
	MHP_POISONED,		/* hardware errors in the block */
	MHP_NO_MEMORY,		/* for the operation itself */
	MHP_FAILED,		/* a lower layer, whose errno it is */
	MHP_NOT_RESTORED,	/* refused, and a block could not come online again */
	NR_MHP_OUTCOMES
};

/**
 * enum mhp_page_class - what a page is, as far as hotplug is concerned
 */
enum mhp_page_class {
	MHP_PAGE_FREE,
	MHP_PAGE_LRU,		/* anonymous or page cache, movable */
	MHP_PAGE_PINNED,	/* the same, with references that migration cannot move */
	MHP_PAGE_HUGETLB,
	MHP_PAGE_GIGANTIC,	/* hugetlb that cannot be migrated */
	MHP_PAGE_DRIVER,	/* movable by its driver: balloon, zsmalloc */
	MHP_PAGE_OFFLINE,	/* logically offline and held by a driver */
	MHP_PAGE_SLAB,
	MHP_PAGE_TABLE,
	MHP_PAGE_CMA,
	MHP_PAGE_RESERVED,
	MHP_PAGE_POISONED,
	MHP_PAGE_KERNEL,	/* allocated by the kernel, no more is known */
	MHP_PAGE_HOLE,
	MHP_PAGE_NONE,		/* there is no page to blame */
	NR_MHP_PAGE_CLASSES
};

/**
 * struct mhp_report - how an operation ended
 * @outcome: How.
 * @error: The errno (negative) that the caller gets; 0: done.
 * @pfn: The first page in the way; valid where @class is not MHP_PAGE_NONE.
 * @class: What that page is.
 */
struct mhp_report {
	enum mhp_outcome outcome;
	int error;
	unsigned long pfn;
	enum mhp_page_class class;
};

/* outcome.c */
int mhp_outcome_errno(enum mhp_outcome outcome);
const char *mhp_outcome_phrase(enum mhp_outcome outcome);
const char *mhp_page_class_name(enum mhp_page_class class);

#endif /* __MM_HOTPLUG_OUTCOME_H */
