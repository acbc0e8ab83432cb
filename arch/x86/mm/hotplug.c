// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables of memory that comes and goes on x86-64: the direct map of a
 * range is built before its sections are added and torn down after they went,
 * and the memmap's is torn down section by section.
 *
 * Called from mm/hotplug (add, remove, probe), mm/memremap.c (device memory)
 * and mm/sparsemem (vmemmap_free()), all of which hold the memory hotplug lock
 * for writing. init_mm.page_table_lock is taken here around changes of entries.
 *
 * Tearing down has an order: clear the entries, flush the TLBs once, and only
 * then give back the pages, for until the flush a CPU may walk through a table,
 * or write through a translation, that is no longer there. What is to be given
 * back waits on lists, linked through its struct pages, so that nothing needs
 * to be allocated in order to remove memory.
 */
#define pr_fmt(fmt) "x86/mm: " fmt

#include <linux/align.h>
#include <linux/bootmem_info.h>
#include <linux/cpufeature.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/memblock.h>
#include <linux/memory_hotplug.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/page_ref.h>
#include <linux/pgalloc.h>
#include <linux/pgtable.h>
#include <linux/range.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>

#include <asm/e820/api.h>
#include <asm/set_memory.h>
#include <asm/tlbflush.h>

#include "mm_internal.h"

/**
 * enum window - which part of the kernel's address space is torn down
 * @DIRECT_MAP: Its entries map memory that is not ours to free.
 * @MEMMAP: Its entries map pages that hold struct pages, and go with them.
 */
enum window {
	DIRECT_MAP,
	MEMMAP,
};

/**
 * struct teardown - what has been unmapped and waits for the TLB flush
 * @pages: Single pages: page tables, and memmap mapped by 4K pages.
 * @blocks: Memmap mapped by 2M pages.
 * @nr_direct: Entries of the direct map that went, by level.
 * @entries_gone: Something was cleared, so there is something to flush.
 */
struct teardown {
	struct list_head pages;
	struct list_head blocks;
	unsigned long nr_direct[PG_LEVEL_NUM];
	bool entries_gone;
};

/*
 * While a task removes a whole range, its vmemmap_free() calls leave the flush
 * and the freeing to the end of that. Memory hotplug lock.
 */
static struct {
	struct task_struct *owner;
	struct teardown *teardown;
} removal;

/*
 * Zeroed pages for the page tables of the direct map, allocated beforehand:
 * the code that fills these tables has no way to report that there are none.
 * Memory hotplug lock; others see by the owner that it is not for them.
 */
static struct {
	struct task_struct *owner;
	struct list_head pages;
} table_reserve = {
	.pages = LIST_HEAD_INIT(table_reserve.pages),
};

static void teardown_begin(struct teardown *td)
{
	*td = (struct teardown){ };
	INIT_LIST_HEAD(&td->pages);
	INIT_LIST_HEAD(&td->blocks);
}

/*
 * Pages from boot are reserved. Those that mm/bootmem_info.c knows are counted
 * by the sections that use them; the last one frees them.
 */
static void give_back(struct page *page, unsigned int order)
{
	struct page *end = page + (1UL << order);

	if (!PageReserved(page)) {
		__free_pages(page, order);
		return;
	}

	for (; page < end; page++) {
		if (page->index == SECTION_INFO || page->index == MIX_SECTION_INFO)
			put_page_bootmem(page);
		else
			free_reserved_page(page);
	}
}

static void teardown_finish(struct teardown *td)
{
	struct page *page, *next;
	int level;

	if (!td->entries_gone)
		return;

	/*
	 * All of it, not just a range: what CPUs cache of the upper levels is
	 * tagged by address space, and freed tables were shared by all of them.
	 */
	flush_tlb_all();

	for (level = PG_LEVEL_4K; level < PG_LEVEL_NUM; level++)
		if (td->nr_direct[level])
			update_page_count(level, -td->nr_direct[level]);

	list_for_each_entry_safe(page, next, &td->pages, lru) {
		list_del(&page->lru);
		give_back(page, 0);
	}
	list_for_each_entry_safe(page, next, &td->blocks, lru) {
		list_del(&page->lru);
		give_back(page, get_order(PMD_SIZE));
	}
}

