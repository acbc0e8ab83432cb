// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the tests and reports in TAP, one line each, and a line with the sum.
 * Each runs in a process of its own: one that a sanitizer ends, or that does not
 * end by itself, has failed, and the next still runs.
 */
#include <sys/wait.h>

#include "test.h"

/* Of one test, which takes a fraction of a second: it loops. */
#define MAX_SECONDS	20

unsigned int nr_warnings;

static u64 rnd_state;

/* xorshift64*: any state but 0 will do */
u64 rnd(void)
{
	rnd_state ^= rnd_state >> 12;
	rnd_state ^= rnd_state << 25;
	rnd_state ^= rnd_state >> 27;
	return rnd_state * 0x2545f4914f6cdd1dULL;
}

unsigned long rnd_below(unsigned long end)
{
	return rnd() % end;
}

u64 rnd_spread(void)
{
	u64 value = rnd() >> rnd_below(64);

	switch (rnd_below(4)) {
	case 0:
		return ((u64)1 << rnd_below(64)) + rnd_below(3) - 1;
	case 1:
		return -(value >> rnd_below(64));
	default:
		return value;
	}
}

void check_failed(void)
{
	fflush(stdout);
	_exit(1);
}

static bool passes(const struct test *test, u64 seed)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return false;
	if (!pid) {
		rnd_state = seed;
		alarm(MAX_SECONDS);
		test->run();
		fflush(NULL);
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       !WEXITSTATUS(status);
}

int main(void)
{
	static const struct test *const tables[] = {
		range_tests, span_tests, policy_tests, outcome_tests,
		class_tests, step_tests, zone_movable_tests, corpus_tests,
	};
	const char *word = getenv("SEED");
	u64 seed = word ? strtoull(word, NULL, 0) : 1;
	unsigned int nr[2] = {};

	seed += !seed;
	printf("TAP version 14\n");
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		for (const struct test *test = tables[i]; test->run; test++) {
			bool ok = passes(test, seed);

			nr[ok]++;
			printf("%s %u %s\n", ok ? "ok" : "not ok", nr[0] + nr[1],
			       test->name);
			if (!ok)
				printf("# repeat with SEED=%llu\n",
				       (unsigned long long)seed);
		}
	}
	printf("1..%u\n%u passed, %u failed\n", nr[0] + nr[1], nr[1], nr[0]);
	return nr[0] ? 1 : 0;
}
