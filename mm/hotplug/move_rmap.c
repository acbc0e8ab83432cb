// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takes many folios of one page out of the page tables that map them, and puts them
 * or what they moved to back in.
 *
 * Folios with one owner, an anon_vma or a file's mapping, are mapped by the same
 * VMAs, mostly at neighbouring addresses. So the owner is locked once, each VMA is
 * met once, each page table is locked and flushed once, and the folios are gone
 * through inside of that. In between, migration entries make those wait who touch
 * the pages (Documentation/mm/page_migration.rst).
 *
 * VMAs with locked memory are left alone, and so is whatever else is out of the
 * ordinary: what is still mapped after mhp_unmap_owned() is not to be moved.
 */
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/pagemap.h>
#include <linux/pgtable.h>
#include <linux/rmap.h>
#include <linux/sched.h>
#include <linux/swap.h>
#include <linux/swapops.h>

#include <asm/tlbflush.h>

#include "move.h"
#include "../internal.h"

#include <trace/events/migrate.h>

/**
 * struct mhp_table - a page table of a VMA, mapped and locked
 * @vma: The VMA.
 * @unmaps: Entries are cleared, so others who map the memory have to be told.
 * @pte: The entry of @start; NULL: there is no table at hand.
 * @ptl: Its lock.
 * @start: The first address of @vma in the table.
 * @end: Behind the last one.
 * @flush_start: The first address to flush; @flush_end or above: nothing.
 * @flush_end: Behind the last one.
 * @told: What was told before @pte was locked.
 */
struct mhp_table {
	struct vm_area_struct *vma;
	bool unmaps;
	pte_t *pte;
	spinlock_t *ptl;	/* of @pte's table */
	unsigned long start;
	unsigned long end;
	unsigned long flush_start;
	unsigned long flush_end;
	struct mmu_notifier_range told;
};

typedef void (*mhp_pte_fn_t)(struct mhp_table *table, unsigned long addr, pte_t *pte,
			     struct mhp_move *move);

static void mhp_table_leave(struct mhp_table *table)
{
	if (!table->pte)
		return;
	/* With the lock held: who comes next must not find stale translations. */
	if (table->flush_start < table->flush_end)
		flush_tlb_range(table->vma, table->flush_start, table->flush_end);
	__acquire(table->ptl);		/* by mhp_table_enter() */
	__acquire(RCU);
	pte_unmap_unlock(table->pte, table->ptl);
	table->pte = NULL;
	if (table->unmaps)
		mmu_notifier_invalidate_range_end(&table->told);
}

static void mhp_table_enter(struct mhp_table *table, unsigned long addr)
{
	struct vm_area_struct *vma = table->vma;
	pmd_t *pmd = mm_find_pmd(vma->vm_mm, addr);
	pte_t *pte;

	if (!pmd || !pmd_present(pmdp_get_lockless(pmd)))
		return;
	table->start = max(addr & PMD_MASK, vma->vm_start);
	table->end = pmd_addr_end(addr, vma->vm_end);
	table->flush_start = table->end;
	table->flush_end = table->start;
	if (table->unmaps) {
		mmu_notifier_range_init(&table->told, MMU_NOTIFY_CLEAR, 0, vma->vm_mm,
					table->start, table->end);
		mmu_notifier_invalidate_range_start(&table->told);
	}
	pte = pte_offset_map_lock(vma->vm_mm, pmd, table->start, &table->ptl);
	if (pte) {
		table->pte = pte;
		__release(table->ptl);		/* by mhp_table_leave() */
	} else if (table->unmaps) {
		mmu_notifier_invalidate_range_end(&table->told);
	}
}

/* The entry of an address, if there is a table for it. */
static pte_t *mhp_table_entry(struct mhp_table *table, unsigned long addr)
{
	if (!table->pte || addr < table->start || addr >= table->end) {
		mhp_table_leave(table);
		mhp_table_enter(table, addr);
	}
	if (!table->pte)
		return NULL;
	return table->pte + ((addr - table->start) >> PAGE_SHIFT);
}

static pte_t mhp_clear_pte(struct mhp_table *table, unsigned long addr, pte_t *pte)
{
	/* See should_defer_flush(): what an architecture must grant for it */
	if (!IS_ENABLED(CONFIG_ARCH_WANT_BATCHED_UNMAP_TLB_FLUSH))
		return ptep_clear_flush(table->vma, addr, pte);
	table->flush_start = min(table->flush_start, addr);
	table->flush_end = max(table->flush_end, addr + PAGE_SIZE);
	return ptep_get_and_clear(table->vma->vm_mm, addr, pte);
}

