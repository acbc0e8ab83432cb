/* SPDX-License-Identifier: GPL-2.0-only */
/* What a zone or a node spans. Pure: builds in user space, too. */
#ifndef __MM_HOTPLUG_SPAN_H
#define __MM_HOTPLUG_SPAN_H

#include "range.h"

/**
 * typedef mhp_span_probe_t - is there memory of the zone in a range?
 * @range: Where to look; never empty.
 * @ctx: The caller's.
 *
 * Return: the pages from the first to the last one found (half-open), an empty
 * range where there is none.
 */
typedef struct mhp_range (*mhp_span_probe_t)(struct mhp_range range, void *ctx);

/* span.c */
struct mhp_range mhp_span_grow(struct mhp_range span, struct mhp_range added);
struct mhp_range mhp_span_shrink(struct mhp_range span, struct mhp_range removed,
				 unsigned long unit, mhp_span_probe_t probe, void *ctx);
struct mhp_range mhp_span_union(const struct mhp_range *spans, unsigned int nr);

#endif /* __MM_HOTPLUG_SPAN_H */
