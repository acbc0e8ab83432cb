# SPDX-License-Identifier: GPL-2.0-only
"""Isolation of pageblocks, for those who allocate a range and for those who give one up: nothing stays isolated,
and what is refused leaves each pageblock what it was.

Parts of blocks under virtio-mem: test_virtio_mem.py; the functions by themselves: mm/isolation/isolation_kunit.c.
"""

from __future__ import annotations

import errno
import re

import pytest

from harness.machine import Dimm, Machine

PAGE, MIB = 4096, 1 << 20
NODE = 1        # of the DIMM: kernel zone
CMA = "/sys/kernel/debug/cma/reserved"
GIGANTIC = f"/sys/devices/system/node/node{NODE}/hugepages/hugepages-1048576kB/nr_hugepages"
INJECT = "/sys/kernel/debug/notifier-error-inject/memory/actions"

# More than half of what is free is the area's, so that movable pages go there first.
GUEST = dict(dimms=(Dimm("d0", "2G", NODE),), append=("cma=1G", "memhp_default_state=online_kernel", "kunit.enable=1"))

Types = dict[str, int]


def pageblocks(machine: Machine) -> dict[tuple[int, str], Types]:
    """How many pageblocks of each type a zone has."""
    text = machine.read("/proc/pagetypeinfo")
    head = re.search(r"^Number of blocks type +(.*)$", text, re.M)
    assert head
    names = head[1].split()
    rows = re.findall(r"^Node (\d+), zone +(\w+) +([\d ]+)$", text[head.end():], re.M)
    return {(int(node), zone): dict(zip(names, map(int, counts.split()), strict=True))
            for node, zone, counts in rows[:len({row[:2] for row in rows})]}


def isolated(machine: Machine) -> int:
    return sum(types["Isolate"] for types in pageblocks(machine).values())


def test_cma_beside_load(guest: Machine) -> None:
    """The area is full of anonymous and shared pages in use: they move, and the area is whole again afterwards."""
    size = int(guest.read(f"{CMA}/count"))
    assert size * PAGE == 1024 * MIB
    before = pageblocks(guest)
    holders = [guest.hold("anon", "96M", node=0, busy=True), guest.hold("shared", "96M", node=0, busy=True)]
    moved = guest.vmstat()["pgmigrate_success"]
    for _ in range(2):
        for part in (size // 2, size // 4, 257, 1):     # a part of a pageblock, too
            assert guest.write(f"{CMA}/alloc", part) == 0
            assert isolated(guest) == 0
        assert int(guest.read(f"{CMA}/used")) == size // 2 + size // 4 + 258
        assert guest.write(f"{CMA}/free", size) == 0
        assert int(guest.read(f"{CMA}/used")) == 0
    assert guest.vmstat()["pgmigrate_success"] - moved > 192 * MIB // PAGE // 2
    for holder in holders:
        assert holder.verify().ok
        assert holder.stop().ok
    after = pageblocks(guest)
    assert {zone: types["CMA"] for zone, types in after.items()} == {zone: types["CMA"] for zone, types in before.items()}


def test_gigantic_page_beside_load(guest: Machine) -> None:
    """A gigantic page of memory that is in use; and what has no room for one is left as it was."""
    holder = guest.hold("shared", "128M", node=NODE, busy=True)
    assert guest.write(GIGANTIC, 1) == 0
    assert guest.read(GIGANTIC) == "1"
    assert isolated(guest) == 0
    before = pageblocks(guest)[NODE, "Normal"]
    assert guest.write(GIGANTIC, 2) == 0        # two of them and the load do not fit
    assert guest.read(GIGANTIC) == "1"
    assert pageblocks(guest)[NODE, "Normal"] == before
    assert guest.write(GIGANTIC, 0) == 0
    assert guest.read(GIGANTIC) == "0"
    assert isolated(guest) == 0
    assert holder.stop().ok


def test_failure_is_reported(guest: Machine) -> None:
    """REPORT_FAILURE dumps the page in the way; no caller of the tree asks for it, so KUnit does."""
    log = guest.log()
    if "Subtest: page_isolation" not in log:
        pytest.skip("a kernel without KUnit tests")
    assert "page dumped because: unmovable page" in log


@pytest.mark.parametrize("reason", ["veto", "unmovable"])
def test_refused_offline_keeps_types(guest: Machine, reason: str) -> None:
    """Pageblocks of the kernel's are not movable ones because somebody asked for their block."""
    number = next(b.number for b in guest.memory(use=False).on(NODE))
    pipes = guest.start(f"exec numactl --membind={NODE} sh -c 'for i in $(seq 64); do head -c 65536 /dev/zero | sleep 1000 & done; "
                        "sleep 2; echo ready; wait'")
    pipes.expect("^ready", 60)
    if reason == "veto":
        pipes.kill()        # what they had is free, and its pageblocks are still the kernel's
        guest.sh("modprobe memory-notifier-error-inject")
        assert guest.write(f"{INJECT}/MEM_GOING_OFFLINE/error", -errno.EPERM) == 0
    refused = []
    for block in guest.memory(use=False).on(NODE):
        before = pageblocks(guest)
        error = guest.write(f"/sys/devices/system/memory/memory{block.number}/state", "offline")
        assert error in (errno.EPERM, errno.EBUSY)
        refused.append(error)
        assert pageblocks(guest) == before
    print(number, refused, before)
