// SPDX-License-Identifier: GPL-2.0-only
/*
 * Adds a memory block that an administrator says is there, and nobody else
 * announced: RAM that boot was told to leave out, or firmware that does not
 * notify. Nothing is believed: firmware has to name the range as memory, nobody
 * may have claimed it, and every page has to keep what is written to it.
 *
 * Called by drivers/base/memory.c for its file "probe", with
 * device_hotplug_lock held. While it is tested the range is claimed in iomem,
 * so that no driver starts to use it.
 */
#include <linux/align.h>
#include <linux/cc_platform.h>
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/numa.h>
#include <linux/pfn.h>
#include <linux/sched/signal.h>
#include <linux/security.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "hotplug.h"

/* So much is mapped at a time, in pages. */
#define CHUNK_PAGES	PHYS_PFN(SZ_2M)

/**
 * enum ram_pass - the test goes over the whole block once for each
 * @RAM_MARK: Keep a word of each page, and write a pattern of its own there.
 * @RAM_INVERT: See that it still is there; write its inverse.
 * @RAM_CHECK: See that this still is there.
 * @RAM_RESTORE: Write back what was kept, last page first: if two pages are the
 *	same RAM, the first one has what was there in the beginning.
 *
 * The patterns tell each page from all others, which shows address lines that
 * are not connected; they stay for a whole pass, so nothing that merely
 * remembers the last value written gets through; and no bit that is stuck
 * agrees with a pattern and its inverse.
 */
enum ram_pass {
	RAM_MARK,
	RAM_INVERT,
	RAM_CHECK,
	RAM_RESTORE,
};

/**
 * struct ram_test - a memory block under test
 * @start: Its first address, in bytes.
 * @nr_pages: Its size, in pages.
 * @kept: What was in the first word of each page.
 * @nr_kept: The pages before this one have been written to.
 * @failed: The address that is no RAM, where that was found.
 */
struct ram_test {
	u64 start;
	unsigned long nr_pages;
	u64 *kept;
	unsigned long nr_kept;
	u64 failed;
};

static int refuse(u64 start, u64 size, int error, const char *why)
{
	const u64 last = start + size - 1;

	pr_warn("probe: [mem %#018llx-%#018llx] not added: %s\n", start,
		last < start ? U64_MAX : last, why);
	return error;
}

static u64 pattern_of(const struct ram_test *test, unsigned long page)
{
	/* An odd factor keeps them distinct and spreads them over all bits. */
	return (PHYS_PFN(test->start) + page) * 0x9e3779b97f4a7c15ULL ^ 0x5a5a5a5a5a5a5a5aULL;
}

static bool exchange(void __iomem *word, u64 expected, u64 value)
{
	if (__raw_readq(word) != expected)
		return false;
	__raw_writeq(value, word);
	return __raw_readq(word) == value;
}

static bool test_page(struct ram_test *test, unsigned long page, void __iomem *word,
		      enum ram_pass pass)
{
	const u64 pattern = pattern_of(test, page);

	switch (pass) {
	case RAM_MARK:
		test->kept[page] = __raw_readq(word);
		test->nr_kept = page + 1;
		return exchange(word, test->kept[page], pattern);
	case RAM_INVERT:
		return exchange(word, pattern, ~pattern);
	case RAM_CHECK:
		return __raw_readq(word) == ~pattern;
	default:
		__raw_writeq(test->kept[page], word);
		return true;
	}
}

/* Pages [first, end) of the block: -ENODEV if one is no RAM. */
static int test_chunk(struct ram_test *test, unsigned long first, unsigned long end,
		      enum ram_pass pass)
{
	const u64 phys = test->start + PFN_PHYS(first);
	void __iomem *map = ioremap(phys, PFN_PHYS(end - first));
	unsigned long i, page;
	int error = 0;

	if (!map)
		return -ENOMEM;

	for (i = 0; i < end - first && !error; i++) {
		page = pass == RAM_RESTORE ? end - 1 - i : first + i;
		if (!test_page(test, page, map + PFN_PHYS(page - first), pass)) {
			test->failed = test->start + PFN_PHYS(page);
			error = -ENODEV;
		}
	}
	iounmap(map);
	cond_resched();
	return error;
}

static int test_pass(struct ram_test *test, enum ram_pass pass)
{
	unsigned long first, end;
	int error;

	for (first = 0; first < test->nr_pages; first = end) {
		if (fatal_signal_pending(current))
			return -EINTR;
		end = min(first + CHUNK_PAGES, test->nr_pages);
		error = test_chunk(test, first, end, pass);
		if (error)
			return error;
	}
	return 0;
}

static void restore(struct ram_test *test)
{
	unsigned long first, end;

	for (end = test->nr_kept; end; end = first) {
		first = ALIGN_DOWN(end - 1, CHUNK_PAGES);
		if (test_chunk(test, first, end, RAM_RESTORE))
			refuse(test->start + PFN_PHYS(first), PFN_PHYS(end - first), 0,
			       "cannot be mapped to put back what was there");
	}
}

