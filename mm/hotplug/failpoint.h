/* SPDX-License-Identifier: GPL-2.0-only */
/* Places that a test can have fail. Without CONFIG_MHP_FAILPOINTS there are none. */
#ifndef __MM_HOTPLUG_FAILPOINT_H
#define __MM_HOTPLUG_FAILPOINT_H

#include <linux/types.h>

#ifdef CONFIG_MHP_FAILPOINTS
int mhp_failpoint(const char *op, const char *step, unsigned long pfn);
void mhp_crashpoint(const char *op, const char *step, unsigned long pfn);
bool mhp_fail_allocation(const char *op, const char *step, unsigned long pfn);
void mhp_fail_allocation_end(bool armed);
#else
static inline int mhp_failpoint(const char *op, const char *step, unsigned long pfn)
{
	return 0;
}

static inline void mhp_crashpoint(const char *op, const char *step, unsigned long pfn)
{
}

static inline bool mhp_fail_allocation(const char *op, const char *step, unsigned long pfn)
{
	return false;
}

static inline void mhp_fail_allocation_end(bool armed)
{
}
#endif

#endif /* __MM_HOTPLUG_FAILPOINT_H */
