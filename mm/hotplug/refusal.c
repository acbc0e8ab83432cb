// SPDX-License-Identifier: GPL-2.0-only
/*
 * Refusals: notes why an operation cannot be, and tells the log and the trace.
 *
 * Called by the steps of every operation, and once at the end of one that was
 * refused. No locks.
 */
#include <linux/printk.h>
#include <linux/pfn.h>

#include "hotplug.h"

#include <trace/events/memory_hotplug.h>

static int mhp_note(struct mhp_op *op, enum mhp_outcome outcome, int error,
		    unsigned long pfn, enum page_class class)
{
	op->report = (struct mhp_report) {
		.outcome = outcome,
		.error = error,
		.pfn = pfn,
		.class = class,
	};
	return error;
}

/**
 * mhp_refuse() - note that an operation is refused
 * @op: The operation.
 * @outcome: Why.
 *
 * Return: the outcome's errno.
 */
int mhp_refuse(struct mhp_op *op, enum mhp_outcome outcome)
{
	return mhp_note(op, outcome, mhp_outcome_errno(outcome), 0, PAGE_CLASS_NONE);
}

/**
 * mhp_refuse_page() - note that an operation is refused on account of a page
 * @op: The operation.
 * @outcome: Why.
 * @pfn: The first page in the way.
 * @class: What it is.
 *
 * Return: the outcome's errno.
 */
int mhp_refuse_page(struct mhp_op *op, enum mhp_outcome outcome,
		    unsigned long pfn, enum page_class class)
{
	return mhp_note(op, outcome, mhp_outcome_errno(outcome), pfn, class);
}

/**
 * mhp_refuse_error() - note that an operation is refused by somebody else
 * @op: The operation.
 * @outcome: Why: MHP_VETOED or MHP_FAILED as a rule.
 * @error: The errno (negative) that is passed on.
 *
 * Return: @error.
 */
int mhp_refuse_error(struct mhp_op *op, enum mhp_outcome outcome, int error)
{
	return mhp_note(op, outcome, error, 0, PAGE_CLASS_NONE);
}

/**
 * mhp_report_refusal() - the one line and the one event of a refused operation
 * @op: The operation, its report filled in.
 *
 * Call once for an operation that user space, firmware or a driver asked for,
 * after it was undone.
 */
void mhp_report_refusal(const struct mhp_op *op)
{
	const struct mhp_report *report = &op->report;
	const char *phrase = mhp_outcome_phrase(report->outcome);
	const char *class = page_class_name(report->class);
	u64 start = PFN_PHYS(op->start_pfn);
	u64 last = PFN_PHYS(op->end_pfn) - 1;

	trace_mhp_refused(op->name, op->start_pfn, op->end_pfn, phrase,
			  report->error, report->pfn, class);

	if (report->class == PAGE_CLASS_NONE)
		pr_warn("%s [mem %#010llx-%#010llx] refused: %s (%d)\n",
			op->name, start, last, phrase, report->error);
	else
		pr_warn("%s [mem %#010llx-%#010llx] refused: %s (%d), pfn %#lx: %s\n",
			op->name, start, last, phrase, report->error,
			report->pfn, class);
}