/*
 * Does each page keep what is written to it? Uncached, so that what answers is
 * the memory. What was there is restored.
 */
static int test_ram(u64 start, u64 size)
{
	u64 *kept __free(kvfree) = kvmalloc_array(PHYS_PFN(size), sizeof(*kept), GFP_KERNEL);
	struct ram_test test = {
		.start = start,
		.nr_pages = PHYS_PFN(size),
		.kept = kept,
	};
	int error;

	if (!kept)
		return refuse(start, size, -ENOMEM, "no memory to test it");

	error = test_pass(&test, RAM_MARK);
	if (!error)
		error = test_pass(&test, RAM_INVERT);
	if (!error)
		error = test_pass(&test, RAM_CHECK);
	restore(&test);

	/* Translations of what iounmap() took down go with the mappings. */
	vm_unmap_aliases();

	switch (error) {
	case 0:
		return 0;
	case -ENODEV:
		pr_warn("probe: [mem %#018llx-%#018llx] not added: no RAM at %#llx\n",
			start, start + size - 1, test.failed);
		return error;
	case -EINTR:
		return refuse(start, size, error, "interrupted");
	default:
		return refuse(start, size, error, "no memory to map it");
	}
}

/**
 * arch_mhp_firmware() - what the firmware's memory map says of a range
 * @start: First address, in bytes.
 * @size: In bytes.
 *
 * For architectures with such a map to override.
 *
 * Context: any.
 * Return: see enum mhp_firmware; here: nothing.
 */
enum mhp_firmware __weak arch_mhp_firmware(u64 start, u64 size)
{
	return MHP_FIRMWARE_SILENT;
}

/* All of it, and for one node: a block belongs to one. */
static bool named_with_node(u64 start, u64 size)
{
	int nid;
	u64 addr;

	/* Without NUMA the answer is always node 0. */
	if (!IS_ENABLED(CONFIG_NUMA))
		return false;

	nid = phys_to_target_node(start);
	if (nid == NUMA_NO_NODE)
		return false;
	for (addr = start; addr < start + size; addr += PAGE_SIZE)
		if (phys_to_target_node(addr) != nid)
			return false;
	return true;
}

/* -ENODEV: not named; or it is not safe to touch what it might be. */
static int check_firmware(u64 start, u64 size)
{
	/* Memory the guest has not accepted must not be touched even to test it. */
	if (cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT))
		return refuse(start, size, -ENODEV, "cannot be tested in an encrypted guest");

	switch (arch_mhp_firmware(start, size)) {
	case MHP_FIRMWARE_RAM:
		return 0;
	case MHP_FIRMWARE_OTHER:
		return refuse(start, size, -ENODEV, "not all RAM in the firmware's memory map");
	default:
		if (named_with_node(start, size))
			return 0;
		return refuse(start, size, -ENODEV, "firmware does not name it as memory");
	}
}

/* With the range claimed, so that it stays what it is found to be. */
static int check_memory(u64 start, u64 size)
{
	struct resource claim = DEFINE_RES_MEM_NAMED(start, size, "memory probe");
	int error;

	/* A root's child is in the way of it as well as one that is nested. */
	if (request_resource(&iomem_resource, &claim))
		return refuse(start, size, -EEXIST, "claimed, see /proc/iomem");

	error = check_firmware(start, size);
	if (!error)
		error = test_ram(start, size);
	release_resource(&claim);
	return error;
}

/**
 * mhp_probe_memory() - add the memory block at an address
 * @start: First address, in bytes, on a block boundary.
 *
 * Each refusal is a line in the log.
 *
 * Context: Process context, under device_hotplug_lock. Sleeps.
 * Return: 0; -EPERM: the kernel is locked down; -EINVAL: not on a block boundary,
 * or where no memory can be addressed; -EEXIST: something in iomem overlaps it;
 * -ENODEV: firmware does not name it as memory, or it does not behave like
 * memory; -ENOMEM; -EINTR on a fatal signal; or an error of __add_memory().
 */
int mhp_probe_memory(u64 start)
{
	const struct range reach = mhp_get_pluggable_range(true);
	const u64 last = min_t(u64, reach.end, iomem_resource.end);
	const u64 size = memory_block_size_bytes();
	int error;

	assert_device_hotplug_lock();

	/* User space names the address: with /dev/mem it would reach it, too. */
	if (security_locked_down(LOCKDOWN_DEV_MEM))
		return refuse(start, size, -EPERM, "the kernel is locked down");
	if (!IS_ALIGNED(start, size))
		return refuse(start, size, -EINVAL, "not aligned to a memory block");
	/* An aligned block does not wrap. The root of iomem ends where addresses do. */
	if (start < reach.start || start + size - 1 > last)
		return refuse(start, size, -EINVAL, "beyond what can be addressed");

	error = check_memory(start, size);
	if (error)
		return error;

	return __add_memory(memory_add_physaddr_to_nid(start), start, size, MHP_NONE);
}
