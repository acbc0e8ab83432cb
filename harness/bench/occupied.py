# SPDX-License-Identifier: GPL-2.0-only
"""Takes memory away that is in use: how many pages move, and who is kept waiting meanwhile. By the wall's clock, if any."""

from __future__ import annotations

import re
import time

from ..machine import Machine, MachineConfig
from .sample import Sample

SIZE = 4 << 30
_APPEND = ("memhp_default_state=online_movable",)
_EVENT = "/sys/kernel/tracing/events/migrate/mm_migrate_pages"
_TRACE = "/sys/kernel/tracing/trace"
_PATIENCE = 1200.0      # seconds


def in_use(zoneinfo: str, zone: str) -> int:
    """The pages of the only zone by that name which somebody has: neither free nor on a CPU's list of free pages."""
    body, = re.findall(rf"^Node \d+, zone +{zone}\n(.*?)(?=^Node |\Z)", zoneinfo, re.M | re.S)
    managed, free = (int(re.search(rf"{name}\s+(\d+)", body)[1]) for name in (r"\bmanaged", "pages free"))  # type: ignore[index]
    return managed - free - sum(map(int, re.findall(r"^\s+count:\s+(\d+)", body, re.M)))


def moved(trace: str) -> int:
    """The pages that memory hotplug moved, by the trace of migrations."""
    return sum(map(int, re.findall(r"mm_migrate_pages: nr_succeeded=(\d+) .*reason=memory_hotplug", trace)))


def half_full(kernel: str) -> dict[str, Sample]:
    """A DIMM whose blocks are half full leaves a node that else has memory of boot only: pages that move.

    There is room for all of them outside of the DIMM, and for half of them in blocks of it that are still online
    when the first ones are emptied.
    """
    with Machine(MachineConfig(kernel=kernel, nodes=("4G",), append=_APPEND)) as machine:
        machine.plug_dimm(SIZE, 0, "d0", timeout=300)
        machine.start(f"exec fill {SIZE} 2").expect(r"^filled \d+$", 600)
        used = in_use(machine.read("/proc/zoneinfo"), "Movable")
        machine.write(f"{_EVENT}/enable", 1)
        start = time.monotonic_ns()
        assert machine.unplug_dimm("d0", timeout=_PATIENCE).gone
        took = time.monotonic_ns() - start
        return {"half-full": Sample(took, {}, {}, {"used": used, "moved": moved(machine.read(_TRACE))})}
