// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory devices of the firmware: ACPI PNP0C80.
 *
 * Finds out which ranges a device decodes, has memory hotplug add them, ties
 * the memory blocks to the device, and takes all of it away again when the
 * device is to be ejected. A device is attached with all of its ranges or not
 * at all; nothing in here deals with pages, zones or sysfs.
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
#include <linux/sort.h>
#include <linux/string.h>

#include "internal.h"

static const struct acpi_device_id memory_device_ids[] = {
	{"PNP0C80", 0},
	{"", 0},
};

#ifdef CONFIG_ACPI_HOTPLUG_MEMORY

/**
 * enum acpi_memory_state - what Linux made of a range
 * @ACPI_MEMORY_UNUSED: Nothing: no memory blocks on account of this device.
 * @ACPI_MEMORY_FOUND: It had memory blocks before, those of boot. They are bound
 *	to the device and go away when it is ejected, not when it is refused.
 * @ACPI_MEMORY_ADDED: It was added for the device.
 */
enum acpi_memory_state {
	ACPI_MEMORY_UNUSED,
	ACPI_MEMORY_FOUND,
	ACPI_MEMORY_ADDED,
};

/**
 * struct acpi_memory_range - adjacent resources of a device
 * @span: Physical addresses, the end is the last byte.
 * @caching: As the firmware has it; resources that differ are not joined.
 * @write_protect: The same.
 * @state: What came of it.
 */
struct acpi_memory_range {
	struct range span;
	u8 caching;
	u8 write_protect;
	enum acpi_memory_state state;
};

/**
 * struct acpi_memory_device - a memory device, the acpi_device's driver_data
 * @adev: The device.
 * @ranges: By address, without overlap.
 * @nr_ranges: How many.
 * @mgid: Its memory group, negative while there is none.
 * @lost: The machine lost it while its memory could not be taken offline. The
 *	blocks stay, unbound, until it returns or they can go.
 */
struct acpi_memory_device {
	struct acpi_device *adev;
	struct acpi_memory_range *ranges;
	unsigned int nr_ranges;
	int mgid;
	bool lost;
};

/* The longest that may be asked for: a day. In milliseconds it fits an int. */
#define EJECT_TIMEOUT_MAX	(24 * 60 * 60)

static unsigned int eject_timeout = 120;

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

/* What the firmware says: resources */

/**
 * struct acpi_memory_walk - collects the resources of a device
 * @mem: The device they go to.
 * @error: Why collecting stopped, 0 if it did not.
 */
struct acpi_memory_walk {
	struct acpi_memory_device *mem;
	int error;
};

static int acpi_memory_take_resource(struct acpi_memory_device *mem,
				     const struct acpi_resource_address64 *res)
{
	u64 start = res->address.minimum, size = res->address.address_length;
	struct acpi_memory_range *ranges;

	if (!size)
		return 0;

	if (size - 1 > U64_MAX - start) {
		dev_err(&mem->adev->dev, "memory resource %#llx+%#llx wraps around\n",
			start, size);
		return -EINVAL;
	}

	ranges = krealloc_array(mem->ranges, mem->nr_ranges + 1, sizeof(*ranges),
				GFP_KERNEL);
	if (!ranges)
		return -ENOMEM;

	mem->ranges = ranges;
	ranges[mem->nr_ranges++] = (struct acpi_memory_range) {
		.span = { .start = start, .end = start + size - 1 },
		.caching = res->info.mem.caching,
		.write_protect = res->info.mem.write_protect,
		.state = ACPI_MEMORY_UNUSED,
	};
	return 0;
}

static acpi_status acpi_memory_see_resource(struct acpi_resource *resource, void *ctx)
{
	struct acpi_memory_walk *walk = ctx;
	struct acpi_resource_address64 res;

	if (ACPI_FAILURE(acpi_resource_to_address64(resource, &res)))
		return AE_OK;
	if (res.resource_type != ACPI_MEMORY_RANGE)
		return AE_OK;

	walk->error = acpi_memory_take_resource(walk->mem, &res);
	return walk->error ? AE_CTRL_TERMINATE : AE_OK;
}

static int acpi_memory_cmp(const void *a, const void *b)
{
	const struct acpi_memory_range *left = a, *right = b;

	if (left->span.start == right->span.start)
		return 0;
	return left->span.start < right->span.start ? -1 : 1;
}

static bool acpi_memory_can_join(const struct acpi_memory_range *low,
				 const struct acpi_memory_range *high)
{
	return low->span.end + 1 == high->span.start &&
	       low->caching == high->caching &&
	       low->write_protect == high->write_protect;
}

