// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each class of pages is called, and what it means to whoever wants the
 * page to go. A table and two questions; builds in user space, too.
 *
 * Called by all of isolation and by memory hotplug's refusals; no locks.
 */
#include "class.h"

/* These are in the log and in trace events: the administrator's guide has them. */
static const char * const page_class_names[NR_PAGE_CLASSES] = {
	[PAGE_CLASS_FREE]		= "free",
	[PAGE_CLASS_FREEING]		= "being freed",
	[PAGE_CLASS_LRU]		= "user or page cache",
	[PAGE_CLASS_TRANSIT]		= "user or page cache in transit",
	[PAGE_CLASS_PINNED]		= "pinned",
	[PAGE_CLASS_HUGETLB]		= "hugetlb",
	[PAGE_CLASS_HUGETLB_HELD]	= "hugetlb in transit",
	[PAGE_CLASS_GIGANTIC]		= "gigantic hugetlb",
	[PAGE_CLASS_DRIVER]		= "movable by driver",
	[PAGE_CLASS_OFFLINE]		= "held by driver",
	[PAGE_CLASS_LET_GO]		= "let go by driver",
	[PAGE_CLASS_SLAB]		= "slab",
	[PAGE_CLASS_TABLE]		= "page table",
	[PAGE_CLASS_CMA]		= "cma",
	[PAGE_CLASS_RESERVED]		= "reserved",
	[PAGE_CLASS_POISONED]		= "hwpoison",
	[PAGE_CLASS_POISONED_HELD]	= "hwpoison in use",
	[PAGE_CLASS_KERNEL]		= "kernel",
	[PAGE_CLASS_ISOLATED]		= "isolated by another",
	[PAGE_CLASS_HOLE]		= "hole",
	[PAGE_CLASS_NONE]		= "none",
};

/**
 * page_class_name() - what the log calls a page
 * @class: What the page is.
 *
 * Return: a constant string.
 */
const char *page_class_name(enum page_class class)
{
	if (class >= NR_PAGE_CLASSES)
		return "unknown";
	return page_class_names[class];
}

/**
 * page_class_is_fixed() - will a page of this class stay where it is?
 * @class: Of the page.
 *
 * Return: true where neither migration nor the page's owner moves it.
 */
bool page_class_is_fixed(enum page_class class)
{
	switch (class) {
	case PAGE_CLASS_HUGETLB_HELD:
	case PAGE_CLASS_GIGANTIC:
	case PAGE_CLASS_SLAB:
	case PAGE_CLASS_TABLE:
	case PAGE_CLASS_CMA:
	case PAGE_CLASS_RESERVED:
	case PAGE_CLASS_POISONED_HELD:
	case PAGE_CLASS_KERNEL:
	case PAGE_CLASS_HOLE:
		return true;
	default:
		return false;
	}
}

/**
 * page_class_is_vacant() - can a page of this class go offline as it is?
 * @class: Of the page.
 *
 * Return: true where nobody uses the page, or will be able to.
 */
bool page_class_is_vacant(enum page_class class)
{
	switch (class) {
	case PAGE_CLASS_FREE:
	case PAGE_CLASS_FREEING:
	case PAGE_CLASS_LET_GO:
	case PAGE_CLASS_POISONED:
		return true;
	default:
		return false;
	}
}
