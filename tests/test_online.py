# SPDX-License-Identifier: GPL-2.0-only
"""A node without memory gains a DIMM: what comes online, and what the kernel says of it.

Node 1 is without memory until a DIMM comes. What went to a kernel zone is not
promised to go again, so the ways that lead there come last.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import pytest
from uevents import MEMORY, Uevents

from harness.machine import Machine

PAGE = 4096
SIZE = 512 << 20            # of the DIMM
BLOCK = 128 << 20
AUTO = f"{MEMORY}/auto_online_blocks"
NODES = "/sys/devices/system/node"
NODE = 1


@dataclass(frozen=True)
class Way:
    """@file of each block is given @value; no file: the kernel is told before the DIMM comes."""

    name: str
    file: str
    value: str
    zone: str


MOVABLE = (
    Way("state-online_movable", "state", "online_movable", "Movable"),
    Way("auto-online", "", "online_movable", "Movable"),
)
KERNEL = (
    Way("state-online", "state", "online", "Normal"),
    Way("state-online_kernel", "state", "online_kernel", "Normal"),
    Way("online-1", "online", "1", "Normal"),
)


def numbers(machine: Machine, addr: int, size: int) -> list[int]:
    return [block.number for block in machine.memory().of(addr, size)]


def free_in_buddyinfo(machine: Machine, node: int, zone: str) -> int:
    found = re.search(rf"^Node {node}, zone +{zone} +(.*)$", machine.read("/proc/buddyinfo"), re.M)
    assert found, f"no line for zone {zone} of node {node}"
    return sum(int(count) << order for order, count in enumerate(found[1].split()))


def check_total(machine: Machine, before: int, grown: int) -> None:
    assert machine.meminfo()["MemTotal"] - before == grown


def check_zones(machine: Machine, way: Way, addr: int, pages: int) -> None:
    """The DIMM makes one whole zone of its node, and nothing of any other."""
    zones = {zone.name: zone for zone in machine.zones() if zone.node == NODE and zone.present}
    assert set(zones) == {way.zone}
    zone = zones[way.zone]
    assert zone.start_pfn == addr // PAGE
    assert (zone.spanned, zone.present, zone.managed) == (pages, pages, pages)
    buddy = free_in_buddyinfo(machine, NODE, way.zone)
    assert buddy == pytest.approx(zone.free, abs=1024)
    # A kernel zone has some for the kernel, too; KASAN's shadow, an eighth, is taken block by block.
    assert pages - pages // 6 < buddy <= pages


def check_blocks(machine: Machine, way: Way, addr: int, size: int) -> None:
    for block in machine.memory().of(addr, size):
        assert (block.state, block.node, block.zone) == ("online", NODE, way.zone)
        assert block.zones == (way.zone,)
    links = machine.sh(f"for b in {' '.join(map(str, numbers(machine, addr, size)))}; do "
                       f"readlink -f {NODES}/node{NODE}/memory$b; readlink -f {MEMORY}/memory$b/node{NODE}; done")
    expected = [line for number in numbers(machine, addr, size)
                for line in (f"{MEMORY}/memory{number}", f"{NODES}/node{NODE}")]
    assert links.splitlines() == expected


def check_lsmem(machine: Machine, way: Way, addr: int, size: int) -> None:
    table = json.loads(machine.sh("lsmem --json --bytes --all -o RANGE,SIZE,STATE,REMOVABLE,BLOCK,NODE,ZONES"))
    rows = {int(row["range"].split("-")[0], 16): row for row in table["memory"]}
    for start in range(addr, addr + size, BLOCK):
        row = rows[start]
        assert int(row["range"].split("-")[1], 16) == start + BLOCK - 1
        assert (row["state"], int(row["size"])) == ("online", BLOCK)
        assert (int(row["block"]), int(row["node"])) == (start // BLOCK, NODE)
        assert row["zones"] == way.zone
        assert str(row["removable"]).lower() in ("true", "yes", "1")


def check_resource(machine: Machine, addr: int, size: int) -> None:
    found = [r for r in machine.iomem() if r.start <= addr + size - 1 and r.end >= addr]
    assert [(r.start, r.end, r.name) for r in found] == [(addr, addr + size - 1, "System RAM")]


def check_node(machine: Machine, way: Way, grown: int) -> None:
    assert NODE in machine.node_state("online")
    assert NODE in machine.node_state("has_memory")
    assert (NODE in machine.node_state("has_normal_memory")) == (way.zone == "Normal")
    assert machine.meminfo(NODE)["MemTotal"] == grown
    assert f"kswapd{NODE}" in machine.sh("ps -o comm").split()


def check_usable(machine: Machine, blocks: list[int]) -> None:
    holder = machine.hold("anon", "32M", node=NODE)
    assert set(holder.blocks()) <= set(blocks)
    assert holder.stop().ok


def check_offline(machine: Machine, addr: int, blocks: list[int], total: int) -> None:
    """Plugged, and nobody uses it."""
    assert {block.state for block in machine.memory().of(addr, SIZE)} == {"offline"}
    assert blocks == list(range(addr // BLOCK, (addr + SIZE) // BLOCK)) and len(blocks) == 4
    check_total(machine, total, 0)
    assert NODE not in machine.node_state("has_memory")
    check_resource(machine, addr, SIZE)


def check_all(machine: Machine, way: Way, addr: int, total: int) -> None:
    check_total(machine, total, SIZE)
    check_zones(machine, way, addr, SIZE // PAGE)
    check_blocks(machine, way, addr, SIZE)
    check_lsmem(machine, way, addr, SIZE)
    check_resource(machine, addr, SIZE)
    check_node(machine, way, SIZE)
    check_usable(machine, numbers(machine, addr, SIZE))


def test_block_attributes(guest: Machine) -> None:
    plug = guest.plug_dimm("128M", node=NODE)
    number = plug.addr // BLOCK
    block = f"{MEMORY}/memory{number}"
    assert guest.read(f"{MEMORY}/block_size_bytes") == f"{BLOCK:x}"
    assert guest.read(f"{block}/phys_index") == f"{number:08x}"
    assert guest.read(f"{block}/phys_device") == "0"
    assert guest.read(f"{block}/removable") == "1"
    assert guest.read(f"{block}/state") == "offline"
    assert guest.read(f"{block}/online") == "0"
    assert guest.read(f"{block}/valid_zones").split() == ["Normal", "Movable"]
    assert guest.read(f"{MEMORY}/crash_hotplug") in ("0", "1")
    assert guest.write(f"{block}/state", "online_movable") == 0
    assert guest.read(f"{block}/online") == "1"
    assert guest.read(f"{block}/valid_zones") == "Movable"


def test_uevents(guest: Machine) -> None:
    """Udev hears of a block that comes and goes, and of each change, and of nothing else."""
    assert NODE not in guest.node_state("online")
    with Uevents(guest) as uevents:
        plug = guest.plug_dimm("384M", node=NODE)
        idle, toggled, ejected = numbers(guest, plug.addr, plug.size)
        assert uevents.actions("node1") == ["add"]
        assert uevents.actions(f"memory{toggled}") == ["add"]
        guest.online([toggled, ejected], "online_movable")
        assert guest.write(f"{MEMORY}/memory{toggled}/online", "1") == 0    # is online: no change, no event
        guest.offline(toggled)
        assert uevents.actions(f"memory{toggled}") == ["add", "online", "offline"]
        assert guest.unplug_dimm(plug.id).gone
        assert uevents.actions(f"memory{idle}") == ["add", "remove"]
        assert uevents.actions(f"memory{toggled}") == ["add", "online", "offline", "remove"]
        assert uevents.actions(f"memory{ejected}") == ["add", "online", "offline", "remove"]
        assert uevents.actions("node1") == ["add", "remove"]
        ours = [event for event in uevents.seen() if event.name == f"memory{idle}"]
        assert {(event.subsystem, event.path) for event in ours} == {
            ("memory", f"/devices/system/memory/memory{idle}")}


@pytest.mark.parametrize("way", MOVABLE, ids=lambda way: way.name)
def test_ways_to_movable(guest: Machine, way: Way) -> None:
    total = guest.meminfo()["MemTotal"]
    assert NODE not in guest.node_state("has_memory")
    assert guest.read(AUTO) == "offline"
    if not way.file:
        assert guest.write(AUTO, way.value) == 0
    try:
        plug = guest.plug_dimm(SIZE, node=NODE)
    finally:
        guest.write(AUTO, "offline")
    if way.file:
        blocks = numbers(guest, plug.addr, SIZE)
        check_offline(guest, plug.addr, blocks, total)
        for count, number in enumerate(blocks, 1):
            assert guest.write(f"{MEMORY}/memory{number}/{way.file}", way.value) == 0
            check_total(guest, total, count * BLOCK)
    check_all(guest, way, plug.addr, total)


def test_ways_to_a_kernel_zone(guest: Machine) -> None:
    """Three ways in turn over the blocks of one DIMM: each leads to the same zone."""
    machine = guest
    total = machine.meminfo()["MemTotal"]
    plug = machine.plug_dimm(SIZE, node=NODE)
    blocks = numbers(machine, plug.addr, SIZE)
    check_offline(machine, plug.addr, blocks, total)
    for count, number in enumerate(blocks, 1):
        way = KERNEL[count % len(KERNEL)]
        assert machine.write(f"{MEMORY}/memory{number}/{way.file}", way.value) == 0
        assert machine.read(f"{MEMORY}/memory{number}/valid_zones") == way.zone
        check_total(machine, total, count * BLOCK)
    check_all(machine, KERNEL[0], plug.addr, total)
