/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory hot(un)plug: what the rest of the kernel may ask of it.
 *
 * Four things happen to hotpluggable memory: it is added (the machine can reach
 * it, nobody uses it), brought online (the page allocator owns it), taken
 * offline, and removed. Drivers add and remove ranges; user space, drivers or
 * the auto-online policy bring memory blocks on- and offline. Architectures
 * supply arch_add_memory() and arch_remove_memory(); device memory
 * (mm/memremap.c) uses the section and zone level alone.
 *
 * Memory blocks, groups and notifiers: linux/memory.h.
 */
#ifndef __LINUX_MEMORY_HOTPLUG_H
#define __LINUX_MEMORY_HOTPLUG_H

#include <linux/mmzone.h>
#include <linux/spinlock.h>
#include <linux/notifier.h>
#include <linux/bug.h>

struct dev_pagemap;
struct mem_section;
struct memory_group;
struct page;
struct pglist_data;
struct resource;
struct vmem_altmap;
struct zone;

/**
 * enum mmop - how a memory block is to be brought online, or that it is not
 * @MMOP_OFFLINE: Stay, or go, offline.
 * @MMOP_ONLINE: Online; the online policy chooses the zone.
 * @MMOP_ONLINE_KERNEL: Online to a kernel zone, ZONE_NORMAL as a rule.
 * @MMOP_ONLINE_MOVABLE: Online to ZONE_MOVABLE.
 */
enum mmop {
	MMOP_OFFLINE = 0,
	MMOP_ONLINE,
	MMOP_ONLINE_KERNEL,
	MMOP_ONLINE_MOVABLE,
};

/* Architectures may override it; wanted without memory hotplug, too. */
struct range arch_get_mappable_range(void);

#ifdef CONFIG_MEMORY_HOTPLUG

/* Wishes of add_memory() and its kin, to be or-ed. */
typedef int __bitwise mhp_t;

#define MHP_NONE			((__force mhp_t)0)
/* The new "System RAM" resource may be merged; its pointer is stale afterwards. */
#define MHP_MERGE_RESOURCE		((__force mhp_t)BIT(0))
/* Take the memmap out of the range itself, where that is possible. */
#define MHP_MEMMAP_ON_MEMORY		((__force mhp_t)BIT(1))
/* The nid argument is a memory group's id, and the group knows the node. */
#define MHP_NID_IS_MGID			((__force mhp_t)BIT(2))
/*
 * Memory cannot be accessed unless online: between MEM_PREPARE_ONLINE and
 * MEM_FINISH_OFFLINE. Matters for a memmap that lies in that memory.
 */
#define MHP_OFFLINE_INACCESSIBLE	((__force mhp_t)BIT(3))

/**
 * struct mhp_params - what arch_add_memory() is told beyond the range
 * @altmap: Where the memmap is allocated from; NULL: ordinary memory.
 * @pgprot: Protection of the direct map; must not be empty.
 * @pgmap: The device memory this is for; NULL: system RAM.
 */
struct mhp_params {
	struct vmem_altmap *altmap;
	pgprot_t pgprot;
	struct dev_pagemap *pgmap;
};

/* What may be added, mm/hotplug/pluggable.c */
bool mhp_range_allowed(u64 start, u64 size, bool need_mapping);
struct range mhp_get_pluggable_range(bool need_mapping);
bool mhp_supports_memmap_on_memory(void);
extern u64 max_mem_size;

/* Add and remove, mm/hotplug/plug.c */
int add_memory(int nid, u64 start, u64 size, mhp_t mhp_flags);
int __add_memory(int nid, u64 start, u64 size, mhp_t mhp_flags);
int add_memory_resource(int nid, struct resource *resource, mhp_t mhp_flags);
int add_memory_driver_managed(int nid, u64 start, u64 size,
			      const char *resource_name, mhp_t mhp_flags);

/* Sections, mm/hotplug/sections.c and mm/sparsemem */
struct page *pfn_to_online_page(unsigned long pfn);
int __add_pages(int nid, unsigned long start_pfn, unsigned long nr_pages,
		struct mhp_params *params);