/* The migration entry that stands for a mapping, and remembers what it was like. */
static pte_t mhp_migration_pte(pte_t old, unsigned long pfn, bool exclusive)
{
	swp_entry_t entry;
	pte_t pte;

	if (pte_write(old))
		entry = make_writable_migration_entry(pfn);
	else if (exclusive)
		entry = make_readable_exclusive_migration_entry(pfn);
	else
		entry = make_readable_migration_entry(pfn);
	if (pte_young(old))
		entry = make_migration_entry_young(entry);
	if (pte_dirty(old))
		entry = make_migration_entry_dirty(entry);

	pte = swp_entry_to_pte(entry);
	if (pte_soft_dirty(old))
		pte = pte_swp_mksoft_dirty(pte);
	if (pte_uffd_wp(old))
		pte = pte_swp_mkuffd_wp(pte);
	return pte;
}

static void mhp_unmap_pte(struct mhp_table *table, unsigned long addr, pte_t *ptep,
			  struct mhp_move *move)
{
	struct mm_struct *mm = table->vma->vm_mm;
	struct folio *folio = move->src;
	struct page *page = &folio->page;
	pte_t old = ptep_get(ptep), pte;
	bool exclusive;

	if (!pte_present(old) || pte_pfn(old) != folio_pfn(folio))
		return;
	if (pte_unused(old) || PageHWPoison(page))
		return;

	flush_cache_page(table->vma, addr, folio_pfn(folio));
	old = mhp_clear_pte(table, addr, ptep);
	/* A file's folio that is dirty may have buffers that are not. */
	if (pte_dirty(old) && !(folio_test_anon(folio) && folio_test_dirty(folio)))
		folio_mark_dirty(folio);

	exclusive = folio_test_anon(folio) && PageAnonExclusive(page);
	if (arch_unmap_one(mm, table->vma, addr, old) < 0 ||
	    (exclusive && folio_try_share_anon_rmap_pte(folio, page))) {
		/* Pinned, or the architecture wants it to stay */
		set_pte_at(mm, addr, ptep, old);
		return;
	}
	pte = mhp_migration_pte(old, folio_pfn(folio), exclusive);
	set_pte_at(mm, addr, ptep, pte);
	trace_set_migration_pte(addr, pte_val(pte), 0);
	folio_remove_rmap_pte(folio, page, table->vma);
	folio_put(folio);
}

/* The mapping that a migration entry stands for, now of @folio. */
static pte_t mhp_mapped_pte(struct vm_area_struct *vma, struct folio *folio,
			    pte_t old, swp_entry_t entry)
{
	pte_t pte = mk_pte(&folio->page, READ_ONCE(vma->vm_page_prot));

	if (!is_migration_entry_young(entry))
		pte = pte_mkold(pte);
	if (is_migration_entry_dirty(entry) && folio_test_dirty(folio))
		pte = pte_mkdirty(pte);
	pte = pte_swp_soft_dirty(old) ? pte_mksoft_dirty(pte) : pte_clear_soft_dirty(pte);
	if (is_writable_migration_entry(entry))
		return pte_mkwrite(pte, vma);
	return pte_swp_uffd_wp(old) ? pte_mkuffd_wp(pte) : pte;
}

static void mhp_remap_pte(struct mhp_table *table, unsigned long addr, pte_t *ptep,
			  struct mhp_move *move)
{
	struct folio *folio = move->moved ? move->dst : move->src;
	struct vm_area_struct *vma = table->vma;
	pte_t old = ptep_get(ptep), pte;
	swp_entry_t entry;

	if (!is_swap_pte(old))
		return;
	entry = pte_to_swp_entry(old);
	if (!is_migration_entry(entry) || swp_offset_pfn(entry) != folio_pfn(move->src))
		return;

	folio_get(folio);
	pte = mhp_mapped_pte(vma, folio, old, entry);
	if (!folio_test_anon(folio))
		folio_add_file_rmap_pte(folio, &folio->page, vma);
	else if (is_readable_migration_entry(entry))
		folio_add_anon_rmap_pte(folio, &folio->page, vma, addr, RMAP_NONE);
	else
		folio_add_anon_rmap_pte(folio, &folio->page, vma, addr, RMAP_EXCLUSIVE);
	set_pte_at(vma->vm_mm, addr, ptep, pte);
	trace_remove_migration_pte(addr, pte_val(pte), 0);
	update_mmu_cache(vma, addr, ptep);
}

/**
 * struct mhp_owned - folios with one owner, and what is done to them in each VMA
 * @moves: The folios.
 * @nr: How many.
 * @first: Their lowest index.
 * @last: Their highest.
 * @fn: Called for each folio that the VMA covers.
 * @unmaps: Whether @fn clears entries.
 */
struct mhp_owned {
	struct mhp_move *moves;
	unsigned int nr;
	pgoff_t first;
	pgoff_t last;
	mhp_pte_fn_t fn;
	bool unmaps;
};

