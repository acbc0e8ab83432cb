# SPDX-License-Identifier: GPL-2.0-only
"""numactl and migratepages over a node whose memory was added."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from harness.machine import Holder, Machine

MIB = 1 << 20
PAGE = 4096
BLOCK = 128 * MIB
NODE = 1
SIZE = 16 * MIB

GUEST = dict(nodes=("1G", 0))


@dataclass
class Added:
    """A DIMM that is online and movable, alone in its node."""

    machine: Machine
    id: str


@pytest.fixture
def added(guest: Machine) -> Iterator[Added]:
    plug = guest.plug_dimm("256M", node=NODE)
    guest.online(guest.memory(use=False).of(plug.addr, plug.size), "online_movable")
    yield Added(guest, plug.id)


def hold(machine: Machine, *numactl: str) -> Holder:
    """Holds memory as numactl has it, which memhold itself has no say in."""
    words = ["exec", "numactl", *numactl, "memhold", "--kind", "anon", "--size", str(SIZE)]
    return Holder(machine.start(shlex.join(words)), 60)


def pages(machine: Machine, holder: Holder) -> dict[int, int]:
    """How many of its pages lie in which node."""
    node = {block.number: block.node for block in machine.memory(use=False)}
    found: dict[int, int] = {}
    for block, count in holder.blocks().items():
        found[node[block]] = found.get(node[block], 0) + count
    return found


def hardware(machine: Machine) -> dict[int, int]:
    """Memory of each node as numactl shows it, in MiB; nodes that it does not know are not there."""
    return {int(node): int(size) for node, size in re.findall(r"^node (\d+) size: (\d+) MB", machine.sh("numactl -H"), re.M)}


def test_numactl_hardware(guest: Machine) -> None:
    """The node comes with its memory, and goes with it."""
    def check(node_1: dict[int, int]) -> None:
        assert hardware(guest) == {0: guest.meminfo(0)["MemTotal"] // MIB, **node_1}

    check({})
    assert not guest.run("numactl --membind=1 true").ok
    plug = guest.plug_dimm("256M", node=NODE)
    assert hardware(guest).get(NODE, 0) == 0
    guest.online(guest.memory(use=False).of(plug.addr, plug.size), "online_movable")
    check({NODE: 256})
    text = guest.sh("numactl -H")
    assert "available: 2 nodes (0-1)" in text and re.search(r"^ +1: +20 +10", text, re.M)
    assert guest.run("numactl --membind=1 true").ok
    assert re.search(r"^membind: 0 1 *$", guest.sh("numactl --show"), re.M)
    assert guest.unplug_dimm(plug.id).gone
    check({})
    assert not guest.run("numactl --membind=1 true").ok


def test_numactl_policies(added: Added) -> None:
    """membind, preferred and interleave over the added node; then it is ejected from under two of them."""
    machine, total = added.machine, SIZE // PAGE
    bound, preferring = hold(machine, "--membind=1"), hold(machine, "--preferred=1")
    assert pages(machine, bound) == pages(machine, preferring) == {NODE: total}
    spread = hold(machine, "--interleave=0,1")
    assert set(pages(machine, spread)) == {0, NODE}
    assert pages(machine, spread)[NODE] == pytest.approx(total // 2, rel=0.1)
    assert spread.stop().ok
    assert machine.unplug_dimm(added.id).gone
    for holder in (bound, preferring):
        assert pages(machine, holder) == {0: total}
        assert holder.stop().ok


def test_migratepages(added: Added) -> None:
    """A process is moved to the added node and back, and does not notice; nor when the node goes."""
    machine, total = added.machine, SIZE // PAGE
    holder = hold(machine, "--preferred=0")
    for source, target in ((0, NODE), (NODE, 0), (0, NODE)):
        assert pages(machine, holder) == {source: total}
        machine.sh(f"migratepages {holder.job.pid} {source} {target}", timeout=60)
        assert pages(machine, holder) == {target: total}
        assert holder.verify().ok
    assert machine.unplug_dimm(added.id).gone
    assert pages(machine, holder) == {0: total}
    assert holder.stop().ok
