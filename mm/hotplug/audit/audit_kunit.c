// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the audit: each thing that it looks at is broken on purpose, for as long
 * as one audit takes. It must be noticed, and be well again afterwards.
 *
 * Runs at boot, before user space. What is broken is what nobody comes to harm by in
 * that time.
 */
#include <kunit/test.h>
#include <linux/device.h>
#include <linux/initrd.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/node.h>

#include "audit.h"

static unsigned long broken(void)
{
	unsigned long found;

	lock_device_hotplug();
	found = mhp_audit_run(NULL);
	unlock_device_hotplug();
	return found;
}

static void expect_broken(struct kunit *test, const char *name)
{
	KUNIT_EXPECT_NE_MSG(test, mhp_audit_bit(name), 0, "no check %s", name);
	KUNIT_EXPECT_TRUE_MSG(test, broken() & mhp_audit_bit(name), "%s was not noticed", name);
}

static void expect_well(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, broken(), 0);
}

/* A zone of boot with memory that the buddy allocator has some of */
static struct zone *some_zone(struct kunit *test)
{
	struct zone *zone, *found = NULL;

	for_each_populated_zone(zone)
		if (!found || zone_managed_pages(zone) > zone_managed_pages(found))
			found = zone;
	KUNIT_ASSERT_NOT_NULL(test, found);
	return found;
}

/* A block of boot that lies in one zone */
static struct memory_block *some_block(struct kunit *test)
{
	unsigned long id;

	for (id = 0; id <= __highest_present_section_nr; id++) {
		struct memory_block *mem = mhp_block_find(id);

		if (!mem)
			continue;
		/* Boot's blocks stay as long as nobody asks for them to go. */
		mhp_block_put(mem);
		if (mem->zone)
			return mem;
	}
	KUNIT_FAIL_AND_ABORT(test, "no block of one zone");
	return NULL;
}

static void all_is_well(struct kunit *test)
{
	expect_well(test);
}

static void notices_a_block_of_two_minds(struct kunit *test)
{
	struct memory_block *mem = some_block(test);

	mem->dev.offline = true;
	expect_broken(test, "blocks");
	mem->dev.offline = false;
}

static void notices_a_section_gone_offline(struct kunit *test)
{
	struct mem_section *ms = __nr_to_section(some_block(test)->start_section_nr);

	ms->section_mem_map &= ~SECTION_IS_ONLINE;
	expect_broken(test, "sections");
	ms->section_mem_map |= SECTION_IS_ONLINE;
}

static void notices_a_block_in_the_wrong_zone(struct kunit *test)
{
	struct memory_block *mem = some_block(test);
	struct zone *zone = mem->zone;

	mem->zone = &zone->zone_pgdat->node_zones[ZONE_MOVABLE];
	if (mem->zone == zone)
		mem->zone = &zone->zone_pgdat->node_zones[ZONE_NORMAL];
	expect_broken(test, "block-zones");
	mem->zone = zone;
}

static void notices_a_group_that_counts_wrong(struct kunit *test)
{
	int mgid = memory_group_register_static(first_online_node, mhp_block_nr_pages());
	struct memory_group *group = mhp_group_find(mgid);

	KUNIT_ASSERT_NOT_NULL(test, group);
	group->present_movable_pages++;
	expect_broken(test, "groups");
	group->present_movable_pages--;
	KUNIT_EXPECT_EQ(test, memory_group_unregister(mgid), 0);
}

static void notices_a_span_of_nothing(struct kunit *test)
{
	struct zone *zone = &some_zone(test)->zone_pgdat->node_zones[ZONE_MOVABLE];

	if (zone->spanned_pages)
		kunit_skip(test, "Movable is in use");
	zone->spanned_pages = PAGES_PER_SECTION;
	expect_broken(test, "spans");
	zone->spanned_pages = 0;
}

static void notices_a_page_too_many(struct kunit *test)
{
	struct zone *zone = some_zone(test);

	zone->present_pages++;
	expect_broken(test, "present");
	zone->present_pages--;
}

/* The first page of a pageblock: those between are taken for what the ends are. */
static void notices_a_page_of_no_zone(struct kunit *test)
{
	struct zone *zone = some_zone(test);
	unsigned long pfn = pageblock_align(zone->zone_start_pfn);
	enum zone_type type = zone_idx(zone);

	/* Nobody frees or moves a reserved page. */
	while (pfn < zone_end_pfn(zone) &&
	       (!pfn_to_online_page(pfn) || !PageReserved(pfn_to_page(pfn))))
		pfn += pageblock_nr_pages;
	if (pfn >= zone_end_pfn(zone))
		kunit_skip(test, "no pageblock that begins with a reserved page");
	set_page_zone(pfn_to_page(pfn), MAX_NR_ZONES);
	expect_broken(test, "present");
	set_page_zone(pfn_to_page(pfn), type);
}

static void notices_a_page_managed_by_nobody(struct kunit *test)
{
	struct zone *zone = some_zone(test);

	atomic_long_inc(&zone->managed_pages);
	expect_broken(test, "managed");
	atomic_long_dec(&zone->managed_pages);
}

