// SPDX-License-Identifier: GPL-2.0-only
/*
 * Audit of memory blocks: against the section table, the zones of their pages, the
 * counters by state and the groups.
 */
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/sched.h>

#include "audit.h"

static unsigned long mhp_nr_block_ids(void)
{
	return section_nr_to_pfn(__highest_present_section_nr) / mhp_block_nr_pages() + 1;
}

static void mhp_audit_block_state(struct mhp_audit *audit, const struct memory_block *mem)
{
	bool online = mem->state == MHP_BLOCK_ONLINE;

	if (!online && mem->state != MHP_BLOCK_OFFLINE)
		mhp_audit_broken(audit, "memory%lu is %s, and nothing is under way",
				 mhp_block_id(mem), mhp_block_state_name(mem->state));
	if (mem->dev.offline == online)
		mhp_audit_broken(audit, "memory%lu is %s, its device says something else",
				 mhp_block_id(mem), mhp_block_state_name(mem->state));
	if (!online && mem->zone)
		mhp_audit_broken(audit, "memory%lu is offline and has a zone",
				 mhp_block_id(mem));
	if (!node_online(mem->nid))
		mhp_audit_broken(audit, "memory%lu is of node %d, which is offline",
				 mhp_block_id(mem), mem->nid);
	if (mem->altmap && (mem->altmap->base_pfn != mhp_block_start_pfn(mem) ||
			    !mem->altmap->free))
		mhp_audit_broken(audit, "memory%lu holds a memmap that is not its own",
				 mhp_block_id(mem));
}

/* Blocks by state, and each by itself. One beyond the last section would not be found. */
void mhp_audit_blocks(struct mhp_audit *audit)
{
	unsigned long nr[NR_MHP_BLOCK_STATES] = { };
	enum mhp_block_state state;
	unsigned long id;

	for (id = 0; id < mhp_nr_block_ids(); id++) {
		struct memory_block *mem = mhp_block_find(id);

		if (!mem)
			continue;
		mhp_audit_block_state(audit, mem);
		nr[mem->state]++;
		mhp_block_put(mem);
	}
	for (state = MHP_BLOCK_OFFLINE; state < NR_MHP_BLOCK_STATES; state++)
		if (nr[state] != mhp_block_nr_in_state(state))
			mhp_audit_broken(audit, "%lu blocks are %s, %lu are counted", nr[state],
					 mhp_block_state_name(state),
					 mhp_block_nr_in_state(state));
}

/* A section without a block is a device's: none of its pages is of the page allocator. */
static void mhp_audit_section(struct mhp_audit *audit, const struct memory_block *mem,
			      unsigned long nr)
{
	bool online = mem && mem->state == MHP_BLOCK_ONLINE;

	if (present_section_nr(nr) && !valid_section_nr(nr))
		mhp_audit_broken(audit, "section %lu is present without a memmap", nr);
	if (online_section_nr(nr) && !online)
		mhp_audit_broken(audit, "section %lu is online, its block is %s", nr,
				 mem ? mhp_block_state_name(mem->state) : "not there");
	if (present_section_nr(nr) && !online_section_nr(nr) && online)
		mhp_audit_broken(audit, "section %lu is not online, its block is", nr);
	if (mem && mem->state == MHP_BLOCK_OFFLINE && !present_section_nr(nr))
		mhp_audit_broken(audit, "section %lu is not there, its block is", nr);
}

void mhp_audit_sections(struct mhp_audit *audit)
{
	unsigned long per_block = mhp_block_nr_pages() / PAGES_PER_SECTION;
	unsigned long id;

	for (id = 0; id < mhp_nr_block_ids(); id++) {
		struct memory_block *mem = mhp_block_find(id);
		unsigned long nr, first = id * per_block;

		for (nr = first; nr < first + per_block; nr++)
			mhp_audit_section(audit, mem, nr);
		if (mem)
			mhp_block_put(mem);
		cond_resched();
	}
}

/* A block that can go offline is of one zone, with both ends of each pageblock. */
static void mhp_audit_block_zone(struct mhp_audit *audit, const struct memory_block *mem)
{
	struct mhp_range range = mhp_block_range(mem);
	unsigned long pfn, step = pageblock_nr_pages - 1;

	for (pfn = range.start; pfn < range.end; pfn += pageblock_aligned(pfn) ? step : 1) {
		struct page *page = pfn_to_online_page(pfn);

		if (!page || page_zone(page) == mem->zone)
			continue;
		/* A hole of boot is whose it was by chance. */
		if (PageReserved(page) && early_section(__pfn_to_section(pfn)))
			continue;
		mhp_audit_broken(audit, "memory%lu is of %s, pfn %#lx of %s", mhp_block_id(mem),
				 mem->zone->name, pfn, page_zone(page)->name);
		return;
	}
}

void mhp_audit_block_zones(struct mhp_audit *audit)
{
	unsigned long id;

	for (id = 0; id < mhp_nr_block_ids(); id++) {
		struct memory_block *mem = mhp_block_find(id);

		if (!mem)
			continue;
		if (mem->zone)
			mhp_audit_block_zone(audit, mem);
		mhp_block_put(mem);
		cond_resched();
	}
}

/* mhp_group_fn_t */
static void mhp_audit_group(struct memory_group *group, int mgid, void *arg)
{
	unsigned long movable = 0, kernel = 0;
	struct mhp_audit *audit = arg;
	struct memory_block *mem;

	list_for_each_entry(mem, &group->memory_blocks, group_next) {
		if (mem->group != group)
			mhp_audit_broken(audit, "memory%lu is on the list of a group it is not of",
					 mhp_block_id(mem));
		if (mem->state != MHP_BLOCK_ONLINE)
			continue;
		if (mem->zone && zone_idx(mem->zone) == ZONE_MOVABLE)
			movable += mhp_block_nr_pages();
		else
			kernel += mhp_block_nr_pages();
	}
	if (movable != group->present_movable_pages || kernel != group->present_kernel_pages)
		mhp_audit_broken(audit, "group %d: %lu pages movable, %lu not; counted %lu, %lu",
				 mgid, movable, kernel, group->present_movable_pages,
				 group->present_kernel_pages);
}

void mhp_audit_groups(struct mhp_audit *audit)
{
	mhp_groups_walk(mhp_audit_group, audit);
}
