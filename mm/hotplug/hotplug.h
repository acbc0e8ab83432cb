/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory hot(un)plug: what its files share. Charter of each: the head of it.
 *
 * Calls go downward only:
 *
 *	add.c, withdraw.c, probe.c
 *	  plug.c, remove.c, offline.c, online.c
 *	    block*.c, group.c, notify.c, offline_*.c, evacuate.c, move*.c, give.c, node.c
 *	      zone.c, zone_choice.c, memmap.c, mapping.c, sections.c, obstacle.c
 *	        supply.c, step.c, refusal.c, outcome.c, params.c, pluggable.c, lock.c
 *	          policy.c, span.c, range.c
 *
 * and from there to mm/isolation/.
 *
 * Ranges of pfns are half-open; physical addresses (u64) stand at the edges,
 * where callers from outside come in.
 */
#ifndef __MM_HOTPLUG_H
#define __MM_HOTPLUG_H

#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mmzone.h>
#include <linux/range.h>

#include "outcome.h"
#include "range.h"
#include "span.h"
#include "policy.h"
#include "step.h"
#include "failpoint.h"

#undef pr_fmt
#define pr_fmt(fmt) "memory_hotplug: " fmt

/* refusal.c */

int mhp_refuse(struct mhp_op *op, enum mhp_outcome outcome);
int mhp_refuse_page(struct mhp_op *op, enum mhp_outcome outcome,
		    unsigned long pfn, enum page_class class);
int mhp_refuse_error(struct mhp_op *op, enum mhp_outcome outcome, int error);
void mhp_report_refusal(const struct mhp_op *op);

/* lock.c */

void mhp_assert_write_locked(void);
void mhp_assert_locked(void);
void mhp_assert_not_locked(void);

/* debugfs.c: for an initcall */

struct dentry *mhp_debugfs(void);

/* obstacle.c: call with the range online and kept from going away */

unsigned long mhp_first_in_the_way(unsigned long start_pfn, unsigned long end_pfn,
				   enum page_class *class);

/* params.c */

extern bool auto_movable_numa_aware;
extern unsigned int auto_movable_ratio;
bool mhp_policy_is_auto_movable(void);
bool mhp_memmap_on_memory_enabled(void);
unsigned long mhp_memmap_pages(void);	/* of a block, with padding if forced */

/* notify.c: with the memory hotplug lock held for writing */

int mhp_notify_prepare_online(struct memory_notify *arg);
int mhp_notify_going_online(struct memory_notify *arg);
int mhp_notify_going_offline(struct memory_notify *arg);
void mhp_notify(enum memory_block_event event, struct memory_notify *arg);

/* block.c: under device_hotplug_lock */

struct memory_block *mhp_block_find(unsigned long block_id);
void mhp_block_put(struct memory_block *mem);
int mhp_block_create(unsigned long block_id, int nid, struct vmem_altmap *altmap,
		     struct memory_group *group);
void mhp_block_announce(struct memory_block *mem);
void mhp_block_changed(struct memory_block *mem);
struct vmem_altmap *mhp_block_destroy(struct memory_block *mem);
void mhp_block_set_state(struct memory_block *mem, enum mhp_block_state state);
unsigned long mhp_block_memmap_pages(const struct memory_block *mem);
unsigned long mhp_block_nr_in_state(enum mhp_block_state state);
unsigned long mhp_block_nr_poison(const struct memory_block *mem);
bool mhp_node_has_blocks(int nid);
struct mhp_range mhp_block_range(const struct memory_block *mem);

/**
 * struct mhp_blocks - the blocks that an operation works on, in address order
 * @mem: The blocks, with a reference to each.
 * @nr: How many.
 */
struct mhp_blocks {
	struct memory_block **mem;
	unsigned int nr;
};

int mhp_blocks_collect(struct mhp_blocks *blocks, const struct mhp_range *ranges,
		       unsigned int nr_ranges, gfp_t gfp);
void mhp_blocks_release(struct mhp_blocks *blocks);

/* group.c: under device_hotplug_lock */

struct memory_group *mhp_group_find(int mgid);
void mhp_group_account(struct memory_group *group, const struct zone *zone,
		       long nr_pages);
typedef void (*mhp_group_fn_t)(struct memory_group *group, int mgid, void *arg);
void mhp_groups_walk(mhp_group_fn_t fn, void *arg);
void mhp_groups_sum(int nid, const struct memory_group *except,
		    unsigned int ratio, struct mhp_group_sums *sums);

/* zone_choice.c: under device_hotplug_lock */

struct zone *mhp_choose_zone(enum mmop type, int nid, struct memory_group *group,
			     struct mhp_range range);

/* zone.c: with the memory hotplug lock held for writing */

void mhp_zone_grow(struct zone *zone, struct mhp_range range);
void mhp_account_present(struct zone *zone, struct memory_group *group,
			 unsigned long pfn, long nr_pages);

/* sections.c */

void mhp_sections_online(struct mhp_range range);
void mhp_sections_offline(struct mhp_range range);

/* supply.c: with the memory hotplug lock held for writing */

bool mhp_memmap_obtainable(struct mhp_range range, const struct mhp_params *params);

/* memmap.c: with the memory hotplug lock held for writing */

int mhp_selfhosted_init(struct zone *zone, struct mhp_range memmap,
			const struct vmem_altmap *altmap);
void mhp_selfhosted_deinit(struct mhp_range memmap);

/* node.c: with the memory hotplug lock held for writing */

int mhp_node_prepare(int nid);
int mhp_node_register(int nid);
void mhp_node_unregister(int nid);
void mhp_node_plan_online(struct memory_notify *arg, const struct zone *zone);
void mhp_node_plan_offline(struct memory_notify *arg, const struct zone *zone,
			   unsigned long nr_pages);
void mhp_node_gained_memory(const struct memory_notify *arg);
void mhp_node_lost_memory(const struct memory_notify *arg);
void mhp_node_start_threads(int nid);
void mhp_node_stop_threads(const struct memory_notify *arg);

/* remove.c: under device_hotplug_lock */

int mhp_remove_range(u64 start, u64 size);

/* online.c: under device_hotplug_lock */

int mhp_online_blocks(struct mhp_blocks *blocks, enum mmop type);
int mhp_reonline_block(struct memory_block *mem, struct zone *zone);

/* evacuate.c: under device_hotplug_lock, the range isolated */

/**
 * struct mhp_evacuation - the emptying of isolated memory
 * @op: The operation that wants it, for its report.
 * @deadline: In jiffies; 0: none.
 * @nr_moved: Pages that were migrated.
 * @nr_passes: How often the memory was gone through.
 * @stuck: The pfn that failed to move last, the first one of its pass; 0: none.
 * @hushed: The zone whose per-CPU lists are disabled; NULL: none.
 */
struct mhp_evacuation {
	struct mhp_op *op;
	unsigned long deadline;
	unsigned long nr_moved;
	unsigned long nr_passes;
	unsigned long stuck;
	struct zone *hushed;
};

int mhp_evacuate(struct mhp_evacuation *ev, struct mhp_range range);
int mhp_settle(struct mhp_evacuation *ev, struct zone *zone, struct mhp_range range);
void mhp_unhush(struct mhp_evacuation *ev);
bool mhp_has_room(unsigned long nr_used, unsigned long nr_free);
void mhp_count_pages(struct mhp_range range, unsigned long *nr_used,
		     unsigned long *nr_free);

/* offline.c: under device_hotplug_lock */

int mhp_offline_blocks(struct mhp_blocks *blocks, unsigned int timeout_ms);

#endif /* __MM_HOTPLUG_H */
