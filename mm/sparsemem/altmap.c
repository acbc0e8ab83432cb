// SPDX-License-Identifier: GPL-2.0-only
/*
 * Altmaps: memory that is added brings the room for its own memmap. Its pages are
 * handed out in ascending order behind a reserved part, each piece aligned to its
 * size; what has to be skipped for that is counted as well.
 *
 * Pages that come back are only counted (vmem_altmap_free()), so they can be handed
 * out again when all have come back, or when those handed out last have.
 *
 * Called by vmemmap.c with the memory hotplug lock held for writing. Pure.
 */
#include <linux/align.h>
#include <linux/bitops.h>

#include "sparsemem.h"

/**
 * altmap_take() - hand out pages of an altmap
 * @altmap: The altmap.
 * @nr_pages: How many, not 0. The first is aligned to the largest power of two that
 *	divides it.
 * @pfn: Where the first one is stored.
 *
 * Return: true, or false when there are not enough left; then nothing changed.
 */
bool __meminit altmap_take(struct vmem_altmap *altmap, unsigned long nr_pages,
			   unsigned long *pfn)
{
	const unsigned long used = altmap->alloc + altmap->align;
	const unsigned long next = altmap->base_pfn + altmap->reserve + used;
	const unsigned long skipped = ALIGN(next, BIT(__ffs(nr_pages))) - next;

	if (used > altmap->free || skipped > altmap->free - used ||
	    nr_pages > altmap->free - used - skipped)
		return false;

	altmap->alloc += nr_pages;
	altmap->align += skipped;
	*pfn = next + skipped;
	return true;
}

/**
 * altmap_mark() - remember how much of an altmap is used
 * @altmap: The altmap, or NULL.
 *
 * Return: that, for altmap_rewind().
 */
struct altmap_mark __meminit altmap_mark(const struct vmem_altmap *altmap)
{
	if (!altmap)
		return (struct altmap_mark){ };
	return (struct altmap_mark){ .alloc = altmap->alloc, .align = altmap->align };
}

/**
 * altmap_rewind() - forget the pages skipped since a mark
 * @altmap: The altmap, or NULL.
 * @mark: What altmap_mark() said. The pages handed out since must be back. Where they
 *	are not, because the architecture keeps some of them, nothing is forgotten.
 */
void __meminit altmap_rewind(struct vmem_altmap *altmap, struct altmap_mark mark)
{
	if (altmap && altmap->alloc == mark.alloc)
		altmap->align = mark.align;
}
