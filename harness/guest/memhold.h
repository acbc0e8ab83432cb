/* SPDX-License-Identifier: GPL-2.0-only */
/* What the three files of memhold share: the area that is held, and how. */
#ifndef MEMHOLD_H
#define MEMHOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define __noreturn	__attribute__((noreturn))

#define PAGE		4096UL
#define PAGE_WORDS	(PAGE / 8)
#define HUGE		(2UL << 20)

enum hold_kind {
	HOLD_ANON,	/* small anonymous pages */
	HOLD_THP,	/* anonymous, transparent huge pages asked for */
	HOLD_HUGETLB,	/* 2 MiB pages of the hugetlb pool */
	HOLD_SHARED,	/* shared anonymous memory */
	HOLD_MEMFD,	/* a memfd, mapped shared */
	HOLD_FILE,	/* a file's page cache, mapped shared */
	HOLD_LOCKED,	/* small anonymous pages under mlock */
	HOLD_KSM,	/* small anonymous pages that may be merged */
};

enum hold_pin {
	PIN_NONE,
	PIN_VMSPLICE,	/* pages in a pipe: a short-term reference that lasts */
	PIN_URING,	/* pages registered with io_uring: a long-term pin */
	PIN_GUP,	/* a long-term pin of all pages, by the kernel's gup_test */
	PIN_GUP_FAST,	/* the same, tried without the lock of the address space */
};

struct hold {
	enum hold_kind kind;
	size_t bytes;
	int node;		/* -1: anywhere */
	bool prefer;		/* the node is a wish, not a must */
	const char *path;	/* for HOLD_FILE */
	char *area;
	long hugetlb_added;	/* pages that the pool was grown by */
};

/* hold_map.c */
size_t hold_free_bytes(int node);
void hold_map(struct hold *h);
void hold_policy_off(struct hold *h);
void hold_unmap(struct hold *h);

/* hold_pin.c */
void hold_pin(const struct hold *h, enum hold_pin how);
void hold_unpin(void);

/* memhold.c */
__noreturn void fail(const char *what);

#endif
