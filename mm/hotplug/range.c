// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ranges of page frames: how two of them lie to each other, and how one is made
 * of what a caller gave in bytes.
 *
 * Pure: looks at nothing but its arguments, takes no lock, may be called from
 * anywhere; built in user space, too (tools/testing/memory-hotplug). Called
 * from all of mm/hotplug.
 */
#include <linux/align.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pfn.h>

#include "range.h"

/**
 * mhp_ranges_overlap() - do two ranges have a page in common?
 * @a: One, in pfns.
 * @b: The other.
 *
 * Return: true if so; an empty range overlaps nothing, wherever it lies.
 */
bool mhp_ranges_overlap(struct mhp_range a, struct mhp_range b)
{
	return max(a.start, b.start) < min(a.end, b.end);
}

/**
 * mhp_range_contains() - is a range part of another?
 * @outer: The range that is to hold all of @inner, in pfns.
 * @inner: The one that is to be inside.
 *
 * Return: true if no page of @inner lies outside @outer. That is so of an empty
 * @inner, wherever it lies.
 */
bool mhp_range_contains(struct mhp_range outer, struct mhp_range inner)
{
	if (mhp_range_empty(inner))
		return true;
	return outer.start <= inner.start && inner.end <= outer.end;
}

/**
 * mhp_range_aligned() - does a range consist of whole, aligned units?
 * @range: In pfns.
 * @unit: Pages in a unit, a power of two.
 *
 * Return: true if both ends are multiples of @unit.
 */
bool mhp_range_aligned(struct mhp_range range, unsigned long unit)
{
	return IS_ALIGNED(range.start | range.end, unit);
}

/**
 * mhp_range_next_chunk() - the part of a range that lies in its first unit
 * @range: In pfns.
 * @unit: Pages in a unit, a power of two.
 *
 * To go through a range unit by unit: work on the chunk, move the start of the
 * range to the chunk's end, until the range is empty. All chunks but the first
 * start, and all but the last end, at a multiple of @unit.
 *
 * Return: the chunk; empty only if @range is.
 */
struct mhp_range mhp_range_next_chunk(struct mhp_range range, unsigned long unit)
{
	/* Counted from the start, as the unit's end wraps for the last one. */
	unsigned long left_in_unit = unit - (range.start & (unit - 1));

	return mhp_range(range.start,
			 range.start + min(left_in_unit, mhp_range_pages(range)));
}

/**
 * mhp_phys_to_range() - the page frames of a physical address range
 * @start: First address, in bytes.
 * @size: In bytes.
 * @unit: What both must be multiples of, in bytes: a power of two, a page or
 *	more.
 * @limit: The last address that is allowed, in bytes.
 * @range: Gets the page frames; untouched on an error.
 *
 * Ranges that end with the very last address (2^64 - 1) are no special case,
 * though the address after them cannot be written down.
 *
 * Return: 0; -EINVAL if @size is 0, if @start or @size is not a multiple of
 * @unit, or if the range goes past the last address; -ERANGE if it is sound but
 * reaches past @limit.
 */
int mhp_phys_to_range(u64 start, u64 size, u64 unit, u64 limit,
		      struct mhp_range *range)
{
	u64 last = start + size - 1;

	if (!size || last < start || !IS_ALIGNED(start | size, unit))
		return -EINVAL;
	if (last > limit)
		return -ERANGE;

	*range = mhp_range(PHYS_PFN(start), PHYS_PFN(last) + 1);
	return 0;
}
