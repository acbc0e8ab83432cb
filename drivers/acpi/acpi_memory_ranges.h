/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory devices and the ranges they decode: shared by acpi_memory*.c alone. */
#ifndef __ACPI_MEMORY_RANGES_H
#define __ACPI_MEMORY_RANGES_H

#include <linux/list.h>
#include <linux/range.h>
#include <linux/types.h>

struct acpi_device;

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
 * @among_lost: In the list of those.
 */
struct acpi_memory_device {
	struct acpi_device *adev;
	struct acpi_memory_range *ranges;
	unsigned int nr_ranges;
	int mgid;
	bool lost;
	struct list_head among_lost;
};

/* acpi_memhotplug.c */
int acpi_memory_bind(struct acpi_memory_device *mem,
		     const struct acpi_memory_range *range);
void acpi_memory_unbind(struct acpi_memory_device *mem,
			const struct acpi_memory_range *range);

/* acpi_memory_lost.c */
void acpi_memory_lose(struct acpi_memory_device *mem, unsigned int timeout_ms);
void acpi_memory_find_again(struct acpi_memory_device *mem);
int acpi_memory_readopt(struct acpi_memory_device *lost,
			const struct acpi_memory_device *now);
void acpi_memory_lost_init(void);

/* acpi_memory_ranges.c */
int acpi_memory_read_resources(struct acpi_memory_device *mem);
int acpi_memory_get_ranges(struct acpi_memory_device *mem);

#endif /* __ACPI_MEMORY_RANGES_H */
