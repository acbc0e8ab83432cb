// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of step.c: made-up operations whose steps write down what was asked of
 * them. That malformed tables are refused is tried in user space only
 * (tools/testing/memory-hotplug), as it leaves a warning in the log.
 */
#include <kunit/test.h>

#include "step.h"

#define NR_STEPS	5
#define NR_RUNS		3	/* the others finish */
#define NONE		-1

/**
 * struct fake - an operation that does nothing
 * @op: What the walker knows of it.
 * @failing: The step that fails, or NONE.
 * @error: With which errno.
 * @calls: What was called, a letter each: lower case: run, upper case: undo,
 *	a digit: finish.
 */
struct fake {
	struct mhp_op op;
	int failing;
	int error;
	char calls[2 * NR_STEPS + 1];
};

static struct fake *to_fake(struct mhp_op *op)
{
	return container_of(op, struct fake, op);
}

static void note(struct mhp_op *op, char what)
{
	char *calls = to_fake(op)->calls;
	size_t len = strlen(calls);

	if (len < 2 * NR_STEPS)
		calls[len] = what;
}

static int fake_run(struct mhp_op *op, int step)
{
	note(op, 'a' + step);
	return step == to_fake(op)->failing ? to_fake(op)->error : 0;
}

static int run_a(struct mhp_op *op)
{
	return fake_run(op, 0);
}

static int run_b(struct mhp_op *op)
{
	return fake_run(op, 1);
}

static int run_c(struct mhp_op *op)
{
	return fake_run(op, 2);
}

static void undo_a(struct mhp_op *op)
{
	note(op, 'A');
}

static void undo_b(struct mhp_op *op)
{
	note(op, 'B');
}

static void undo_c(struct mhp_op *op)
{
	note(op, 'C');
}

static void finish_1(struct mhp_op *op)
{
	note(op, '1');
}

static void finish_2(struct mhp_op *op)
{
	note(op, '2');
}

static const struct mhp_step all_undone[NR_STEPS] = {
	{ .name = "a", .run = run_a, .undo = undo_a },
	{ .name = "b", .run = run_b, .undo = undo_b },
	{ .name = "c", .run = run_c, .undo = undo_c },
	{ .name = "1", .finish = finish_1 },
	{ .name = "2", .finish = finish_2 },
};

static const struct mhp_step some_undone[NR_STEPS] = {
	{ .name = "a", .run = run_a, .undo = undo_a },
	{ .name = "b", .run = run_b },
	{ .name = "c", .run = run_c, .undo = undo_c },
	{ .name = "1", .finish = finish_1 },
	{ .name = "2", .finish = finish_2 },
};

static void expect(struct kunit *test, const struct mhp_step *steps, unsigned int nr_steps,
		   int failing, int error, const char *calls)
{
	struct fake fake = {
		.op = { .name = "fake", .report = { .outcome = MHP_STUCK, .error = -ETIMEDOUT } },
		.failing = failing,
		.error = error,
	};

	KUNIT_EXPECT_EQ(test, mhp_run_steps(&fake.op, steps, nr_steps), error);
	KUNIT_EXPECT_STREQ(test, fake.calls, calls);
	/* How it ended is for the steps to say. */
	KUNIT_EXPECT_EQ(test, fake.op.report.outcome, MHP_STUCK);
}

static void runs_and_finishes_in_order(struct kunit *test)
{
	expect(test, all_undone, NR_STEPS, NONE, 0, "abc12");
	expect(test, some_undone, NR_STEPS, NONE, 0, "abc12");
	expect(test, all_undone, NR_RUNS, NONE, 0, "abc");
	expect(test, &all_undone[NR_RUNS], NR_STEPS - NR_RUNS, NONE, 0, "12");
	expect(test, all_undone, 0, NONE, 0, "");
}

/* The step that failed has left all as it was: it is not undone itself. */
static void goes_back_in_reverse(struct kunit *test)
{
	expect(test, all_undone, NR_STEPS, 0, -EBUSY, "a");
	expect(test, all_undone, NR_STEPS, 1, -EINTR, "abA");
	expect(test, all_undone, NR_STEPS, 2, -ENOMEM, "abcBA");
}

static void passes_over_steps_without_undo(struct kunit *test)
{
	expect(test, some_undone, NR_STEPS, 1, -EBUSY, "abA");
	expect(test, some_undone, NR_STEPS, 2, -ETIMEDOUT, "abcA");
}

static struct kunit_case step_cases[] = {
	KUNIT_CASE(runs_and_finishes_in_order),
	KUNIT_CASE(goes_back_in_reverse),
	KUNIT_CASE(passes_over_steps_without_undo),
	{}
};

static struct kunit_suite step_suite = {
	.name = "mhp_step",
	.test_cases = step_cases,
};

kunit_test_suite(step_suite);
