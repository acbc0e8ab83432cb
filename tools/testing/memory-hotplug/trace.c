// SPDX-License-Identifier: GPL-2.0-only
/* The clock and the tracepoint of mm/hotplug/step.c. */
#include "trace.h"

void (*on_step)(const char *op, const char *step, const char *phase,
		unsigned long start_pfn, unsigned long end_pfn, int error, u64 ns);

static u64 now;

u64 ktime_get_ns(void)
{
	return now += 7;
}

void trace_mhp_step(const char *op, const char *step, const char *phase,
		    unsigned long start_pfn, unsigned long end_pfn, int error,
		    u64 ns)
{
	if (on_step)
		on_step(op, step, phase, start_pfn, end_pfn, error, ns);
}