void __remove_pages(unsigned long start_pfn, unsigned long nr_pages,
		    struct vmem_altmap *altmap, struct dev_pagemap *pgmap);
int sparse_add_section(int nid, unsigned long pfn, unsigned long nr_pages,
		       struct vmem_altmap *altmap, struct dev_pagemap *pgmap);
void sparse_remove_section(unsigned long pfn, unsigned long nr_pages,
			   struct vmem_altmap *altmap,
			   struct dev_pagemap *pgmap);
struct page *sparse_decode_mem_map(unsigned long coded_mem_map,
				   unsigned long pnum);

/* The architecture's part: direct map, memmap, section by section */
int arch_add_memory(int nid, u64 start, u64 size, struct mhp_params *params);
void arch_remove_memory(u64 start, u64 size, struct vmem_altmap *altmap,
			struct dev_pagemap *pgmap);
int arch_create_linear_mapping(int nid, u64 start, u64 size,
			       struct mhp_params *params);
void arch_remove_linear_mapping(u64 start, u64 size);

/**
 * enum mhp_firmware - what the firmware's memory map says of a range
 * @MHP_FIRMWARE_SILENT: Nothing; other tables of the firmware may name it.
 * @MHP_FIRMWARE_RAM: All of it is RAM.
 * @MHP_FIRMWARE_OTHER: It is, at least in part, something else, or a hole
 *	where devices may be.
 */
enum mhp_firmware {
	MHP_FIRMWARE_SILENT,
	MHP_FIRMWARE_RAM,
	MHP_FIRMWARE_OTHER,
};

enum mhp_firmware arch_mhp_firmware(u64 start, u64 size);

#ifdef CONFIG_ARCH_HAS_ADD_PAGES
int add_pages(int nid, unsigned long start_pfn, unsigned long nr_pages,
	      struct mhp_params *params);
#else
static inline int add_pages(int nid, unsigned long start_pfn,
			    unsigned long nr_pages, struct mhp_params *params)
{
	return __add_pages(nid, start_pfn, nr_pages, params);
}
#endif

/* Zones, mm/hotplug/zone.c */
void move_pfn_range_to_zone(struct zone *zone, unsigned long start_pfn,
			    unsigned long nr_pages, struct vmem_altmap *altmap,
			    int migratetype);
void remove_pfn_range_from_zone(struct zone *zone, unsigned long start_pfn,
				unsigned long nr_pages);
unsigned long __offline_isolated_pages(unsigned long start_pfn,
				       unsigned long end_pfn);

/* Nodes, mm/hotplug/node.c; mm/mm_init.c */
int try_online_node(int nid);
int __ref free_area_init_core_hotplug(struct pglist_data *pgdat);

/* How the page allocator gets pages that come online, mm/hotplug/online.c */
typedef void (*online_page_callback_t)(struct page *page, unsigned int order);

void generic_online_page(struct page *page, unsigned int order);
int set_online_page_callback(online_page_callback_t callback);
int restore_online_page_callback(online_page_callback_t callback);

/* Locks, mm/hotplug/lock.c */
void get_online_mems(void);
void put_online_mems(void);
void mem_hotplug_begin(void);
void mem_hotplug_done(void);

/* Set by the movable_node boot parameter, mm/hotplug/params.c */
extern bool movable_node_enabled;

static inline bool movable_node_is_enabled(void)
{
	return movable_node_enabled;
}

/* Readers of a zone's span retry while it changes. */
static inline unsigned int zone_span_seqbegin(struct zone *zone)
{
	return read_seqbegin(&zone->span_seqlock);
}

static inline int zone_span_seqretry(struct zone *zone, unsigned int seq)
{
	return read_seqretry(&zone->span_seqlock, seq);
}

static inline void zone_span_writelock(struct zone *zone)
{
	write_seqlock(&zone->span_seqlock);
}

static inline void zone_span_writeunlock(struct zone *zone)
{
	write_sequnlock(&zone->span_seqlock);
}

