/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The classes of pages, as far as moving them out of the way is concerned.
 * Pure: builds in user space, too.
 */
#ifndef __MM_ISOLATION_CLASS_H
#define __MM_ISOLATION_CLASS_H

#include <linux/types.h>

/**
 * enum page_class - what a page is, as far as it can be moved out of the way
 * @PAGE_CLASS_FREE: In the buddy allocator.
 * @PAGE_CLASS_FREEING: Without a reference: on its way to the buddy allocator,
 *	or in a per-CPU list of it.
 * @PAGE_CLASS_LRU: Anonymous or page cache, movable.
 * @PAGE_CLASS_TRANSIT: The same, but off the LRU lists for now: just allocated,
 *	in a CPU's batch, or being moved.
 * @PAGE_CLASS_PINNED: The same, with references that migration cannot move.
 * @PAGE_CLASS_HUGETLB: Hugetlb, in use or in a pool.
 * @PAGE_CLASS_HUGETLB_HELD: Hugetlb in use that is not to be migrated now.
 * @PAGE_CLASS_GIGANTIC: Hugetlb of a size that cannot be migrated.
 * @PAGE_CLASS_DRIVER: Movable by its driver: balloon, zsmalloc.
 * @PAGE_CLASS_OFFLINE: Logically offline and held by a driver.
 * @PAGE_CLASS_LET_GO: Logically offline, and its driver has let go of it.
 * @PAGE_CLASS_SLAB: Of the slab allocator.
 * @PAGE_CLASS_TABLE: A page table.
 * @PAGE_CLASS_CMA: In a CMA area, and wanted by somebody else.
 * @PAGE_CLASS_RESERVED: Reserved at boot, or a hole with a memmap.
 * @PAGE_CLASS_POISONED: It has a hardware error.
 * @PAGE_CLASS_POISONED_HELD: The same, and somebody goes on using it.
 * @PAGE_CLASS_KERNEL: Allocated by the kernel, no more is known.
 * @PAGE_CLASS_ISOLATED: In a pageblock that somebody else has isolated.
 * @PAGE_CLASS_HOLE: No memory.
 * @PAGE_CLASS_NONE: There is no page to blame.
 */
enum page_class {
	PAGE_CLASS_FREE,
	PAGE_CLASS_FREEING,
	PAGE_CLASS_LRU,
	PAGE_CLASS_TRANSIT,
	PAGE_CLASS_PINNED,
	PAGE_CLASS_HUGETLB,
	PAGE_CLASS_HUGETLB_HELD,
	PAGE_CLASS_GIGANTIC,
	PAGE_CLASS_DRIVER,
	PAGE_CLASS_OFFLINE,
	PAGE_CLASS_LET_GO,
	PAGE_CLASS_SLAB,
	PAGE_CLASS_TABLE,
	PAGE_CLASS_CMA,
	PAGE_CLASS_RESERVED,
	PAGE_CLASS_POISONED,
	PAGE_CLASS_POISONED_HELD,
	PAGE_CLASS_KERNEL,
	PAGE_CLASS_ISOLATED,
	PAGE_CLASS_HOLE,
	PAGE_CLASS_NONE,
	/* private: how many */
	NR_PAGE_CLASSES
};

const char *page_class_name(enum page_class class);
bool page_class_is_fixed(enum page_class class);
bool page_class_is_vacant(enum page_class class);

#endif /* __MM_ISOLATION_CLASS_H */