/* The other way round would lead compaction into holes. */
static void notices_contiguity_denied(struct kunit *test)
{
	struct zone *zone;

	for_each_populated_zone(zone)
		if (zone->contiguous)
			break;
	if (!zone)
		kunit_skip(test, "no zone without holes");
	zone->contiguous = false;
	expect_broken(test, "contiguous");
	zone->contiguous = true;
}

static void notices_isolation_counted_wrong(struct kunit *test)
{
	struct zone *zone = some_zone(test);

	zone->nr_isolate_pageblock++;
	expect_broken(test, "isolated");
	zone->nr_isolate_pageblock--;
}

static void add_free(struct zone *zone, long nr)
{
	spin_lock_irq(&zone->lock);
	zone->free_area[0].nr_free += nr;
	spin_unlock_irq(&zone->lock);
}

static void notices_free_pages_counted_wrong(struct kunit *test)
{
	struct zone *zone = some_zone(test);

	add_free(zone, 1);
	expect_broken(test, "free-lists");
	add_free(zone, -1);
}

/* What is mapped of a section that is not there any more */
static void notices_mappings_left_behind(struct kunit *test)
{
	struct mem_section *ms = __nr_to_section(some_block(test)->start_section_nr);

	ms->section_mem_map &= ~SECTION_MARKED_PRESENT;
	if (IS_ENABLED(CONFIG_64BIT))
		expect_broken(test, "direct-map");
	if (IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP))
		expect_broken(test, "memmap");
	ms->section_mem_map |= SECTION_MARKED_PRESENT;
}

static void notices_ram_without_a_block(struct kunit *test)
{
	unsigned long pfn = section_nr_to_pfn(__highest_present_section_nr + 2);
	struct resource ram = {
		.name = "System RAM",
		.start = PFN_PHYS(pfn),
		.end = PFN_PHYS(pfn + mhp_block_nr_pages()) - 1,
		.flags = IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY,
	};

	if (request_resource(&iomem_resource, &ram))
		kunit_skip(test, "something is behind the memory");
	expect_broken(test, "iomem");
	release_resource(&ram);
}

static void notices_a_node_in_the_wrong_state(struct kunit *test)
{
	int nid = zone_to_nid(some_zone(test));

	node_clear_state(nid, N_NORMAL_MEMORY);
	expect_broken(test, "node-states");
	node_set_state(nid, N_NORMAL_MEMORY);
}

static void notices_a_node_without_its_thread(struct kunit *test)
{
	struct pglist_data *pgdat = some_zone(test)->zone_pgdat;
	struct task_struct *kswapd = pgdat->kswapd;

	pgdat->kswapd = NULL;
	expect_broken(test, "node-threads");
	pgdat->kswapd = kswapd;
}

static void notices_a_zone_that_is_not_listed(struct kunit *test)
{
	struct zonelist *zonelist =
		&some_zone(test)->zone_pgdat->node_zonelists[ZONELIST_FALLBACK];
	struct zoneref *ref = zonelist->_zonerefs;
	struct zone *zone;

	while (ref[1].zone)
		ref++;
	if (ref == zonelist->_zonerefs)
		kunit_skip(test, "a single zone");
	zone = ref->zone;
	ref->zone = NULL;
	expect_broken(test, "zonelists");
	ref->zone = zone;
}

struct heard {
	enum memory_block_event event;
	unsigned long pfn;
};

static bool hears_of(const struct heard *events, unsigned int nr)
{
	struct mhp_hearing hearing = { };
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (!mhp_heard_event(&hearing, events[i].event, events[i].pfn))
			return false;
	return mhp_heard_all(&hearing);
}

static bool hears(const enum memory_block_event *events, unsigned int nr)
{
	struct heard heard[8];
	unsigned int i;

	for (i = 0; i < nr; i++)
		heard[i] = (struct heard){ events[i], 1 };
	return hears_of(heard, nr);
}

#define HEARS(...) \
	hears((const enum memory_block_event[]){ __VA_ARGS__ }, \
	      ARRAY_SIZE(((const enum memory_block_event[]){ __VA_ARGS__ })))

#define HEARS_OF(...) \
	hears_of((const struct heard[]){ __VA_ARGS__ }, \
		 ARRAY_SIZE(((const struct heard[]){ __VA_ARGS__ })))

static void knows_what_may_be_heard(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, HEARS(MEM_PREPARE_ONLINE, MEM_GOING_ONLINE, MEM_ONLINE));
	KUNIT_EXPECT_TRUE(test, HEARS(MEM_PREPARE_ONLINE, MEM_FINISH_OFFLINE));
	KUNIT_EXPECT_TRUE(test, HEARS(MEM_PREPARE_ONLINE, MEM_GOING_ONLINE, MEM_CANCEL_ONLINE,
				      MEM_FINISH_OFFLINE));
	KUNIT_EXPECT_TRUE(test, HEARS(MEM_GOING_OFFLINE, MEM_OFFLINE, MEM_FINISH_OFFLINE));
	KUNIT_EXPECT_TRUE(test, HEARS(MEM_GOING_OFFLINE, MEM_CANCEL_OFFLINE,
				      MEM_GOING_OFFLINE, MEM_OFFLINE, MEM_FINISH_OFFLINE));
}