static inline void zone_seqlock_init(struct zone *zone)
{
	seqlock_init(&zone->span_seqlock);
}

/* Excludes that kswapd is stopped while somebody looks at it. */
static inline void pgdat_kswapd_lock(pg_data_t *pgdat)
{
	mutex_lock(&pgdat->kswapd_lock);
}

static inline void pgdat_kswapd_unlock(pg_data_t *pgdat)
{
	mutex_unlock(&pgdat->kswapd_lock);
}

static inline void pgdat_kswapd_lock_init(pg_data_t *pgdat)
{
	mutex_init(&pgdat->kswapd_lock);
}

#else /* !CONFIG_MEMORY_HOTPLUG */

#define pfn_to_online_page(pfn)						\
({									\
	unsigned long __mhp_pfn = (pfn);				\
									\
	pfn_valid(__mhp_pfn) ? pfn_to_page(__mhp_pfn) : NULL;		\
})

static inline bool movable_node_is_enabled(void) { return false; }
static inline bool mhp_supports_memmap_on_memory(void) { return false; }
static inline int try_online_node(int nid) { return 0; }

static inline void get_online_mems(void) { }
static inline void put_online_mems(void) { }
static inline void mem_hotplug_begin(void) { }
static inline void mem_hotplug_done(void) { }

static inline unsigned int zone_span_seqbegin(struct zone *zone) { return 0; }
static inline int zone_span_seqretry(struct zone *zone, unsigned int seq) { return 0; }
static inline void zone_span_writelock(struct zone *zone) { }
static inline void zone_span_writeunlock(struct zone *zone) { }
static inline void zone_seqlock_init(struct zone *zone) { }

static inline void pgdat_kswapd_lock(pg_data_t *pgdat) { }
static inline void pgdat_kswapd_unlock(pg_data_t *pgdat) { }
static inline void pgdat_kswapd_lock_init(pg_data_t *pgdat) { }

#endif /* CONFIG_MEMORY_HOTPLUG */

#ifdef CONFIG_MEMORY_HOTREMOVE
void try_offline_node(int nid);
int remove_memory(u64 start, u64 size);
void __remove_memory(u64 start, u64 size);
int offline_and_remove_memory(u64 start, u64 size);
int mhp_offline_ranges(const struct range *phys, unsigned int nr,
		       unsigned int timeout_ms);
int mhp_withdraw_ranges(const struct range *phys, unsigned int nr,
			unsigned int timeout_ms);
#else
static inline void try_offline_node(int nid) { }
static inline int remove_memory(u64 start, u64 size) { return -EBUSY; }
static inline void __remove_memory(u64 start, u64 size) { }
static inline int mhp_offline_ranges(const struct range *phys, unsigned int nr,
				     unsigned int timeout_ms)
{
	return -EOPNOTSUPP;
}

static inline int mhp_withdraw_ranges(const struct range *phys, unsigned int nr,
				      unsigned int timeout_ms)
{
	return -EOPNOTSUPP;
}
#endif

/* The node's size and spans; the deferred initialisation of memmaps takes it, too. */
#if defined(CONFIG_MEMORY_HOTPLUG) || defined(CONFIG_DEFERRED_STRUCT_PAGE_INIT)
static inline void pgdat_resize_init(struct pglist_data *pgdat)
{
	spin_lock_init(&pgdat->node_size_lock);
}

static inline void pgdat_resize_lock(struct pglist_data *pgdat, unsigned long *flags)
{
	spin_lock_irqsave(&pgdat->node_size_lock, *flags);
}

static inline void pgdat_resize_unlock(struct pglist_data *pgdat, unsigned long *flags)
{
	spin_unlock_irqrestore(&pgdat->node_size_lock, *flags);
}
#else
static inline void pgdat_resize_init(struct pglist_data *pgdat) { }
static inline void pgdat_resize_lock(struct pglist_data *p, unsigned long *f) { }
static inline void pgdat_resize_unlock(struct pglist_data *p, unsigned long *f) { }
#endif

#endif /* __LINUX_MEMORY_HOTPLUG_H */
