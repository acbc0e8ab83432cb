// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state that user space sees nowhere else, as text to be compared: what was the
 * same before and after reads the same.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/sched.h>
#include <linux/seq_file.h>

#include "audit.h"

/* Neighbours that are alike are one line. */
static unsigned long mhp_section_word(unsigned long nr)
{
	const unsigned long flags = SECTION_MARKED_PRESENT | SECTION_HAS_MEM_MAP |
				    SECTION_IS_ONLINE | SECTION_IS_EARLY;
	const struct mem_section *ms = __nr_to_section(nr);

	return ms ? ms->section_mem_map & flags : 0;
}

static bool mhp_section_in_parts(unsigned long nr)
{
#ifdef CONFIG_SPARSEMEM_VMEMMAP
	return present_section_nr(nr) &&
	       !bitmap_full(__nr_to_section(nr)->usage->subsection_map, SUBSECTIONS_PER_SECTION);
#else
	return false;
#endif
}

static void mhp_show_parts(struct seq_file *out, unsigned long nr)
{
#ifdef CONFIG_SPARSEMEM_VMEMMAP
	seq_printf(out, " parts %*pb", (int)SUBSECTIONS_PER_SECTION,
		   __nr_to_section(nr)->usage->subsection_map);
#endif
}

static void mhp_show_sections(struct seq_file *out)
{
	unsigned long nr, end;

	for (nr = 0; nr <= __highest_present_section_nr; nr = end) {
		bool parts = mhp_section_in_parts(nr);

		for (end = nr + 1; end <= __highest_present_section_nr && !parts; end++)
			if (mhp_section_word(end) != mhp_section_word(nr) ||
			    mhp_section_in_parts(end))
				break;
		if (!mhp_section_word(nr))
			continue;
		seq_printf(out, "sections %lu-%lu %#lx", nr, end - 1, mhp_section_word(nr));
		if (parts)
			mhp_show_parts(out, nr);
		seq_putc(out, '\n');
		cond_resched();
	}
}

static void mhp_show_zone(struct seq_file *out, struct zone *zone)
{
	seq_printf(out, "zone %d %s start %#lx spanned %lu present %lu early %lu managed %lu contiguous %d isolated %lu\n",
		   zone_to_nid(zone), zone->name, zone->spanned_pages ? zone->zone_start_pfn : 0,
		   zone->spanned_pages, zone->present_pages, zone->present_early_pages,
		   zone_managed_pages(zone), zone->contiguous, zone->nr_isolate_pageblock);
}

static void mhp_show_nodes(struct seq_file *out)
{
	int nid, i;

	for_each_online_node(nid) {
		struct pglist_data *pgdat = NODE_DATA(nid);

		seq_printf(out, "node %d start %#lx spanned %lu present %lu\n", nid,
			   pgdat->node_spanned_pages ? pgdat->node_start_pfn : 0,
			   pgdat->node_spanned_pages, pgdat->node_present_pages);
		for (i = 0; i < MAX_NR_ZONES; i++)
			mhp_show_zone(out, &pgdat->node_zones[i]);
	}
}

static void mhp_show_blocks(struct seq_file *out)
{
	unsigned long last = section_nr_to_pfn(__highest_present_section_nr) / mhp_block_nr_pages();
	unsigned long id;

	for (id = 0; id <= last; id++) {
		struct memory_block *mem = mhp_block_find(id);

		if (!mem)
			continue;
		seq_printf(out, "block %lu %s node %d zone %s memmap %lu poison %lu\n", id,
			   mhp_block_state_name(mem->state), mem->nid,
			   mem->zone ? mem->zone->name : "-", mhp_block_memmap_pages(mem),
			   mhp_block_nr_poison(mem));
		mhp_block_put(mem);
	}
}

/* mhp_group_fn_t */
static void mhp_show_group(struct memory_group *group, int mgid, void *arg)
{
	struct memory_block *mem;

	seq_printf(arg, "group %d node %d kernel %lu movable %lu blocks", mgid, group->nid,
		   group->present_kernel_pages, group->present_movable_pages);
	list_for_each_entry(mem, &group->memory_blocks, group_next)
		seq_printf(arg, " %lu", mhp_block_id(mem));
	seq_putc(arg, '\n');
}

/**
 * mhp_audit_show_state() - write the state down
 * @out: Where.
 */
void mhp_audit_show_state(struct seq_file *out)
{
	mhp_show_sections(out);
	mhp_show_nodes(out);
	mhp_show_blocks(out);
	mhp_groups_walk(mhp_show_group, out);
}
