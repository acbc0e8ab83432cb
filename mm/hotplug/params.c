// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the administrator may set: the module parameters, with the prefix
 * "memory_hotplug.", and the boot parameters. Documented in
 * Documentation/admin-guide/mm/memory-hotplug.rst and kernel-parameters.txt.
 *
 * Asked by zone.c, pluggable.c, plug.c, the view and architectures. No lock:
 * each setting is one word, read and written whole; a decision that uses
 * one twice reads it once.
 */
#include <linux/init.h>
#include <linux/kstrtox.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/pageblock-flags.h>
#include <linux/pfn.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "hotplug.h"

/* memory_hotplug.online_policy: the zone for memory that is just "online" */

enum online_policy {
	CONTIG_ZONES,
	AUTO_MOVABLE,
};

static const char *const policy_names[] = {
	[CONTIG_ZONES] = "contig-zones",
	[AUTO_MOVABLE] = "auto-movable",
};

static enum online_policy online_policy __read_mostly = CONTIG_ZONES;

static int online_policy_set(const char *val, const struct kernel_param *kp)
{
	int policy = sysfs_match_string(policy_names, val);

	if (policy >= 0)
		WRITE_ONCE(online_policy, policy);
	return min(policy, 0);
}

static int online_policy_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", policy_names[READ_ONCE(online_policy)]);
}

static const struct kernel_param_ops online_policy_ops = {
	.set = online_policy_set,
	.get = online_policy_get,
};
module_param_cb(online_policy, &online_policy_ops, NULL, 0644);
MODULE_PARM_DESC(online_policy,
		 "Zone for memory that comes online without naming one: \"contig-zones\" (default) or \"auto-movable\"");

/**
 * mhp_policy_is_auto_movable() - is the auto-movable policy in force?
 *
 * Context: any. It may change at any time.
 * Return: true if so; false: contig-zones.
 */
bool mhp_policy_is_auto_movable(void)
{
	return READ_ONCE(online_policy) == AUTO_MOVABLE;
}

/*
 * memory_hotplug.auto_movable_ratio: movable to kernel memory, at most, in
 * percent. One more than 300, so that 24 GiB fit beside 8 GiB of boot memory
 * although firmware took some of that away.
 */
unsigned int auto_movable_ratio __read_mostly = 301;
module_param(auto_movable_ratio, uint, 0644);
MODULE_PARM_DESC(auto_movable_ratio,
		 "Movable memory that auto-movable allows, in percent of kernel memory (default: 301)");

/* memory_hotplug.auto_movable_numa_aware: the ratio is kept in each node, too */
#ifdef CONFIG_NUMA
bool auto_movable_numa_aware __read_mostly = true;
module_param(auto_movable_numa_aware, bool, 0644);
MODULE_PARM_DESC(auto_movable_numa_aware,
		 "Whether auto-movable keeps the ratio in the node as well as in the machine (default: true)");
#else
bool auto_movable_numa_aware;
#endif

/*
 * memory_hotplug.memmap_on_memory: whether a memory block may hold its own
 * memmap, where the driver that adds it agrees. "force" pads it to whole
 * pageblocks where it would not fill them.
 */
enum memmap_mode {
	MEMMAP_ELSEWHERE,
	MEMMAP_ON_MEMORY,
	MEMMAP_ON_MEMORY_PADDED,
};

static enum memmap_mode memmap_mode __read_mostly = MEMMAP_ELSEWHERE;

/* Parameters are parsed long before there are blocks: ask for their size only. */
static unsigned long memmap_pages_unpadded(void)
{
	return PFN_UP(PHYS_PFN(memory_block_size_bytes()) * sizeof(struct page));
}

/**
 * mhp_memmap_on_memory_enabled() - may blocks hold their memmap themselves?
 *
 * Context: any. Set at boot, never changes.
 * Return: true if the administrator asked for it.
 */
bool mhp_memmap_on_memory_enabled(void)
{
	return memmap_mode != MEMMAP_ELSEWHERE;
}

/**
 * mhp_memmap_pages() - pages that a block's memmap takes from the block
 *
 * Context: any. Set at boot, never changes.
 * Return: the pages, with the padding to whole pageblocks if that was asked for.
 */
unsigned long mhp_memmap_pages(void)
{
	unsigned long nr_pages = memmap_pages_unpadded();

	if (memmap_mode == MEMMAP_ON_MEMORY_PADDED)
		nr_pages = pageblock_align(nr_pages);
	return nr_pages;
}

