// SPDX-License-Identifier: GPL-2.0-only
/*
 * Audit of the kernel's page tables: what is there is mapped, with its memmap, and
 * of what is not there nothing is left.
 *
 * Looks at the first, a middle and the last page of each section. Page tables of
 * the direct map and of the memmap change with the memory hotplug lock held for
 * writing, so a reader of it can walk them.
 */
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/pgtable.h>
#include <linux/sched.h>

#include "audit.h"

/* Sections behind the last one, where an add that failed may have left something */
#define MHP_SECTIONS_BEHIND	64

/* An entry that is not present, as with debug_pagealloc, is one all the same. */
static bool mhp_has_mapping(unsigned long addr)
{
	pgd_t *pgd = pgd_offset_k(addr);
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;

	if (pgd_none(*pgd))
		return false;
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(*p4d))
		return false;
	pud = pud_offset(p4d, addr);
	if (pud_none(*pud) || pud_leaf(*pud))
		return !pud_none(*pud);
	pmd = pmd_offset(pud, addr);
	if (pmd_none(*pmd) || pmd_leaf(*pmd))
		return !pmd_none(*pmd);
	return !pte_none(*pte_offset_kernel(pmd, addr));
}

typedef unsigned long (*mhp_address_t)(unsigned long pfn);

static unsigned long mhp_direct_address(unsigned long pfn)
{
	return (unsigned long)__va(PFN_PHYS(pfn));
}

/* Where some of a section is a device's, some of it may be nobody's. */
static bool mhp_section_is_whole(unsigned long nr)
{
	return online_section_nr(nr) && !online_device_section(__nr_to_section(nr));
}

static void mhp_audit_section_map(struct mhp_audit *audit, unsigned long nr,
				  mhp_address_t address)
{
	static const unsigned long offsets[] = { 0, PAGES_PER_SECTION / 2, PAGES_PER_SECTION - 1 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		unsigned long pfn = section_nr_to_pfn(nr) + offsets[i];
		bool mapped = mhp_has_mapping(address(pfn));

		if (!present_section_nr(nr) && mapped)
			mhp_audit_broken(audit, "section %lu is not there, pfn %#lx is mapped",
					 nr, pfn);
		if (mhp_section_is_whole(nr) && !early_section(__nr_to_section(nr)) && !mapped)
			mhp_audit_broken(audit, "section %lu is online, pfn %#lx is not mapped",
					 nr, pfn);
	}
}

static void mhp_audit_map(struct mhp_audit *audit, mhp_address_t address)
{
	unsigned long end, nr;

	end = min(__highest_present_section_nr + MHP_SECTIONS_BEHIND, NR_MEM_SECTIONS);
	for (nr = 0; nr < end; nr++) {
		mhp_audit_section_map(audit, nr, address);
		cond_resched();
	}
}

void mhp_audit_direct_map(struct mhp_audit *audit)
{
	if (IS_ENABLED(CONFIG_64BIT))
		mhp_audit_map(audit, mhp_direct_address);
}

#ifdef CONFIG_SPARSEMEM_VMEMMAP
static unsigned long mhp_memmap_address(unsigned long pfn)
{
	return (unsigned long)pfn_to_page(pfn);
}

void mhp_audit_memmap(struct mhp_audit *audit)
{
	mhp_audit_map(audit, mhp_memmap_address);
}
#else
void mhp_audit_memmap(struct mhp_audit *audit)
{
}
#endif
