/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Moving many small folios at once: what the move*.c files share.
 *
 *	move.c
 *	  move_rmap.c, move_lru.c, move_target.c
 */
#ifndef __MM_HOTPLUG_MOVE_H
#define __MM_HOTPLUG_MOVE_H

#include <linux/bitmap.h>
#include <linux/list.h>
#include <linux/mmzone.h>
#include <linux/types.h>

struct address_space;
struct anon_vma;
struct folio;
struct page;

/* Pages of a window: what is unmapped, flushed and freed together, a power of two */
#define MHP_WINDOW_PAGES	512UL

/**
 * struct mhp_move - one folio of one page on its way
 * @src: Where it is; isolated from the LRU lists, with a reference.
 * @dst: Where it goes; NULL: it does not go this way.
 * @mapping: What folio_mapping() says of @src; NULL for most of anonymous memory.
 * @owner: What src->mapping holds, flags included: whose page tables map it.
 * @anon_vma: Kept from going away, in the first of those with one owner.
 * @moved: The contents are at @dst, and so are all who look for them.
 */
struct mhp_move {
	struct folio *src;
	struct folio *dst;
	struct address_space *mapping;
	void *owner;
	struct anon_vma *anon_vma;
	bool moved;
};

/**
 * struct mhp_targets - pages to move to
 * @pages: Single pages that are allocated and not used yet.
 * @nr: How many.
 */
struct mhp_targets {
	struct list_head pages;
	unsigned int nr;
};

/**
 * struct mhp_mover - the folios of a window that are moved together
 * @targets: Where they go.
 * @moves: The folios.
 * @nr: How many.
 * @window: The window's first pfn, a multiple of MHP_WINDOW_PAGES.
 * @freed: The window's pages that are left behind without a user.
 */
struct mhp_mover {
	struct mhp_targets targets;
	struct mhp_move moves[MHP_WINDOW_PAGES];
	unsigned int nr;
	unsigned long window;
	DECLARE_BITMAP(freed, MHP_WINDOW_PAGES);
};

/* move.c */

void mhp_mover_init(struct mhp_mover *mover);
bool mhp_mover_add(struct mhp_mover *mover, struct page *page);
unsigned int mhp_mover_run(struct mhp_mover *mover, struct list_head *left);
void mhp_mover_release(struct mhp_mover *mover);

/* move_rmap.c: the folios locked, those with one owner next to each other */

void mhp_unmap_owned(struct mhp_move *moves, unsigned int nr);
void mhp_remap_owned(struct mhp_move *moves, unsigned int nr);

/* move_lru.c */

unsigned int mhp_lru_isolate(struct mhp_move *moves, unsigned int nr);
void mhp_lru_add_moved(struct mhp_move *moves, unsigned int nr);

/* move_target.c */

void mhp_targets_fill(struct mhp_targets *targets, struct zone *from, unsigned int nr);
struct folio *mhp_target_take(struct mhp_targets *targets);
void mhp_target_return(struct mhp_targets *targets, struct folio *folio);
void mhp_targets_release(struct mhp_targets *targets);

#endif /* __MM_HOTPLUG_MOVE_H */
