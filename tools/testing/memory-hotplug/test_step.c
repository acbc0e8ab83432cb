// SPDX-License-Identifier: GPL-2.0-only
/*
 * mm/hotplug/step.c over made-up tables: each step writes down what was asked of
 * it, and so does the tracepoint.
 */
#include <linux/errno.h>
#include <string.h>

#include "step.h"
#include "test.h"
#include "trace.h"

#define MAX_STEPS	6
#define MAX_CALLS	(2 * MAX_STEPS)

/* What a table is to be: the first steps run, those with a bit can be undone. */
struct plan {
	int nr_run;
	int nr_finish;
	unsigned int undoable;
	int failing;		/* -1: none */
	int error;
};

/* An operation as the tests see it; calls are "r0", "u3", "f5". */
struct fake {
	struct mhp_op op;
	const struct plan *plan;
	char calls[3 * MAX_CALLS + 1];
	char traced[3 * MAX_CALLS + 1];
};

static struct fake *running;

static void note(char *list, char what, int which)
{
	size_t len = strlen(list);

	CHECK(len + 3 <= 3 * MAX_CALLS);
	snprintf(list + len, 4, "%c%d ", what, which);
}

static void note_call(struct mhp_op *op, char what, int which)
{
	CHECK(op == &running->op);
	note(running->calls, what, which);
}

static int fake_run(struct mhp_op *op, int which)
{
	const struct plan *plan = running->plan;

	note_call(op, 'r', which);
	return which == plan->failing ? plan->error : 0;
}

#define RUN(n)		static int run##n(struct mhp_op *op) { return fake_run(op, n); }
#define UNDO(n)		static void undo##n(struct mhp_op *op) { note_call(op, 'u', n); }
#define FINISH(n)	static void finish##n(struct mhp_op *op) { note_call(op, 'f', n); }
RUN(0) RUN(1) RUN(2) RUN(3) RUN(4) RUN(5)
UNDO(0) UNDO(1) UNDO(2) UNDO(3) UNDO(4) UNDO(5)
FINISH(0) FINISH(1) FINISH(2) FINISH(3) FINISH(4) FINISH(5)

#define ROW(n) { .name = #n, .run = run##n, .undo = undo##n, .finish = finish##n }
static const struct mhp_step all_of[MAX_STEPS] = {
	ROW(0), ROW(1), ROW(2), ROW(3), ROW(4), ROW(5),
};

static void note_step(const char *op, const char *step, const char *phase,
		      unsigned long start_pfn, unsigned long end_pfn, int error,
		      u64 ns)
{
	const struct plan *plan = running->plan;
	bool failed = *phase == 'r' && atoi(step) == plan->failing;

	CHECK(!strcmp(op, "fake") && start_pfn == 0x100 && end_pfn == 0x200);
	CHECK(!strcmp(phase, "run") || !strcmp(phase, "undo") || !strcmp(phase, "finish"));
	CHECK(error == (failed ? plan->error : 0));
	CHECK(ns > 0 && ns < 1000);
	note(running->traced, *phase, atoi(step));
}

static void make_table(struct mhp_step *table, const struct plan *plan)
{
	for (int i = 0; i < plan->nr_run + plan->nr_finish; i++) {
		table[i] = all_of[i];
		if (i >= plan->nr_run) {
			table[i].run = NULL;
			table[i].undo = NULL;
			continue;
		}
		table[i].finish = NULL;
		if (!(plan->undoable >> i & 1))
			table[i].undo = NULL;
	}
}

static int run_table(struct fake *fake, const struct mhp_step *table, unsigned int nr)
{
	fake->op = (struct mhp_op){
		.name = "fake", .start_pfn = 0x100, .end_pfn = 0x200,
		.report = { .outcome = MHP_VETOED, .error = -EBUSY, .pfn = 17 },
	};
	running = fake;
	on_step = note_step;
	return mhp_run_steps(&fake->op, table, nr);
}

/* Up to the failing step, then back; or all the way. */
static void expect_calls(char *list, const struct plan *plan)
{
	int end = plan->nr_run + plan->nr_finish, i;

	for (i = 0; i < end; i++) {
		note(list, i < plan->nr_run ? 'r' : 'f', i);
		if (i == plan->failing)
			break;
	}
	if (i == end)
		return;
	while (i-- > 0)
		if (plan->undoable >> i & 1)
			note(list, 'u', i);
}

static void check_plan(const struct plan *plan)
{
	char expected[3 * MAX_CALLS + 1] = "";
	struct fake fake = { .plan = plan };
	struct mhp_step table[MAX_STEPS];
	int err;

	make_table(table, plan);
	expect_calls(expected, plan);
	err = run_table(&fake, table, plan->nr_run + plan->nr_finish);

	CHECK(err == (plan->failing < 0 ? 0 : plan->error));
	CHECK_MSG(!strcmp(fake.calls, expected), ": %sinstead of %s", fake.calls, expected);
	CHECK_MSG(!strcmp(fake.traced, expected), ": %sinstead of %s", fake.traced, expected);
	/* The report is the steps' to write. */
	CHECK(fake.op.report.outcome == MHP_VETOED && fake.op.report.pfn == 17);
	CHECK(!nr_warnings);
}