static void defer_page(struct teardown *td, struct page *page)
{
	/*
	 * Device memory of large folios maps one page of identical struct pages
	 * at many addresses, with a reference for each. The last one frees it.
	 */
	if (!PageReserved(page) && page_ref_add_unless(page, -1, 1))
		return;
	list_add(&page->lru, &td->pages);
}

/* Entries have one format at all levels, so each is handled as a pte_t. */
static bool entry_is_table(pte_t entry)
{
	return (pte_flags(entry) & (_PAGE_PRESENT | _PAGE_PSE)) == _PAGE_PRESENT;
}

/*
 * Follow init_mm's tables to the entry for @addr at level @stop, or to the
 * first one above that does not lead on. NULL where not even the top level has
 * one. *@level tells how far it went.
 */
static pte_t *find_entry(unsigned long addr, enum pg_level stop, enum pg_level *level)
{
	pgd_t *pgd = pgd_offset_k(addr);
	pte_t *entry;

	*level = PG_LEVEL_256T;
	if (pgd_none(*pgd))
		return NULL;

	for (*level = PG_LEVEL_512G, entry = (pte_t *)p4d_offset(pgd, addr);
	     *level > stop && entry_is_table(*entry); --*level) {
		if (*level == PG_LEVEL_512G)
			entry = (pte_t *)pud_offset((p4d_t *)entry, addr);
		else if (*level == PG_LEVEL_1G)
			entry = (pte_t *)pmd_offset((pud_t *)entry, addr);
		else
			entry = pte_offset_kernel((pmd_t *)entry, addr);
	}
	return entry;
}

static unsigned long entry_end(unsigned long addr, enum pg_level level, unsigned long end)
{
	/* Compared as last bytes: the end of the last one may be 2^64. */
	return min((addr | ~page_level_mask(level)), end - 1) + 1;
}

static void clear_entry(pte_t *entry, unsigned long addr, enum pg_level level)
{
	spin_lock(&init_mm.page_table_lock);
	switch (level) {
	case PG_LEVEL_4K:
		pte_clear(&init_mm, addr, entry);
		break;
	case PG_LEVEL_2M:
		pmd_clear((pmd_t *)entry);
		break;
	case PG_LEVEL_1G:
		pud_clear((pud_t *)entry);
		break;
	default:
		p4d_clear((p4d_t *)entry);
	}
	spin_unlock(&init_mm.page_table_lock);
}

static bool altmap_has(struct vmem_altmap *altmap, unsigned long pfn)
{
	return altmap && pfn >= altmap->base_pfn &&
	       pfn - altmap->base_pfn < vmem_altmap_offset(altmap);
}

/* The pages behind an entry of the memmap, from where they were allocated. */
static void defer_memmap(struct teardown *td, pte_t entry, enum pg_level level,
			 struct vmem_altmap *altmap)
{
	struct page *page = pte_page(entry);

	if (altmap_has(altmap, pte_pfn(entry)))
		vmem_altmap_free(altmap, PHYS_PFN(page_level_size(level)));
	else if (level == PG_LEVEL_4K)
		defer_page(td, page);
	else
		list_add(&page->lru, &td->blocks);
}

static bool memmap_unused(unsigned long addr, unsigned long end)
{
#ifdef CONFIG_SPARSEMEM_VMEMMAP
	return vmemmap_pmd_is_unused(addr, end);
#else
	return false;
#endif
}

/*
 * May the entry that maps [@addr, @end) of its page go? If that is all of the
 * page, yes. A part of the memmap's goes with the last part in use. A part of
 * the direct map's should have been split off; where that failed it stays.
 */
