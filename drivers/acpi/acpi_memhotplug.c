// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory devices of the firmware: ACPI PNP0C80.
 *
 * Has memory hotplug add the ranges that a device decodes, ties the memory
 * blocks to the device, and takes all of it away again when the device is to be
 * ejected. A device is attached with all of its ranges or not at all. Which
 * ranges they are, acpi_memory_ranges.c reads; what becomes of a device that
 * vanishes with its memory in use, acpi_memory_lost.c knows; nothing in here
 * deals with pages, zones or sysfs.
 *
 * Called by drivers/acpi/scan.c alone: attach, offline and detach, from a scan
 * of the namespace (boot, a table loaded later) or from a notification of the
 * firmware. scan.c turns the errors into what _OST reports.
 *
 * Locks: the callers hold device_hotplug_lock, then acpi_scan_lock, which
 * together protect struct acpi_memory_device. acpi_bind_one() takes the
 * device's physical_node_lock below them.
 */

#include <linux/acpi.h>
#include <linux/device.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/range.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "acpi_memory_ranges.h"
#include "internal.h"

static const struct acpi_device_id memory_device_ids[] = {
	{"PNP0C80", 0},
	{"", 0},
};

#ifdef CONFIG_ACPI_HOTPLUG_MEMORY

/* The longest that may be asked for: a day. In milliseconds it fits an int. */
#define EJECT_TIMEOUT_MAX	(24 * 60 * 60)

#define EJECT_TIMEOUT_DEFAULT	120

static unsigned int eject_timeout = EJECT_TIMEOUT_DEFAULT;

static int eject_timeout_set(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 0, EJECT_TIMEOUT_MAX);
}

static const struct kernel_param_ops eject_timeout_ops = {
	.set = eject_timeout_set,
	.get = param_get_uint,
};

module_param_cb(eject_timeout, &eject_timeout_ops, &eject_timeout, 0644);
MODULE_PARM_DESC(eject_timeout,
		 "Seconds after which an eject that cannot empty the memory is refused, 0: never (default: 120)");

static struct acpi_memory_device *acpi_memory_alloc(struct acpi_device *adev)
{
	struct acpi_memory_device *mem = kzalloc(sizeof(*mem), GFP_KERNEL);

	if (mem) {
		mem->adev = adev;
		mem->mgid = -1;
	}
	return mem;
}

static void acpi_memory_free(struct acpi_memory_device *mem)
{
	kfree(mem->ranges);
	kfree(mem);
}

/* Memory blocks: counted, bound, unbound */

static int acpi_memory_count_block(struct memory_block *block, void *arg)
{
	u64 *nr_blocks = arg;

	++*nr_blocks;
	return 0;
}

static u64 acpi_memory_nr_blocks(const struct acpi_memory_range *range)
{
	u64 nr_blocks = 0;

	walk_memory_blocks(range->span.start, range_len(&range->span), &nr_blocks,
			   acpi_memory_count_block);
	return nr_blocks;
}

static int acpi_memory_bind_block(struct memory_block *block, void *arg)
{
	return acpi_bind_one(&block->dev, arg);
}

/* Leaves alone what another device, which has the same range, holds. */
static int acpi_memory_unbind_block(struct memory_block *block, void *arg)
{
	if (ACPI_COMPANION(&block->dev) == arg)
		acpi_unbind_one(&block->dev);
	return 0;
}

/**
 * acpi_memory_unbind() - let the memory blocks of a range go
 * @mem: the device that they are bound to
 * @range: one of its ranges
 *
 * Context: device_hotplug_lock and acpi_scan_lock held.
 */
void acpi_memory_unbind(struct acpi_memory_device *mem,
			const struct acpi_memory_range *range)
{
	walk_memory_blocks(range->span.start, range_len(&range->span), mem->adev,
			   acpi_memory_unbind_block);
}

/**
 * acpi_memory_bind() - tie the memory blocks of a range to their device
 * @mem: the device
 * @range: one of its ranges
 *
 * Context: device_hotplug_lock and acpi_scan_lock held.
 * Return: 0, or the error of acpi_bind_one(), of which the log speaks; none is
 * bound then.
 */
