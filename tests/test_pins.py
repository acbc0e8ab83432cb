# SPDX-License-Identifier: GPL-2.0-only
"""Row "long-term pins": they move a page out of ZONE_MOVABLE first; elsewhere they hold a block, until they end.

Node 1 has a DIMM since boot, all of it movable. Pins are io_uring's registered
buffers, and the kernel's own gup_test over a whole area.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator

import pytest
from firmware import DEVICE_BUSY, TIMEOUT, setting
from frames import PGTABLE, SLAB, flags
from kernels import WITHOUT_CHECKS
from pageblocks import migratetypes
from refusals import Watch
from uevents import MEMORY

from harness.machine import Dimm, Holder, Job, Machine

MIB = 1 << 20
PAGE = 4096
BLOCK = 128 * MIB
NODE = 1
PINS = 16                   # pages that memhold pins, but for gup_test: all of them

GUEST = dict(dimms=(Dimm("d0", "256M", NODE),), append=("memhp_default_state=online_movable",))


@pytest.fixture
def machine(guest: Machine) -> Iterator[Machine]:
    guest.online(guest.memory(use=False).offline(NODE), "online_movable")
    yield guest
    for job in guest.jobs():
        job.kill()
        job.wait()


def on_node(machine: Machine, holder: Holder) -> int:
    """How many of a holder's pages are in the DIMM."""
    numbers = {block.number for block in machine.memory(use=False).on(NODE)}
    return sum(pages for number, pages in holder.blocks().items() if number in numbers)


@pytest.mark.parametrize("pin, kind", [("uring", "anon"), ("uring", "memfd"), ("uring", "hugetlb"),
                                       ("gup", "anon"), ("gup-fast", "thp")])
def test_long_term_pins_leave_movable(machine: Machine, kind: str, pin: str) -> None:
    """The whole node goes offline under a pin, with data and all."""
    if pin != "uring" and not machine.run("[ -e /sys/kernel/debug/gup_test ]").ok:
        pytest.skip("kernel without CONFIG_GUP_TEST")
    size = 8 * MIB
    pool = "/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages"
    if kind == "hugetlb":       # a huge page goes to another one, which has to be there
        assert machine.write(pool, size // (2 * MIB)) == 0
    holder = machine.hold(kind, size, node=NODE, pin=pin)
    left = size // PAGE - on_node(machine, holder)
    assert left == size // PAGE if pin != "uring" else left >= PINS
    machine.offline(machine.memory(use=False).on(NODE))
    assert on_node(machine, holder) == 0
    assert holder.verify().ok
    holder.unpin()
    assert holder.stop().ok
    assert machine.write(pool, 0) == 0


def kernel_block(machine: Machine) -> int:
    """One block of the node is online, in a kernel zone, and nothing that could not move is to be in it.

    The kernel's threads for the node are elsewhere, as it was movable before. A process whose
    page tables were there is gone, but the pageblock that they were in is still an unmovable one.
    """
    number = machine.memory(use=False).on(NODE)[-1].number
    machine.offline(number)
    machine.online(number, "online_kernel")
    machine.offline([block for block in machine.memory(use=False).on(NODE) if block.number != number])
    assert machine.hold("anon", "4M", node=NODE).stop().ok
    return number


def has_kernel_pages(machine: Machine, number: int) -> bool:
    return any(word & (SLAB | PGTABLE) for word in flags(machine, number * BLOCK // PAGE, BLOCK // PAGE))


@pytest.fixture
def kernel_zone(new_machine: Callable[..., Machine]) -> tuple[Machine, int]:
    """A machine with such a block.

    A slab that the process was the first to need may have come from there, and stays. And with KASAN the
    kernel is quick to have something of its own in a kernel zone.
    """
    for _ in range(10):
        machine = new_machine(kernel=WITHOUT_CHECKS, **GUEST)
        number = kernel_block(machine)
        if not has_kernel_pages(machine, number):
            return machine, number
        machine.kill()
    raise AssertionError("each time the kernel had pages of its own in the block")


def test_pinned_elsewhere_is_refused_and_recovers(kernel_zone: tuple[Machine, int]) -> None:
    """In a kernel zone the pin stays where it is: the block waits for it to end, or for a signal."""
    machine, number = kernel_zone
    holder = machine.hold("anon", "16M", pin="uring", late=True)
    machine.sh(f"migratepages {holder.job.pid} 0 {NODE}", timeout=60)
    holder.pin()
    assert holder.blocks().get(number, 0) > holder.bytes // PAGE // 2
    before, types = machine.memory(use=False), migratetypes(machine, NODE)
    assert types["Normal"]["Unmovable"] > 0
    with Watch(machine) as watch:
        job = machine.start_write(f"{MEMORY}/memory{number}/state", "offline")
        machine.sh(f"until grep -q going {MEMORY}/memory{number}/state; do :; done", timeout=20)
        wait_for_pins(machine, job, holder, number)
        job.signal(signal.SIGTERM)
        assert job.wait(timeout=20).code == 128 + signal.SIGTERM
        told = watch.only()
    assert (told.outcome, told.cls) == ("interrupted by a signal", "pinned")
    assert machine.memory(use=False) == before
    assert migratetypes(machine, NODE) == types
    holder.unpin()
    machine.offline(number)
    assert holder.stop().ok


def wait_for_pins(machine: Machine, offline: Job, holder: Holder, number: int) -> None:
    """Until nothing of a holder is left in a block but what it pinned."""
    deadline = time.monotonic() + 30 * machine.pace
    while holder.blocks().get(number, 0) > PINS:
        assert offline.running, "the offline was refused"
        assert time.monotonic() < deadline, "the pages that can move do not"


def test_pinned_in_a_pipe_is_refused_and_recovers(guest: Machine) -> None:
    """A reference that is no long-term pin stays in Movable: the eject of the DIMM is refused after its deadline."""
    plug = guest.plug_dimm("256M", node=NODE)
    mine = {block.number for block in guest.memory(use=False).of(plug.addr, plug.size)}
    guest.offline([block for block in guest.memory(use=False).online(NODE) if block.number not in mine])
    holder = guest.hold("anon", PINS * PAGE, node=NODE, pin="vmsplice")
    before = guest.memory(use=False)
    with setting(guest, TIMEOUT, 2), Watch(guest) as watch:
        eject = guest.unplug_dimm(plug.id)
        assert eject.error and eject.ost[-1][1] == DEVICE_BUSY
        told = watch.only()
    assert (told.op, told.outcome, told.cls) == ("offline", "page did not move in time", "pinned")
    assert told.pfn is not None and told.pfn * PAGE // BLOCK in holder.blocks()
    assert guest.memory(use=False) == before
    holder.unpin()
    assert guest.unplug_dimm(plug.id).gone
    assert holder.stop().ok
