// SPDX-License-Identifier: GPL-2.0-only
/*
 * The audit: recomputes, slowly and from what cannot lie, everything that memory
 * hotplug keeps count of, and says what differs.
 *
 * In debugfs, for root, memory_hotplug/ has:
 *
 *	audit	A line a check: "ok NAME", or "BROKEN NAME: what" for each finding.
 *	state	The state that has no other place in user space, as text: sections,
 *		zones, nodes, blocks and groups. Two of them can be compared.
 *
 * A reader takes device_hotplug_lock: nothing is under way while it looks.
 */
#include <linux/bits.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/init.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "audit.h"

/* Of one check; where more is wrong, the first lines tell. */
#define MHP_MOST_LINES	8

static const struct mhp_audit_check mhp_audit_checks[] = {
	{ "blocks", mhp_audit_blocks },
	{ "sections", mhp_audit_sections },
	{ "block-zones", mhp_audit_block_zones },
	{ "groups", mhp_audit_groups },
	{ "spans", mhp_audit_spans },
	{ "present", mhp_audit_present },
	{ "managed", mhp_audit_managed },
	{ "contiguous", mhp_audit_contiguous },
	{ "isolated", mhp_audit_isolated },
	{ "free-lists", mhp_audit_free_lists },
	{ "direct-map", mhp_audit_direct_map },
	{ "memmap", mhp_audit_memmap },
	{ "iomem", mhp_audit_iomem },
	{ "memblock", mhp_audit_memblock },
	{ "node-states", mhp_audit_node_states },
	{ "node-threads", mhp_audit_node_threads },
	{ "zonelists", mhp_audit_zonelists },
	{ "notifiers", mhp_audit_notifiers },
};

/**
 * mhp_audit_broken() - something does not hold
 * @audit: The audit; its check is the one that runs.
 * @format: What, and where.
 */
void mhp_audit_broken(struct mhp_audit *audit, const char *format, ...)
{
	va_list args;

	audit->broken |= BIT(audit->check - mhp_audit_checks);
	if (!audit->out || audit->nr_lines++ >= MHP_MOST_LINES)
		return;
	seq_printf(audit->out, "BROKEN %s: ", audit->check->name);
	va_start(args, format);
	seq_vprintf(audit->out, format, args);
	va_end(args);
	seq_putc(audit->out, '\n');
}

static void mhp_audit_run_check(struct mhp_audit *audit)
{
	audit->nr_lines = 0;
	audit->check->run(audit);
	if (audit->out && !audit->nr_lines)
		seq_printf(audit->out, "ok %s\n", audit->check->name);
}

/**
 * mhp_audit_run() - look at everything
 * @out: Where to say what was found; NULL: nowhere.
 *
 * Context: under device_hotplug_lock, may sleep.
 * Return: a bit for each check that found something, see mhp_audit_bit().
 */
unsigned long mhp_audit_run(struct seq_file *out)
{
	struct mhp_audit audit = { .out = out };
	unsigned int i;

	BUILD_BUG_ON(ARRAY_SIZE(mhp_audit_checks) > BITS_PER_LONG);
	assert_device_hotplug_lock();

	get_online_mems();
	audit.seen = mhp_see_zones();
	for (i = 0; i < ARRAY_SIZE(mhp_audit_checks); i++) {
		audit.check = &mhp_audit_checks[i];
		mhp_audit_run_check(&audit);
	}
	kvfree(audit.seen);
	put_online_mems();
	return audit.broken;
}

/**
 * mhp_audit_bit() - which bit is a check's?
 * @name: Its name.
 *
 * Return: the bit in what mhp_audit_run() returns; 0 where there is no such check.
 */
unsigned long mhp_audit_bit(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mhp_audit_checks); i++)
		if (!strcmp(mhp_audit_checks[i].name, name))
			return BIT(i);
	return 0;
}

static int mhp_audit_show(struct seq_file *m, void *unused)
{
	lock_device_hotplug();
	mhp_audit_run(m);
	unlock_device_hotplug();
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(mhp_audit);

static int mhp_state_show(struct seq_file *m, void *unused)
{
	lock_device_hotplug();
	get_online_mems();
	mhp_audit_show_state(m);
	put_online_mems();
	unlock_device_hotplug();
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(mhp_state);

static int __init mhp_audit_init(void)
{
	struct dentry *dir = mhp_debugfs();

	debugfs_create_file("audit", 0400, dir, NULL, &mhp_audit_fops);
	debugfs_create_file("state", 0400, dir, NULL, &mhp_state_fops);
	return 0;
}
late_initcall(mhp_audit_init);
