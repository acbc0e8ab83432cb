/* SPDX-License-Identifier: GPL-2.0-only */
/* Who hears of the steps that mm/hotplug/step.c traces */
#ifndef _TRACE_H
#define _TRACE_H

#include "shim.h"

extern void (*on_step)(const char *op, const char *step, const char *phase,
		       unsigned long start_pfn, unsigned long end_pfn, int error, u64 ns);

#endif /* _TRACE_H */
