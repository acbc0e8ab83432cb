// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs an operation's table of steps up, or back down on a failure.
 *
 * The one place where rollback is written. Called by every operation; takes no
 * lock, the steps take theirs. Builds in user space, too.
 */
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/timekeeping.h>

#include "failpoint.h"
#include "step.h"

#define CREATE_TRACE_POINTS
#include <trace/events/memory_hotplug.h>

static void mhp_trace_step(const struct mhp_op *op, const struct mhp_step *step,
			   const char *phase, int error, u64 began)
{
	trace_mhp_step(op->name, step->name, phase, op->start_pfn, op->end_pfn,
		       error, ktime_get_ns() - began);
}

static int mhp_run_step(struct mhp_op *op, const struct mhp_step *step)
{
	u64 began = ktime_get_ns();
	int error = mhp_failpoint(op->name, step->name, op->start_pfn);

	if (!error) {
		bool armed = mhp_fail_allocation(op->name, step->name, op->start_pfn);

		error = step->run(op);
		mhp_fail_allocation_end(armed);
	}
	/* What has nothing to say about its failure was made to fail, as a rule. */
	if (error && !op->report.error)
		op->report = (struct mhp_report) {
			.outcome = MHP_FAILED,
			.error = error,
			.class = PAGE_CLASS_NONE,
		};
	mhp_trace_step(op, step, "run", error, began);
	return error;
}

static void mhp_undo_step(struct mhp_op *op, const struct mhp_step *step)
{
	u64 began = ktime_get_ns();

	if (!step->undo)
		return;
	step->undo(op);
	mhp_trace_step(op, step, "undo", 0, began);
}

static void mhp_finish_step(struct mhp_op *op, const struct mhp_step *step)
{
	u64 began = ktime_get_ns();

	mhp_crashpoint(op->name, step->name, op->start_pfn);
	step->finish(op);
	mhp_trace_step(op, step, "finish", 0, began);
}

/* Steps that can fail come first, each of one kind: else undo is impossible. */
static bool mhp_steps_well_formed(const struct mhp_step *steps, unsigned int nr)
{
	bool committed = false;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		const struct mhp_step *step = &steps[i];

		if (!step->run == !step->finish)
			return false;
		if (step->finish && step->undo)
			return false;
		if (committed && step->run)
			return false;
		committed = step->finish;
	}
	return true;
}

/**
 * mhp_run_steps() - run an operation
 * @op: The operation, handed to each step.
 * @steps: Its steps, those with a finish function after those with a run
 *	function.
 * @nr_steps: How many.
 *
 * Runs the steps in order. Where one fails, the steps before it are undone, last
 * one first, and nothing remains of the operation. Once the first finish
 * function is called, the operation has happened.
 *
 * Context: what the steps ask for.
 * Return: 0, the errno of the step that failed, or -EINVAL for a table that
 * could not be undone; nothing of it was run then.
 */
int mhp_run_steps(struct mhp_op *op, const struct mhp_step *steps,
		  unsigned int nr_steps)
{
	unsigned int i;

	if (WARN_ON_ONCE(!mhp_steps_well_formed(steps, nr_steps)))
		return -EINVAL;

	for (i = 0; i < nr_steps; i++) {
		int error;

		if (steps[i].finish) {
			mhp_finish_step(op, &steps[i]);
			continue;
		}
		error = mhp_run_step(op, &steps[i]);
		if (!error)
			continue;
		while (i--)
			mhp_undo_step(op, &steps[i]);
		return error;
	}
	return 0;
}