int acpi_memory_bind(struct acpi_memory_device *mem,
		     const struct acpi_memory_range *range)
{
	int error = walk_memory_blocks(range->span.start, range_len(&range->span),
				       mem->adev, acpi_memory_bind_block);

	if (error) {
		dev_err(&mem->adev->dev, "memory blocks of %#llx-%#llx cannot be bound: %d\n",
			range->span.start, range->span.end, error);
		acpi_memory_unbind(mem, range);
	}
	return error;
}

/* Taking memory away */

/**
 * struct acpi_memory_harvest - ranges that are to go together
 * @spans: Of all devices concerned.
 * @nr_spans: How many.
 */
struct acpi_memory_harvest {
	struct range *spans;
	unsigned int nr_spans;
};

static unsigned int acpi_memory_nr_used(const struct acpi_memory_device *mem)
{
	unsigned int i, nr = 0;

	for (i = 0; i < mem->nr_ranges; i++)
		nr += mem->ranges[i].state != ACPI_MEMORY_UNUSED;
	return nr;
}

static int acpi_memory_harvest_device(struct acpi_memory_harvest *harvest,
				      const struct acpi_memory_device *mem)
{
	unsigned int i, nr_used = acpi_memory_nr_used(mem);
	struct range *spans;

	if (!nr_used)
		return 0;
	spans = krealloc_array(harvest->spans, harvest->nr_spans + nr_used,
			       sizeof(*spans), GFP_KERNEL);
	if (!spans)
		return -ENOMEM;

	harvest->spans = spans;
	for (i = 0; i < mem->nr_ranges; i++) {
		if (mem->ranges[i].state != ACPI_MEMORY_UNUSED)
			spans[harvest->nr_spans++] = mem->ranges[i].span;
	}
	return 0;
}

/*
 * In milliseconds. "Never" is for an eject, and some weeks: there is somebody who
 * wants it. What was not asked for has an end.
 */
static unsigned int acpi_memory_timeout(bool eject)
{
	unsigned int seconds = READ_ONCE(eject_timeout);

	if (!seconds && eject)
		return UINT_MAX;
	return (seconds ?: EJECT_TIMEOUT_DEFAULT) * MSEC_PER_SEC;
}

/*
 * One operation: all of it is gone then, or all of it is as it was. The blocks
 * unbind themselves as they go.
 */
static int acpi_memory_withdraw(struct acpi_memory_harvest *harvest,
				unsigned int timeout_ms)
{
	int error = 0;

	if (harvest->nr_spans)
		error = mhp_withdraw_ranges(harvest->spans, harvest->nr_spans, timeout_ms);
	kfree(harvest->spans);
	return error;
}

/* Its memory has been removed. */
static void acpi_memory_forget(struct acpi_memory_device *mem)
{
	unsigned int i;

	for (i = 0; i < mem->nr_ranges; i++)
		mem->ranges[i].state = ACPI_MEMORY_UNUSED;

	if (mem->mgid >= 0 && memory_group_unregister(mem->mgid))
		dev_warn(&mem->adev->dev, "memory group %d is still in use\n", mem->mgid);
	mem->mgid = -1;
}

/*
 * A refusal has left all of it there. Only if what was offline could not be
 * removed, against all promises, may ranges before it be missing.
 */
static bool acpi_memory_is_missing(struct acpi_memory_range *range)
{
	if (range->state == ACPI_MEMORY_UNUSED || acpi_memory_nr_blocks(range))
		return false;
	range->state = ACPI_MEMORY_UNUSED;
	return true;
}

static int acpi_memory_take_away(struct acpi_memory_device *mem)
{
	struct acpi_memory_harvest harvest = { };
	unsigned int i;
	int error;

	error = acpi_memory_harvest_device(&harvest, mem);
	if (!error)
		error = acpi_memory_withdraw(&harvest, acpi_memory_timeout(false));
	if (!error)
		acpi_memory_forget(mem);
	for (i = 0; i < mem->nr_ranges; i++)
		acpi_memory_is_missing(&mem->ranges[i]);
	return error;
}

/* Adding memory */

static int acpi_memory_register_group(struct acpi_memory_device *mem)
{
	int nid = acpi_get_node(mem->adev->handle);
	unsigned long nr_pages = 0;
	unsigned int i;

	if (mem->mgid >= 0)
		return 0;

	for (i = 0; i < mem->nr_ranges; i++)
		nr_pages += PFN_DOWN(range_len(&mem->ranges[i].span));

	/* A group has one node, so the first address speaks for all. */
	if (nid < 0)
		nid = memory_add_physaddr_to_nid(mem->ranges[0].span.start);

	mem->mgid = memory_group_register_static(nid, nr_pages);
	return min(mem->mgid, 0);
}

