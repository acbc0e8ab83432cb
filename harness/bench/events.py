# SPDX-License-Identifier: GPL-2.0-only
"""What an emulated machine prices like an addition and a real one does not: counted, by the functions that do it.

Pure: how often functions were entered in, counts out.
"""

from __future__ import annotations

from .profile import Profile

# event -> functions one of which is entered once for each. A kernel may lack some, or have them inlined.
EVENTS: dict[str, tuple[str, ...]] = {
    "grace periods": ("__wait_rcu_gp", "synchronize_rcu_expedited", "__synchronize_srcu"),
    "work on all CPUs": ("schedule_on_each_cpu", "__lru_add_drain_all", "__drain_all_pages", "flush_all_cpus_locked",
                         "on_each_cpu_cond_mask", "stop_machine"),
    "TLB flushes": ("flush_tlb_all", "flush_tlb_kernel_range", "flush_tlb_mm_range", "arch_tlbbatch_flush"),
    "pcp lists off or on": ("zone_pcp_disable", "zone_pcp_enable"),
    "LRU caches off": ("lru_cache_disable",),
    "watermark set-ups": ("setup_per_zone_wmarks",),
    "zonelist rebuilds": ("build_all_zonelists",),
    "slab caches shrunk": ("__kmem_cache_do_shrink",),
    "KSM asked": ("ksm_memory_callback", "ksm_forget_range"),
    "crash kernel told": ("crash_handle_hotplug_event",),
    "uevents": ("kobject_get_path",),      # of the device, once for each uevent that is not suppressed
}


def count(entered: Profile) -> dict[str, int]:
    """How many there were of each."""
    return {event: sum(entered.get(name, 0) for name in names) for event, names in EVENTS.items()}
