// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables of the virtual memmap: the levels of a page table that are missing at
 * an address, and the memory that small or huge pages map there.
 *
 * Called by the architectures' vmemmap_populate() and by vmemmap_compound.c, at boot
 * or with the memory hotplug lock held for writing, which is the only lock: nothing
 * else changes these tables. What fails leaves behind what was there by then; the
 * caller of the population has it torn down again.
 */
#include <linux/gfp.h>
#include <linux/memblock.h>
#include <linux/pgalloc.h>
#include <linux/topology.h>

#include "../internal.h"
#include "sparsemem.h"

/*
 * What the architecture does to a table before it is used: one whose "none" entries
 * are not zeroes fills them in.
 */
void __weak __meminit pud_init(void *addr)
{
}

void __weak __meminit pmd_init(void *addr)
{
}

void __weak __meminit kernel_pte_init(void *addr)
{
}

static void * __meminit alloc_table(int nid)
{
	void *table = vmemmap_alloc_block(PAGE_SIZE, nid);

	return table ? memset(table, 0, PAGE_SIZE) : NULL;
}

/**
 * vmemmap_pgd_populate() - the top level's entry for an address, with a table below
 * @addr: Virtual, in the memmap.
 * @node: The node that the table is best allocated on.
 *
 * Return: the entry, or NULL for want of memory.
 */
pgd_t * __meminit vmemmap_pgd_populate(unsigned long addr, int node)
{
	pgd_t *entry = pgd_offset_k(addr);
	void *table;

	if (!pgd_none(*entry))
		return entry;
	table = alloc_table(node);
	if (!table)
		return NULL;
	pgd_populate_kernel(addr, entry, table);
	return entry;
}

/**
 * vmemmap_p4d_populate() - the p4d entry for an address, with a table below
 * @pgd: The entry above.
 * @addr: Virtual, in the memmap.
 * @node: The node that the table is best allocated on.
 *
 * Return: the entry, or NULL for want of memory.
 */
p4d_t * __meminit vmemmap_p4d_populate(pgd_t *pgd, unsigned long addr, int node)
{
	p4d_t *entry = p4d_offset(pgd, addr);
	void *table;

	if (!p4d_none(*entry))
		return entry;
	table = alloc_table(node);
	if (!table)
		return NULL;
	pud_init(table);
	p4d_populate_kernel(addr, entry, table);
	return entry;
}

/**
 * vmemmap_pud_populate() - the pud entry for an address, with a table below
 * @p4d: The entry above.
 * @addr: Virtual, in the memmap.
 * @node: The node that the table is best allocated on.
 *
 * Return: the entry, or NULL for want of memory.
 */
pud_t * __meminit vmemmap_pud_populate(p4d_t *p4d, unsigned long addr, int node)
{
	pud_t *entry = pud_offset(p4d, addr);
	void *table;

	if (!pud_none(*entry))
		return entry;
	table = alloc_table(node);
	if (!table)
		return NULL;
	pmd_init(table);
	pud_populate(&init_mm, entry, table);
	return entry;
}

/**
 * vmemmap_pmd_populate() - the pmd entry for an address, with a table below
 * @pud: The entry above.
 * @addr: Virtual, in the memmap.
 * @node: The node that the table is best allocated on.
 *
 * Return: the entry, or NULL for want of memory.
 */
pmd_t * __meminit vmemmap_pmd_populate(pud_t *pud, unsigned long addr, int node)
{
	pmd_t *entry = pmd_offset(pud, addr);
	void *table;

	if (!pmd_none(*entry))
		return entry;
	table = alloc_table(node);
	if (!table)
		return NULL;
	kernel_pte_init(table);
	pmd_populate_kernel(&init_mm, entry, table);
	return entry;
}

/**
 * vmemmap_pte_populate() - map a page of the memmap
 * @pmd: The entry above, with a table.
 * @addr: Virtual, in the memmap.
 * @node: The node that the page is best allocated on.
 * @altmap: Where the page has to come from; NULL: from wherever there is some.
 * @reuse: A page to map once more, in place of a new one, or NULL. It gets a
 *	reference for that, which unmapping takes off again.
 *
 * Return: the entry, which may have been there, or NULL for want of memory.
 */
pte_t * __meminit vmemmap_pte_populate(pmd_t *pmd, unsigned long addr, int node,
				       struct vmem_altmap *altmap, struct page *reuse)
{
	pte_t *entry = pte_offset_kernel(pmd, addr);
	void *page;

	if (!pte_none(ptep_get(entry)))
		return entry;

	if (reuse) {
		get_page(reuse);
		page = page_to_virt(reuse);
	} else {
		page = vmemmap_alloc_block_buf(PAGE_SIZE, node, altmap);
		if (!page)
			return NULL;
	}
	set_pte_at(&init_mm, addr, entry, pfn_pte(PHYS_PFN(__pa(page)), PAGE_KERNEL));
	return entry;
}

/**
 * vmemmap_verify() - remark on a memmap that lies far from its memory
 * @pte: The entry that maps the memmap, in the format of the lowest level.
 * @node: The node of the memory.
 * @start: The first address, virtual, in the memmap.
 * @end: The address behind the last one.
 */
