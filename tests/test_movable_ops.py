# SPDX-License-Identifier: GPL-2.0-only
"""Pages that their driver moves: a balloon's, and those of compressed memory.

The movable memory is a DIMM of the one node, so that both drivers are served from
it first. What the balloon holds is marked as offline in /proc/kpageflags; what
zsmalloc holds shows nothing at all there.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator

import pytest
from frames import OFFLINE, PAGE, PRIVATE, flags
from refusals import Watch

from harness.machine import MEMORY, Dimm, Machine

BLOCK = 128 << 20
MIB = 1 << 20
ZRAM = "/sys/block/zram0"

GUEST = dict(nodes=("1G", 0), dimms=(Dimm("d0", "512M", 0),), append=("memhp_default_state=online_movable",),
             qemu=("-device", "virtio-balloon-pci,id=balloon"))


def dimm_blocks(machine: Machine) -> list[int]:
    return [block.number for block in machine.memory(use=False).of(4 << 30, 512 * MIB)]


@pytest.fixture
def blocks(guest: Machine) -> Iterator[list[int]]:
    """The DIMM's blocks, all online in Movable, before and after."""
    numbers = dimm_blocks(guest)
    offline = {b.number for b in guest.memory(use=False).blocks if b.state == "offline"}
    guest.online([n for n in numbers if n in offline], "online_movable")
    yield numbers
    for job in guest.jobs():
        job.kill()
        job.wait()
    balloon(guest, 0)
    offline = {b.number for b in guest.memory(use=False).blocks if b.state == "offline"}
    guest.online([n for n in numbers if n in offline], "online_movable")


def ask_balloon(machine: Machine, size: int) -> int:
    """Asks the guest to put that much into the balloon; returns what it will have left."""
    ram = sum(d["size"] for d in machine.dimms()) + 1024 * MIB
    machine.qmp("balloon", value=ram - size)
    return ram - size


def balloon_is(machine: Machine, left: int) -> None:
    deadline = time.monotonic() + 60 * machine.pace
    while (now := machine.qmp("query-balloon")["actual"]) != left:
        assert time.monotonic() < deadline, f"the guest has {now} bytes, should have {left}"
        time.sleep(0.1)


def balloon(machine: Machine, size: int) -> None:
    """Inflates or deflates the balloon to a size and waits for it."""
    balloon_is(machine, ask_balloon(machine, size))


