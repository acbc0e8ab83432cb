// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory blocks in sysfs: /sys/devices/system/memory.
 *
 * Charter: show the blocks of mm/hotplug as devices of the "memory" subsystem,
 * hand what is written to their files on to mm/hotplug, and tell user space
 * what came of it. Nothing is decided here. The files, their formats and errors:
 * Documentation/ABI/testing/sysfs-devices-memory.
 *
 * Called by: the driver core, for files and for device_online() and
 * device_offline(); mm/hotplug/block.c, by way of struct mhp_view; driver_init().
 *
 * Locks, outermost first: device_hotplug_lock, the block's device_lock, the
 * memory hotplug lock.
 * - Files that change something take the first, but never wait for it: removing
 *   a block holds it while it waits for everybody inside of the block's files.
 * - Files that are only read take neither that nor device_lock, as they are to
 *   answer while an operation takes its time; valid_zones is a reader of the
 *   third, which is not held for long.
 * - Devices come and go without the memory hotplug lock: those who write to their
 *   files may wait for it.
 */
#define pr_fmt(fmt) "memory_hotplug: " fmt

#include <linux/capability.h>
#include <linux/crash_core.h>
#include <linux/device.h>
#include <linux/init.h>
#include <linux/kstrtox.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/node.h>
#include <linux/printk.h>
#include <linux/sysfs.h>

#define SUBSYSTEM_NAME	"memory"

#define to_block(device)	container_of(device, struct memory_block, dev)

/*
 * The files of a block
 */

static ssize_t phys_index_show(struct device *dev,
			       struct device_attribute *da, char *buf)
{
	return sysfs_emit(buf, "%08lx\n", mhp_block_id(to_block(dev)));
}
static DEVICE_ATTR_RO(phys_index);

/* Only s390 ever had something to say here, see the ABI documentation. */
int __weak arch_get_memory_phys_device(unsigned long start_pfn)
{
	return 0;
}

static ssize_t phys_device_show(struct device *dev,
				struct device_attribute *da, char *buf)
{
	unsigned long pfn = mhp_block_start_pfn(to_block(dev));

	return sysfs_emit(buf, "%d\n", arch_get_memory_phys_device(pfn));
}
static DEVICE_ATTR_RO(phys_device);

/*
 * Says whether the kernel can take memory offline at all, not whether this block
 * can go. Tools depend on the value; a truth about the block would be stale
 * before it is read.
 */
static ssize_t removable_show(struct device *dev,
			      struct device_attribute *da, char *buf)
{
	return sysfs_emit(buf, IS_ENABLED(CONFIG_MEMORY_HOTREMOVE) ? "1\n" : "0\n");
}
static DEVICE_ATTR_RO(removable);

/* User space is promised three words: what is not in use, or not yet, is offline. */
static ssize_t state_show(struct device *dev,
			  struct device_attribute *da, char *buf)
{
	enum mhp_block_state state = READ_ONCE(to_block(dev)->state);

	if (state != MHP_BLOCK_ONLINE && state != MHP_BLOCK_GOING_OFFLINE)
		state = MHP_BLOCK_OFFLINE;
	return sysfs_emit(buf, "%s\n", mhp_block_state_name(state));
}

/*
 * Return: 0; 1: @mem was there already; or why it could not be done.
 *
 * @online_type is for this one request. The bus callback does not get to forget
 * it where the block is online already, and it must not be left for the next.
 */
static int block_request(struct memory_block *mem, enum mmop type)
{
	int ret;

	if (type == MMOP_OFFLINE)
		return device_offline(&mem->dev);

	mem->online_type = type;
	ret = device_online(&mem->dev);
	mem->online_type = MMOP_OFFLINE;
	return ret;
}

static ssize_t state_store(struct device *dev, struct device_attribute *da,
			   const char *buf, size_t len)
{
	int type = mhp_online_type_from_str(buf);
	int ret;

	if (type < 0)
		return -EINVAL;

	ret = lock_device_hotplug_sysfs();
	if (ret)
		return ret;
	ret = block_request(to_block(dev), type);
	unlock_device_hotplug();

	if (ret > 0)
		ret = -EINVAL;
	return ret ?: len;
}
static DEVICE_ATTR_RW(state);

#ifdef CONFIG_MEMORY_HOTREMOVE
/*
 * The zones that an offline block may go to, the default first. Online policies
 * may look at pages nearby, which are not to be removed meanwhile.
 */
static ssize_t emit_candidate_zones(struct memory_block *mem, char *buf)
{
	struct zone *preferred;
	enum mmop type;
	ssize_t len;

	get_online_mems();
	preferred = mhp_zone_for_block(mem, MMOP_ONLINE);
	len = sysfs_emit(buf, "%s", preferred->name);
	for (type = MMOP_ONLINE_KERNEL; type <= MMOP_ONLINE_MOVABLE; type++) {
		struct zone *zone = mhp_zone_for_block(mem, type);

		if (zone != preferred)
			len += sysfs_emit_at(buf, len, " %s", zone->name);
	}
	put_online_mems();
	return len + sysfs_emit_at(buf, len, "\n");
}