static void mhp_visit_vma(const struct mhp_owned *owned, struct vm_area_struct *vma)
{
	struct mhp_table table = { .vma = vma, .unmaps = owned->unmaps };
	unsigned int i;

	for (i = 0; i < owned->nr; i++) {
		unsigned long addr = vma_address(vma, owned->moves[i].src->index, 1);
		pte_t *pte;

		if (addr == -EFAULT)
			continue;
		pte = mhp_table_entry(&table, addr);
		if (pte)
			owned->fn(&table, addr, pte, &owned->moves[i]);
	}
	mhp_table_leave(&table);
	cond_resched();
}

static bool mhp_leave_alone(const struct mhp_owned *owned, struct vm_area_struct *vma)
{
	/*
	 * exec() moves its temporary stack without the locks that would let the
	 * migration entries be found again, see invalid_migration_vma().
	 */
	return owned->unmaps && ((vma->vm_flags & VM_LOCKED) || vma_is_temporary_stack(vma));
}

static void mhp_visit_anon(const struct mhp_owned *owned, struct anon_vma *anon_vma)
{
	struct anon_vma_chain *avc;

	anon_vma_lock_read(anon_vma);
	anon_vma_interval_tree_foreach(avc, &anon_vma->rb_root, owned->first, owned->last) {
		if (!mhp_leave_alone(owned, avc->vma))
			mhp_visit_vma(owned, avc->vma);
	}
	anon_vma_unlock_read(anon_vma);
}

static void mhp_visit_file(const struct mhp_owned *owned, struct address_space *mapping)
{
	struct vm_area_struct *vma;

	i_mmap_lock_read(mapping);
	vma_interval_tree_foreach(vma, &mapping->i_mmap, owned->first, owned->last) {
		if (!mhp_leave_alone(owned, vma))
			mhp_visit_vma(owned, vma);
	}
	i_mmap_unlock_read(mapping);
}

static void mhp_owned_span(struct mhp_owned *owned)
{
	unsigned int i;

	owned->first = owned->moves[0].src->index;
	owned->last = owned->first;
	for (i = 1; i < owned->nr; i++) {
		owned->first = min(owned->first, owned->moves[i].src->index);
		owned->last = max(owned->last, owned->moves[i].src->index);
	}
}

static bool mhp_owner_is_anon(const void *owner)
{
	return (unsigned long)owner & PAGE_MAPPING_ANON;
}

/*
 * Keep the anon_vma from going away while no page table refers to it. If none of
 * the folios is mapped it may have gone already, and is not needed.
 */
static struct anon_vma *mhp_get_anon_vma(struct mhp_move *moves, unsigned int nr)
{
	struct anon_vma *anon_vma = NULL;
	unsigned int i;

	for (i = 0; i < nr && !anon_vma; i++)
		anon_vma = folio_get_anon_vma(moves[i].src);
	return anon_vma;
}

/**
 * mhp_unmap_owned() - put migration entries in place of folios
 * @moves: The folios, locked, all with the same owner. Those that are still mapped
 *	then have to stay.
 * @nr: How many, 1 or more.
 *
 * mhp_remap_owned() must follow, with the same folios.
 *
 * Context: sleeps; the folios' locks are held over all of it.
 */
void mhp_unmap_owned(struct mhp_move *moves, unsigned int nr)
{
	struct mhp_owned owned = {
		.moves = moves, .nr = nr, .fn = mhp_unmap_pte, .unmaps = true,
	};
	void *owner = moves[0].owner;

	mhp_owned_span(&owned);
	if (!mhp_owner_is_anon(owner)) {
		mhp_visit_file(&owned, owner);
		return;
	}
	moves[0].anon_vma = mhp_get_anon_vma(moves, nr);
	if (moves[0].anon_vma)
		mhp_visit_anon(&owned, moves[0].anon_vma);
}

/**
 * mhp_remap_owned() - replace the migration entries again
 * @moves: The folios as they were given to mhp_unmap_owned(). Where one has moved,
 *	it is mapped where it is now.
 * @nr: How many.
 *
 * Context: sleeps.
 */
void mhp_remap_owned(struct mhp_move *moves, unsigned int nr)
{
	struct mhp_owned owned = { .moves = moves, .nr = nr, .fn = mhp_remap_pte };
	void *owner = moves[0].owner;

	mhp_owned_span(&owned);
	if (!mhp_owner_is_anon(owner)) {
		mhp_visit_file(&owned, owner);
		return;
	}
	if (!moves[0].anon_vma)
		return;
	mhp_visit_anon(&owned, moves[0].anon_vma);
	put_anon_vma(moves[0].anon_vma);
	moves[0].anon_vma = NULL;
}