static bool leaf_may_go(unsigned long addr, unsigned long end, enum pg_level level,
			enum window window)
{
	if (end - addr == page_level_size(level))
		return true;
	if (window == MEMMAP)
		return level == PG_LEVEL_2M && memmap_unused(addr, end);

	pr_warn("[mem %#018lx-%#018lx] stays in the direct map, by a larger page\n",
		__pa(addr), __pa(end - 1));
	return false;
}

/*
 * Clear what maps pages in [@start, @end). An entry that is not present but not
 * none maps a page, too, for debug_pagealloc or by hardware poison: left alone
 * it would keep its table, and come back to life with the next range.
 */
static void clear_leaves(struct teardown *td, unsigned long start, unsigned long end,
			 enum window window, struct vmem_altmap *altmap)
{
	enum pg_level level;
	unsigned long addr, next;
	pte_t *entry, old;

	for (addr = start; addr < end; addr = next) {
		entry = find_entry(addr, PG_LEVEL_4K, &level);
		next = entry_end(addr, level, end);
		if (IS_ALIGNED(next, PMD_SIZE))
			cond_resched();
		if (!entry || pte_none(*entry) || !leaf_may_go(addr, next, level, window))
			continue;

		old = *entry;
		clear_entry(entry, addr, level);
		td->entries_gone = true;
		if (window == MEMMAP)
			defer_memmap(td, old, level, altmap);
		else
			td->nr_direct[level]++;
	}
}

/*
 * May the table that serves [@start, @start + size of @level) be freed?
 *
 * The top level's tables never change: each mm has copies of the entries that
 * lead to them. Nor do those of the direct map's first GiB: the page table of
 * the real mode trampoline, in which CPUs start and wake up, leads to them, too,
 * and some are part of the kernel's image. vmalloc fills tables without the
 * memory hotplug lock, so one that serves both stays.
 */
static bool table_may_go(unsigned long start, enum pg_level level, enum window window)
{
	const unsigned long last = start + page_level_size(level) - 1;

	if (level == PG_LEVEL_512G && !pgtable_l5_enabled())
		return false;
	if (window == DIRECT_MAP && start < (unsigned long)__va(SZ_1G))
		return false;
	return last < VMALLOC_START || start > VMALLOC_END;
}

static bool table_is_empty(const pte_t *table)
{
	const pte_t *entry;

	for (entry = table; entry < table + PTRS_PER_PTE; entry++)
		if (!pte_none(*entry))
			return false;
	return true;
}

static void release_table(unsigned long pfn, enum pg_level level)
{
	if (level == PG_LEVEL_2M)
		paravirt_release_pte(pfn);
	else if (level == PG_LEVEL_1G)
		paravirt_release_pmd(pfn);
	else
		paravirt_release_pud(pfn);
}

/* Unhook the tables below entries of @level that serve nothing any more. */
static void prune_tables(struct teardown *td, unsigned long start, unsigned long end,
			 enum pg_level level, enum window window)
{
	enum pg_level found;
	unsigned long addr;
	pte_t *entry, old;

	for (addr = start; addr < end; addr = entry_end(addr, found, end)) {
		entry = find_entry(addr, level, &found);
		if (!entry || found != level || !entry_is_table(*entry))
			continue;
		old = *entry;
		if (!table_may_go(addr & page_level_mask(level), level, window) ||
		    !table_is_empty(pfn_to_kaddr(pte_pfn(old))))
			continue;

		clear_entry(entry, addr, level);
		td->entries_gone = true;
		release_table(pte_pfn(old), level);
		defer_page(td, pte_page(old));
	}
}

static void tear_down(struct teardown *td, unsigned long start, unsigned long end,
		      enum window window, struct vmem_altmap *altmap)
{
	enum pg_level level;

	clear_leaves(td, start, end, window, altmap);
	for (level = PG_LEVEL_2M; level <= PG_LEVEL_512G; level++)
		prune_tables(td, start, end, level, window);
}

