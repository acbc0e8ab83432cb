// SPDX-License-Identifier: GPL-2.0-only
/*
 * mm/hotplug/step.c: tables of any steps, well made or not, that fail anywhere.
 * A model writes down beforehand what has to be called, and what traced.
 */
#include <linux/errno.h>
#include <string.h>

#include "fuzz.h"
#include "step.h"
#include "trace.h"

#define MAX_STEPS	12
#define MAX_CALLS	(2 * MAX_STEPS)

/* What is called, or traced: which step ('a' ...), what of it, with which errno */
struct call {
	char step;
	char phase;		/* r(un), u(ndo), f(inish) */
	int error;
};

struct calls {
	struct call of[MAX_CALLS];
	unsigned int nr;
};

/* An operation that does what its script says: the errno of each step that runs */
struct scripted {
	struct mhp_op op;
	struct mhp_step steps[MAX_STEPS];
	char names[MAX_STEPS][2];
	int errors[MAX_STEPS];
	bool speaks[MAX_STEPS];	/* of its failure, in the report */
	unsigned int nr;
	unsigned int next;	/* the step that runs next */
	struct calls called;
	struct calls traced;
};

static struct scripted *script;

static void add_call(struct calls *calls, unsigned int step, char phase, int error)
{
	CHECK(calls->nr < MAX_CALLS);
	calls->of[calls->nr++] = (struct call){ 'a' + step, phase, error };
}

/* Steps do not know their number: up it goes one by one, down by what can be undone. */
static int do_run(struct mhp_op *op)
{
	int error = script->errors[script->next];

	CHECK(op == &script->op);
	if (error && script->speaks[script->next])
		op->report = (struct mhp_report){ .outcome = MHP_VETOED, .error = error };
	add_call(&script->called, script->next++, 'r', error);
	return error;
}

static void do_finish(struct mhp_op *op)
{
	CHECK(op == &script->op);
	add_call(&script->called, script->next++, 'f', 0);
}

static void do_undo(struct mhp_op *op)
{
	CHECK(op == &script->op);
	add_call(&script->called, 0, 'u', 0);
}

static void see_step(const char *op, const char *step, const char *phase,
		     unsigned long start_pfn, unsigned long end_pfn, int error, u64 ns)
{
	struct calls *called = &script->called;

	CHECK(op == script->op.name && ns);
	CHECK(start_pfn == script->op.start_pfn && end_pfn == script->op.end_pfn);
	/* It comes right after the call; this is where an undo gets its name. */
	CHECK(called->nr);
	if (*phase == 'u')
		called->of[called->nr - 1].step = *step;
	add_call(&script->traced, *step - 'a', *phase, error);
}

static void take_script(struct scripted *scr, struct fuzz_input *in)
{
	bool sound = fuzz_below(in, 4);		/* or few tables would be */
	unsigned int nr_run;

	scr->nr = fuzz_below(in, MAX_STEPS + 1);
	nr_run = fuzz_below(in, scr->nr + 1);
	for (unsigned int i = 0; i < scr->nr; i++) {
		unsigned int kind = fuzz_bytes(in, 1);
		bool runs = sound ? i < nr_run : kind & 1;
		bool finishes = sound ? !runs : kind & 2;

		scr->names[i][0] = 'a' + i;
		scr->steps[i] = (struct mhp_step){
			.name = scr->names[i],
			.run = runs ? do_run : NULL,
			.undo = kind & 4 && (!sound || runs) ? do_undo : NULL,
			.finish = finishes ? do_finish : NULL,
		};
		scr->speaks[i] = kind & 8;
		scr->errors[i] = kind < 224 ? 0 : -1 - (int)(kind - 224) * 4;
	}
	scr->op = (struct mhp_op){ .name = "scripted", .start_pfn = 7, .end_pfn = 9 };
}

/* By what a step has, run 1, undo 2, finish 4: those that run, then those that finish */
static bool model_sound(const struct scripted *scr)
{
	bool finishing = false;

	for (unsigned int i = 0; i < scr->nr; i++) {
		const struct mhp_step *step = &scr->steps[i];
		int shape = (step->run ? 1 : 0) + (step->undo ? 2 : 0) + (step->finish ? 4 : 0);

		switch (shape) {
		case 1:		/* run */
		case 3:		/* run and undo */
			if (finishing)
				return false;
			break;
		case 4:		/* finish */
			finishing = true;
			break;
		default:
			return false;
		}
	}
	return true;
}

static int model_calls(const struct scripted *scr, struct calls *calls)
{
	unsigned int i;

	for (i = 0; i < scr->nr; i++) {
		char phase = scr->steps[i].run ? 'r' : 'f';
		int error = phase == 'r' ? scr->errors[i] : 0;

		add_call(calls, i, phase, error);
		if (!error)
			continue;
		for (int k = (int)i - 1; k >= 0; k--)
			if (scr->steps[k].undo)
				add_call(calls, k, 'u', 0);
		return error;
	}
	return 0;
}

static void check_calls(const struct calls *got, const struct calls *expected)
{
	CHECK(got->nr == expected->nr);
	for (unsigned int i = 0; i < got->nr; i++)
		CHECK_MSG(got->of[i].step == expected->of[i].step &&
			  got->of[i].phase == expected->of[i].phase &&
			  got->of[i].error == expected->of[i].error, ": call %u", i);
}

/* What a step says of its failure stands; where it says nothing, that it failed. */
static void check_report(const struct scripted *scr, int error)
{
	enum mhp_outcome expected = MHP_DONE;

	for (unsigned int i = 0; i < scr->called.nr; i++)
		if (scr->called.of[i].error)
			expected = scr->speaks[i] ? MHP_VETOED : MHP_FAILED;
	CHECK(scr->op.report.outcome == expected);
	CHECK(scr->op.report.error == (expected == MHP_DONE ? 0 : error));
}

void fuzz_step(struct fuzz_input *in)
{
	struct scripted scr = {};
	struct calls expected = {};
	bool sound;
	int error = -EINVAL;

	take_script(&scr, in);
	sound = model_sound(&scr);
	if (sound)
		error = model_calls(&scr, &expected);

	script = &scr;
	on_step = see_step;
	nr_warnings = 0;
	CHECK(mhp_run_steps(&scr.op, scr.steps, scr.nr) == error);
	CHECK(nr_warnings == !sound);
	check_report(&scr, error);
	check_calls(&scr.called, &expected);
	check_calls(&scr.traced, &expected);
}
