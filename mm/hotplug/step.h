/* SPDX-License-Identifier: GPL-2.0-only */
/* An operation and its table of steps. Pure: builds in user space, too. */
#ifndef __MM_HOTPLUG_STEP_H
#define __MM_HOTPLUG_STEP_H

#include "outcome.h"

/**
 * struct mhp_op - what every operation has; the first member of each kind's own
 * @name: Of the operation: "online", "offline", "add", "remove".
 * @start_pfn: First page frame concerned.
 * @end_pfn: The one after the last.
 * @report: What came of it.
 */
struct mhp_op {
	const char *name;
	unsigned long start_pfn;
	unsigned long end_pfn;
	struct mhp_report report;
};

/**
 * struct mhp_step - a step of an operation
 * @name: Shown in traces.
 * @run: Does it, or leaves all as it was and returns an errno.
 * @undo: Puts back what @run did; NULL where there is nothing to put back.
 * @finish: Does it, and cannot fail; stands instead of @run and @undo from the
 *	step on which commits the operation.
 */
struct mhp_step {
	const char *name;
	int (*run)(struct mhp_op *op);
	void (*undo)(struct mhp_op *op);
	void (*finish)(struct mhp_op *op);
};

/* step.c */
int mhp_run_steps(struct mhp_op *op, const struct mhp_step *steps,
		  unsigned int nr_steps);

#endif /* __MM_HOTPLUG_STEP_H */
