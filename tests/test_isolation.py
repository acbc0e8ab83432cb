# SPDX-License-Identifier: GPL-2.0-only
"""Isolation of pageblocks, for those who allocate a range and for those who give one up: nothing stays isolated,
and what is refused leaves each pageblock what it was.

Parts of blocks under virtio-mem: test_virtio_mem.py; the functions by themselves: mm/isolation/isolation_kunit.c.
"""

from __future__ import annotations

import errno

import audit
import pytest
from pageblocks import migratetypes

from harness.machine import Dimm, Machine

PAGE, MIB = 4096, 1 << 20
NODE = 1        # of the DIMM: kernel zone
CMA = "/sys/kernel/debug/cma/reserved"
GIGANTIC = f"/sys/devices/system/node/node{NODE}/hugepages/hugepages-1048576kB/nr_hugepages"
INJECT = "/sys/kernel/debug/notifier-error-inject/memory/actions"

# More than half of what is free is the area's, so that movable pages go there first; the kernel must not stand in its middle.
AREA = 512 * MIB
# The DIMM has movable pageblocks beside those blocks that are refused: without, what leaves one has others made movable.
GUEST = dict(nodes=("1G", 0), dimms=(Dimm("d0", "768M", NODE),),
             append=("nokaslr", f"cma={AREA >> 20}M", "memhp_default_state=online_kernel", "kunit.enable=1"))


def isolated(machine: Machine) -> int:
    """Pageblocks that are isolated, of all zones."""
    return sum(types["Isolate"] for node in (0, NODE) for types in migratetypes(machine, node).values())


def cma_pageblocks(machine: Machine) -> list[int]:
    return [types["CMA"] for types in migratetypes(machine, 0).values()]


def test_cma_beside_load(guest: Machine) -> None:
    """The area is full of anonymous and shared pages in use: they move, and the area is whole again afterwards."""
    size = int(guest.read(f"{CMA}/count"))
    assert size * PAGE == AREA
    before = cma_pageblocks(guest)
    holders = [guest.hold(kind, "48M", node=0, busy=True) for kind in ("anon", "shared")]
    moved = guest.vmstat()["pgmigrate_success"]
    most = size // 8 * 7        # more than what the holders leave free of it
    for part in (most, 257, 1):     # not whole pageblocks, too
        assert guest.write(f"{CMA}/alloc", part) == 0
        assert isolated(guest) == 0
    assert int(guest.read(f"{CMA}/used")) == most + 258
    assert guest.write(f"{CMA}/free", size) == 0
    assert int(guest.read(f"{CMA}/used")) == 0
    assert guest.vmstat()["pgmigrate_success"] - moved > 16 * MIB // PAGE
    for holder in holders:
        assert holder.verify().ok
        assert holder.stop().ok
    assert cma_pageblocks(guest) == before


def test_audit_beside_allocations(guest: Machine) -> None:
    """What is isolated for a moment by those who allocate a range is no mistake."""
    job = guest.start(f"exec sh -c 'while :; do for file in alloc free; do echo 65536 > {CMA}/$file; done; done'")
    found = [line for _ in range(30) for line in audit.broken(guest)]
    job.kill()
    job.wait()
    assert guest.write(f"{CMA}/free", 65536) == 0
    assert not found


def test_failure_is_reported(guest: Machine) -> None:
    """REPORT_FAILURE dumps the page in the way; no caller of the tree asks for it, so KUnit does."""
    log = guest.log()
    if "Subtest: page_isolation" not in log:
        pytest.skip("a kernel without KUnit tests")
    assert "page dumped because: unmovable page" in log


@pytest.fixture
def kernel_pageblocks(guest: Machine) -> Machine:
    """Whole blocks of pageblocks that are the kernel's, and free: a file system that allocates like the kernel was there."""
    if migratetypes(guest, NODE)["Normal"]["Unmovable"] * 2 * MIB > 256 * MIB:
        return guest
    guest.sh(f"mkdir -p /mnt/ramfs && mount -t ramfs ramfs /mnt/ramfs && "
             f"numactl --membind={NODE} dd if=/dev/zero of=/mnt/ramfs/file bs=1M count=320 2>&1 && "
             "umount /mnt/ramfs; modprobe memory-notifier-error-inject", timeout=60)
    assert migratetypes(guest, NODE)["Normal"]["Unmovable"] * 2 * MIB > 256 * MIB
    assert guest.write(f"{INJECT}/MEM_GOING_OFFLINE/error", -errno.EPERM) == 0
    return guest


def largest_chunks(machine: Machine) -> int:
    """Free ones on the DIMM, of the largest order that the page allocator knows: two pageblocks each."""
    return sum(int(line.split()[-1]) for line in machine.read("/proc/buddyinfo").splitlines() if line.startswith(f"Node {NODE},"))


def refusals(machine: Machine) -> list[int]:
    """The blocks where these are, the DIMM's first, are asked to go, and none goes; returns the errnos."""
    errors = []
    for block in machine.memory(use=False).on(NODE)[:4]:
        before = migratetypes(machine, NODE)
        errors.append(machine.write(f"/sys/devices/system/memory/memory{block.number}/state", "offline"))
        after = migratetypes(machine, NODE)
        assert after == before
    return errors


def test_veto_keeps_types(kernel_pageblocks: Machine) -> None:
    """A refused offline does not turn them into movable ones, after they were isolated and emptied; and what was one
    free chunk is one again."""
    before = largest_chunks(kernel_pageblocks)
    assert errno.EPERM in refusals(kernel_pageblocks)
    assert largest_chunks(kernel_pageblocks) > before - 16


def test_unmovable_page_keeps_types(kernel_pageblocks: Machine) -> None:
    """Nor does one that is refused for a page, when some of them were isolated."""
    job = kernel_pageblocks.start(f"exec numactl --membind={NODE} sh -c "
                                  "'for i in $(seq 64); do head -c 65536 /dev/zero | sleep 1000 & done; sleep 1; echo ready; wait'")
    job.expect("^ready", 60)
    assert errno.EBUSY in refusals(kernel_pageblocks)


@pytest.mark.long
def test_gigantic_page_beside_load(guest: Machine) -> None:
    """A gigantic page of memory that is in use; and what has no room for one is left as it was."""
    guest.plug_dimm("2G", NODE)
    holder = guest.hold("shared", "128M", node=NODE, busy=True)
    assert guest.write(GIGANTIC, 1) == 0
    assert guest.read(GIGANTIC) == "1"
    assert isolated(guest) == 0
    before = migratetypes(guest, NODE)["Normal"]
    assert guest.write(GIGANTIC, 2) == 0        # two of them and the load do not fit
    assert guest.read(GIGANTIC) == "1"
    assert migratetypes(guest, NODE)["Normal"] == before
    assert guest.write(GIGANTIC, 0) == 0
    assert guest.read(GIGANTIC) == "0"
    assert isolated(guest) == 0
    assert holder.stop().ok
