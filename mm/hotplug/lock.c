// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory hotplug lock.
 *
 * Readers (get_online_mems) keep memory and nodes from coming or going while
 * they look: slab, vmstat, compaction. The writer, of which there is one at a
 * time, also keeps CPUs from coming or going, which the notifiers rely on (slub
 * asserts it).
 *
 * Order: device_hotplug_lock > cpus_read_lock > memory hotplug lock > slab_mutex,
 * kswapd_lock, pcp_batch_high_lock > zone lock. device_hotplug_lock is held over
 * a whole operation, the memory hotplug lock only to plan and to commit: pages
 * migrate without it.
 */
#include <linux/cpu.h>
#include <linux/percpu-rwsem.h>

#include "hotplug.h"

DEFINE_STATIC_PERCPU_RWSEM(mem_hotplug_lock);

/**
 * get_online_mems() - keep memory from coming or going
 *
 * Context: may sleep. Nests with itself as percpu_down_read() does: not while a
 * writer waits.
 */
void get_online_mems(void)
{
	percpu_down_read(&mem_hotplug_lock);
}

/**
 * put_online_mems() - end of what get_online_mems() began
 */
void put_online_mems(void)
{
	percpu_up_read(&mem_hotplug_lock);
}

/**
 * mem_hotplug_begin() - become the one who changes memory
 *
 * Context: may sleep; takes the CPU hotplug lock for reading. Also called by
 * mm/memremap.c.
 */
void mem_hotplug_begin(void)
{
	cpus_read_lock();
	percpu_down_write(&mem_hotplug_lock);
}

/**
 * mem_hotplug_done() - end of what mem_hotplug_begin() began
 */
void mem_hotplug_done(void)
{
	percpu_up_write(&mem_hotplug_lock);
	cpus_read_unlock();
}

/**
 * mhp_assert_write_locked() - assert that the caller changes memory
 */
void mhp_assert_write_locked(void)
{
	lockdep_assert_cpus_held();
	lockdep_assert_held_write(&mem_hotplug_lock);
}

/**
 * mhp_assert_locked() - assert that memory does not change meanwhile
 */
void mhp_assert_locked(void)
{
	lockdep_assert_held(&mem_hotplug_lock);
}

/**
 * mhp_assert_not_locked() - assert that the caller may wait for those who want
 *	memory not to change
 */
void mhp_assert_not_locked(void)
{
	lockdep_assert_not_held(&mem_hotplug_lock);
}