static int acpi_memory_add(struct acpi_memory_device *mem,
			   struct acpi_memory_range *range)
{
	int error = acpi_memory_register_group(mem);

	if (!error)
		error = __add_memory(mem->mgid, range->span.start,
				     range_len(&range->span),
				     MHP_NID_IS_MGID | MHP_MEMMAP_ON_MEMORY);
	if (error)
		dev_err(&mem->adev->dev, "memory %#llx-%#llx cannot be added: %d\n",
			range->span.start, range->span.end, error);
	else
		range->state = ACPI_MEMORY_ADDED;
	return error;
}

/*
 * Firmware may describe the memory of boot, too. The blocks that are there are
 * bound, so that this memory can be ejected; a part of a range is of no use.
 */
static int acpi_memory_look_up(struct acpi_memory_device *mem,
			       struct acpi_memory_range *range)
{
	u64 size = range_len(&range->span), nr_blocks;

	if (!mhp_range_allowed(range->span.start, size, true))
		return -E2BIG;

	nr_blocks = acpi_memory_nr_blocks(range);
	if (!nr_blocks)
		return 0;

	if (nr_blocks * memory_block_size_bytes() != size) {
		dev_err(&mem->adev->dev, "memory %#llx-%#llx is there in part\n",
			range->span.start, range->span.end);
		return -EEXIST;
	}
	range->state = ACPI_MEMORY_FOUND;
	return 0;
}

static int acpi_memory_enable_range(struct acpi_memory_device *mem,
				    struct acpi_memory_range *range)
{
	int error = 0;

	if (range->state == ACPI_MEMORY_UNUSED)
		error = acpi_memory_add(mem, range);
	return error ?: acpi_memory_bind(mem, range);
}

/*
 * Back to where it was. What was found is let go. What was added may have come
 * online, and refuse to go: it stays then, and so does the device, since its
 * memory must not vanish behind Linux' back.
 */
static int acpi_memory_roll_back(struct acpi_memory_device *mem, int why)
{
	unsigned int i;
	int error;

	for (i = 0; i < mem->nr_ranges; i++) {
		if (mem->ranges[i].state != ACPI_MEMORY_FOUND)
			continue;
		acpi_memory_unbind(mem, &mem->ranges[i]);
		mem->ranges[i].state = ACPI_MEMORY_UNUSED;
	}

	error = acpi_memory_take_away(mem);
	if (!error)
		return why;

	dev_err(&mem->adev->dev, "added in part (%d), and the part is in use (%d): kept\n",
		why, error);
	mem->adev->hotplug_error = why;
	return 0;
}

static int acpi_memory_enable(struct acpi_memory_device *mem)
{
	unsigned int i;
	int error;

	/* Every scan tries a refused device again: what is futile is cheap. */
	for (i = 0; i < mem->nr_ranges; i++) {
		error = acpi_memory_look_up(mem, &mem->ranges[i]);
		if (error)
			return error;
	}

	for (i = 0; i < mem->nr_ranges; i++) {
		error = acpi_memory_enable_range(mem, &mem->ranges[i]);
		if (error)
			return acpi_memory_roll_back(mem, error);
	}
	return 0;
}

/* What scan.c calls */

static int acpi_memory_check_status(struct acpi_device *adev)
{
	/* Nothing to attach to, and nothing wrong with that. */
	if (!adev->status.present || !adev->status.enabled)
		return -ENODEV;

	if (!adev->status.functional) {
		dev_err(&adev->dev, "is enabled, but does not function\n");
		return -EIO;
	}
	return 0;
}

static int acpi_memory_enable_new(struct acpi_memory_device *mem)
{
	struct acpi_device *adev = mem->adev;
	int error;

	adev->driver_data = mem;
	error = acpi_memory_enable(mem);
	if (error)
		adev->driver_data = NULL;
	return error;
}

/**
 * acpi_memory_attach() - use the memory of a device
 * @adev: the device, its status up to date
 * @not_used: which of the handler's ids matched
 *
 * Context: device_hotplug_lock and acpi_scan_lock held.
 * Return: 1 when all of the device's memory is added or was there; -ENODEV when
 * it is not enabled, -EIO when it does not function, -EINVAL for resources that
 * overlap, wrap, are not whole memory blocks or amount to nothing, -E2BIG for a
 * range that cannot be addressed, -EEXIST for one that is there in part, -EBUSY
 * when other memory of this device is still in use, -ENOMEM, or what adding the
 * memory returned. Nothing is left behind then.
 */