/* Joins neighbours: a memory block may be made of several resources. */
static int acpi_memory_join(struct acpi_memory_device *mem)
{
	struct acpi_memory_range *low = mem->ranges, *high;
	unsigned int i;

	sort(mem->ranges, mem->nr_ranges, sizeof(*mem->ranges), acpi_memory_cmp, NULL);

	for (i = 1; i < mem->nr_ranges; i++) {
		high = &mem->ranges[i];
		if (high->span.start <= low->span.end) {
			dev_err(&mem->adev->dev,
				"memory resources %#llx-%#llx and %#llx-%#llx overlap\n",
				low->span.start, low->span.end,
				high->span.start, high->span.end);
			return -EINVAL;
		}
		if (acpi_memory_can_join(low, high))
			low->span.end = high->span.end;
		else
			*++low = *high;
	}
	mem->nr_ranges = low - mem->ranges + 1;
	return 0;
}

static int acpi_memory_check_alignment(struct acpi_memory_device *mem)
{
	u64 mask = memory_block_size_bytes() - 1;
	unsigned int i;

	for (i = 0; i < mem->nr_ranges; i++) {
		const struct range *span = &mem->ranges[i].span;

		if (!(span->start & mask) && !((span->end + 1) & mask))
			continue;
		dev_err(&mem->adev->dev,
			"memory range %#llx-%#llx is not made of whole memory blocks of %#llx\n",
			span->start, span->end, mask + 1);
		return -EINVAL;
	}
	return 0;
}

static int acpi_memory_read_resources(struct acpi_memory_device *mem)
{
	struct acpi_memory_walk walk = { .mem = mem };
	acpi_status status;

	status = acpi_walk_resources(mem->adev->handle, METHOD_NAME__CRS,
				     acpi_memory_see_resource, &walk);
	if (walk.error)
		return walk.error;
	if (ACPI_FAILURE(status)) {
		dev_err(&mem->adev->dev, "memory resources cannot be read: %s\n",
			acpi_format_exception(status));
		return -EINVAL;
	}
	return 0;
}

static int acpi_memory_get_ranges(struct acpi_memory_device *mem)
{
	int error = acpi_memory_read_resources(mem);

	if (error)
		return error;
	if (!mem->nr_ranges) {
		dev_err(&mem->adev->dev, "device is empty\n");
		return -EINVAL;
	}

	error = acpi_memory_join(mem);
	if (error)
		return error;
	return acpi_memory_check_alignment(mem);
}

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

static void acpi_memory_unbind(struct acpi_memory_device *mem,
			       const struct acpi_memory_range *range)
{
	walk_memory_blocks(range->span.start, range_len(&range->span), mem->adev,
			   acpi_memory_unbind_block);
}

