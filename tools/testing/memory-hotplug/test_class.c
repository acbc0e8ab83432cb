// SPDX-License-Identifier: GPL-2.0-only
/* mm/isolation/class.c: what readers of the log rely on, and what goes with what. */
#include <string.h>

#include "class.h"
#include "test.h"

/* Each has a word of its own, fit for one line of the log. */
static void test_names(void)
{
	for (int i = 0; i < NR_PAGE_CLASSES; i++) {
		const char *name = page_class_name(i);

		CHECK_MSG(name && *name, ": nothing for %d", i);
		CHECK(!strpbrk(name, "\n\""));
		for (int k = 0; k < i; k++)
			CHECK_MSG(strcmp(name, page_class_name(k)), ": %d and %d", i, k);
	}
	/* One that there is not is no reason to crash. */
	CHECK(page_class_name(NR_PAGE_CLASSES) && page_class_name(-1));
}

/* A page that may stay is not in the way, so it does not matter if it moves. */
static void test_questions(void)
{
	for (int i = 0; i < NR_PAGE_CLASSES; i++)
		CHECK_MSG(!page_class_is_fixed(i) || !page_class_is_vacant(i), ": %d", i);
	CHECK(page_class_is_vacant(PAGE_CLASS_FREE));
	CHECK(!page_class_is_vacant(PAGE_CLASS_OFFLINE));
	CHECK(page_class_is_fixed(PAGE_CLASS_SLAB));
	CHECK(!page_class_is_fixed(PAGE_CLASS_LRU));
}

const struct test class_tests[] = {
	{ "class: a name of its own for each", test_names },
	{ "class: what is fixed is not vacant", test_questions },
	{ }
};
