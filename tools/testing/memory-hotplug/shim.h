/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the pure files of mm/hotplug need of the kernel, for user space. Read
 * before anything else of each file; see HEADERS in the Makefile.
 */
#ifndef _SHIM_H
#define _SHIM_H

#include <assert.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t u64;

#define PAGE_SHIFT		12
#define PHYS_PFN(x)		((unsigned long)((x) >> PAGE_SHIFT))

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define IS_ALIGNED(x, a)	(((x) & ((__typeof__(x))(a) - 1)) == 0)
#define ALIGN_DOWN(x, a)	((x) & ~((__typeof__(x))(a) - 1))

/* Like the kernel's: each argument once, and both of one type. */
#define MIN_MAX(a, b, op) ({						\
	__auto_type __a = (a);						\
	__auto_type __b = (b);						\
	static_assert(__builtin_types_compatible_p(__typeof__(__a),	\
						   __typeof__(__b)), "types");	\
	__a op __b ? __a : __b;						\
})
#define min(a, b)		MIN_MAX(a, b, <)
#define max(a, b)		MIN_MAX(a, b, >)

#define check_add_overflow(a, b, sum)	__builtin_add_overflow(a, b, sum)
#define check_mul_overflow(a, b, prod)	__builtin_mul_overflow(a, b, prod)

/* Warns each time, so that tests can count. */
extern unsigned int nr_warnings;
#define WARN_ON_ONCE(cond) ({						\
	bool __cond = !!(cond);						\
	nr_warnings += __cond;						\
	__cond;								\
})

/* A clock that moves on when somebody looks, and a tracepoint that tests see. */
u64 ktime_get_ns(void);
void trace_mhp_step(const char *op, const char *step, const char *phase,
		    unsigned long start_pfn, unsigned long end_pfn, int error,
		    u64 ns);

#endif /* _SHIM_H */
