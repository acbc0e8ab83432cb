/* SPDX-License-Identifier: GPL-2.0-only */
/* A test is a function that returns, or does not. */
#ifndef _TEST_H
#define _TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/**
 * struct test - a test
 * @name: What it shows.
 * @run: Runs it, in a process of its own; ends the process where it fails.
 */
struct test {
	const char *name;
	void (*run)(void);
};

/* Tables of tests, each ended by an empty entry */
extern const struct test range_tests[];
extern const struct test span_tests[];
extern const struct test policy_tests[];
extern const struct test outcome_tests[];
extern const struct test class_tests[];
extern const struct test step_tests[];
extern const struct test zone_movable_tests[];
extern const struct test corpus_tests[];

/* Random numbers that repeat with the seed */
u64 rnd(void);
unsigned long rnd_below(unsigned long end);
/* Of all magnitudes, and near the powers of two and the ends more often. */
u64 rnd_spread(void);

/* Ends the process. */
_Noreturn void check_failed(void);

#define CHECK_MSG(cond, fmt, ...) do {					\
	if (!(cond)) {							\
		printf("# %s:%d: %s is false" fmt "\n", __FILE__,	\
		       __LINE__, #cond, ##__VA_ARGS__);			\
		check_failed();						\
	}								\
} while (0)
#define CHECK(cond)	CHECK_MSG(cond, "")

#endif /* _TEST_H */