/*
 * If a page of the direct map reaches across @boundary, split it, at the page
 * @inside, which is on the side that is about to go: of the pages that splitting
 * makes, the smallest ones go with it.
 */
static void split_at(unsigned long boundary, unsigned long inside)
{
	enum pg_level level;
	pte_t *entry = find_entry(inside, PG_LEVEL_4K, &level);
	int error;

	if (!entry || pte_none(*entry) || IS_ALIGNED(boundary, page_level_size(level)))
		return;

	error = set_memory_4k(inside, 1);
	if (error)
		pr_warn("cannot split the direct map at [mem %#018lx]: %d\n",
			__pa(inside), error);
}

/* Addresses in bytes, physical. Sleeps. */
static void unmap_direct(struct teardown *td, u64 start, u64 end)
{
	unsigned long first = (unsigned long)__va(start);
	unsigned long behind = (unsigned long)__va(end);

	split_at(first, first);
	split_at(behind, behind - PAGE_SIZE);
	tear_down(td, first, behind, DIRECT_MAP, NULL);
}

/**
 * direct_map_take_table() - a page for a page table of the direct map
 *
 * For alloc_low_pages(): a task that maps memory for arch_add_memory() has set
 * aside what it needs.
 *
 * Context: any; takes no lock.
 * Return: a zeroed page, or NULL if the caller has to find one itself.
 */
void *direct_map_take_table(void)
{
	struct page *page;

	if (READ_ONCE(table_reserve.owner) != current)
		return NULL;
	page = list_first_entry_or_null(&table_reserve.pages, struct page, lru);
	if (!page)
		return NULL;
	list_del(&page->lru);
	return page_address(page);
}

static void table_reserve_release(void)
{
	struct page *page, *next;

	WRITE_ONCE(table_reserve.owner, NULL);
	list_for_each_entry_safe(page, next, &table_reserve.pages, lru) {
		list_del(&page->lru);
		__free_page(page);
	}
}

/* Tables that a range needs at most below entries of the given size. */
static unsigned long nr_tables(unsigned long start, unsigned long end, unsigned int shift)
{
	return ((end - 1) >> shift) - (start >> shift) + 1;
}

static unsigned long nr_tables_to_map(unsigned long start, unsigned long end)
{
	unsigned long nr;

	nr = nr_tables(start, end, PUD_SHIFT) + nr_tables(start, end, P4D_SHIFT);
	if (pgtable_l5_enabled())
		nr += nr_tables(start, end, PGDIR_SHIFT);

	/* With 2M pages, only an unaligned head and tail need 4K ones. */
	if (!boot_cpu_has(X86_FEATURE_PSE) || debug_pagealloc_enabled())
		return nr + nr_tables(start, end, PMD_SHIFT);
	return nr + !IS_ALIGNED(start, PMD_SIZE) + !IS_ALIGNED(end, PMD_SIZE);
}

static int table_reserve_fill(unsigned long start, unsigned long end)
{
	unsigned long nr = nr_tables_to_map(start, end);
	struct page *page;

	while (nr--) {
		page = alloc_page(GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN |
				  __GFP_RETRY_MAYFAIL);
		if (!page) {
			table_reserve_release();
			return -ENOMEM;
		}
		list_add(&page->lru, &table_reserve.pages);
	}
	WRITE_ONCE(table_reserve.owner, current);
	return 0;
}

/* More than these were never seen: device memory right beside boot's. */
#define MAX_HOLES 8

/**
 * struct holes - parts of a range that the direct map does not have yet
 * @range: Physical addresses, bytes; unlike elsewhere, half-open.
 * @nr: How many.
 */
struct holes {
	struct range range[MAX_HOLES];
	unsigned int nr;
};