/*
 * The zone is set before a block is online and reset before it is offline, so it
 * tells more than the state. Online without a zone means: not one zone only.
 */
static ssize_t valid_zones_show(struct device *dev,
				struct device_attribute *da, char *buf)
{
	struct memory_block *mem = to_block(dev);
	struct zone *zone = READ_ONCE(mem->zone);

	if (zone)
		return sysfs_emit(buf, "%s\n", zone->name);
	if (READ_ONCE(mem->state) == MHP_BLOCK_ONLINE)
		return sysfs_emit(buf, "none\n");
	return emit_candidate_zones(mem, buf);
}
static DEVICE_ATTR_RO(valid_zones);
#endif

static struct attribute *block_attrs[] = {
	&dev_attr_state.attr,
#ifdef CONFIG_MEMORY_HOTREMOVE
	&dev_attr_valid_zones.attr,
#endif
	&dev_attr_removable.attr,
	&dev_attr_phys_index.attr,
	&dev_attr_phys_device.attr,
	NULL
};
ATTRIBUTE_GROUPS(block);

/*
 * The files of the subsystem
 */

static ssize_t block_size_bytes_show(struct device *dev,
				     struct device_attribute *da, char *buf)
{
	return sysfs_emit(buf, "%lx\n", memory_block_size_bytes());
}
static DEVICE_ATTR_RO(block_size_bytes);

static ssize_t auto_online_blocks_show(struct device *dev,
				       struct device_attribute *da, char *buf)
{
	enum mmop type = mhp_get_default_online_type();

	return sysfs_emit(buf, "%s\n", mhp_online_type_name(type));
}

static ssize_t auto_online_blocks_store(struct device *dev,
					struct device_attribute *da,
					const char *buf, size_t len)
{
	int type = mhp_online_type_from_str(buf);

	if (type < 0)
		return -EINVAL;
	mhp_set_default_online_type(type);
	return len;
}
static DEVICE_ATTR_RW(auto_online_blocks);

static struct attribute *memory_attrs[] = {
	&dev_attr_block_size_bytes.attr,
	&dev_attr_auto_online_blocks.attr,
	NULL
};

static const struct attribute_group memory_group = {
	.attrs = memory_attrs,
};

#ifdef CONFIG_CRASH_HOTPLUG
static ssize_t crash_hotplug_show(struct device *dev,
				  struct device_attribute *da, char *buf)
{
	return sysfs_emit(buf, "%d\n", crash_check_hotplug_support());
}
static DEVICE_ATTR_RO(crash_hotplug);

static struct attribute *crash_attrs[] = {
	&dev_attr_crash_hotplug.attr,
	NULL
};

static const struct attribute_group crash_group = {
	.attrs = crash_attrs,
};
#endif

#ifdef CONFIG_ARCH_MEMORY_PROBE
static ssize_t probe_store(struct device *dev, struct device_attribute *da,
			   const char *buf, size_t len)
{
	u64 start;
	int ret;

	if (kstrtou64(buf, 0, &start)) {
		pr_warn("probe: not added: no physical address was written\n");
		return -EINVAL;
	}

	ret = lock_device_hotplug_sysfs();
	if (ret)
		return ret;
	ret = mhp_probe_memory(start);
	unlock_device_hotplug();

	return ret ?: len;
}
static DEVICE_ATTR_WO(probe);

static struct attribute *probe_attrs[] = {
	&dev_attr_probe.attr,
	NULL
};

static const struct attribute_group probe_group = {
	.attrs = probe_attrs,
};
#endif

#ifdef CONFIG_MEMORY_FAILURE
/* Not ours but mm/memory-failure.c's: these two are about single pages. */

static int page_to_poison(const char *buf, unsigned long *pfn)
{
	u64 addr;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (kstrtou64(buf, 0, &addr))
		return -EINVAL;
	*pfn = PHYS_PFN(addr);
	return 0;
}

static ssize_t soft_offline_page_store(struct device *dev,
				       struct device_attribute *da,
				       const char *buf, size_t len)
{
	unsigned long pfn;
	int ret = page_to_poison(buf, &pfn);

	if (!ret)
		ret = soft_offline_page(pfn, 0);
	return ret ?: len;
}
static DEVICE_ATTR_WO(soft_offline_page);