void __meminit vmemmap_verify(pte_t *pte, int node, unsigned long start, unsigned long end)
{
	int actual = early_pfn_to_nid(pte_pfn(ptep_get(pte)));

	if (node_distance(actual, node) > LOCAL_DISTANCE)
		pr_warn_once("[%lx-%lx] potential offnode page_structs\n", start, end - 1);
}

/* The tables down to the one that has the pmd entries for @addr. */
static pud_t * __meminit populate_to_pud(unsigned long addr, int nid)
{
	pgd_t *pgd = vmemmap_pgd_populate(addr, nid);
	p4d_t *p4d = pgd ? vmemmap_p4d_populate(pgd, addr, nid) : NULL;

	return p4d ? vmemmap_pud_populate(p4d, addr, nid) : NULL;
}

/**
 * vmemmap_populate_page() - map a page of the memmap, with the tables above it
 * @addr: Virtual, in the memmap.
 * @nid: The node that all of it is best allocated on.
 * @altmap: As for vmemmap_pte_populate().
 * @reuse: As for vmemmap_pte_populate().
 *
 * Return: the entry, or NULL for want of memory.
 */
pte_t * __meminit vmemmap_populate_page(unsigned long addr, int nid,
					struct vmem_altmap *altmap, struct page *reuse)
{
	pud_t *pud = populate_to_pud(addr, nid);
	pmd_t *pmd = pud ? vmemmap_pmd_populate(pud, addr, nid) : NULL;
	pte_t *pte = pmd ? vmemmap_pte_populate(pmd, addr, nid, altmap, reuse) : NULL;

	if (pte)
		vmemmap_verify(pte, nid, addr, addr + PAGE_SIZE);
	return pte;
}

/**
 * vmemmap_populate_pages() - map a range of the memmap by small pages
 * @start: The first address, virtual, on a page boundary.
 * @end: The address behind the last one, on a page boundary.
 * @nid: The node that all of it is best allocated on.
 * @altmap: As for vmemmap_pte_populate().
 * @reuse: As for vmemmap_pte_populate(); for each page of the range.
 *
 * Return: 0, or -ENOMEM.
 */
int __meminit vmemmap_populate_pages(unsigned long start, unsigned long end, int nid,
				     struct vmem_altmap *altmap, struct page *reuse)
{
	unsigned long addr;

	for (addr = start; addr < end; addr += PAGE_SIZE)
		if (!vmemmap_populate_page(addr, nid, altmap, reuse))
			return -ENOMEM;
	return 0;
}

/**
 * vmemmap_populate_basepages() - map a range of the memmap by small pages
 * @start: The first address, virtual, on a page boundary.
 * @end: The address behind the last one, on a page boundary.
 * @node: The node that all of it is best allocated on.
 * @altmap: Where the pages have to come from; NULL: from wherever there are some.
 *
 * Return: 0, or -ENOMEM.
 */
int __meminit vmemmap_populate_basepages(unsigned long start, unsigned long end, int node,
					 struct vmem_altmap *altmap)
{
	return vmemmap_populate_pages(start, end, node, altmap, NULL);
}

/*
 * For architectures with huge pages in their memmap. Does @pmd map one, so that
 * nothing is left to do?
 */
int __weak __meminit vmemmap_check_pmd(pmd_t *pmd, int node, unsigned long addr,
				       unsigned long next)
{
	return 0;
}

/* Map the block at @p by @pmd. */
void __weak __meminit vmemmap_set_pmd(pmd_t *pmd, void *p, int node, unsigned long addr,
				      unsigned long next)
{
}

/* One pmd entry's worth of memmap, or the part of it that is asked for. */
static int __meminit populate_huge(unsigned long addr, unsigned long next, int nid,
				   struct vmem_altmap *altmap)
{
	pud_t *pud = populate_to_pud(addr, nid);
	pmd_t *pmd;
	void *block;

	if (!pud)
		return -ENOMEM;

	pmd = pmd_offset(pud, addr);
	if (!pmd_none(pmdp_get(pmd))) {
		if (vmemmap_check_pmd(pmd, nid, addr, next))
			return 0;
		return vmemmap_populate_basepages(addr, next, nid, altmap);
	}

	block = vmemmap_alloc_block_buf(PMD_SIZE, nid, altmap);
	if (block) {
		vmemmap_set_pmd(pmd, block, nid, addr, next);
		return 0;
	}
	/* An altmap has room for all by its design, and not more: no second try. */
	return altmap ? -ENOMEM : vmemmap_populate_basepages(addr, next, nid, NULL);
}

/**
 * vmemmap_populate_hugepages() - map a range of the memmap, by huge pages if possible
 * @start: The first address, virtual, on a page boundary.
 * @end: The address behind the last one, on a page boundary.
 * @node: The node that all of it is best allocated on.
 * @altmap: Where the pages have to come from; NULL: from wherever there are some.
 *	Only then small pages stand in for huge ones that are not to be had.
 *
 * Return: 0, or -ENOMEM.
 */
int __meminit vmemmap_populate_hugepages(unsigned long start, unsigned long end, int node,
					 struct vmem_altmap *altmap)
{
	unsigned long addr, next;

	for (addr = start; addr < end; addr = next) {
		next = pmd_addr_end(addr, end);
		if (populate_huge(addr, next, node, altmap))
			return -ENOMEM;
	}
	return 0;
}
