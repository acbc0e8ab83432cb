# SPDX-License-Identifier: GPL-2.0-only
"""ZONE_MOVABLE at boot: kernelcore=, movablecore= and movable_node.

What the zones are is compared with what the parameters promise, worked out here from the memory that
the log says there is. Node 0 has 2 GiB below 4 GiB, which are the kernel's in any case, and some above;
node 1 lies above. The arithmetic itself is tested in user space (tools/testing/memory-hotplug).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import bootmap
import pytest
from bootmap import PAGE, Early
from uevents import MEMORY

from harness.machine import Dimm, Machine

MIB = 1 << 20
GIB = 1 << 30
UNIT = 4 * MIB          # zones start at multiples of it: the largest buddy page
DMA32_END = 4 * GIB     # ZONE_MOVABLE is made of the memory above
BLOCK = 128 * MIB
NODES = ("3G", "1G")

NewMachine = Callable[..., Machine]


def plain(kernel: str) -> str:
    """Boots that are many and where KASAN sees nothing new."""
    return kernel.replace("debug", "plain")


def total(ranges: list[Early]) -> int:
    return sum(r.size for r in ranges)


def low(ranges: list[Early]) -> int:
    """Of these, what is too low to be movable."""
    return sum(min(r.end, DMA32_END) - r.start for r in ranges if r.start < DMA32_END)


def spread(ranges: list[Early], kernel: int) -> dict[int, int]:
    """How many pages the kernel zones of each node get: those that have least get more, until it is enough."""
    nodes = sorted({r.node for r in ranges})
    pages = {n: total([r for r in ranges if r.node == n]) // PAGE for n in nodes}
    given = {n: low([r for r in ranges if r.node == n]) // PAGE for n in nodes}
    left = kernel // PAGE - sum(given.values())
    while left > 0:
        hungry = [n for n in nodes if given[n] < pages[n]]
        least = min(given[n] for n in hungry)
        share = [n for n in hungry if given[n] == least]
        above = [given[n] for n in hungry if given[n] > least] + [pages[n] for n in share]
        step = min(min(above) - least, max(1, left // len(share)))
        for n in share:
            given[n] += step
            left -= step
    return given


def starts(ranges: list[Early], kernel: int) -> dict[int, int]:
    """Where ZONE_MOVABLE is to begin in each node that has it, if the kernel zones get @kernel bytes."""
    found = {}
    for node, pages in spread(ranges, kernel).items():
        own = [r for r in ranges if r.node == node]
        left = pages * PAGE
        for r in own:
            if left < r.size:
                start = -(-(r.start + left) // UNIT) * UNIT
                if start < own[-1].end:
                    found[node] = start
                break
            left -= r.size
    return found


def check_zones(machine: Machine, expected: dict[int, int]) -> None:
    """All memory of a node from there on is Movable, all below is not; the zones are what the log said."""
    log = machine.log()
    ranges = bootmap.early_ranges(log)
    assert bootmap.movable_starts(log) == expected
    for node in {r.node for r in ranges}:
        own = [r for r in ranges if r.node == node]
        start = expected.get(node, own[-1].end)
        above = sum(r.end - max(r.start, start) for r in own if r.end > start)
        zones = {zone.name: zone for zone in machine.zones() if zone.node == node and zone.present}
        assert ("Movable" in zones) == (node in expected)
        if node in expected:
            assert zones["Movable"].start_pfn * PAGE == start
            assert zones["Movable"].present * PAGE == above
            # Not all: memmaps, and KASAN's shadow, are taken from the end of the node, whatever is to be there.
            assert 0.5 * above < zones["Movable"].managed * PAGE <= above
        assert sum(z.present for z in zones.values()) * PAGE == total(own)
        assert all((z.start_pfn + z.spanned) * PAGE <= start for z in zones.values() if z.name != "Movable")


def percent(ranges: list[Early], share: int) -> int:
    return total(ranges) // PAGE * share // 100 * PAGE


def up(size: int) -> int:
    return -(-size // UNIT) * UNIT


# What is asked for, and how much that leaves to the kernel zones
AMOUNTS: dict[str, Callable[[list[Early]], int]] = {
    "kernelcore=512M": lambda r: 512 * MIB,
    "kernelcore=75%": lambda r: percent(r, 75),
    "movablecore=30%": lambda r: total(r) - up(percent(r, 30)),
    "kernelcore=2600M movablecore=1536M": lambda r: max(2600 * MIB, total(r) - 1536 * MIB),
    # The last one counts.
    "kernelcore=10% kernelcore=0xa8000K": lambda r: 672 * MIB,
}


def check_amount(machine: Machine, words: str) -> None:
    ranges = bootmap.early_ranges(machine.log())
    assert low(ranges) < 2 * GIB < total(ranges)
    check_zones(machine, starts(ranges, AMOUNTS[words](ranges)))
    holder = machine.hold("anon", "64M", node=1)
    assert holder.stop().ok


@pytest.mark.parametrize("words", AMOUNTS)
def test_zone_movable_of_an_amount(new_machine: NewMachine, kernel_config: str, words: str) -> None:
    check_amount(new_machine(kernel=plain(kernel_config), nodes=NODES, append=tuple(words.split())), words)


def test_zone_movable_of_movablecore(new_machine: NewMachine) -> None:
    """With every check of the debug kernel; boot memory in Movable goes and comes.

    Where the kernel itself lies, and where boot has put memmaps, it does not.
    """
    machine = new_machine(nodes=("2G", "1G"), append=("movablecore=512M", "nokaslr"))
    ranges = bootmap.early_ranges(machine.log())
    check_zones(machine, starts(ranges, total(ranges) - 512 * MIB))

    blocks = [b for b in machine.memory().blocks if b.zone == "Movable"]
    assert [b.node for b in blocks] == [1] * 4
    holder = machine.hold("anon", "96M", node=1)
    before = machine.meminfo()["MemTotal"]
    for block in blocks[:2]:
        machine.offline(block)
        assert set(machine.memory().block(block.number).zones) == {"Movable", "Normal"}
    assert machine.meminfo()["MemTotal"] == before - 2 * BLOCK
    assert holder.verify().ok
    for block in blocks[:2]:
        machine.online(block, "online_movable")
    assert machine.meminfo()["MemTotal"] == before
    assert holder.stop().ok


def test_zone_movable_of_nothing(new_machine: NewMachine, kernel_config: str) -> None:
    """Words that mean nothing, or too much, are named in the log and change nothing; mirror needs mirrors."""
    wrong = ("kernelcore=lots", "movablecore=101%", "kernelcore=512Q", "movablecore=16E", "movablecore=50%%",
             "kernelcore", "kernelcore=mirrors", "kernelcore=-1")
    machine = new_machine(kernel=plain(kernel_config), nodes=NODES, append=(*wrong, "movable_node=perhaps", "kernelcore=mirror"))
    log = machine.log()
    for word in wrong:
        name, _, value = word.partition("=")
        reason = "too large" if value in ("101%", "16E") else r"no amount of memory \(nn\[KMGTPE\] or nn%\)"
        assert re.search(rf"\] {name}={re.escape(value)} is {reason}, ignored\n", log), word
    assert "Malformed early option 'movable_node'" in log
    assert "The system has no mirror memory, ignore kernelcore=mirror." in log     # and not for movable_node's sake
    check_zones(machine, {})


@pytest.mark.parametrize("word", ("movablecore=100%", "movablecore=64G"))
def test_zone_movable_leaves_the_kernel_something(new_machine: NewMachine, kernel_config: str, word: str) -> None:
    machine = new_machine(kernel=plain(kernel_config), nodes=NODES, append=(word,))
    assert "movablecore= has no effect: it would leave no memory to the kernel" in machine.log()
    check_zones(machine, {})


def test_zone_movable_of_hot_pluggable_nodes(new_machine: NewMachine, kernel_config: str, tmp_path: Path) -> None:
    """movable_node: what the SRAT calls hot-pluggable is Movable, and no other parameter matters.

    Unless the kernel lies in it, which has read the firmware's own SRAT when it looks for a random place.
    """
    kernel = plain(kernel_config)
    table = bootmap.hot_pluggable_srat(new_machine(kernel=kernel, nodes=NODES), node=1)
    initrd = bootmap.initramfs_with(table, kernel, tmp_path)
    machine = new_machine(kernel=kernel, nodes=NODES, append=("movable_node", "kernelcore=512M", "nokaslr"),
                          qemu=("-initrd", str(initrd)))
    node, = (r for r in bootmap.early_ranges(machine.log()) if r.node == 1)
    assert "movable_node: kernelcore= and movablecore= have no effect." in machine.log()
    check_zones(machine, {1: node.start})

    # Nothing of the kernel's is there: the whole node can be emptied.
    blocks = machine.memory().of(node.start, node.size)
    assert [b.zone for b in blocks] == ["Movable"] * (GIB // BLOCK)
    holder = machine.hold("anon", "256M", node=1, prefer=True)
    machine.offline(list(blocks))
    assert 1 not in machine.node_state("has_memory")
    assert holder.stop().ok


def test_movable_node_and_dimms(new_machine: NewMachine, kernel_config: str) -> None:
    """movable_node: DIMMs, those of boot included, come online in Movable and can be ejected."""
    machine = new_machine(kernel=plain(kernel_config), nodes=("1G", 0), dimms=(Dimm("d0", "256M", 1),),
                          append=("movable_node", "memhp_default_state=online"))
    dimm, = machine.dimms()
    machine.plug_dimm("128M", node=1, id="d1")
    blocks = [b for b in machine.memory().blocks if b.node == 1]
    assert [(b.state, b.zone) for b in blocks] == [("online", "Movable")] * 3
    assert machine.sh(f"readlink {MEMORY}/memory{int(dimm['addr']) // BLOCK}/firmware_node")
    holder = machine.hold("anon", "64M", node=1, prefer=True)
    for name in ("d0", "d1"):
        assert machine.unplug_dimm(name).gone
    assert holder.stop().ok
    assert not [b for b in machine.memory().blocks if b.node == 1]
