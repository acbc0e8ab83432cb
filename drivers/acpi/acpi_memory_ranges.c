// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which ranges a memory device decodes, out of what its _CRS says.
 *
 * Resources may come in any order, in pieces smaller than a memory block, and
 * empty. What they amount to is a sorted list of ranges of whole memory blocks,
 * or a line in the log that says what is wrong with them.
 *
 * Called by acpi_memhotplug.c, under acpi_scan_lock; takes no lock itself.
 */

#include <linux/acpi.h>
#include <linux/memory.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "acpi_memory_ranges.h"
#include "internal.h"

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

/**
 * acpi_memory_read_resources() - read the memory resources of a device
 * @mem: where they go, as the firmware has them, but for empty ones
 *
 * Says in the log what is wrong.
 *
 * Context: acpi_scan_lock held; runs _CRS.
 * Return: 0; -EINVAL for resources that wrap around or cannot be read, -ENOMEM.
 */
int acpi_memory_read_resources(struct acpi_memory_device *mem)
{
	struct acpi_memory_walk walk = { .mem = mem };
	acpi_status status;

	acpi_scan_lock_assert();

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

/**
 * acpi_memory_get_ranges() - find the ranges that a device decodes
 * @mem: where they go: by address, adjacent resources joined
 *
 * Says in the log what is wrong.
 *
 * Context: acpi_scan_lock held; runs _CRS.
 * Return: 0; -EINVAL for resources that cannot be read, wrap around, overlap, do
 * not make up whole memory blocks, or if there are none; -ENOMEM.
 */
int acpi_memory_get_ranges(struct acpi_memory_device *mem)
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
