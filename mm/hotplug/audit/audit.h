/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside of the audit: what its checks share. Charter of each file: the head of it.
 *
 * All checks run with device_hotplug_lock held and as readers of the memory
 * hotplug lock: no operation is under way, and no device memory comes or goes.
 */
#ifndef __MM_HOTPLUG_AUDIT_H
#define __MM_HOTPLUG_AUDIT_H

#include <linux/compiler_attributes.h>
#include <linux/types.h>

#include "../hotplug.h"

struct seq_file;
struct mhp_audit;

/**
 * struct mhp_audit_check - something that must hold
 * @name: What it is called.
 * @run: Looks, and calls mhp_audit_broken() for each thing that does not hold.
 */
struct mhp_audit_check {
	const char *name;
	void (*run)(struct mhp_audit *audit);
};

/**
 * struct mhp_seen - what the pages themselves say of a zone
 * @first: The first pfn that must be within the span.
 * @end: The pfn behind the last one.
 * @nr_added: Pages in sections that were not there at boot.
 * @nr_early: Pages in those that were, holes included.
 */
struct mhp_seen {
	unsigned long first;
	unsigned long end;
	unsigned long nr_added;
	unsigned long nr_early;
};

/**
 * struct mhp_audit - a look at everything
 * @out: Where lines go; NULL: nowhere.
 * @check: The one that runs.
 * @nr_lines: How many lines it has written.
 * @seen: What the pages say, by node and zone, and last those of none; NULL: nobody
 *	could look.
 * @broken: A bit for each check that found something.
 */
struct mhp_audit {
	struct seq_file *out;
	const struct mhp_audit_check *check;
	unsigned int nr_lines;
	struct mhp_seen *seen;
	unsigned long broken;
};

/* audit.c */
__printf(2, 3) void mhp_audit_broken(struct mhp_audit *audit, const char *format, ...);
unsigned long mhp_audit_run(struct seq_file *out);
unsigned long mhp_audit_bit(const char *name);

/* blocks.c */
void mhp_audit_blocks(struct mhp_audit *audit);
void mhp_audit_sections(struct mhp_audit *audit);
void mhp_audit_block_zones(struct mhp_audit *audit);
void mhp_audit_groups(struct mhp_audit *audit);

/* zones.c */
struct mhp_seen *mhp_see_zones(void);
void mhp_audit_spans(struct mhp_audit *audit);
void mhp_audit_present(struct mhp_audit *audit);
void mhp_audit_managed(struct mhp_audit *audit);
void mhp_audit_contiguous(struct mhp_audit *audit);
void mhp_audit_isolated(struct mhp_audit *audit);

/* lists.c */
void mhp_audit_free_lists(struct mhp_audit *audit);

/* maps.c */
void mhp_audit_direct_map(struct mhp_audit *audit);
void mhp_audit_memmap(struct mhp_audit *audit);

/* claims.c */
void mhp_audit_iomem(struct mhp_audit *audit);
void mhp_audit_memblock(struct mhp_audit *audit);

/* nodes.c */
void mhp_audit_node_states(struct mhp_audit *audit);
void mhp_audit_node_threads(struct mhp_audit *audit);
void mhp_audit_zonelists(struct mhp_audit *audit);

/* notifiers.c */

/**
 * enum mhp_heard - what a listener has heard of a block and waits for the end of
 * @MHP_HEARD_NOTHING: All is at its end.
 * @MHP_HEARD_PREPARE: MEM_PREPARE_ONLINE.
 * @MHP_HEARD_GOING_ONLINE: And MEM_GOING_ONLINE.
 * @MHP_HEARD_CANCEL_ONLINE: And its cancellation.
 * @MHP_HEARD_GOING_OFFLINE: MEM_GOING_OFFLINE.
 */
enum mhp_heard {
	MHP_HEARD_NOTHING,
	MHP_HEARD_PREPARE,
	MHP_HEARD_GOING_ONLINE,
	MHP_HEARD_CANCEL_ONLINE,
	MHP_HEARD_GOING_OFFLINE,
	/* private: how many */
	NR_MHP_HEARD
};

/**
 * struct mhp_hearing - what a listener has heard and waits for the end of
 * @heard: Of the block that is on its way.
 * @pfn: Which that is.
 * @nr_gone: How many blocks are offline and not finished with.
 * @pfns_gone: Their pfns, exclusive-or.
 */
struct mhp_hearing {
	enum mhp_heard heard;
	unsigned long pfn;
	unsigned int nr_gone;
	unsigned long pfns_gone;
};

bool mhp_heard_event(struct mhp_hearing *hearing, unsigned long event, unsigned long pfn);
bool mhp_heard_all(const struct mhp_hearing *hearing);
void mhp_audit_notifiers(struct mhp_audit *audit);

/* state.c */
void mhp_audit_show_state(struct seq_file *out);

#endif /* __MM_HOTPLUG_AUDIT_H */
