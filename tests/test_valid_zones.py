# SPDX-License-Identifier: GPL-2.0-only
"""valid_zones: the zone of what is online, and where what is offline could go, the choice first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kernels import WITHOUT_CHECKS

from harness.blocks import Block
from harness.machine import Machine

MIB = 1 << 20
BLOCK = 128 * MIB
PAGE = 4096
PARAMETERS = "/sys/module/memory_hotplug/parameters"

# The nodes meet within a block, and node 1 ends on a block's edge.
NODE_1 = 1088 * MIB
GUEST = dict(kernel=WITHOUT_CHECKS, nodes=("1088M", "960M"), append=("memory_hotplug.auto_movable_numa_aware=N",))


@pytest.fixture
def policy(guest: Machine) -> Iterator[Machine]:
    """A guest whose online policy a test may change."""
    yield guest
    guest.write(f"{PARAMETERS}/online_policy", "contig-zones")


def zones_of(machine: Machine, block: Block) -> set[tuple[int, str]]:
    """The zones that have pages in a block, as their spans tell."""
    first, last = block.start // PAGE, block.end // PAGE
    return {(zone.node, zone.name) for zone in machine.zones()
            if zone.present and zone.start_pfn < last and first < zone.start_pfn + zone.spanned}


def now(machine: Machine, *blocks: Block) -> list[tuple[str, ...]]:
    memory = machine.memory(use=False)
    return [memory.block(block.number).zones for block in blocks]


def plug(machine: Machine, size: str) -> list[Block]:
    dimm = machine.plug_dimm(size)
    return machine.memory(use=False).of(dimm.addr, dimm.size)


def test_valid_zones_of_boot(guest: Machine) -> None:
    """One word: the zone, or none where a block has pages of several, or of several nodes."""
    memory = guest.memory(use=False)
    assert {block.state for block in memory} == {"online"}
    several = 0
    for block in memory:
        own = zones_of(guest, block)
        assert block.zones == ((own.pop()[1],) if len(own) == 1 else ("none",)), block
        several += bool(own)
    # The first has DMA and DMA32, and one has two nodes.
    assert [b.number for b in memory if b.zones == ("none",)] == [0, NODE_1 // BLOCK] and several == 2


def test_valid_zones_of_boot_memory_that_is_offline(guest: Machine) -> None:
    """It may go back to where it was, or become movable: the zone that spans the place, whatever its name."""
    for block in guest.memory(use=False):
        inside = block.zones == ("DMA32",) and block.start > NODE_1 and block.end < 2048 * MIB
        if inside and guest.run(f"put /sys/devices/system/memory/memory{block.number}/state offline").ok:
            assert now(guest, block) == [("DMA32", "Movable")]
            guest.online(block)
            assert now(guest, block) == [("DMA32",)]
            return
    raise AssertionError("no block of node 1 goes offline")


def test_valid_zones_first_is_the_choice(policy: Machine) -> None:
    """Both zones are shown, in the order that the policy of the moment makes; "online" goes to the first."""
    blocks = plug(policy, "512M")
    assert now(policy, *blocks) == [("Normal", "Movable")] * 4
    assert policy.write(f"{PARAMETERS}/online_policy", "auto-movable") == 0
    assert now(policy, *blocks) == [("Movable", "Normal")] * 4
    policy.online(blocks[0])
    assert now(policy, blocks[0]) == [("Movable",)]
    assert policy.write(f"{PARAMETERS}/online_policy", "contig-zones") == 0
    assert now(policy, *blocks[1:]) == [("Normal", "Movable")] * 3
    policy.online(blocks[3], "online_movable")
    # Both ends are movable now: what lies between them is movable by preference.
    assert now(policy, *blocks) == [("Movable",), ("Movable", "Normal"), ("Movable", "Normal"), ("Movable",)]
    policy.online(blocks[2])
    assert now(policy, blocks[2]) == [("Movable",)]
    policy.offline(blocks[3])
    assert now(policy, blocks[3]) == [("Normal", "Movable")]


def test_valid_zones_is_true(guest: Machine) -> None:
    """Whatever zone is listed can be had, and none but those."""
    block, = plug(guest, "128M")
    for how, zone in (("online_movable", "Movable"), ("online_kernel", "Normal")):
        assert zone in now(guest, block)[0]
        guest.online(block, how)
        assert now(guest, block) == [(zone,)]
        assert guest.memory(use=False).block(block.number).zone == zone
        assert zones_of(guest, block) == {(1, zone)}
        if zone == "Movable":
            guest.offline(block)
            assert now(guest, block) == [("Normal", "Movable")]
