/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What memory hot(un)plug did, step by step.
 *
 *	echo 1 > /sys/kernel/tracing/events/memory_hotplug/enable
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM memory_hotplug

#if !defined(_TRACE_MEMORY_HOTPLUG_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_MEMORY_HOTPLUG_H

#include <linux/tracepoint.h>

/* A step was run, undone or finished; which of these is @phase. */
TRACE_EVENT(mhp_step,

	TP_PROTO(const char *op, const char *step, const char *phase,
		 unsigned long start_pfn, unsigned long end_pfn, int error, u64 ns),

	TP_ARGS(op, step, phase, start_pfn, end_pfn, error, ns),

	TP_STRUCT__entry(
		__string(op, op)
		__string(step, step)
		__string(phase, phase)
		__field(unsigned long, start_pfn)
		__field(unsigned long, end_pfn)
		__field(int, error)
		__field(u64, ns)
	),

	TP_fast_assign(
		__assign_str(op);
		__assign_str(step);
		__assign_str(phase);
		__entry->start_pfn = start_pfn;
		__entry->end_pfn = end_pfn;
		__entry->error = error;
		__entry->ns = ns;
	),

	TP_printk("op=%s step=%s phase=%s start_pfn=0x%lx end_pfn=0x%lx error=%d ns=%llu",
		  __get_str(op), __get_str(step), __get_str(phase),
		  __entry->start_pfn, __entry->end_pfn, __entry->error,
		  __entry->ns)
);

/* An operation was refused. @pfn is 0 where no page is to blame. */
TRACE_EVENT(mhp_refused,

	TP_PROTO(const char *op, unsigned long start_pfn, unsigned long end_pfn,
		 const char *outcome, int error, unsigned long pfn,
		 const char *class),

	TP_ARGS(op, start_pfn, end_pfn, outcome, error, pfn, class),

	TP_STRUCT__entry(
		__string(op, op)
		__field(unsigned long, start_pfn)
		__field(unsigned long, end_pfn)
		__string(outcome, outcome)
		__field(int, error)
		__field(unsigned long, pfn)
		__string(class, class)
	),

	TP_fast_assign(
		__assign_str(op);
		__entry->start_pfn = start_pfn;
		__entry->end_pfn = end_pfn;
		__assign_str(outcome);
		__entry->error = error;
		__entry->pfn = pfn;
		__assign_str(class);
	),

	TP_printk("op=%s start_pfn=0x%lx end_pfn=0x%lx outcome=\"%s\" error=%d pfn=0x%lx class=\"%s\"",
		  __get_str(op), __entry->start_pfn, __entry->end_pfn,
		  __get_str(outcome), __entry->error, __entry->pfn,
		  __get_str(class))
);

/* A memory block changed its state. */
TRACE_EVENT(mhp_block_state,

	TP_PROTO(unsigned long id, const char *from, const char *to),

	TP_ARGS(id, from, to),

	TP_STRUCT__entry(
		__field(unsigned long, id)
		__string(from, from)
		__string(to, to)
	),

	TP_fast_assign(
		__entry->id = id;
		__assign_str(from);
		__assign_str(to);
	),

	TP_printk("block=%lu from=%s to=%s",
		  __entry->id, __get_str(from), __get_str(to))
);

/* One pass over memory that is being emptied. */
TRACE_EVENT(mhp_evacuate_pass,

	TP_PROTO(unsigned long start_pfn, unsigned long end_pfn,
		 unsigned long moved, unsigned long failed, unsigned long stuck_pfn),

	TP_ARGS(start_pfn, end_pfn, moved, failed, stuck_pfn),

	TP_STRUCT__entry(
		__field(unsigned long, start_pfn)
		__field(unsigned long, end_pfn)
		__field(unsigned long, moved)
		__field(unsigned long, failed)
		__field(unsigned long, stuck_pfn)
	),

	TP_fast_assign(
		__entry->start_pfn = start_pfn;
		__entry->end_pfn = end_pfn;
		__entry->moved = moved;
		__entry->failed = failed;
		__entry->stuck_pfn = stuck_pfn;
	),

	TP_printk("start_pfn=0x%lx end_pfn=0x%lx moved=%lu failed=%lu stuck_pfn=0x%lx",
		  __entry->start_pfn, __entry->end_pfn, __entry->moved,
		  __entry->failed, __entry->stuck_pfn)
);

#endif /* _TRACE_MEMORY_HOTPLUG_H */

#include <trace/define_trace.h>
