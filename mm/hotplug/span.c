// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a zone or a node spans, from its first page to its last, when memory
 * joins or leaves it.
 *
 * The span of nothing is {0, 0}. A span's two edge pages are memory, what lies
 * between may be holes: so to grow takes no search, and to shrink takes one from
 * the edge that went away up to the first memory that is met.
 *
 * Pure: takes no lock, calls nothing but the caller's probe; built in user
 * space, too (tools/testing/memory-hotplug). Called from zone.c, with whatever
 * lock keeps the span from changing.
 */
#include <linux/align.h>
#include <linux/minmax.h>

#include "span.h"

static const struct mhp_range nothing;

/**
 * mhp_span_grow() - a span after memory was added
 * @span: What was spanned, in pfns.
 * @added: The memory, anywhere.
 *
 * Return: the smallest span of both; empty ones do not count.
 */
struct mhp_range mhp_span_grow(struct mhp_range span, struct mhp_range added)
{
	if (mhp_range_empty(added))
		return mhp_range_empty(span) ? nothing : span;
	if (mhp_range_empty(span))
		return added;
	return mhp_range(min(span.start, added.start), max(span.end, added.end));
}

/* Looks upwards for the first memory in @rest; @rest.end where there is none. */
static unsigned long first_memory(struct mhp_range rest, unsigned long unit,
				  mhp_span_probe_t probe, void *ctx)
{
	while (!mhp_range_empty(rest)) {
		struct mhp_range chunk = mhp_range_next_chunk(rest, unit);
		struct mhp_range found = probe(chunk, ctx);

		if (!mhp_range_empty(found))
			return found.start;
		rest.start = chunk.end;
	}
	return rest.end;
}

/* Looks downwards for the end of the last; @rest.start where there is none. */
static unsigned long last_memory(struct mhp_range rest, unsigned long unit,
				 mhp_span_probe_t probe, void *ctx)
{
	while (!mhp_range_empty(rest)) {
		unsigned long start = max(rest.start, ALIGN_DOWN(rest.end - 1, unit));
		struct mhp_range found = probe(mhp_range(start, rest.end), ctx);

		if (!mhp_range_empty(found))
			return found.end;
		rest.end = start;
	}
	return rest.start;
}

/**
 * mhp_span_shrink() - a span after memory left
 * @span: What was spanned, in pfns, @removed included.
 * @removed: The memory that left; what of it lies outside @span is ignored.
 * @unit: Pages to probe at a time, a power of two: chunks end at multiples of
 *	it, as one probe must not need more than one look-up (a section).
 * @probe: Finds the memory that is left. Never asked about @removed, whose pages
 *	may be gone, nor about what is outside @span.
 * @ctx: For @probe.
 *
 * Only an edge of the span that was removed moves. The other one is taken to be
 * memory still; where it is not (zones can span holes at their edges since
 * boot) it stays until it is removed itself.
 *
 * Return: the new span: as it was where @removed touches no edge of it, and {0,
 * 0} where nothing is left.
 */
struct mhp_range mhp_span_shrink(struct mhp_range span, struct mhp_range removed,
				 unsigned long unit, mhp_span_probe_t probe,
				 void *ctx)
{
	struct mhp_range rest = span;

	if (!mhp_ranges_overlap(span, removed))
		return span;

	if (removed.start <= span.start && removed.end >= span.end)
		return nothing;
	if (removed.start <= span.start) {
		rest.start = removed.end;
		rest.start = first_memory(rest, unit, probe, ctx);
	} else if (removed.end >= span.end) {
		rest.end = removed.start;
		rest.end = last_memory(rest, unit, probe, ctx);
	}
	return mhp_range_empty(rest) ? nothing : rest;
}

/**
 * mhp_span_union() - what several spans span together
 * @spans: For one, the zones of a node; in pfns.
 * @nr: How many.
 *
 * Return: the smallest span of all; {0, 0} where they are all empty.
 */
struct mhp_range mhp_span_union(const struct mhp_range *spans, unsigned int nr)
{
	struct mhp_range all = nothing;

	for (unsigned int i = 0; i < nr; i++)
		all = mhp_span_grow(all, spans[i]);
	return all;
}