static int acpi_memory_attach(struct acpi_device *adev,
			      const struct acpi_device_id *not_used)
{
	struct acpi_memory_device *lost = acpi_driver_data(adev), *mem;
	int error;

	assert_device_hotplug_lock();
	acpi_scan_lock_assert();

	error = acpi_memory_check_status(adev);
	if (error)
		return error;

	mem = acpi_memory_alloc(adev);
	if (!mem)
		return -ENOMEM;

	strscpy(acpi_device_name(adev), "Hotplug Mem Device", MAX_ACPI_DEVICE_NAME_LEN);
	strscpy(acpi_device_class(adev), "memory", MAX_ACPI_CLASS_NAME_LEN);

	error = acpi_memory_get_ranges(mem);
	if (!error && lost)
		error = acpi_memory_readopt(lost, mem);
	else if (!error)
		error = acpi_memory_enable_new(mem);

	if (error || lost)
		acpi_memory_free(mem);
	if (error)
		dev_err(&adev->dev, "memory device refused: %d\n", error);
	return error ?: 1;
}

/**
 * acpi_memory_detach() - take away what acpi_memory_attach() added or found
 * @adev: the device
 *
 * For an eject all of it is gone by now. A device that has vanished by itself
 * may have memory in use, which this tries to empty. Where that fails the memory
 * is lost, see acpi_memory_lost.c, and the handler's verdict for _OST is -EBUSY.
 *
 * Context: device_hotplug_lock and acpi_scan_lock held.
 */
static void acpi_memory_detach(struct acpi_device *adev)
{
	struct acpi_memory_device *mem = acpi_driver_data(adev);
	int error;

	assert_device_hotplug_lock();
	acpi_scan_lock_assert();

	if (!mem)
		return;

	error = acpi_memory_take_away(mem);
	if (error) {
		acpi_memory_lose(mem, acpi_memory_timeout(false));
		adev->hotplug_error = -EBUSY;
		return;
	}

	adev->driver_data = NULL;
	acpi_memory_free(mem);

	/*
	 * If _EJ0 fails, or the device is still there after it, the next scan
	 * has to attach it anew: nothing is left of the first time.
	 */
	adev->handler = NULL;
	acpi_device_clear_enumerated(adev);
}

/* acpi_match_device_ids() knows devices that are present alone; not the lost. */
static bool acpi_memory_is_one(struct acpi_device *adev)
{
	struct acpi_hardware_id *id;

	list_for_each_entry(id, &adev->pnp.ids, list) {
		if (!strcmp(id->id, memory_device_ids[0].id))
			return true;
	}
	return false;
}

static struct acpi_memory_device *acpi_memory_of(struct acpi_device *adev)
{
	return acpi_memory_is_one(adev) ? acpi_driver_data(adev) : NULL;
}

static bool acpi_memory_in_use(const struct acpi_memory_range *range)
{
	return region_intersects(range->span.start, range_len(&range->span),
				 IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE) != REGION_DISJOINT;
}

/*
 * A device that was refused may nevertheless have memory that Linux uses since
 * boot. It is not for this file to take that offline, but nor may it be ejected.
 */
static int acpi_memory_check_refused(struct acpi_device *adev)
{
	struct acpi_memory_device *mem;
	unsigned int i;
	int error;

	if (!acpi_memory_is_one(adev) || acpi_bus_get_status(adev) || !adev->status.enabled)
		return 0;

	mem = acpi_memory_alloc(adev);
	if (!mem)
		return -ENOMEM;

	error = acpi_memory_read_resources(mem);
	for (i = 0; i < mem->nr_ranges && !error; i++) {
		if (acpi_memory_in_use(&mem->ranges[i]))
			error = -EBUSY;
	}
	acpi_memory_free(mem);
	return error;
}

static int acpi_memory_harvest_below(struct acpi_device *adev, void *harvest)
{
	struct acpi_memory_device *mem = acpi_memory_of(adev);
	int error;

	if (mem)
		error = acpi_memory_harvest_device(harvest, mem);
	else
		error = acpi_memory_check_refused(adev);

	return error ?: acpi_dev_for_each_child(adev, acpi_memory_harvest_below, harvest);
}