#ifdef CONFIG_MHP_MEMMAP_ON_MEMORY
static int memmap_mode_set(const char *val, const struct kernel_param *kp)
{
	bool enable;
	int err;

	if (sysfs_streq(val, "force") || sysfs_streq(val, "FORCE")) {
		memmap_mode = MEMMAP_ON_MEMORY_PADDED;
		pr_info_once("Memory hotplug will waste %lu pages in each memory block\n",
			     mhp_memmap_pages() - memmap_pages_unpadded());
		return 0;
	}

	err = kstrtobool(val, &enable);
	if (!err)
		memmap_mode = enable ? MEMMAP_ON_MEMORY : MEMMAP_ELSEWHERE;
	return err;
}

static int memmap_mode_get(char *buffer, const struct kernel_param *kp)
{
	static const char *const shown[] = {
		[MEMMAP_ELSEWHERE] = "N",
		[MEMMAP_ON_MEMORY] = "Y",
		[MEMMAP_ON_MEMORY_PADDED] = "force",
	};

	return sysfs_emit(buffer, "%s\n", shown[memmap_mode]);
}

static const struct kernel_param_ops memmap_mode_ops = {
	.set = memmap_mode_set,
	.get = memmap_mode_get,
};
module_param_cb(memmap_on_memory, &memmap_mode_ops, NULL, 0444);
MODULE_PARM_DESC(memmap_on_memory,
		 "Whether a memory block may hold its own memmap (Y/N/force); \"force\" may waste memory in each block");
#endif /* CONFIG_MHP_MEMMAP_ON_MEMORY */

/* movable_node: let whole nodes be movable, so that they can be removed */

bool movable_node_enabled;

#ifdef CONFIG_MEMORY_HOTREMOVE
static int __init movable_node_param(char *val)
{
	if (val)
		return kstrtobool(val, &movable_node_enabled);
	movable_node_enabled = true;
	return 0;
}
early_param("movable_node", movable_node_param);
#endif

/* The default online type: what becomes of memory right after it was added */

static const char *const online_type_names[] = {
	[MMOP_OFFLINE] = "offline",
	[MMOP_ONLINE] = "online",
	[MMOP_ONLINE_KERNEL] = "online_kernel",
	[MMOP_ONLINE_MOVABLE] = "online_movable",
};

#if defined(CONFIG_MHP_DEFAULT_ONLINE_TYPE_ONLINE_AUTO)
#define CONFIGURED_ONLINE_TYPE	MMOP_ONLINE
#elif defined(CONFIG_MHP_DEFAULT_ONLINE_TYPE_ONLINE_KERNEL)
#define CONFIGURED_ONLINE_TYPE	MMOP_ONLINE_KERNEL
#elif defined(CONFIG_MHP_DEFAULT_ONLINE_TYPE_ONLINE_MOVABLE)
#define CONFIGURED_ONLINE_TYPE	MMOP_ONLINE_MOVABLE
#else
#define CONFIGURED_ONLINE_TYPE	MMOP_OFFLINE
#endif

static enum mmop default_online_type __read_mostly = CONFIGURED_ONLINE_TYPE;

/**
 * mhp_online_type_from_str() - the online type of a name
 * @str: As sysfs and the boot parameter take it; a newline may follow.
 *
 * Context: any.
 * Return: an enum mmop; -EINVAL if it is no such name.
 */
int mhp_online_type_from_str(const char *str)
{
	return sysfs_match_string(online_type_names, str);
}

/**
 * mhp_online_type_name() - the name of an online type
 * @type: The type.
 *
 * Context: any.
 * Return: what mhp_online_type_from_str() takes.
 */
const char *mhp_online_type_name(enum mmop type)
{
	return online_type_names[type];
}

/**
 * mhp_get_default_online_type() - what becomes of memory that was added
 *
 * From the kernel's configuration, overridden at boot by memhp_default_state=
 * and later by auto_online_blocks in sysfs.
 *
 * Context: any. It may change at any time.
 * Return: the type; MMOP_OFFLINE: it stays offline.
 */
enum mmop mhp_get_default_online_type(void)
{
	return READ_ONCE(default_online_type);
}

/**
 * mhp_set_default_online_type() - decide what becomes of memory that is added
 * @type: The type. What was added before is not touched.
 *
 * Context: any.
 */
void mhp_set_default_online_type(enum mmop type)
{
	WRITE_ONCE(default_online_type, type);
}

static int __init memhp_default_state_param(char *str)
{
	int type = mhp_online_type_from_str(str);

	if (type < 0)
		pr_warn("memhp_default_state=%s is unknown, ignored\n", str);
	else
		mhp_set_default_online_type(type);
	return 1;	/* ours, right or wrong: not for init */
}
__setup("memhp_default_state=", memhp_default_state_param);
