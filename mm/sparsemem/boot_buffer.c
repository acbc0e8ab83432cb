// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory that the memmaps of boot are cut from: one piece of memblock for all
 * sections of a node that follow each other, so that these memmaps lie side by side
 * and on their own node, and can be mapped by huge pages.
 *
 * Used by boot.c and, below it, by what populates a memmap, on the one CPU of boot.
 * Without a buffer, be it that there is none or that it is used up, the callers
 * find memory themselves.
 */
#include <linux/align.h>
#include <linux/log2.h>
#include <linux/memblock.h>

#include <asm/dma.h>

#include "../internal.h"
#include "sparsemem.h"

/*
 * What is left of the buffer. Sections that are added later find it empty; hence it
 * stays where they do.
 */
static struct {
	unsigned long next;
	unsigned long end;
} buffer __meminitdata;

/* Pieces for huge pages are aligned to their size, others as any memmap is. */
static unsigned long __meminit natural_align(unsigned long size)
{
	return is_power_of_2(size) ? size : PAGE_SIZE;
}

static void __meminit give_back(unsigned long start, unsigned long end)
{
	if (end > start)
		memblock_free((void *)start, end - start);
}

/**
 * sparse_buffer_init() - get a buffer for the memmaps of some sections
 * @size: In bytes: so many times sparse_memmap_size().
 * @nid: The node. Not having the buffer on another one: single memmaps may still
 *	find a place here.
 */
void __init sparse_buffer_init(unsigned long size, int nid)
{
	void *start;

	WARN_ON(buffer.next);
	start = memmap_alloc(size, natural_align(sparse_memmap_size()), __pa(MAX_DMA_ADDRESS),
			     nid, true);
	if (!start)
		return;
	buffer.next = (unsigned long)start;
	buffer.end = buffer.next + size;
}

/** sparse_buffer_fini() - give back what is left of the buffer */
void __init sparse_buffer_fini(void)
{
	give_back(buffer.next, buffer.end);
	buffer.next = 0;
	buffer.end = 0;
}

/**
 * sparse_buffer_alloc() - cut a piece from the buffer
 * @size: In bytes. A power of two is aligned to itself; what has to be skipped for
 *	that goes back to memblock.
 *
 * Context: boot; later there is nothing to be had.
 * Return: the piece, not initialised, or NULL.
 */
void * __meminit sparse_buffer_alloc(unsigned long size)
{
	unsigned long start;

	if (!buffer.next)
		return NULL;
	start = ALIGN(buffer.next, natural_align(size));
	if (start > buffer.end || size > buffer.end - start)
		return NULL;

	give_back(buffer.next, start);
	buffer.next = start + size;
	return (void *)start;
}