static ssize_t hard_offline_page_store(struct device *dev,
				       struct device_attribute *da,
				       const char *buf, size_t len)
{
	unsigned long pfn;
	int ret = page_to_poison(buf, &pfn);

	if (!ret)
		ret = memory_failure(pfn, MF_SW_SIMULATED);
	/* A page that nobody handles errors for: there is nothing to report. */
	return ret && ret != -EOPNOTSUPP ? ret : len;
}
static DEVICE_ATTR_WO(hard_offline_page);

static struct attribute *poison_attrs[] = {
	&dev_attr_soft_offline_page.attr,
	&dev_attr_hard_offline_page.attr,
	NULL
};

static const struct attribute_group poison_group = {
	.attrs = poison_attrs,
};
#endif

static const struct attribute_group *memory_groups[] = {
	&memory_group,
#ifdef CONFIG_CRASH_HOTPLUG
	&crash_group,
#endif
#ifdef CONFIG_ARCH_MEMORY_PROBE
	&probe_group,
#endif
#ifdef CONFIG_MEMORY_FAILURE
	&poison_group,
#endif
	NULL
};

/*
 * device_online() and device_offline() end here, with device_lock held and, from
 * all callers in the tree, device_hotplug_lock. lockdep does not order the locks
 * of devices: that this one is there is all that can be asserted.
 */

static int memory_online(struct device *dev)
{
	struct memory_block *mem = to_block(dev);
	enum mmop type = mem->online_type;

	assert_device_hotplug_lock();
	device_lock_assert(dev);

	mem->online_type = MMOP_OFFLINE;
	if (mem->state == MHP_BLOCK_ONLINE)
		return 0;
	/* Whoever calls device_online() without a wish leaves it to the policy. */
	return mhp_online_block(mem, type == MMOP_OFFLINE ? MMOP_ONLINE : type);
}

static int memory_offline(struct device *dev)
{
	struct memory_block *mem = to_block(dev);

	assert_device_hotplug_lock();
	device_lock_assert(dev);

	return mem->state == MHP_BLOCK_OFFLINE ? 0 : mhp_offline_block(mem);
}

static const struct bus_type memory_subsystem = {
	.name		= SUBSYSTEM_NAME,
	.dev_name	= SUBSYSTEM_NAME,
	.online		= memory_online,
	.offline	= memory_offline,
};

/*
 * What mm/hotplug calls
 */

static void view_release(struct device *dev)
{
	mhp_block_free(to_block(dev));
}

static int view_added(struct memory_block *mem)
{
	struct device *dev = &mem->dev;
	int ret;

	dev->bus = &memory_subsystem;
	dev->id = mhp_block_id(mem);
	dev->groups = block_groups;
	dev->release = view_release;
	dev->offline = mem->state == MHP_BLOCK_OFFLINE;

	device_initialize(dev);
	/*
	 * Until view_announce(): udev would look for the links to the node. Those
	 * that are online come from boot, where nobody listens and nobody announces.
	 */
	dev_set_uevent_suppress(dev, dev->offline);
	ret = device_add(dev);
	if (ret)
		put_device(dev);
	return ret;
}

static void view_announce(struct memory_block *mem)
{
	dev_set_uevent_suppress(&mem->dev, false);
	kobject_uevent(&mem->dev.kobj, KOBJ_ADD);
}

/* Of a block that was never announced, user space does not hear now either. */
static void view_removed(struct memory_block *mem)
{
	unregister_memory_block_under_nodes(mem);
	device_unregister(&mem->dev);
}

/* Leave the device as device_online() or device_offline() would have. */
static void view_changed(struct memory_block *mem)
{
	bool offline = mem->state == MHP_BLOCK_OFFLINE;

	/* The lock is for the bit: its neighbours in the word change under it. */
	scoped_guard(device, &mem->dev) {
		if (mem->dev.offline == offline)
			return;
		mem->dev.offline = offline;
	}
	kobject_uevent(&mem->dev.kobj, offline ? KOBJ_OFFLINE : KOBJ_ONLINE);
}

static const struct mhp_view sysfs_view = {
	.added		= view_added,
	.announce	= view_announce,
	.removed	= view_removed,
	.changed	= view_changed,
};

/**
 * memory_dev_init() - register the memory subsystem and the blocks found at boot
 *
 * Links between blocks and nodes follow in node_dev_init(). A machine whose
 * blocks cannot be registered does not boot, see driver_init().
 *
 * Context: Boot, process context. Takes and releases device_hotplug_lock.
 */
void __init memory_dev_init(void)
{
	int ret;

	lock_device_hotplug();
	ret = subsys_system_register(&memory_subsystem, memory_groups);
	if (ret)
		panic("cannot register the memory subsystem: %d\n", ret);

	mhp_view_register(&sysfs_view);
	ret = mhp_blocks_init();
	if (ret)
		panic("cannot register the memory blocks: %d\n", ret);
	unlock_device_hotplug();
}
