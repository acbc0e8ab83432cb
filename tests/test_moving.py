# SPDX-License-Identifier: GPL-2.0-only
"""Small folios move many at once: whatever maps them, in however many processes, maps the same afterwards.

harness/guest/owners.c makes the mappings, runs the offline and checks. Blocks with
all kinds of memory: test_offline_kinds.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from uevents import MEMORY

from harness.machine import Dimm, Machine

NODE = 1
PAGES = 4000
GROUP = "/sys/fs/cgroup/moving"

GUEST = dict(dimms=(Dimm("d0", "256M", NODE),), append=("memhp_default_state=online_movable",))


@pytest.fixture
def offline_all(guest: Machine) -> Iterator[str]:
    """The command that takes all of node 1 away; it is there before and after."""
    guest.online(guest.memory(use=False).offline(NODE), "online_movable")
    numbers = [block.number for block in guest.memory(use=False).on(NODE)]
    yield " && ".join(f"put {MEMORY}/memory{number}/state offline" for number in numbers)
    guest.online(guest.memory(use=False).offline(NODE), "online_movable")


def isolated(machine: Machine) -> int:
    return sum(machine.vmstat()[f"nr_isolated_{kind}"] for kind in ("anon", "file"))


@pytest.mark.parametrize("kind", ("fork", "woven", "views", "marks"))
def test_owners(guest: Machine, offline_all: str, kind: str) -> None:
    moved = guest.vmstat()["pgmigrate_success"]
    result = guest.run(f"owners {kind} {NODE} {PAGES} '{offline_all}'", timeout=180)
    assert result.code == 0, result.out
    assert not guest.memory(use=False).online(NODE)
    assert guest.vmstat()["pgmigrate_success"] - moved >= PAGES
    assert isolated(guest) == 0


def test_owners_of_wrong_memory(guest: Machine, offline_all: str) -> None:
    """Pages that did not move are told, so the checks do look."""
    result = guest.run(f"owners marks {NODE} {PAGES} true", timeout=180)
    assert result.code == 200 and "has not moved" in result.out


@pytest.fixture
def group(guest: Machine) -> Iterator[str]:
    guest.sh(f"echo +memory > /sys/fs/cgroup/cgroup.subtree_control && mkdir {GROUP}")
    yield GROUP
    guest.sh(f"rmdir {GROUP}")


def test_memory_cgroup_keeps_its_charge(guest: Machine, offline_all: str, group: str) -> None:
    """And its LRU lists have the pages, as far as per-CPU counts tell."""
    look = f"grep -E \"^(anon|inactive_anon|active_anon) \" {group}/memory.stat"
    result = guest.run(f"echo $$ > {group}/cgroup.procs; exec owners woven {NODE} {PAGES} '{offline_all} && {look}'", timeout=180)
    assert result.code == 0, result.out
    seen = {name: int(size) for name, size in map(str.split, result.out.splitlines())}
    assert seen["anon"] >= PAGES * 4096
    assert abs(seen["inactive_anon"] + seen["active_anon"] - seen["anon"]) <= 256 * 4096
