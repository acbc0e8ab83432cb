# SPDX-License-Identifier: GPL-2.0-only
"""Each refusal says why: one line in the log, one event, and all is as it was.

The guest has what refusals need: memory of boot with a boundary of nodes inside a
block, and a DIMM on a third node which is given to the kernel.
"""

from __future__ import annotations

import errno
import signal
import struct
import time
from collections.abc import Iterator
from typing import Any

import pytest
from refusals import Refusal, Watch
from uevents import MEMORY

from harness.machine import Dimm, Holder, Machine

PAGE = 4096
MIB = 1 << 20
BLOCK = 128 * MIB
SLAB, PAGE_TABLE = 1 << 7, 1 << 26     # of /proc/kpageflags
PINS = 16                   # pages that memhold pins
NODE = 2                    # of the DIMM
BOUNDARY = 1088 * MIB       # of nodes 0 and 1, in the middle of a block
INJECT = "/sys/kernel/debug/notifier-error-inject/memory/actions"

GUEST = dict(nodes=(BOUNDARY, 2048 * MIB - BOUNDARY, 0), dimms=(Dimm("d0", "512M", NODE),))


def state_file(number: int) -> str:
    return f"{MEMORY}/memory{number}/state"


def dimm_blocks(machine: Machine) -> list[int]:
    return [block.number for block in machine.memory(use=False).on(NODE)]


def picture(machine: Machine) -> Any:
    return ([(b.number, b.state, b.node, b.zones) for b in machine.memory(use=False)],
            [(z.node, z.name, z.start_pfn, z.spanned, z.present, z.managed) for z in machine.zones()],
            machine.meminfo()["MemTotal"])


def refused(machine: Machine, number: int, wish: str, error: int) -> Refusal:
    """Writes to a block's state, which must fail; returns what was said about it."""
    before = picture(machine)
    with Watch(machine) as watch:
        assert machine.write(state_file(number), wish) == error
        told = watch.only()
    assert (told.start, told.end) == (number * BLOCK, (number + 1) * BLOCK)
    assert told.error == -error
    assert picture(machine) == before
    return told


def in_block(told: Refusal, number: int) -> bool:
    return told.pfn is not None and number * BLOCK <= told.pfn * PAGE < (number + 1) * BLOCK


def keep_kernel_pages(machine: Machine) -> None:
    """Has the kernel allocate from the DIMM's node what cannot be moved, and keep it."""
    for _ in range(8):      # page tables, at the least
        machine.start(f"exec numactl --membind={NODE} memhold --kind anon --size 4M").expect("^ready")
    machine.sh(f"mkdir /run/slab && cd /run/slab && "
               f"numactl --membind={NODE} sh -c 'for i in $(seq 400); do : > file$i; done'", timeout=60)


def page_flags(machine: Machine, first: int, count: int) -> tuple[int, ...]:
    """/proc/kpageflags of some pages."""
    raw = machine.run(f"dd if=/proc/kpageflags bs=8 skip={first} count={count} 2>/dev/null", check=True).raw
    return struct.unpack(f"={count}Q", raw)


def test_unmovable_page(guest: Machine) -> None:
    """A block in a kernel zone: the page that is blamed is the first of its kind, and is what it is called."""
    number = dimm_blocks(guest)[0]
    guest.online(number, "online_kernel")
    # Nothing else of the node is online, so that kernel and user pages stand in this block.
    assert [b.number for b in guest.memory(use=False).online(NODE)] == [number]
    keep_kernel_pages(guest)
    told = refused(guest, number, "offline", errno.EBUSY)
    assert (told.op, told.outcome) == ("offline", "unmovable page")
    assert in_block(told, number) and told.pfn is not None
    first = number * BLOCK // PAGE
    *before, blamed = page_flags(guest, first, told.pfn - first + 1)
    name = {SLAB: "slab", PAGE_TABLE: "page table"}.get(blamed & (SLAB | PAGE_TABLE), "kernel")
    assert told.cls == name, f"flags {blamed:#x}"
    assert not any(flags & (SLAB | PAGE_TABLE) for flags in before)


