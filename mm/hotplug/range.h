/* SPDX-License-Identifier: GPL-2.0-only */
/* Ranges of page frames. Pure: builds in user space, too. */
#ifndef __MM_HOTPLUG_RANGE_H
#define __MM_HOTPLUG_RANGE_H

#include <linux/types.h>

/**
 * struct mhp_range - page frames, half-open
 * @start: The first pfn.
 * @end: The pfn after the last; equal to @start where the range is empty.
 */
struct mhp_range {
	unsigned long start;
	unsigned long end;
};

static inline struct mhp_range mhp_range(unsigned long start, unsigned long end)
{
	return (struct mhp_range){ .start = start, .end = end };
}

static inline unsigned long mhp_range_pages(struct mhp_range range)
{
	return range.end - range.start;
}

static inline bool mhp_range_empty(struct mhp_range range)
{
	return range.start == range.end;
}

/* range.c */
bool mhp_ranges_overlap(struct mhp_range a, struct mhp_range b);
bool mhp_range_contains(struct mhp_range outer, struct mhp_range inner);
bool mhp_range_aligned(struct mhp_range range, unsigned long unit);
struct mhp_range mhp_range_next_chunk(struct mhp_range range, unsigned long unit);
int mhp_phys_to_range(u64 start, u64 size, u64 unit, u64 limit, struct mhp_range *range);

#endif /* __MM_HOTPLUG_RANGE_H */
