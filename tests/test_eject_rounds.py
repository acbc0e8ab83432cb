# SPDX-License-Identifier: GPL-2.0-only
"""A DIMM that was ejected is gone everywhere, and many of them leave nothing behind.

The rounds run on the kernel without checks: KASAN's quarantine keeps freed objects
for as long as it likes, so that its counters say nothing. Half a second a round.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pagetables
import pytest
from uevents import MEMORY

from harness import trend
from harness.machine import Machine

NODE = 1
GIB = 1 << 30
PAGE = 4096
SETTLED = 10
ROUND_DIMM = 256 << 20

# What a trend may be at most, in bytes a round. A leak is whole pages or slab objects for each
# DIMM, block (2) or section (2) that came and went: half a page a round is less than a page
# table, and less than half of what one leaked block device would show as in the slabs.
# What is unused sums up all of it, and is what a lost page of a memmap would be missing from.
# It is MemFree and the per-CPU lists: how much of the free memory is on those changes by megabytes.
LIMITS = {
    "Unused": 2048,
    "Slab": 2048,
    "SUnreclaim": 2048,
    "PageTables": 512,
    "Percpu": 512,
    "KernelStack": 2048,    # a stack in eight rounds: workqueues start and end threads of their own
    "VmallocUsed": 512,
}
# What must be the same after each round, to the byte.
FIXED = ("MemTotal", "DirectMap", "nr_memmap_pages", "nr_memmap_boot_pages")


def direct_map(meminfo: dict[str, int]) -> int:
    return sum(size for name, size in meminfo.items() if name.startswith("DirectMap"))


@dataclass(frozen=True)
class Picture:
    """All that must be as it was once a DIMM has gone."""

    dimms: Any
    iomem: Any
    blocks: Any
    zones: Any
    node_states: Any
    node_links: str
    total: int
    direct_map: int
    mappings: pagetables.Mappings


def take_picture(machine: Machine) -> Picture:
    meminfo = machine.meminfo()
    return Picture(
        dimms=machine.dimms(),
        iomem=machine.iomem(),
        blocks=[(b.number, b.state, b.node, b.zones) for b in machine.memory(use=False)],
        zones=[(z.node, z.name, z.start_pfn, z.spanned, z.present, z.managed) for z in machine.zones() if z.present],
        node_states={name: machine.node_state(name)
                     for name in ("online", "has_memory", "has_normal_memory", "has_cpu", "possible")},
        node_links=machine.sh("cd /sys/devices/system/node && echo node*/memory*"),
        total=meminfo["MemTotal"],
        direct_map=direct_map(meminfo),
        mappings=pagetables.mappings(machine),
    )


@pytest.mark.parametrize("zone, size", [("online_movable", GIB // 4), ("offline", GIB)])
def test_eject_leaves_nothing(guest: Machine, zone: str, size: int) -> None:
    before = take_picture(guest)
    plug = guest.plug_dimm(size, node=NODE)
    blocks = [block.number for block in guest.memory(use=False).of(plug.addr, size)]
    while_in = pagetables.mappings(guest)
    assert before.mappings.direct_bytes(plug.addr, size) == 0
    assert before.mappings.memmap_bytes(plug.addr, size) == 0
    assert while_in.direct_bytes(plug.addr, size) == size
    assert while_in.memmap_bytes(plug.addr, size) == size // PAGE * pagetables.STRUCT_PAGE
    if zone != "offline":
        guest.online(blocks, zone)
        holder = guest.hold("anon", "24M", node=NODE, busy=True)
        assert set(holder.blocks()) <= set(blocks)
    assert guest.unplug_dimm(plug.id).gone
    if zone != "offline":
        assert not set(holder.blocks()) & set(blocks)
        assert holder.stop().ok
    after = take_picture(guest)
    assert after == before
    assert NODE not in after.node_states["has_memory"]
    for number in blocks:
        assert not guest.run(f"test -e {MEMORY}/memory{number}").ok


def sample(machine: Machine) -> dict[str, int]:
    """The counters once caches that may keep things are emptied."""
    out = machine.sh("echo 3 > /proc/sys/vm/drop_caches; cat /proc/meminfo; echo ---; cat /proc/vmstat; "
                     "echo ---; cat /proc/zoneinfo")
    meminfo, vmstat, zoneinfo = out.split("---\n")
    values = {name: int(number) * 1024 for name, number in re.findall(r"^([\w()]+):\s+(\d+) kB", meminfo, re.M)}
    values["DirectMap"] = direct_map(values)
    listed = sum(map(int, re.findall(r"^ +count: +(\d+)", zoneinfo, re.M)))
    values["Unused"] = values["MemFree"] + listed * PAGE
    values.update({name: int(number) for name, number in re.findall(r"^(nr_memmap\w*) (\d+)$", vmstat, re.M)})
    return values


def one_round(machine: Machine) -> dict[str, int]:
    plug = machine.plug_dimm(ROUND_DIMM, node=NODE)
    first, count = plug.addr >> 27, ROUND_DIMM >> 27
    machine.online(range(first, first + count), "online_movable")
    # Something must have been in it: an empty block proves less.
    machine.sh(f"numactl --membind={NODE} dd if=/dev/zero of=/dev/null bs=8M count=1 2>/dev/null")
    assert machine.unplug_dimm(plug.id).gone
    return sample(machine)


@pytest.mark.parametrize("rounds", [40, pytest.param(100, marks=pytest.mark.long)])
def test_rounds(new_machine: Callable[..., Machine], kernel_config: str, rounds: int) -> None:
    machine = new_machine(kernel=kernel_config.replace("debug", "plain"))
    history = [one_round(machine) for _ in range(rounds)]
    settled = history[SETTLED:]
    for name in FIXED:
        assert len({values[name] for values in settled if name in values}) <= 1, f"{name} does not come back"
    (machine.folder / "rounds.json").write_text(json.dumps(history))
    drift = {name: trend.fit([values[name] for values in settled]) for name in LIMITS}
    print("\n".join(f"{name}: {line}" for name, line in drift.items()))
    excess = {name: str(line) for name, line in drift.items() if line.exceeds(LIMITS[name])}
    assert not excess, f"grows or shrinks with each round: {excess}"