/* -EEXIST: there are more of them than can be kept track of. */
static int find_holes(struct holes *holes, u64 start, u64 end)
{
	const unsigned long behind = (unsigned long)__va(end);
	unsigned long addr, next;
	enum pg_level level;
	bool in_hole = false;
	pte_t *entry;

	holes->nr = 0;
	for (addr = (unsigned long)__va(start); addr < behind; addr = next) {
		entry = find_entry(addr, PG_LEVEL_4K, &level);
		next = entry_end(addr, level, behind);
		if (entry && !pte_none(*entry)) {
			in_hole = false;
			continue;
		}
		if (!in_hole && holes->nr == MAX_HOLES)
			return -EEXIST;
		if (!in_hole)
			holes->range[holes->nr++].start = __pa(addr);
		holes->range[holes->nr - 1].end = __pa(next - 1) + 1;
		in_hole = true;
	}
	return 0;
}

static void unmap_holes(const struct holes *holes)
{
	struct teardown td;
	unsigned int i;

	teardown_begin(&td);
	for (i = 0; i < holes->nr; i++)
		unmap_direct(&td, holes->range[i].start, holes->range[i].end);
	teardown_finish(&td);
}

/* Maps all of them or, on -ENOMEM, none. */
static int map_holes(const struct holes *holes, pgprot_t prot)
{
	unsigned int i;

	for (i = 0; i < holes->nr; i++) {
		struct holes done = *holes;
		const struct range *hole = &holes->range[i];

		done.nr = i;
		if (table_reserve_fill((unsigned long)__va(hole->start),
				       (unsigned long)__va(hole->end))) {
			unmap_holes(&done);
			return -ENOMEM;
		}
		init_memory_mapping(hole->start, hole->end, prot);
		table_reserve_release();
	}
	return 0;
}

/* The end of memory only ever grows: drivers have made their choice by it. */
static void end_of_memory_reaches(unsigned long end_pfn)
{
	if (end_pfn <= max_pfn)
		return;
	max_pfn = end_pfn;
	max_low_pfn = end_pfn;
	high_memory = (void *)__va(PFN_PHYS(end_pfn) - 1) + 1;
}

static bool pfns_within_reach(unsigned long start_pfn, unsigned long nr_pages)
{
	const unsigned long limit_pfn = PHYS_PFN(PHYSMEM_END) + 1;

	return nr_pages <= limit_pfn && start_pfn <= limit_pfn - nr_pages;
}

/**
 * add_pages() - add the sections of a range that need no mapping, or have it
 * @nid: The node that they belong to.
 * @start_pfn: First page.
 * @nr_pages: In pages.
 * @params: As for arch_add_memory().
 *
 * The end of memory moves up if memory that drivers may use comes to lie beyond
 * it; not for device memory: that the CPU's RAM suddenly seemed to end behind
 * it would push DMA into bounce buffers for nothing (dma_addressing_limited()).
 *
 * Context: Process context, memory hotplug lock held for writing.
 * Return: 0, -ERANGE where the direct map's region does not reach (it would be
 * in vmemmap's way, too), or what __add_pages() says; then nothing has changed.
 */
int add_pages(int nid, unsigned long start_pfn, unsigned long nr_pages,
	      struct mhp_params *params)
{
	int error;

	if (!pfns_within_reach(start_pfn, nr_pages))
		return -ERANGE;

	error = __add_pages(nid, start_pfn, nr_pages, params);
	if (!error && !params->pgmap)
		end_of_memory_reaches(start_pfn + nr_pages);
	return error;
}

/**
 * arch_add_memory() - map a range and add its sections
 * @nid: The node that it belongs to.
 * @start: First address, in bytes; a section's, or for device memory a
 *	sub-section's.
 * @size: In bytes; aligned likewise.
 * @params: Where the memmap is to be, what protection the direct map gets, and
 *	the device memory that it is for, if any.
 *
 * Context: Process context, memory hotplug lock held for writing. Sleeps.
 * Return: 0; -ERANGE beyond the direct map; -ENOMEM without pages for page
 * tables or memmap; -EEXIST if a section is there already, or the direct map of
 * the range is in more than MAX_HOLES pieces. On an error what was mapped
 * before still is, and nothing else.
 */
