/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory blocks, memory groups and the memory notifiers.
 *
 * A memory block is the unit in which memory goes on- and offline; sysfs shows
 * each as a device. mm/hotplug owns the blocks and their state, drivers/base
 * shows them. A memory group says which blocks belong to one memory device.
 */
#ifndef _LINUX_MEMORY_H_
#define _LINUX_MEMORY_H_

#include <linux/node.h>
#include <linux/compiler.h>
#include <linux/mutex.h>
#include <linux/memory_hotplug.h>

#define MIN_MEMORY_BLOCK_SIZE     BIT(SECTION_SIZE_BITS)

/**
 * struct memory_group - the memory blocks of one memory device
 * @nid: The node that all its memory belongs to.
 * @memory_blocks: The blocks, linked by &memory_block.group_next.
 * @present_kernel_pages: Online pages of it outside ZONE_MOVABLE.
 * @present_movable_pages: Online pages of it in ZONE_MOVABLE.
 * @is_dynamic: Memory comes and goes in units (virtio-mem), not all at once
 *	(a DIMM).
 * @s: A static group's properties, @is_dynamic is false.
 * @s.max_pages: All the pages the device will ever have.
 * @d: A dynamic group's properties, @is_dynamic is true.
 * @d.unit_pages: Pages in a unit, a power of two of at least a memory block;
 *	units are naturally aligned in physical address space.
 *
 * Counters and list are protected by device_hotplug_lock.
 */
struct memory_group {
	int nid;
	struct list_head memory_blocks;
	unsigned long present_kernel_pages;
	unsigned long present_movable_pages;
	bool is_dynamic;
	union {
		struct {
			unsigned long max_pages;
		} s;
		struct {
			unsigned long unit_pages;
		} d;
	};
};

/*
 * What the notifiers are told, in &enum order of the kernel's ABI with modules.
 * These are events, not states: see enum mhp_block_state.
 */
enum memory_block_event {
	MEM_ONLINE,		/* is online */
	MEM_GOING_OFFLINE,	/* wants to go offline: may be refused */
	MEM_OFFLINE,		/* is offline */
	MEM_GOING_ONLINE,	/* wants to come online: may be refused */
	MEM_CANCEL_ONLINE,	/* did not come online after all */
	MEM_CANCEL_OFFLINE,	/* did not go offline after all */
	MEM_PREPARE_ONLINE,	/* is about to be accessed: may be refused */
	MEM_FINISH_OFFLINE,	/* will not be accessed any more */
};

/**
 * enum mhp_block_state - the life of a memory block
 * @MHP_BLOCK_ABSENT: Not known, or not yet, or no longer.
 * @MHP_BLOCK_OFFLINE: Known, not used by anybody.
 * @MHP_BLOCK_GOING_ONLINE: On its way; falls back to offline on a refusal.
 * @MHP_BLOCK_ONLINE: The page allocator owns it.
 * @MHP_BLOCK_GOING_OFFLINE: Being emptied; falls back to online on a refusal.
 */
enum mhp_block_state {
	MHP_BLOCK_ABSENT,
	MHP_BLOCK_OFFLINE,
	MHP_BLOCK_GOING_ONLINE,
	MHP_BLOCK_ONLINE,
	MHP_BLOCK_GOING_OFFLINE,
	/* private: how many */ NR_MHP_BLOCK_STATES
};

/**
 * struct memory_block - the unit in which memory goes on- and offline
 * @start_section_nr: Its first section. Constant.
 * @state: Where in its life it is. Set by mm/hotplug alone, under
 *	device_hotplug_lock; may be read without.
 * @online_type: What the next device_online() is to do. Under
 *	device_hotplug_lock.
 * @nid: Its node; of a boot-time block with several nodes the last one.
 * @zone: The one zone that all its RAM belongs to while it is online; NULL
 *	while offline, or where several zones or nodes share it, which keeps it
 *	from being taken offline. Under device_hotplug_lock.
 * @dev: Its device in sysfs. Touched by drivers/base alone.
 * @altmap: Set where its memmap lies in its own first pages. Owned by the
 *	block.
 * @group: The group it belongs to, or NULL. Constant.
 * @group_next: Its place in &memory_group.memory_blocks.
 * @nr_hwpoison: Pages of it that have a hardware error.
 * @rcu: The block is found by an RCU lookup, so it is freed after one.
 */
struct memory_block {
	unsigned long start_section_nr;
	enum mhp_block_state state;
	enum mmop online_type;
	int nid;
	struct zone *zone;
	struct device dev;
	struct vmem_altmap *altmap;
	struct memory_group *group;
	struct list_head group_next;
#if defined(CONFIG_MEMORY_FAILURE) && defined(CONFIG_MEMORY_HOTPLUG)
	atomic_long_t nr_hwpoison;
#endif
	struct rcu_head rcu;
};

int arch_get_memory_phys_device(unsigned long start_pfn);
unsigned long memory_block_size_bytes(void);
int set_memory_block_size_order(unsigned int order);