/*
 * The next of all tables of up to six steps, each that runs with an undo or
 * without; false after the last.
 */
static bool next_table(struct plan *plan)
{
	if (++plan->undoable < 1U << plan->nr_run)
		return true;
	plan->undoable = 0;
	if (plan->nr_run + ++plan->nr_finish <= MAX_STEPS)
		return true;
	plan->nr_finish = 0;
	return ++plan->nr_run <= MAX_STEPS;
}

static void test_success(void)
{
	struct plan plan = { .failing = -1 };

	do
		check_plan(&plan);
	while (next_table(&plan));
}

static void test_failure(void)
{
	static const int errors[] = { -EBUSY, -EINTR, -ENOMEM, -EINVAL };
	struct plan plan = {};

	do {
		for (plan.failing = 0; plan.failing < plan.nr_run; plan.failing++) {
			plan.error = errors[rnd_below(ARRAY_SIZE(errors))];
			check_plan(&plan);
		}
	} while (next_table(&plan));
}

static void refuse(const struct mhp_step *table, unsigned int nr)
{
	static const struct plan plan = { .failing = -1 };
	struct fake fake = { .plan = &plan };

	nr_warnings = 0;
	CHECK(run_table(&fake, table, nr) == -EINVAL);
	CHECK(!*fake.calls && !*fake.traced);
	CHECK(nr_warnings == 1);
}

/* After the commit there is no way back, so nothing may fail there. */
static void test_run_after_finish(void)
{
	for (int nr = 2; nr <= MAX_STEPS; nr++) {
		for (unsigned int kinds = 0; kinds < 1U << nr; kinds++) {
			/* A bit of kinds says finish. Well formed: runs are the low bits. */
			unsigned int runs = ~kinds & ((1U << nr) - 1);
			struct mhp_step table[MAX_STEPS];

			if (!(runs & (runs + 1)))
				continue;
			for (int i = 0; i < nr; i++) {
				table[i] = all_of[i];
				if (kinds >> i & 1) {
					table[i].run = NULL;
					table[i].undo = NULL;
				} else {
					table[i].finish = NULL;
				}
			}
			refuse(table, nr);
		}
	}
}

static void test_malformed_step(void)
{
	for (int where = 0; where < MAX_STEPS; where++) {
		const struct plan plan = { .nr_run = 3, .nr_finish = 3, .undoable = 7 };
		struct mhp_step table[MAX_STEPS];

		make_table(table, &plan);	/* run and finish both */
		table[where].run = run0;
		table[where].finish = finish0;
		refuse(table, MAX_STEPS);

		make_table(table, &plan);	/* neither */
		table[where].run = NULL;
		table[where].finish = NULL;
		refuse(table, MAX_STEPS);

		if (where < plan.nr_run)
			continue;
		make_table(table, &plan);	/* an undo that could never be called */
		table[where].undo = undo0;
		refuse(table, MAX_STEPS);
	}
}

/* A table of one operation may be run by a step of another's, as plug does. */
static struct fake inner_fake;

static int run_inner(struct mhp_op *op)
{
	static const struct plan plan = {
		.nr_run = 2, .undoable = 3, .failing = 1, .error = -EAGAIN,
	};
	struct fake *outer = running;
	struct mhp_step table[MAX_STEPS];
	int err;

	make_table(table, &plan);
	inner_fake = (struct fake){ .plan = &plan };
	err = run_table(&inner_fake, table, plan.nr_run);
	running = outer;
	return err;
}

static void test_nested(void)
{
	static const struct plan plan = {
		.nr_run = 3, .undoable = 7, .failing = 2, .error = -EAGAIN,
	};
	struct fake fake = { .plan = &plan };
	struct mhp_step table[MAX_STEPS];

	make_table(table, &plan);
	table[2].run = run_inner;
	CHECK(run_table(&fake, table, 3) == -EAGAIN);
	CHECK(!strcmp(inner_fake.calls, "r0 r1 u0 "));
	CHECK(!strcmp(fake.calls, "r0 r1 u1 u0 "));
	CHECK(!strcmp(fake.traced, "r0 r1 r2 u1 u0 "));
}

const struct test step_tests[] = {
	{ "step: every table runs in order", test_success },
	{ "step: a failure at every step goes back in reverse", test_failure },
	{ "step: refuses to run anything after the commit", test_run_after_finish },
	{ "step: refuses steps that are two things or none", test_malformed_step },
	{ "step: an operation within an operation", test_nested },
	{ }
};
