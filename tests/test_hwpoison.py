# SPDX-License-Identifier: GPL-2.0-only
"""Broken pages inside memory blocks: soft and hard offlined, injected, and taken back.

A block with such a page goes offline, unless somebody has the page, and does not
come online again; what is counted as corrupted goes with the memory. Each test
plugs a DIMM of two blocks, and its eject at the end is part of the test.
"""

from __future__ import annotations

import errno
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest
from frames import BUDDY, HWPOISON, PAGE, flags, mapped
from kernels import WITHOUT_CHECKS
from refusals import Watch
from uevents import MEMORY

from harness.machine import Holder, Machine

BLOCK = 128 << 20
NODE = 1
INJECT = "/sys/kernel/debug/hwpoison"
EHWPOISON = 133     # Python has no name for it
STATISTICS = f"/sys/devices/system/node/node{NODE}/memory_failure"
WISHES = (("state", "online"), ("state", "online_kernel"), ("state", "online_movable"), ("online", "1"))
KINDS = ("anon", "thp", "hugetlb")
PINS = 16           # pages that memhold pins

GUEST = dict(append=("memhp_default_state=online_movable", "page_owner=on"))


@dataclass(frozen=True)
class Bank:
    """A DIMM of two blocks, both online in Movable, and what was counted before it came."""

    machine: Machine
    addr: int
    blocks: tuple[int, int]

    def corrupted(self) -> int:
        """Pages that count as broken."""
        return self.machine.meminfo()["HardwareCorrupted"] // PAGE

    def free_page(self, number: int) -> int:
        """The last free page of a block."""
        first = number * BLOCK // PAGE
        state = flags(self.machine, first, BLOCK // PAGE)
        return first + max(i for i, word in enumerate(state) if word & BUDDY)

    def break_page(self, pfn: int, how: str = "hard") -> int:
        """Has a page soft or hard offlined; the errno."""
        return self.machine.write(f"{MEMORY}/{how}_offline_page", hex(pfn * PAGE))

    def broken(self, pfn: int) -> bool:
        return bool(flags(self.machine, pfn)[0] & HWPOISON)

    def statistic(self, name: str) -> int:
        return int(self.machine.read(f"{STATISTICS}/{name}"))


@pytest.fixture
def bank(guest: Machine) -> Iterator[Bank]:
    before = (guest.meminfo()["HardwareCorrupted"], guest.meminfo()["MemTotal"])
    dimm = guest.plug_dimm("256M", NODE)
    first = dimm.addr // BLOCK
    yield Bank(guest, dimm.addr, (first, first + 1))
    for job in guest.jobs():
        job.kill()
        job.wait()
    assert guest.unplug_dimm(dimm.id).gone
    assert (guest.meminfo()["HardwareCorrupted"], guest.meminfo()["MemTotal"]) == before


def place(bank: Bank, holder: Holder) -> tuple[int, int]:
    """A page of a holder's, and the block it is in."""
    frames = mapped(bank.machine, holder.job.pid)
    pfn = next(pfn for pfn in frames[len(frames) // 2:] if pfn * PAGE // BLOCK in bank.blocks)
    return pfn, pfn * PAGE // BLOCK


def stays_offline(bank: Bank, number: int, wishes: Sequence[tuple[str, str]] = WISHES[:1]) -> None:
    """No request brings the block online; the line in the log says why."""
    machine, broken, total = bank.machine, bank.corrupted(), bank.machine.meminfo()["MemTotal"]
    for file, wish in wishes:
        with Watch(machine) as watch:
            assert machine.write(f"{MEMORY}/memory{number}/{file}", wish) == EHWPOISON
            told = watch.only()
        assert (told.op, told.outcome, told.error) == ("online", "hardware memory error", -EHWPOISON)
        assert (told.start, told.end) == (number * BLOCK, (number + 1) * BLOCK)
        assert machine.read(f"{MEMORY}/memory{number}/state") == "offline"
    assert (bank.corrupted(), machine.meminfo()["MemTotal"]) == (broken, total)


def goes_for_good(bank: Bank, number: int, wishes: Sequence[tuple[str, str]] = WISHES[:1]) -> None:
    """The block goes offline, and stays so."""
    machine, broken, total = bank.machine, bank.corrupted(), bank.machine.meminfo()["MemTotal"]
    machine.offline(number)
    assert (bank.corrupted(), machine.meminfo()["MemTotal"]) == (broken, total - BLOCK)
    stays_offline(bank, number, wishes)


def does_not_go(bank: Bank, number: int) -> int | None:
    """The block is refused for a broken page that somebody has: which one."""
    with Watch(bank.machine) as watch:
        assert bank.machine.write(f"{MEMORY}/memory{number}/state", "offline") == errno.EBUSY
        told = watch.only()
    assert (told.outcome, told.cls) == ("unmovable page", "hwpoison in use")
    assert bank.machine.memory(use=False).block(number).online
    return told.pfn


def comes_and_goes(machine: Machine, number: int) -> None:
    machine.offline(number)
    machine.online(number, "online_movable")


def test_soft_offlined_in_use(bank: Bank) -> None:
    """Its data moves and is whole; the block goes without it, the neighbour is as good as before."""
    machine = bank.machine
    holder = machine.hold("anon", "8M", node=NODE, busy=True)
    pfn, number = place(bank, holder)
    before = bank.corrupted()
    assert bank.break_page(pfn, "soft") == 0
    assert bank.broken(pfn) and bank.corrupted() == before + 1
    assert pfn not in mapped(machine, holder.job.pid)
    goes_for_good(bank, number, WISHES)
    comes_and_goes(machine, sum(bank.blocks) - number)
    assert holder.stop().ok


def test_soft_offlined_and_taken_back(bank: Bank) -> None:
    """Freed when it moved, and when it is good again; page_owner, which counts pages by stack, counts it once."""
    machine, before = bank.machine, bank.corrupted()
    holder = machine.hold("anon", "8M", node=NODE, busy=True)
    number = place(bank, holder)[1]
    broken = [frame for frame in mapped(machine, holder.job.pid) if frame * PAGE // BLOCK == number][:3]
    assert all(bank.break_page(pfn, "soft") == 0 for pfn in broken)
    assert bank.corrupted() == before + len(broken) == before + 3
    for pfn in broken:
        assert machine.write(f"{INJECT}/unpoison-pfn", hex(pfn)) == 0
    assert not any(map(bank.broken, broken)) and bank.corrupted() == before
    assert holder.stop().ok
    comes_and_goes(machine, number)
    assert "refcount went to 0" not in machine.log()


def test_the_next_dimm_is_sound(bank: Bank) -> None:
    """What is plugged in the place of a broken one has no memory of it."""
    machine = bank.machine
    pfn = bank.free_page(bank.blocks[0])
    before = bank.corrupted()
    assert bank.break_page(pfn) == 0
    assert bank.broken(pfn) and bank.corrupted() == before + 1
    name = str(machine.dimms()[-1]["id"])
    assert machine.unplug_dimm(name).gone
    assert bank.corrupted() == before
    again = machine.plug_dimm("256M", NODE, id=name, addr=bank.addr)
    assert again.ost == 0 and not bank.broken(pfn)
    comes_and_goes(machine, bank.blocks[0])


@pytest.mark.parametrize("kind", KINDS)
def test_hard_offlined_in_use(bank: Bank, kind: str) -> None:
    """The page is lost to who had it; of a huge page that page alone."""
    machine = bank.machine
    holder = machine.hold(kind, "8M", node=NODE)
    pfn, number = place(bank, holder)
    before, total, recovered = bank.corrupted(), bank.statistic("total"), bank.statistic("recovered")
    assert bank.break_page(pfn) == 0
    assert bank.broken(pfn) and bank.corrupted() == before + 1
    assert (bank.statistic("total"), bank.statistic("recovered")) == (total + 1, recovered + 1)
    # It looks at all of its memory by and by, and is ended by what it finds.
    result = holder.job.wait(timeout=60)
    assert result.code == 128 + signal.SIGBUS, result.out
    goes_for_good(bank, number)
    machine.sh("echo 0 > /proc/sys/vm/nr_hugepages")    # what was to give them back is no more


def test_clean_page_cache(bank: Bank) -> None:
    """A page that stands on a disk as well is read anew, elsewhere."""
    machine = bank.machine
    machine.sh("echo 64M > /sys/block/zram0/disksize && mke2fs -b 4096 /dev/zram0 && mkdir -p /mnt/cache && "
               "mount -t ext2 /dev/zram0 /mnt/cache", timeout=60)
    try:
        holder = machine.hold("file", "2M", node=NODE, path="/mnt/cache/data")
        machine.sh("sync", timeout=60)
        pfn, number = place(bank, holder)
        # Who reads the page just when it is unmapped waits for its lock, and memory_failure() gives up on what is in use.
        holder.job.signal(signal.SIGSTOP)
        assert bank.break_page(pfn) == 0
        assert bank.broken(pfn)
        holder.job.signal(signal.SIGCONT)
        assert holder.verify().ok
        goes_for_good(bank, number)
        assert holder.stop().ok
    finally:
        machine.run("umount /mnt/cache; echo 1 > /sys/block/zram0/reset", timeout=60)


def test_file_in_memory(bank: Bank) -> None:
    """There is no disk to read it from: the file keeps the page, to say that it is lost, and the block with it."""
    machine, before = bank.machine, bank.corrupted()
    machine.sh("mkdir -p /mnt/memory && mount -t tmpfs none /mnt/memory")
    try:
        holder = machine.hold("file", "2M", node=NODE, path="/mnt/memory/data")
        pfn, number = place(bank, holder)
        assert bank.break_page(pfn) in (0, errno.EBUSY)
        assert bank.broken(pfn) and bank.corrupted() == before + 1
        holder.job.kill()
        holder.job.wait()
        assert does_not_go(bank, number) == pfn
        assert machine.run("cat /mnt/memory/data > /dev/null").code != 0
    finally:
        machine.sh("rm -f /mnt/memory/data; umount /mnt/memory")
    goes_for_good(bank, number)


def test_pinned(bank: Bank) -> None:
    """Who pinned pages has them still when they broke: their block waits for him."""
    machine, before = bank.machine, bank.corrupted()
    holder = machine.hold("anon", "4M", node=NODE, pin="vmsplice")
    number = place(bank, holder)[1]
    holder.job.signal(signal.SIGSTOP)       # else it looks at what broke, and is ended
    frames = mapped(machine, holder.job.pid)
    pinned = frames[::len(frames) // PINS]
    assert all(bank.break_page(frame) == 0 for frame in pinned)
    assert bank.corrupted() == before + len(pinned) == before + PINS
    assert does_not_go(bank, number) in pinned
    holder.job.kill()
    holder.job.wait()
    goes_for_good(bank, number)


def test_injected_and_taken_back(bank: Bank) -> None:
    """The error injector's pages count alike; once all are good again, so is the block."""
    machine, number = bank.machine, bank.blocks[0]
    before = bank.corrupted()
    broken = [bank.free_page(number) - 2 * i for i in range(3)]
    for pfn in broken:
        assert machine.write(f"{INJECT}/corrupt-pfn", hex(pfn)) == 0
    assert all(map(bank.broken, broken)) and bank.corrupted() == before + len(broken)
    for pfn in broken:
        assert machine.write(f"{INJECT}/unpoison-pfn", hex(pfn)) == 0
    assert not any(map(bank.broken, broken)) and bank.corrupted() == before
    comes_and_goes(machine, number)


def test_taken_back_from_the_kernel(guest: Machine) -> None:
    """A page that the kernel has and keeps is no freer for having been broken."""
    before = guest.meminfo()["HardwareCorrupted"]
    look = "dd if=/proc/kpageflags bs=8 skip=$((PFN)) count=1 2>/dev/null"
    result = guest.run(f"ring 'put {INJECT}/corrupt-pfn $PFN; put {INJECT}/unpoison-pfn $PFN && {look}'")
    assert result.code == 0, result.out
    state = int.from_bytes(result.raw[-8:], "little")
    assert not state & (BUDDY | HWPOISON) and len(result.raw) >= 8
    assert guest.meminfo()["HardwareCorrupted"] == before


@pytest.fixture
def kernel_block(new_machine: Callable[..., Machine]) -> Bank:
    """A DIMM with one block online, in a kernel zone; what the kernel keeps for the node is elsewhere."""
    machine = new_machine(kernel=WITHOUT_CHECKS, **GUEST)
    dimm = machine.plug_dimm("256M", NODE)
    first = dimm.addr // BLOCK
    machine.offline(first)
    machine.online(first, "online_kernel")
    machine.offline(first + 1)
    return Bank(machine, dimm.addr, (first, first + 1))


def test_left_to_the_kernel(kernel_block: Bank) -> None:
    """The kernel goes on using what it has: the block stays. It goes when the page is free, and leaves nothing behind."""
    bank, machine, number = kernel_block, kernel_block.machine, kernel_block.blocks[0]
    ring = machine.start(f"ring -n {NODE} 'put {INJECT}/corrupt-pfn $PFN; echo broken $PFN; read word'", more=True)
    pfn = int(ring.expect("^broken (.*)$")[1], 16)
    assert pfn * PAGE // BLOCK == number and bank.broken(pfn)
    assert does_not_go(bank, number) == pfn
    ring.feed(b"given back\n")
    assert ring.wait().code == 0
    goes_for_good(bank, number)
    name = str(machine.dimms()[-1]["id"])
    assert machine.unplug_dimm(name).gone
    assert machine.plug_dimm("256M", NODE, id=name, addr=bank.addr).ost == 0
    # This one was free when it broke. Nobody has it, whoever had the one that was there before.
    assert bank.break_page(pfn) == 0
    goes_for_good(bank, number)


def test_nothing_is_taken_back_offline(bank: Bank) -> None:
    """Else the page would come to the page allocator, out of a block that has left it."""
    machine, number = bank.machine, bank.blocks[0]
    pfn = bank.free_page(number)
    assert bank.break_page(pfn) == 0
    machine.offline(number)
    assert machine.write(f"{INJECT}/unpoison-pfn", hex(pfn)) == errno.EIO
    stays_offline(bank, number)


def test_of_offline_memory(bank: Bank) -> None:
    """An error in memory that nobody uses is none of the kernel's: nothing is counted."""
    machine, number = bank.machine, bank.blocks[1]
    before = bank.corrupted()
    machine.offline(number)
    pfn = number * BLOCK // PAGE + 1000
    assert bank.break_page(pfn) == errno.ENXIO
    assert bank.break_page(pfn, "soft") == errno.EIO
    assert bank.corrupted() == before
    machine.online(number, "online_movable")
    assert bank.corrupted() == before and not bank.broken(pfn)


def test_during_an_offline(bank: Bank) -> None:
    """Pages break, free and in use, while their block is being emptied."""
    machine = bank.machine
    holder = machine.hold("anon", "4M", node=NODE, pin="vmsplice")
    bystander = machine.hold("anon", "4M", node=NODE, busy=True)
    # The middle page is one of those in the pipe. It is chosen now: later all of them may be on their
    # way at once, and mapped nowhere.
    pinned, number = place(bank, holder)
    job = machine.start_write(f"{MEMORY}/memory{number}/state", "offline")
    machine.sh(f"until grep -q going {MEMORY}/memory{number}/state; do :; done", timeout=20)
    before = bank.corrupted()
    assert bank.break_page(bank.free_page(number)) == 0
    assert bank.corrupted() == before + 1 and job.running
    # Whoever meets the page is ended, and then the block has gone before it was looked at.
    holder.job.signal(signal.SIGSTOP)
    # EBUSY: just then it was off the lists, to be moved once more. It is broken all the same.
    assert bank.break_page(pinned) in (0, errno.EBUSY)
    assert bank.broken(pinned) and bank.corrupted() == before + 2
    assert job.running
    holder.job.signal(signal.SIGCONT)
    # The holder meets the page that broke and is ended, its pins with it.
    assert holder.job.wait(timeout=60).code == 128 + signal.SIGBUS
    assert job.wait(timeout=60).code == 0
    stays_offline(bank, number)
    assert bystander.stop().ok