/**
 * struct memory_notify - what a notifier learns about the pages concerned
 * @altmap_start_pfn: First page of a memmap that lies in the block itself;
 *	for MEM_PREPARE_ONLINE and MEM_FINISH_OFFLINE alone.
 * @altmap_nr_pages: Its pages, 0 where there is none.
 * @start_pfn: First page that goes on- or offline.
 * @nr_pages: How many do.
 * @status_change_nid_normal: The node that gains its first, or loses its last,
 *	page outside ZONE_MOVABLE; NUMA_NO_NODE where none does.
 * @status_change_nid: The node that gains its first, or loses its last, page;
 *	NUMA_NO_NODE where none does.
 * @movable: They are of ZONE_MOVABLE, where the kernel has nothing of its own.
 */
struct memory_notify {
	unsigned long altmap_start_pfn;
	unsigned long altmap_nr_pages;
	unsigned long start_pfn;
	unsigned long nr_pages;
	int status_change_nid_normal;
	int status_change_nid;
	bool movable;
};

struct notifier_block;
struct mem_section;

/* Priorities of the notifiers in the tree, first called last in this list. */
#define DEFAULT_CALLBACK_PRI	0
#define SLAB_CALLBACK_PRI	1
#define HMAT_CALLBACK_PRI	2
#define CXL_CALLBACK_PRI	5
#define MM_COMPUTE_BATCH_PRI	10
#define CPUSET_CALLBACK_PRI	10
#define MEMTIER_HOTPLUG_PRI	100

#ifdef CONFIG_MEMORY_HOTPLUG
int register_memory_notifier(struct notifier_block *nb);
void unregister_memory_notifier(struct notifier_block *nb);
#define hotplug_memory_notifier(fn, pri) ({				\
	static struct notifier_block fn##_mem_nb __meminitdata = {	\
		.notifier_call = fn,					\
		.priority = pri,					\
	};								\
	register_memory_notifier(&fn##_mem_nb);				\
})

void memory_dev_init(void);

/* Blocks, mm/hotplug/block.c: all under device_hotplug_lock */
typedef int (*walk_memory_blocks_func_t)(struct memory_block *mem, void *arg);
struct memory_block *find_memory_block(unsigned long section_nr);
int walk_memory_blocks(unsigned long start, unsigned long size, void *arg,
		       walk_memory_blocks_func_t func);
#ifdef CONFIG_NUMA
void memory_block_add_nid(struct memory_block *mem, int nid,
			  enum meminit_context context);
#endif

/* Groups, mm/hotplug/group.c */
int memory_group_register_static(int nid, unsigned long max_pages);
int memory_group_register_dynamic(int nid, unsigned long unit_pages);
int memory_group_unregister(int mgid);

/**
 * struct mhp_view - how mm/hotplug's blocks are shown
 * @added: Show a new, offline or (at boot) online block. Takes over the
 *	reference to &memory_block.dev that the caller holds: on an error it has
 *	dropped it, and the block is gone. User space hears nothing yet.
 * @announce: The block of @added is there to stay: tell user space.
 * @removed: Show it no longer and drop the reference of @added.
 * @changed: A range operation brought the block on- or offline (not one that
 *	came through device_online() or device_offline()): follow its state,
 *	tell user space.
 *
 * Called under device_hotplug_lock, the memory hotplug lock not held: @removed
 * waits for all inside of the block's files, and these may wait for that lock.
 */
struct mhp_view {
	int (*added)(struct memory_block *mem);
	void (*announce)(struct memory_block *mem);
	void (*removed)(struct memory_block *mem);
	void (*changed)(struct memory_block *mem);
};

/* What the view asks of mm/hotplug; device_hotplug_lock where not said otherwise */
void mhp_view_register(const struct mhp_view *view);
int mhp_blocks_init(void);			/* boot: one for each with RAM */
void mhp_block_free(struct memory_block *mem);	/* the device's release */
unsigned long mhp_block_id(const struct memory_block *mem);	/* no lock */
unsigned long mhp_block_start_pfn(const struct memory_block *mem);	/* no lock */
unsigned long mhp_block_nr_pages(void);		/* no lock */
const char *mhp_block_state_name(enum mhp_block_state state);	/* no lock */
int mhp_online_block(struct memory_block *mem, enum mmop type);
#ifdef CONFIG_MEMORY_HOTREMOVE
int mhp_offline_block(struct memory_block *mem);
#else
static inline int mhp_offline_block(struct memory_block *mem) { return -EINVAL; }
#endif
struct zone *mhp_zone_for_block(struct memory_block *mem, enum mmop type);
int mhp_online_type_from_str(const char *str);	/* no lock */
const char *mhp_online_type_name(enum mmop type);	/* no lock */
enum mmop mhp_get_default_online_type(void);	/* no lock */
void mhp_set_default_online_type(enum mmop type);	/* no lock */
int mhp_probe_memory(u64 start);

#else /* !CONFIG_MEMORY_HOTPLUG */
static inline int register_memory_notifier(struct notifier_block *nb) { return 0; }
static inline void unregister_memory_notifier(struct notifier_block *nb) { }
static inline int hotplug_memory_notifier(notifier_fn_t fn, int pri) { return 0; }
static inline void memory_dev_init(void) { }
#endif /* CONFIG_MEMORY_HOTPLUG */

/* Code patching; lives here for want of a better place. Users may sleep. */
extern struct mutex text_mutex;

#endif /* _LINUX_MEMORY_H_ */