/* A lost device has no handler: nobody would call detach for it. */
static int acpi_memory_forget_below(struct acpi_device *adev, void *not_used)
{
	struct acpi_memory_device *mem = acpi_memory_of(adev);

	if (mem) {
		acpi_memory_forget(mem);
		if (mem->lost) {
			acpi_memory_find_again(mem);
			adev->driver_data = NULL;
			acpi_memory_free(mem);
		}
	}
	return acpi_dev_for_each_child(adev, acpi_memory_forget_below, NULL);
}

/* The device stays, so what is missing is added again; not for one that is not there. */
static int acpi_memory_mend_below(struct acpi_device *adev, void *not_used)
{
	struct acpi_memory_device *mem = acpi_memory_of(adev);
	unsigned int i;

	for (i = 0; mem && i < mem->nr_ranges; i++) {
		if (acpi_memory_is_missing(&mem->ranges[i]) && !mem->lost)
			acpi_memory_enable_range(mem, &mem->ranges[i]);
	}
	return acpi_dev_for_each_child(adev, acpi_memory_mend_below, NULL);
}

/**
 * acpi_memory_offline() - take all memory at and below a device away
 * @root: a memory device, or what contains some
 *
 * One operation over all ranges of all devices: the memory of a container with
 * many of them does not move from one to the next, and where one block refuses,
 * every block is online in its zone again. What could go offline is removed at
 * once: once the firmware ejects it, it is gone for good, and a refusal would come
 * too late. The module parameter eject_timeout limits the time it takes.
 *
 * Context: device_hotplug_lock and acpi_scan_lock held.
 * Return: 0; -EPERM when the memory can never go offline as it is laid out
 * (holes, more than one zone or node in a block) or Linux cannot do that at all;
 * -ENOMEM; -EBUSY for every other refusal, the deadline included.
 */
static int acpi_memory_offline(struct acpi_device *root)
{
	struct acpi_memory_harvest harvest = { };
	int error;

	assert_device_hotplug_lock();
	acpi_scan_lock_assert();

	error = acpi_memory_harvest_below(root, &harvest);
	if (error)
		kfree(harvest.spans);
	else
		error = acpi_memory_withdraw(&harvest, acpi_memory_timeout(true));
	if (!error)
		return acpi_memory_forget_below(root, NULL);

	acpi_memory_mend_below(root, NULL);
	dev_warn(&root->dev, "memory cannot be ejected: %d\n", error);
	switch (error) {
	case -EINVAL:
	case -EOPNOTSUPP:
		return -EPERM;
	case -ENOMEM:
		return -ENOMEM;
	default:
		return -EBUSY;
	}
}

static struct acpi_scan_handler memory_device_handler = {
	.ids = memory_device_ids,
	.attach = acpi_memory_attach,
	.detach = acpi_memory_detach,
	.hotplug = {
		.enabled = true,
		.offline = acpi_memory_offline,
	},
};

/* With acpi_no_memhotplug: the firmware is told that we do not do this. */
static int acpi_memory_decline(struct acpi_device *adev,
			       const struct acpi_device_id *not_used)
{
	return -EOPNOTSUPP;
}

static bool acpi_no_memhotplug __initdata;

static int __init acpi_memory_parse_disable(char *str)
{
	acpi_no_memhotplug = true;
	return 1;
}
__setup("acpi_no_memhotplug", acpi_memory_parse_disable);

/**
 * acpi_memory_hotplug_init() - make the handler of memory devices known
 *
 * Context: boot, before the first scan of the namespace.
 */
void __init acpi_memory_hotplug_init(void)
{
	if (acpi_no_memhotplug) {
		memory_device_handler.attach = acpi_memory_decline;
		acpi_scan_add_handler(&memory_device_handler);
	} else {
		acpi_memory_lost_init();
		acpi_scan_add_handler_with_hotplug(&memory_device_handler, "memory");
	}
}

#else /* !CONFIG_ACPI_HOTPLUG_MEMORY */

/* Claims the devices, so that no driver takes their memory for I/O. */
static struct acpi_scan_handler memory_device_handler = {
	.ids = memory_device_ids,
};

void __init acpi_memory_hotplug_init(void)
{
	acpi_scan_add_handler(&memory_device_handler);
}

#endif /* CONFIG_ACPI_HOTPLUG_MEMORY */