@pytest.fixture
def movable(guest: Machine) -> Iterator[Machine]:
    """The last two blocks of the DIMM are online as movable memory, and nothing else of it."""
    blocks = dimm_blocks(guest)
    guest.online([n for n in blocks[2:] if guest.read(state_file(n)) == "offline"], "online_movable")
    yield guest
    guest.online([n for n in blocks[2:] if guest.read(state_file(n)) == "offline"], "online_movable")


def test_hole(guest: Machine) -> None:
    """The firmware's tables stand at the end of the memory below 4 GiB."""
    number = 2048 * MIB // BLOCK - 1
    last = max(r.end for r in guest.iomem() if r.name == "System RAM" and r.start < 4 << 30)
    assert number * BLOCK < last + 1 < (number + 1) * BLOCK
    told = refused(guest, number, "offline", errno.EINVAL)
    assert (told.op, told.outcome, told.cls) == ("offline", "memory hole", "hole")
    assert told.pfn == (last + 1) // PAGE


def test_two_nodes(guest: Machine) -> None:
    number = BOUNDARY // BLOCK
    assert guest.read(f"{MEMORY}/memory{number}/valid_zones") == "none"
    told = refused(guest, number, "offline", errno.EINVAL)
    assert (told.op, told.outcome) == ("offline", "more than one zone or node")


def test_two_zones(guest: Machine) -> None:
    """The first block has the DMA zone, a part of DMA32, and the hole below 1 MiB."""
    assert guest.read(f"{MEMORY}/memory0/valid_zones") == "none"
    told = refused(guest, 0, "offline", errno.EINVAL)
    assert told.op == "offline"
    assert told.outcome in ("more than one zone or node", "memory hole")


def wait_evacuated(machine: Machine, holder: Holder, number: int) -> None:
    """Waits until a holder has nothing left in a block but what it pinned."""
    deadline = time.monotonic() + 30 * machine.pace
    while sum(pages for block, pages in holder.blocks().items() if block not in (number, -1)) + PINS \
            < holder.bytes // PAGE:
        assert time.monotonic() < deadline, "the pages that can move do not"


def test_signal(movable: Machine) -> None:
    holder = movable.hold("anon", "8M", node=NODE, pin="vmsplice")
    blocks = holder.blocks()
    number = max(blocks, key=lambda block: blocks[block])
    before = picture(movable)
    with Watch(movable) as watch:
        job = movable.start_write(state_file(number), "offline")
        wait_evacuated(movable, holder, number)
        job.signal(signal.SIGTERM)
        job.wait(timeout=10)
        told = watch.only()
    assert (told.op, told.outcome, told.error) == ("offline", "interrupted by a signal", -errno.EINTR)
    assert in_block(told, number) and told.cls == "pinned"
    assert picture(movable) == before
    assert holder.stop().ok


@pytest.fixture
def injector(movable: Machine) -> Iterator[Machine]:
    movable.sh("modprobe memory-notifier-error-inject")
    yield movable
    movable.sh("modprobe -r memory-notifier-error-inject")


@pytest.mark.parametrize("error", [errno.ENOMEM, errno.EBUSY, errno.EPERM], ids=lambda e: errno.errorcode[e])
def test_veto_offline(injector: Machine, error: int) -> None:
    number = dimm_blocks(injector)[-1]
    assert injector.write(f"{INJECT}/MEM_GOING_OFFLINE/error", -error) == 0
    told = refused(injector, number, "offline", error)
    assert (told.op, told.outcome, told.pfn) == ("offline", "vetoed by a notifier", None)
    assert injector.write(f"{INJECT}/MEM_GOING_OFFLINE/error", 0) == 0
    injector.offline(number)


def test_veto_online(injector: Machine) -> None:
    number = dimm_blocks(injector)[-1]
    injector.offline(number)
    assert injector.write(f"{INJECT}/MEM_GOING_ONLINE/error", -errno.ENOMEM) == 0
    told = refused(injector, number, "online_movable", errno.ENOMEM)
    assert (told.op, told.outcome, told.pfn) == ("online", "vetoed by a notifier", None)
    assert injector.write(f"{INJECT}/MEM_GOING_ONLINE/error", 0) == 0
    injector.online(number, "online_movable")
