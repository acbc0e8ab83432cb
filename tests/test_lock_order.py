# SPDX-License-Identifier: GPL-2.0-only
"""Locks nest as Documentation/mm/memory-hotplug.rst has it, by what lockdep saw of all operations.

lockdep complains of two orders when it has seen both; this of one that is not the written one, and of locks
that are said to nest and do not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import lockdep
import pytest

from harness.machine import MEMORY, Machine, VirtioMem

INSIDE = Path(__file__).resolve().parents[1] / "Documentation/mm/memory-hotplug.rst"
GIB = 1 << 30
MIB = 1 << 20


def written() -> list[tuple[str, ...]]:
    """Each lock of the document's list, after those that it is taken inside of."""
    text = INSIDE.read_text()
    block = re.search(r"names that lockdep has for them::\n\n((?:\t.*\n)+)", text)
    assert block, "there is no list"
    found: list[tuple[str, ...]] = []
    for line in block[1].splitlines():
        indent, lock = re.match(r"\t( *)(\S+) ", line).groups()     # type: ignore[union-attr]
        outer = () if not indent else next(way for way in reversed(found) if len(way) == len(indent) // 2)
        found.append((*outer, lock))
    return found


ORDER = written()
NESTED = [way[-2:] for way in ORDER if len(way) > 1]


@pytest.fixture(scope="module")
def seen() -> Iterator[dict[str, lockdep.Graph]]:
    """What was seen, once a machine has worked for it."""
    yield {}


def work(machine: Machine) -> lockdep.Graph:
    """Memory comes in all ways, goes on- and offline, and goes."""
    dimm = machine.plug_dimm("256M")
    blocks = [b.number for b in machine.memory(use=False).of(dimm.addr, dimm.size)]
    machine.online(blocks[0], "online_kernel")
    machine.offline(blocks[0])
    machine.online(blocks, "online_movable")
    assert machine.unplug_dimm(dimm.id).gone

    machine.write(f"{MEMORY}/auto_online_blocks", "online_movable")
    for size in ("128M", 0):
        machine.resize("vm0", size)
        machine.wait_resized("vm0")

    assert machine.write(f"{MEMORY}/probe", hex(GIB)) == 0
    return lockdep.graph(machine)


@pytest.fixture
def graph(seen: dict[str, lockdep.Graph], new_machine: Callable[..., Machine]) -> lockdep.Graph:
    if not seen:
        machine = new_machine(append=("mem=1G", "memhp_default_state=offline"),
                              virtio_mem=(VirtioMem("vm0", "256M", node=1),))
        if not machine.run(f"[ -e {lockdep.PATH} ]").ok:
            pytest.skip("kernel without lockdep")
        seen[""] = work(machine)
    return seen[""]


def test_the_list_is_a_tree_of_locks() -> None:
    locks = [way[-1] for way in ORDER]
    assert len(locks) > 10 and len(set(locks)) == len(locks)
    assert [way for way in ORDER if len(way) == 1] == [("device_hotplug_lock",)]


def test_what_is_said_to_nest_does(graph: lockdep.Graph) -> None:
    assert not [way[-1] for way in ORDER if not graph.classes(way[-1])], "locks that the kernel does not have"
    assert not [f"{outer} > {inner}" for outer, inner in NESTED if not graph.path(outer, inner)]


def test_no_way_leads_against_the_order(graph: lockdep.Graph) -> None:
    against = [graph.path(way[-1], outer) for way in ORDER for outer in way[:-1]]
    assert not [" > ".join(path) for path in against if path]
