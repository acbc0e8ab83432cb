// SPDX-License-Identifier: GPL-2.0-only
/*
 * Audit of who has claimed which physical memory: System RAM in iomem, and memblock
 * where the architecture keeps it, against the memory blocks.
 */
#include <linux/ioport.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/pfn.h>
#include <linux/sched.h>

#include "audit.h"

static bool mhp_has_block(unsigned long pfn)
{
	struct memory_block *mem = mhp_block_find(pfn / mhp_block_nr_pages());

	if (mem)
		mhp_block_put(mem);
	return mem;
}

/* RAM that nobody has a block for */
static int mhp_audit_ram(unsigned long start_pfn, unsigned long nr_pages, void *arg)
{
	unsigned long pfn = start_pfn;

	while (pfn < start_pfn + nr_pages) {
		if (!mhp_has_block(pfn))
			mhp_audit_broken(arg, "pfn %#lx is System RAM and of no memory block", pfn);
		pfn = ALIGN(pfn + 1, mhp_block_nr_pages());
	}
	return 0;
}

static int mhp_count_ram(unsigned long start_pfn, unsigned long nr_pages, void *arg)
{
	*(unsigned long *)arg += nr_pages;
	return 0;
}

/* A section of boot may have holes, one that was added has none. */
void mhp_audit_iomem(struct mhp_audit *audit)
{
	unsigned long nr;

	for (nr = 0; nr <= __highest_present_section_nr; nr++) {
		unsigned long pfn = section_nr_to_pfn(nr), found = 0;

		cond_resched();
		if (!present_section_nr(nr) || early_section(__nr_to_section(nr)) ||
		    !mhp_has_block(pfn))
			continue;
		walk_system_ram_range(pfn, PAGES_PER_SECTION, &found, mhp_count_ram);
		if (found != PAGES_PER_SECTION)
			mhp_audit_broken(audit, "section %lu has %lu pages of System RAM", nr,
					 found);
	}
	walk_system_ram_range(0, section_nr_to_pfn(NR_MEM_SECTIONS), audit, mhp_audit_ram);
}

#ifdef CONFIG_ARCH_KEEP_MEMBLOCK
void mhp_audit_memblock(struct mhp_audit *audit)
{
	struct memblock_region *region;
	unsigned long nr;

	for (nr = 0; nr <= __highest_present_section_nr; nr++) {
		phys_addr_t start = PFN_PHYS(section_nr_to_pfn(nr));

		if (!present_section_nr(nr) || early_section(__nr_to_section(nr)) ||
		    !mhp_has_block(PHYS_PFN(start)))
			continue;
		if (!memblock_is_region_memory(start, PFN_PHYS(PAGES_PER_SECTION)))
			mhp_audit_broken(audit, "section %lu is not memory to memblock", nr);
	}
	for_each_mem_region(region)
		if (!mhp_has_block(PHYS_PFN(region->base)) ||
		    !mhp_has_block(PHYS_PFN(region->base + region->size - 1)))
			mhp_audit_broken(audit, "memblock has %pa of no memory block",
					 &region->base);
}
#else
void mhp_audit_memblock(struct mhp_audit *audit)
{
}
#endif