def in_balloon(machine: Machine, number: int) -> int:
    return sum(bool(word & OFFLINE) for word in flags(machine, number * BLOCK // PAGE, BLOCK // PAGE))


def fullest(machine: Machine, numbers: list[int], count: Callable[[Machine, int], int]) -> tuple[int, int]:
    """The block with most of what @count counts, and how much it has."""
    held, best = max((count(machine, number), number) for number in numbers)
    return best, held


def test_balloon(guest: Machine, blocks: list[int]) -> None:
    """A block full of the balloon's pages leaves: the balloon is as large as before, without them."""
    total = guest.meminfo()["MemTotal"]
    balloon(guest, 64 * MIB)
    # What the balloon holds is no memory of the guest's.
    assert guest.meminfo()["MemTotal"] == total - 64 * MIB
    pages, held_by = 64 * MIB // PAGE, {number: in_balloon(guest, number) for number in blocks}
    assert sum(held_by.values()) == pages, "part of the balloon is elsewhere"
    leaving = max(held_by, key=lambda number: held_by[number])
    held = held_by[leaving]
    assert held >= pages // 4
    moved = guest.vmstat()["balloon_migrate"]
    guest.offline(leaving)
    assert guest.vmstat()["balloon_migrate"] - moved >= held
    assert guest.qmp("query-balloon")["actual"] == (1536 - 64) * MIB
    # Its pages have gone anywhere; those that it has are all it had, no more and no less.
    boot = sum(in_balloon(guest, number) for number in range(8))
    assert boot + sum(in_balloon(guest, number) for number in blocks if number != leaving) == pages
    assert in_balloon(guest, leaving) == 0
    balloon(guest, 0)
    guest.online(leaving, "online_movable")
    assert not sum(in_balloon(guest, number) for number in [*range(8), *blocks])
    assert guest.meminfo()["MemTotal"] == total


def test_broken_in_the_balloon(guest: Machine, blocks: list[int]) -> None:
    """A page that breaks while a driver has it keeps its block; given up, and good again, it is not lost."""
    balloon(guest, 64 * MIB)
    number, _ = fullest(guest, blocks, in_balloon)
    first = number * BLOCK // PAGE
    pfn = first + next(at for at, word in enumerate(flags(guest, first, BLOCK // PAGE)) if word & OFFLINE)
    broken = guest.meminfo()["HardwareCorrupted"]
    assert guest.write(f"{MEMORY}/hard_offline_page", hex(pfn * PAGE)) == errno.EBUSY
    with Watch(guest) as watch:
        assert guest.write(f"{MEMORY}/memory{number}/state", "offline", timeout=60) == errno.EBUSY
        told = watch.only()
    assert (told.outcome, told.pfn, told.cls) == ("unmovable page", pfn, "hwpoison in use")
    balloon(guest, 0)
    assert guest.write("/sys/kernel/debug/hwpoison/unpoison-pfn", hex(pfn)) == 0
    assert guest.meminfo()["HardwareCorrupted"] == broken
    guest.offline(number)
    guest.online(number, "online_movable")


def test_balloon_in_motion(guest: Machine, blocks: list[int]) -> None:
    """Blocks go and come while the balloon grows and shrinks, and memory is compacted."""
    total = guest.meminfo()["MemTotal"]
    holder = guest.hold("anon", "16M", busy=True)
    compacting = guest.start("while echo 1 > /proc/sys/vm/compact_memory; do usleep 50000; done")
    for _ in range(2):
        balloon(guest, 16 * MIB)
        before = guest.vmstat()["balloon_migrate"]
        number, held = fullest(guest, blocks, in_balloon)
        ask_balloon(guest, 48 * MIB)
        guest.offline(number)
        # The balloon had to keep these, so they have moved; compaction moves some as well.
        assert guest.vmstat()["balloon_migrate"] - before >= held > 0
        ask_balloon(guest, 16 * MIB)
        guest.online(number, "online_movable")
    compacting.kill()
    balloon(guest, 0)
    assert holder.stop().ok
    assert guest.meminfo()["MemTotal"] == total


def test_balloon_beside_plug_and_eject(guest: Machine, blocks: list[int]) -> None:
    """A DIMM comes while the balloon is full, gets its share of it, and leaves with it in motion."""
    total = guest.meminfo()["MemTotal"]
    dimm = guest.plug_dimm("256M", 0)
    new = [block.number for block in guest.memory(use=False).of(dimm.addr, dimm.size)]
    # Of the whole zone all but little: some of it is in the new DIMM.
    balloon(guest, 576 * MIB)
    assert sum(in_balloon(guest, number) for number in new) > 1000
    left = ask_balloon(guest, 64 * MIB)
    assert guest.unplug_dimm(dimm.id).gone
    balloon_is(guest, left - dimm.size)
    balloon(guest, 0)
    assert guest.meminfo()["MemTotal"] == total


def unnamed(machine: Machine, number: int) -> int:
    """Pages of a block without a flag that tells anything: zsmalloc's, and some on per-CPU lists."""
    return sum(not word & ~PRIVATE for word in flags(machine, number * BLOCK // PAGE, BLOCK // PAGE))


def checksum(machine: Machine) -> str:
    return machine.sh("dd if=/dev/zram0 bs=64k iflag=direct 2>/dev/null | sha256sum", timeout=60)


@pytest.fixture
def zram(guest: Machine, blocks: list[int]) -> Iterator[int]:
    """A disk of 32 MiB in compressed memory, full of what compresses by half; yields the pages that it takes."""
    guest.sh(f"echo 32M > {ZRAM}/disksize")
    guest.push(b"".join(os.urandom(2048) + bytes(2048) for _ in range(128)), "/run/text")
    guest.sh(f"cat {'/run/text ' * 64} | dd of=/dev/zram0 bs=64k iflag=fullblock oflag=direct && rm /run/text", timeout=60)
    used = int(guest.read(f"{ZRAM}/mm_stat").split()[2]) // PAGE
    assert used > 12 * MIB // PAGE
    yield used
    guest.sh(f"echo 1 > {ZRAM}/reset")


def test_zsmalloc(guest: Machine, blocks: list[int], zram: int) -> None:
    """A block with compressed pages leaves while they are read all the time."""
    before = checksum(guest)
    leaving, held = fullest(guest, blocks, unnamed)
    assert held >= zram // 2, "the pages are elsewhere"
    reader = guest.start("while :; do dd if=/dev/zram0 bs=64k iflag=direct 2>/dev/null | sha256sum; done")
    reader.expect("-$")
    moved = guest.vmstat()["pgmigrate_success"]
    guest.offline(leaving)
    assert guest.vmstat()["pgmigrate_success"] - moved >= zram // 2
    seen = len(reader.output)
    reader.expect("-$", start=seen + 1)
    reader.kill()
    reader.wait()
    assert set(reader.output.split("\n")[:-1]) == {before}
    assert checksum(guest) == before


@pytest.mark.long
def test_zsmalloc_in_motion(guest: Machine, blocks: list[int], zram: int) -> None:
    """Pages come and go in compressed memory while blocks are taken away and given back."""
    noise = guest.start("while :; do dd if=/dev/zram0 of=/dev/zram0 bs=64k iflag=direct oflag=direct 2>/dev/null; "
                        f"echo 1 > {ZRAM}/compact; done")
    before = checksum(guest)
    for number in blocks[:2]:
        guest.offline(number)
    assert checksum(guest) == before
    for number in blocks[:2]:
        guest.online(number, "online_movable")
    noise.kill()
    noise.wait()
    assert checksum(guest) == before
