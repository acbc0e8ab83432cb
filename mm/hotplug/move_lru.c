// SPDX-License-Identifier: GPL-2.0-only
/*
 * The LRU lists, for many folios of one page at once: neighbours mostly stand on the
 * same list, so its lock is taken, and its size told, once for all of them.
 */
#include <linux/bits.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/mmzone.h>
#include <linux/swap.h>

#include "move.h"
#include "../internal.h"

#include <trace/events/pagemap.h>

/* What of a folio's flags says on which list of its lruvec it belongs */
#define MHP_LRU_KIND	(BIT(PG_active) | BIT(PG_unevictable) | BIT(PG_swapbacked))

/**
 * struct mhp_lru - a place on the LRU lists, locked
 * @lruvec: Whose lock is held; NULL: none.
 * @zone: Of the folios that belong here.
 * @memcg: Of them.
 * @kind: Their MHP_LRU_KIND.
 * @lru: The list.
 * @change: Pages by which the list's size is to change.
 */
struct mhp_lru {
	struct lruvec *lruvec;
	struct zone *zone;
	struct mem_cgroup *memcg;
	unsigned long kind;
	enum lru_list lru;
	long change;
};

static void mhp_lru_leave(struct mhp_lru *at)
{
	if (!at->lruvec)
		return;
	if (at->change)
		update_lru_size(at->lruvec, at->lru, zone_idx(at->zone), at->change);
	at->change = 0;
	__acquire(&at->lruvec->lru_lock);	/* by mhp_lru_enter() */
	unlock_page_lruvec_irq(at->lruvec);
	at->lruvec = NULL;
}

/* Be where the folio belongs, with the lock. Mostly that is so already. */
static void mhp_lru_enter(struct mhp_lru *at, struct folio *folio)
{
	unsigned long kind = folio->flags & MHP_LRU_KIND;
	struct mem_cgroup *memcg = folio_memcg(folio);
	struct zone *zone = folio_zone(folio);

	if (at->lruvec && kind == at->kind && zone == at->zone && memcg == at->memcg)
		return;
	mhp_lru_leave(at);
	at->lruvec = folio_lruvec_lock_irq(folio);
	at->kind = kind;
	at->zone = zone;
	at->memcg = memcg;
	at->lru = folio_lru_list(folio);
}

static void mhp_lru_del(struct mhp_lru *at, struct folio *folio)
{
	mhp_lru_enter(at, folio);
	/* Generations keep counts of their own. */
	if (lru_gen_del_folio(at->lruvec, folio, false))
		return;
	if (at->lru != LRU_UNEVICTABLE)
		list_del(&folio->lru);
	at->change--;
}

/**
 * mhp_lru_isolate() - take folios from the LRU lists
 * @moves: The folios, with a reference each. Those that somebody else has isolated
 *	lose it and are left out.
 * @nr: How many.
 *
 * Return: How many of @moves there are now.
 */
unsigned int mhp_lru_isolate(struct mhp_move *moves, unsigned int nr)
{
	unsigned int i, kept = 0, nr_file = 0;
	struct mhp_lru at = { };
	pg_data_t *pgdat;

	for (i = 0; i < nr; i++) {
		struct folio *folio = moves[i].src;

		if (!folio_test_clear_lru(folio))
			continue;
		mhp_lru_del(&at, folio);
		nr_file += folio_is_file_lru(folio);
		swap(moves[kept].src, moves[i].src);
		kept++;
	}
	mhp_lru_leave(&at);

	for (i = kept; i < nr; i++)
		folio_put(moves[i].src);
	if (!kept)
		return 0;
	pgdat = folio_pgdat(moves[0].src);
	mod_node_page_state(pgdat, NR_ISOLATED_FILE, nr_file);
	mod_node_page_state(pgdat, NR_ISOLATED_ANON, kept - nr_file);
	return kept;
}

static void mhp_lru_add(struct mhp_lru *at, struct folio *folio)
{
	mhp_lru_enter(at, folio);
	if (!lru_gen_add_folio(at->lruvec, folio, false)) {
		list_add(&folio->lru, &at->lruvec->lists[at->lru]);
		at->change++;
	}
	trace_mm_lru_insertion(folio);
	folio_set_lru(folio);
}

/**
 * mhp_lru_add_moved() - put those that have moved onto the LRU lists
 * @moves: The folios; those that have not moved stay isolated.
 * @nr: How many.
 */
void mhp_lru_add_moved(struct mhp_move *moves, unsigned int nr)
{
	long nr_moved = 0, nr_file = 0;
	struct mhp_lru at = { };
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct folio *folio = moves[i].dst;

		if (!moves[i].moved)
			continue;
		nr_moved++;
		nr_file += folio_is_file_lru(folio);
		if (!folio_test_unevictable(folio) && folio_evictable(folio)) {
			mhp_lru_add(&at, folio);
		} else {
			mhp_lru_leave(&at);
			folio_add_lru(folio);
		}
	}
	mhp_lru_leave(&at);

	if (!nr_moved)
		return;
	mod_node_page_state(folio_pgdat(moves[0].src), NR_ISOLATED_FILE, -nr_file);
	mod_node_page_state(folio_pgdat(moves[0].src), NR_ISOLATED_ANON,
			    nr_file - nr_moved);
}
