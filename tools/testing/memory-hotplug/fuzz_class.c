// SPDX-License-Identifier: GPL-2.0-only
/* mm/isolation/class.c: each and any number, against the administrator's guide. */
#include <string.h>

#include "class.h"
#include "fuzz.h"

/* The table "What the page is", in the order of enum page_class: vacant, fixed, or neither */
static const struct {
	const char *name;
	char kind;
} promised[] = {
	{ "free", 'v' },
	{ "being freed", 'v' },
	{ "user or page cache", ' ' },
	{ "user or page cache in transit", ' ' },
	{ "pinned", ' ' },
	{ "hugetlb", ' ' },
	{ "hugetlb in transit", 'f' },
	{ "gigantic hugetlb", 'f' },
	{ "movable by driver", ' ' },
	{ "held by driver", ' ' },
	{ "let go by driver", 'v' },
	{ "slab", 'f' },
	{ "page table", 'f' },
	{ "cma", 'f' },
	{ "reserved", 'f' },
	{ "hwpoison", 'v' },
	{ "hwpoison in use", 'f' },
	{ "kernel", 'f' },
	{ "isolated by another", ' ' },
	{ "hole", 'f' },
	{ "none", ' ' },
};

static void check_class(unsigned int class)
{
	bool known = class < ARRAY_SIZE(promised);

	CHECK(!strcmp(page_class_name(class), known ? promised[class].name : "unknown"));
	CHECK(page_class_is_vacant(class) == (known && promised[class].kind == 'v'));
	CHECK(page_class_is_fixed(class) == (known && promised[class].kind == 'f'));
}

void fuzz_class(struct fuzz_input *in)
{
	for (unsigned int i = 0; i <= NR_PAGE_CLASSES; i++)
		check_class(i);
	check_class(fuzz_number(in));
}