static int acpi_memory_bind(struct acpi_memory_device *mem,
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
 * struct acpi_memory_harvest - ranges that are to go offline together
 * @spans: Of all devices concerned.
 * @nr_spans: How many.
 */
struct acpi_memory_harvest {
	struct range *spans;
	unsigned int nr_spans;
};

static int acpi_memory_harvest_device(struct acpi_memory_harvest *harvest,
				      const struct acpi_memory_device *mem)
{
	struct range *spans;
	unsigned int i;

	spans = krealloc_array(harvest->spans, harvest->nr_spans + mem->nr_ranges,
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

/* One operation: all of it is offline then, or all of it is as it was. */
static int acpi_memory_offline_harvest(struct acpi_memory_harvest *harvest)
{
	unsigned int seconds = READ_ONCE(eject_timeout);
	int error = 0;

	if (harvest->nr_spans)
		error = mhp_offline_ranges(harvest->spans, harvest->nr_spans,
					   seconds * MSEC_PER_SEC);
	kfree(harvest->spans);
	return error;
}

/*
 * The blocks of @mem are offline, and nobody can bring them online again while
 * device_hotplug_lock is held: removing cannot fail.
 */
static void acpi_memory_remove(struct acpi_memory_device *mem)
{
	unsigned int i;

	for (i = 0; i < mem->nr_ranges; i++) {
		struct acpi_memory_range *range = &mem->ranges[i];

		if (range->state == ACPI_MEMORY_UNUSED)
			continue;
		acpi_memory_unbind(mem, range);
		__remove_memory(range->span.start, range_len(&range->span));
		range->state = ACPI_MEMORY_UNUSED;
	}

	if (mem->mgid >= 0 && memory_group_unregister(mem->mgid))
		dev_warn(&mem->adev->dev, "memory group %d is still in use\n", mem->mgid);
	mem->mgid = -1;
}

static int acpi_memory_take_away(struct acpi_memory_device *mem)
{
	struct acpi_memory_harvest harvest = { };
	int error;

	error = acpi_memory_harvest_device(&harvest, mem);
	if (!error)
		error = acpi_memory_offline_harvest(&harvest);
	if (!error)
		acpi_memory_remove(mem);
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
static int acpi_memory_find_or_add(struct acpi_memory_device *mem,
				   struct acpi_memory_range *range)
{
	u64 size = range_len(&range->span), nr_blocks = 0;

	walk_memory_blocks(range->span.start, size, &nr_blocks,
			   acpi_memory_count_block);
	if (!nr_blocks)
		return acpi_memory_add(mem, range);

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
	int error = acpi_memory_find_or_add(mem, range);

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

	for (i = 0; i < mem->nr_ranges; i++) {
		error = acpi_memory_enable_range(mem, &mem->ranges[i]);
		if (error)
			return acpi_memory_roll_back(mem, error);
	}
	return 0;
}

/* A device that was lost has come back */

static bool acpi_memory_same_ranges(const struct acpi_memory_device *a,
				    const struct acpi_memory_device *b)
{
	unsigned int i;

	if (a->nr_ranges != b->nr_ranges)
		return false;
	for (i = 0; i < a->nr_ranges; i++) {
		if (a->ranges[i].span.start != b->ranges[i].span.start ||
		    a->ranges[i].span.end != b->ranges[i].span.end)
			return false;
	}
	return true;
}

static int acpi_memory_readopt(struct acpi_memory_device *lost,
			       const struct acpi_memory_device *now)
{
	unsigned int i;

	if (!acpi_memory_same_ranges(lost, now)) {
		dev_err(&lost->adev->dev, "other memory than what was lost and is in use\n");
		return -EBUSY;
	}

	/* Unbound blocks are no harm: what is ejected goes by address. */
	for (i = 0; i < lost->nr_ranges; i++)
		acpi_memory_bind(lost, &lost->ranges[i]);
	lost->lost = false;
	dev_warn(&lost->adev->dev, "is back; what its memory held may be gone\n");
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
 * overlap, wrap, are not whole memory blocks or amount to nothing, -EEXIST when
 * a range is there in part, -EBUSY when other memory of this device is still in
 * use, or what adding the memory returned. Nothing is left behind then.
 */
static int acpi_memory_attach(struct acpi_device *adev,
			      const struct acpi_device_id *not_used)
{
	struct acpi_memory_device *lost = acpi_driver_data(adev), *mem;
	int error;

	assert_device_hotplug_lock();

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
 * For an eject all of it is offline by now. A device that has vanished by
 * itself may have memory in use, which this tries to empty. Where that fails
 * the memory stays, as does what is known about it, and the handler's verdict
 * for _OST is -EBUSY.
 *
 * Context: device_hotplug_lock and acpi_scan_lock held.
 */
static void acpi_memory_detach(struct acpi_device *adev)
{
	struct acpi_memory_device *mem = acpi_driver_data(adev);
	unsigned int i;
	int error;

	assert_device_hotplug_lock();

	if (!mem)
		return;

	error = acpi_memory_take_away(mem);
	if (error) {
		dev_crit(&adev->dev,
			 "memory device is gone, but its memory is in use and stays (%d)\n",
			 error);
		for (i = 0; i < mem->nr_ranges; i++)
			acpi_memory_unbind(mem, &mem->ranges[i]);
		mem->lost = true;
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

static struct acpi_memory_device *acpi_memory_of(struct acpi_device *adev)
{
	if (acpi_match_device_ids(adev, memory_device_ids))
		return NULL;
	return acpi_driver_data(adev);
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

	if (acpi_match_device_ids(adev, memory_device_ids) || acpi_bus_get_status(adev) ||
	    !adev->status.enabled)
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
static int acpi_memory_drop_lost_below(struct acpi_device *adev, void *not_used)
{
	struct acpi_memory_device *mem = acpi_memory_of(adev);

	if (mem && mem->lost) {
		acpi_memory_remove(mem);
		adev->driver_data = NULL;
		acpi_memory_free(mem);
	}
	return acpi_dev_for_each_child(adev, acpi_memory_drop_lost_below, NULL);
}

/**
 * acpi_memory_offline() - take all memory at and below a device offline
 * @root: a memory device, or what contains some
 *
 * One operation over all ranges of all devices: the memory of a container with
 * many of them does not move from one to the next, and where one block refuses,
 * every block is online in its zone again. The module parameter eject_timeout
 * limits the time it takes.
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

	error = acpi_memory_harvest_below(root, &harvest);
	if (error)
		kfree(harvest.spans);
	else
		error = acpi_memory_offline_harvest(&harvest);
	if (!error)
		return acpi_memory_drop_lost_below(root, NULL);

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