int arch_add_memory(int nid, u64 start, u64 size, struct mhp_params *params)
{
	struct holes holes;
	int error;

	if (!pfns_within_reach(PHYS_PFN(start), PHYS_PFN(size)))
		return -ERANGE;

	error = find_holes(&holes, start, start + size);
	if (!error)
		error = map_holes(&holes, params->pgprot);
	if (error)
		return error;

	error = add_pages(nid, PHYS_PFN(start), PHYS_PFN(size), params);
	if (error)
		unmap_holes(&holes);
	return error;
}

/**
 * arch_remove_memory() - remove the sections of a range and unmap it
 * @start: First address, in bytes.
 * @size: In bytes.
 * @altmap: Where the memmap was allocated from; NULL: ordinary memory.
 * @pgmap: The device memory that it was for, if any.
 *
 * One TLB flush for the direct map and all of the memmap.
 *
 * Context: Process context, memory hotplug lock held for writing; nobody uses
 * the memory. Sleeps.
 */
void arch_remove_memory(u64 start, u64 size, struct vmem_altmap *altmap,
			struct dev_pagemap *pgmap)
{
	struct teardown td;

	teardown_begin(&td);

	removal.teardown = &td;
	WRITE_ONCE(removal.owner, current);
	__remove_pages(PHYS_PFN(start), PHYS_PFN(size), altmap, pgmap);
	WRITE_ONCE(removal.owner, NULL);
	removal.teardown = NULL;

	unmap_direct(&td, start, start + size);
	teardown_finish(&td);
}

/**
 * vmemmap_free() - unmap a part of the memmap and free what held it
 * @start: First address, virtual, on a page boundary.
 * @end: Address behind the last one, on a page boundary.
 * @altmap: Where the pages were allocated from; NULL: ordinary memory.
 *
 * Parts that were never mapped are fine: this undoes a population that failed
 * half way, too.
 *
 * Context: Process context, memory hotplug lock held for writing; nobody uses
 * the struct pages. Sleeps.
 */
void vmemmap_free(unsigned long start, unsigned long end, struct vmem_altmap *altmap)
{
	struct teardown td;

	if (READ_ONCE(removal.owner) == current) {
		tear_down(removal.teardown, start, end, MEMMAP, altmap);
		return;
	}

	teardown_begin(&td);
	tear_down(&td, start, end, MEMMAP, altmap);
	teardown_finish(&td);
}

#ifdef CONFIG_ARCH_MEMORY_PROBE
/**
 * arch_mhp_firmware() - what the firmware's memory map says of a range
 * @start: First address, in bytes.
 * @size: In bytes.
 *
 * Asks the map as the firmware gave it, before mem= and memmap= changed it.
 * A gap in it below 4 GiB, or between its RAM, is where firmware puts devices
 * that it need not name.
 *
 * Context: any.
 * Return: MHP_FIRMWARE_RAM if all of it is RAM, MHP_FIRMWARE_SILENT if it lies
 * beyond all RAM in the map and nothing in the map is said of it, else
 * MHP_FIRMWARE_OTHER.
 */
enum mhp_firmware arch_mhp_firmware(u64 start, u64 size)
{
	const struct e820_table *map = e820_table_firmware;
	const u64 end = start + size;
	u64 ram = 0, ram_end = SZ_4G;
	u32 i;

	for (i = 0; i < map->nr_entries; i++) {
		const struct e820_entry *entry = &map->entries[i];
		const u64 from = max(start, entry->addr);
		const u64 to = min(end, entry->addr + entry->size);

		if (entry->type == E820_TYPE_RAM)
			ram_end = max(ram_end, entry->addr + entry->size);
		if (from >= to)
			continue;
		if (entry->type != E820_TYPE_RAM)
			return MHP_FIRMWARE_OTHER;
		ram += to - from;
	}

	if (ram == size)
		return MHP_FIRMWARE_RAM;
	return !ram && start >= ram_end ? MHP_FIRMWARE_SILENT : MHP_FIRMWARE_OTHER;
}
#endif
