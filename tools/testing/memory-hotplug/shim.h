/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the pure files of mm/hotplug need of the kernel, for user space. Read
 * before anything else of each file; see HEADERS in the Makefile.
 */
#ifndef _SHIM_H
#define _SHIM_H

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t u64;
#define U64_MAX			UINT64_MAX

#define __init

#define BIT(nr)			(1UL << (nr))

#define PAGE_SHIFT		12
#define PHYS_PFN(x)		((unsigned long)((x) >> PAGE_SHIFT))

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define IS_ALIGNED(x, a)	(((x) & ((__typeof__(x))(a) - 1)) == 0)
#define ALIGN_DOWN(x, a)	((x) & ~((__typeof__(x))(a) - 1))
#define ALIGN(x, a) ({							\
	__auto_type __unit = (a);					\
	ALIGN_DOWN((x) + __unit - 1, __unit);				\
})

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

#define clamp(val, low, high)	min(max(val, low), high)
#define mult_frac(x, n, d) ({						\
	__auto_type __x = (x);						\
	__auto_type __n = (n);						\
	__auto_type __d = (d);						\
	__x / __d * __n + __x % __d * __n / __d;			\
})

#define check_add_overflow(a, b, sum)	__builtin_add_overflow(a, b, sum)
#define check_mul_overflow(a, b, prod)	__builtin_mul_overflow(a, b, prod)

/* Warns each time, so that tests can count. */
extern unsigned int nr_warnings;
#define WARN_ON_ONCE(cond) ({						\
	bool __cond = !!(cond);						\
	nr_warnings += __cond;						\
	__cond;								\
})

/* As the kernel reads them: no space and no minus before them, nothing after. */
static inline int kstrtou64(const char *str, int base, u64 *value)
{
	char *end;

	errno = 0;
	*value = strtoull(str, &end, base);
	if (!isdigit((unsigned char)*str) || *end)
		return -EINVAL;
	return -errno;
}

/* A clock that moves on when somebody looks, and a tracepoint that tests see. */
u64 ktime_get_ns(void);
void trace_mhp_step(const char *op, const char *step, const char *phase,
		    unsigned long start_pfn, unsigned long end_pfn, int error,
		    u64 ns);

#endif /* _SHIM_H */