static void knows_what_may_not_be_heard(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, HEARS(MEM_PREPARE_ONLINE));
	KUNIT_EXPECT_FALSE(test, HEARS(MEM_GOING_ONLINE, MEM_ONLINE));
	KUNIT_EXPECT_FALSE(test, HEARS(MEM_PREPARE_ONLINE, MEM_GOING_ONLINE));
	KUNIT_EXPECT_FALSE(test, HEARS(MEM_GOING_OFFLINE, MEM_OFFLINE));
	KUNIT_EXPECT_FALSE(test, HEARS(MEM_GOING_OFFLINE, MEM_GOING_OFFLINE, MEM_OFFLINE,
				       MEM_FINISH_OFFLINE));
	KUNIT_EXPECT_FALSE(test, HEARS(MEM_CANCEL_OFFLINE));
	KUNIT_EXPECT_FALSE(test, HEARS(MEM_GOING_OFFLINE, MEM_CANCEL_ONLINE));
	KUNIT_EXPECT_FALSE(test, HEARS(MEM_PREPARE_ONLINE, MEM_GOING_ONLINE, MEM_ONLINE,
				       MEM_CANCEL_ONLINE));
}

static void knows_when_blocks_are_finished_with(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, HEARS_OF({ MEM_GOING_OFFLINE, 1 }, { MEM_OFFLINE, 1 },
					 { MEM_GOING_OFFLINE, 2 }, { MEM_OFFLINE, 2 },
					 { MEM_FINISH_OFFLINE, 1 }, { MEM_FINISH_OFFLINE, 2 }));
	KUNIT_EXPECT_TRUE(test, HEARS_OF({ MEM_GOING_OFFLINE, 1 }, { MEM_OFFLINE, 1 },
					 { MEM_GOING_OFFLINE, 2 }, { MEM_CANCEL_OFFLINE, 2 },
					 { MEM_FINISH_OFFLINE, 1 },
					 { MEM_PREPARE_ONLINE, 1 }, { MEM_GOING_ONLINE, 1 },
					 { MEM_ONLINE, 1 }));
	KUNIT_EXPECT_FALSE(test, HEARS_OF({ MEM_GOING_OFFLINE, 1 }, { MEM_OFFLINE, 2 },
					  { MEM_FINISH_OFFLINE, 2 }));
	KUNIT_EXPECT_FALSE(test, HEARS_OF({ MEM_GOING_OFFLINE, 1 }, { MEM_OFFLINE, 1 },
					  { MEM_FINISH_OFFLINE, 2 }));
	KUNIT_EXPECT_FALSE(test, HEARS_OF({ MEM_GOING_OFFLINE, 1 }, { MEM_OFFLINE, 1 },
					  { MEM_FINISH_OFFLINE, 1 }, { MEM_FINISH_OFFLINE, 1 }));
	KUNIT_EXPECT_FALSE(test, HEARS_OF({ MEM_GOING_OFFLINE, 1 }, { MEM_OFFLINE, 1 },
					  { MEM_PREPARE_ONLINE, 2 }, { MEM_GOING_ONLINE, 2 },
					  { MEM_ONLINE, 2 }, { MEM_FINISH_OFFLINE, 1 }));
}

static struct kunit_case audit_cases[] = {
	KUNIT_CASE(all_is_well),
	KUNIT_CASE(notices_a_block_of_two_minds),
	KUNIT_CASE(notices_a_section_gone_offline),
	KUNIT_CASE(notices_a_block_in_the_wrong_zone),
	KUNIT_CASE(notices_a_group_that_counts_wrong),
	KUNIT_CASE(notices_a_span_of_nothing),
	KUNIT_CASE(notices_a_page_too_many),
	KUNIT_CASE(notices_a_page_of_no_zone),
	KUNIT_CASE(notices_a_page_managed_by_nobody),
	KUNIT_CASE(notices_contiguity_denied),
	KUNIT_CASE(notices_isolation_counted_wrong),
	KUNIT_CASE(notices_free_pages_counted_wrong),
	KUNIT_CASE(notices_mappings_left_behind),
	KUNIT_CASE(notices_ram_without_a_block),
	KUNIT_CASE(notices_a_node_in_the_wrong_state),
	KUNIT_CASE(notices_a_node_without_its_thread),
	KUNIT_CASE(notices_a_zone_that_is_not_listed),
	KUNIT_CASE(knows_what_may_be_heard),
	KUNIT_CASE(knows_what_may_not_be_heard),
	KUNIT_CASE(knows_when_blocks_are_finished_with),
	{}
};

/* What the initramfs lay in is still on its way to the buddy allocator, page by page. */
static int wait_for_boot_memory(struct kunit_suite *suite)
{
	wait_for_initramfs();
	return 0;
}

static struct kunit_suite audit_suite = {
	.name = "mhp-audit",
	.suite_init = wait_for_boot_memory,
	.exit = expect_well,
	.test_cases = audit_cases,
};

kunit_test_suite(audit_suite);
