# SPDX-License-Identifier: GPL-2.0-only
"""Memory devices of the firmware: attached whole or not at all, ejected whole or not at all.

The shared guest is told to leave a part of its RAM alone (mem=), so that tables
loaded later can declare devices over it: any layout, right or wrong, with what the
guest says through _OST in the log. QEMU's own DIMMs are used for the rest.
"""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import firmware
import pytest
from firmware import Container, Device

from harness.machine import Dimm, Event, Machine

MIB = 1 << 20
GIB = 1 << 30
BLOCK = 128 * MIB
NODE = 1
TIMEOUT = "/sys/module/acpi_memhotplug/parameters/eject_timeout"
AUTO_ONLINE = "/sys/devices/system/memory/auto_online_blocks"

LEFT_OUT = 2 * GIB              # what mem= leaves out: 2 to 3 GiB, but for the firmware's tables at its end
FIRST, SECOND, THIRD = (LEFT_OUT + n * 2 * BLOCK for n in range(3))
OUT_OF_REACH = 1 << 55          # no x86 can address it
CLAIMED = 4 * GIB - BLOCK       # where the interrupt controllers are
GUEST = dict(board="pc", nodes=("3G", 0), append=("mem=2G", *firmware.APPEND))


def picture(machine: Machine) -> Any:
    """All that must be as it was after a refusal."""
    meminfo = machine.meminfo()
    return ([(b.number, b.state, b.node, b.zones) for b in machine.memory(use=False)],
            [(z.node, z.name, z.start_pfn, z.spanned, z.present, z.managed) for z in machine.zones() if z.present],
            machine.iomem(), meminfo["MemTotal"],
            sum(size for name, size in meminfo.items() if name.startswith("DirectMap")))


def blocks_at(machine: Machine, *ranges: tuple[int, int]) -> list[Any]:
    memory = machine.memory(use=False)
    return [block for start, size in ranges for block in memory.of(start, size)]


def device_log(machine: Machine, since: int) -> str:
    machine.mark()
    return "\n".join(line for line in machine.log_since(since).splitlines() if "PNP0C80" in line)


@pytest.fixture
def default_online(guest: Machine) -> Iterator[Callable[[str], None]]:
    before = guest.read(AUTO_ONLINE)

    def choose(policy: str) -> None:
        assert guest.write(AUTO_ONLINE, policy) == 0

    yield choose
    choose(before)


@pytest.fixture
def deadline(guest: Machine) -> Iterator[Callable[[int], None]]:
    before = guest.read(TIMEOUT)

    def choose(seconds: int) -> None:
        assert guest.write(TIMEOUT, seconds) == 0

    yield choose
    choose(int(before))


# Layouts


def test_several_resources(guest: Machine) -> None:
    """Two ranges apart from each other: both there, bound, and gone with one eject."""
    before = picture(guest)
    device = Device(guest, [(FIRST, BLOCK), (SECOND, 2 * BLOCK)], firmware.ABSENT).load()
    assert picture(guest) == before
    assert device.notify(firmware.DEVICE_CHECK, firmware.WORKING) == [firmware.SUCCESS]
    assert [b.start for b in blocks_at(guest, *device.ranges)] == [FIRST, SECOND, SECOND + BLOCK]
    assert device.bound() == 3
    assert device.eject()[-1] == firmware.SUCCESS
    assert picture(guest) == before


@pytest.mark.parametrize("reverse", [False, True], ids=["upward", "downward"])
def test_adjacent_resources(guest: Machine, reverse: bool) -> None:
    """Pieces too small for a block each are joined, whatever their order; an empty one does not matter."""
    before = picture(guest)
    pieces = [(FIRST, 64 * MIB), (FIRST + 64 * MIB, 32 * MIB), (FIRST + 96 * MIB, 32 * MIB + BLOCK)]
    ranges = [*(reversed(pieces) if reverse else pieces), (SECOND, 0)]
    device = Device(guest, ranges).load()
    assert [b.start for b in blocks_at(guest, (FIRST, GIB // 2))] == [FIRST, FIRST + BLOCK]
    assert device.bound() == 2
    assert device.eject()[-1] == firmware.SUCCESS
    assert picture(guest) == before


REFUSED = {
    "overlapping": ([(FIRST, 2 * BLOCK), (FIRST + BLOCK, BLOCK)], "overlap"),
    "the same twice": ([(FIRST, BLOCK), (FIRST, BLOCK)], "overlap"),
    "unaligned start": ([(FIRST + MIB, BLOCK)], "whole memory blocks"),
    "unaligned size": ([(FIRST, BLOCK + 4096)], "whole memory blocks"),
    "one of two unaligned": ([(FIRST, BLOCK), (SECOND, MIB)], "whole memory blocks"),
    "wrapping": ([((1 << 64) - BLOCK, 2 * BLOCK)], "wraps around"),
    "empty": ([(FIRST, 0)], "is empty"),
    "none": ([], "is empty"),
    "there in part": ([(LEFT_OUT - BLOCK, 2 * BLOCK)], "there in part"),
    "out of reach": ([(FIRST, BLOCK), (OUT_OF_REACH, BLOCK)], "refused: -7"),
    "claimed": ([(FIRST, BLOCK), (CLAIMED, BLOCK)], "cannot be added"),
}


@pytest.mark.parametrize("layout", REFUSED, ids=[name.replace(" ", "-") for name in REFUSED])
def test_bad_layout(guest: Machine, layout: str) -> None:
    """Refused with a line that says why, nothing changed, and the firmware hears of the failure."""
    ranges, reason = REFUSED[layout]
    before = picture(guest)
    since = guest.mark(layout)
    device = Device(guest, ranges).load()
    assert reason in device_log(guest, since)
    assert "memory device refused" in device_log(guest, since)
    assert picture(guest) == before
    assert device.notify(firmware.DEVICE_CHECK) == [firmware.DRIVER_LOAD_FAILURE]
    assert picture(guest) == before
    # So that later scans leave it alone.
    device.notify(firmware.DEVICE_CHECK, firmware.ABSENT)


@pytest.mark.parametrize("policy", ["offline", "online_movable"])
def test_second_resource_fails(guest: Machine, default_online: Callable[[str], None], policy: str) -> None:
    """The first range has been added, and perhaps come online, when the second turns out to be another's."""
    default_online(policy)
    before = picture(guest)
    device = Device(guest, [(FIRST, BLOCK), (CLAIMED, BLOCK)], firmware.ABSENT).load()
    for check in (firmware.DEVICE_CHECK, firmware.BUS_CHECK):
        status = firmware.WORKING if check == firmware.DEVICE_CHECK else None
        assert device.notify(check, status) == [firmware.DRIVER_LOAD_FAILURE]
        assert picture(guest) == before
    assert device.notify(firmware.DEVICE_CHECK, firmware.ABSENT) == [firmware.SUCCESS]
    # The range is free for another device.
    other = Device(guest, [(FIRST, BLOCK)]).load()
    assert other.bound() == 1
    assert other.eject()[-1] == firmware.SUCCESS
    assert picture(guest) == before


def test_device_that_does_not_function(guest: Machine) -> None:
    before = picture(guest)
    device = Device(guest, [(FIRST, BLOCK)], firmware.ABSENT).load()
    assert device.notify(firmware.DEVICE_CHECK, firmware.BROKEN) == [firmware.DRIVER_LOAD_FAILURE]
    assert picture(guest) == before
    assert device.notify(firmware.DEVICE_CHECK, firmware.WORKING) == [firmware.SUCCESS]
    assert device.bound() == 1
    assert device.eject()[-1] == firmware.SUCCESS
    assert picture(guest) == before


def test_memory_of_boot(guest: Machine) -> None:
    """A device over memory that is there since boot is bound to it; another one for the same is refused."""
    start = next(b.start for b in guest.memory(use=False) if b.zone == "DMA32")
    ranges = [(start, 2 * BLOCK)]
    before = picture(guest)
    device = Device(guest, ranges, can_eject=False).load()
    assert device.bound() == 2
    since = guest.mark("the same once more")
    other = Device(guest, ranges).load()
    assert "cannot be bound" in device_log(guest, since)
    assert other.bound() == 0 and device.bound() == 2
    assert picture(guest) == before
    # What Linux uses may not be ejected, whoever describes it; and nothing can be that has no _EJ0.
    assert other.notify(firmware.EJECT_REQUEST)[-1] == firmware.DEVICE_BUSY
    assert device.notify(firmware.EJECT_REQUEST)[-1] == firmware.EJECT_NOT_SUPPORTED
    assert picture(guest) == before
    assert other.notify(firmware.DEVICE_CHECK, firmware.ABSENT) == [firmware.SUCCESS]


# Ejects


def test_eject_refused(guest: Machine, deadline: Callable[[int], None]) -> None:
    """A pinned page in one of two ranges: after the deadline all blocks are back in the zones they were in."""
    device = Device(guest, [(FIRST, BLOCK), (SECOND, 2 * BLOCK), (THIRD, BLOCK)], firmware.ABSENT).load()
    assert device.notify(firmware.DEVICE_CHECK, firmware.WORKING) == [firmware.SUCCESS]
    numbers = [b.number for b in blocks_at(guest, *device.ranges)]
    # The first is not online before, and must not be after.
    guest.online(numbers[1:], "online_movable")
    holder = guest.hold("anon", "64M", pin="vmsplice")
    assert set(holder.blocks()) & set(numbers[1:])
    before = picture(guest)
    deadline(2)
    start = time.monotonic()
    assert device.notify(firmware.EJECT_REQUEST) == [firmware.EJECT_IN_PROGRESS, firmware.DEVICE_BUSY]
    assert time.monotonic() - start < 20 * guest.pace
    assert picture(guest) == before
    assert holder.verify().ok
    holder.unpin()
    deadline(0)
    assert device.notify(firmware.EJECT_REQUEST) == [firmware.EJECT_IN_PROGRESS, firmware.SUCCESS]
    assert holder.stop().ok
    assert not blocks_at(guest, *device.ranges)


def test_eject_fails_in_the_firmware(guest: Machine, default_online: Callable[[str], None]) -> None:
    """Linux let go of the memory, _EJ0 failed: it is used again, and the failure reported."""
    default_online("online_movable")
    device = Device(guest, [(FIRST, BLOCK)], eject_works=False).load()
    before = picture(guest)
    assert device.bound() == 1
    guest.expect_splat(r"ACPI (BIOS )?Error")
    assert device.eject()[-1] == firmware.FAILURE
    assert picture(guest) == before
    assert device.bound() == 1
    device.notify(firmware.DEVICE_CHECK, firmware.ABSENT)
    assert not blocks_at(guest, *device.ranges)


def test_surprise_removal(guest: Machine, default_online: Callable[[str], None]) -> None:
    """A device that vanishes with its memory idle is cleared up after."""
    default_online("online_movable")
    before = picture(guest)
    device = Device(guest, [(FIRST, BLOCK)]).load()
    assert device.notify(firmware.DEVICE_CHECK, firmware.ABSENT) == [firmware.SUCCESS]
    assert picture(guest) == before


@pytest.mark.parametrize("returns", [True, False], ids=["returns", "does not return"])
def test_surprise_removal_in_use(guest: Machine, default_online: Callable[[str], None],
                                 deadline: Callable[[int], None], returns: bool) -> None:
    """A device that vanishes with pinned pages: the memory stays known, until the device is back or it can go."""
    default_online("online_movable")
    deadline(1)
    device = Device(guest, [(FIRST, 2 * BLOCK)]).load()
    holder = guest.hold("anon", "64M", pin="vmsplice")
    assert set(holder.blocks()) & {b.number for b in blocks_at(guest, *device.ranges)}
    before = picture(guest)
    since = guest.mark("lost")
    assert device.notify(firmware.DEVICE_CHECK, firmware.ABSENT) == [firmware.FAILURE]
    assert "its memory is in use and stays" in device_log(guest, since)
    assert picture(guest) == before and device.bound() == 0
    assert device.notify(firmware.EJECT_REQUEST)[-1] == firmware.DEVICE_BUSY
    if returns:
        assert device.notify(firmware.DEVICE_CHECK, firmware.WORKING) == [firmware.SUCCESS]
        assert picture(guest) == before and device.bound() == 2
    holder.stop()
    assert device.notify(firmware.EJECT_REQUEST)[-1] == firmware.SUCCESS
    assert not blocks_at(guest, *device.ranges)


def test_container(guest: Machine, default_online: Callable[[str], None], deadline: Callable[[int], None]) -> None:
    """A container goes when user space has set its contents offline; what came online since is no excuse to lose it."""
    default_online("offline")
    devices = [Device(guest, [(FIRST, BLOCK)]), Device(guest, [(SECOND, BLOCK)])]
    container = Container(guest, devices).load()
    numbers = [b.number for d in devices for b in blocks_at(guest, *d.ranges)]
    assert len(numbers) == 2
    guest.online(numbers, "online_movable")
    assert container.eject() == [firmware.DEVICE_BUSY]

    guest.offline(numbers)
    assert guest.write(container.attribute(), 0) == 0
    guest.online(numbers[1], "online_movable")
    holder = guest.hold("anon", "16M", pin="vmsplice")
    assert numbers[1] in holder.blocks()
    before = picture(guest)
    deadline(1)
    assert container.eject() == [firmware.DEVICE_BUSY]
    assert picture(guest) == before

    holder.stop()
    assert container.eject() == [firmware.SUCCESS]
    assert not blocks_at(guest, *(r for d in devices for r in d.ranges))


@pytest.mark.parametrize("value", ["-1", "86401", "x", "1.5", "0x100000000"])
def test_bad_deadline(guest: Machine, value: str) -> None:
    before = guest.read(TIMEOUT)
    assert guest.write(TIMEOUT, value) in (errno.EINVAL, errno.ERANGE)
    assert guest.read(TIMEOUT) == before


# QEMU's DIMMs


def wait_ost(machine: Machine, since: int, source: int, timeout: float = 60) -> int:
    """The guest's last word on a request, from QEMU's event."""
    def last(event: Event) -> bool:
        info = event.data.get("info", {})
        return event.name == "ACPI_DEVICE_OST" and info["source"] == source and \
            info["status"] != firmware.EJECT_IN_PROGRESS

    return int(machine.wait_event(last, since, timeout).data["info"]["status"])


def test_dimms_of_boot(new_machine: Callable[..., Machine]) -> None:
    """DIMMs of QEMU's command line are there after boot, online as asked, and can be ejected."""
    machine = new_machine(dimms=(Dimm("d0", "512M", NODE), Dimm("d1", "256M", NODE)),
                          append=("memhp_default_state=online_movable",))
    on_node = machine.memory(use=False).on(NODE)
    assert len(on_node) == 6 and {b.zone for b in on_node} == {"Movable"}
    bound = machine.sh("grep -l . /sys/bus/acpi/devices/PNP0C80:*/physical_node*/state | wc -l")
    assert int(bound) == 6
    total = machine.meminfo()["MemTotal"]
    eject = machine.unplug_dimm("d0")
    assert eject.gone and eject.ost[0] == (firmware.EJECT_REQUEST, firmware.EJECT_IN_PROGRESS)
    assert len(machine.memory(use=False).on(NODE)) == 2
    assert machine.unplug_dimm("d1").gone
    assert not machine.memory(use=False).on(NODE)
    assert total - machine.meminfo()["MemTotal"] <= 768 * MIB
    assert NODE not in machine.node_state("has_memory")
    plug = machine.plug_dimm("512M", NODE)
    assert plug.ost == firmware.SUCCESS
    assert len(machine.memory(use=False).on(NODE)) == 4


def test_unmovable_pages(new_machine: Callable[..., Machine]) -> None:
    """Kernel pages in a DIMM: QEMU hears that the device is busy, the blocks are back in both of their zones."""
    machine = new_machine(dimms=(Dimm("d0", "512M", NODE),))
    numbers = [b.number for b in machine.memory(use=False).on(NODE)]
    machine.online(numbers[:2], "online_kernel")
    machine.online(numbers[2:], "online_movable")
    machine.sh(f"mkdir /run/slab && cd /run/slab && "
               f"numactl --membind={NODE} sh -c 'for i in $(seq 4000); do : > file$i; done'", timeout=60)
    holder = machine.hold("anon", "64M", node=NODE)
    before = picture(machine)
    since = len(machine.events)
    machine.unplug_dimm("d0", wait=False)
    assert wait_ost(machine, since, firmware.EJECT_REQUEST) == firmware.DEVICE_BUSY
    assert picture(machine) == before
    assert [d["id"] for d in machine.dimms()] == ["d0"]
    assert holder.stop().ok


def test_switched_off(new_machine: Callable[..., Machine]) -> None:
    """With acpi_no_memhotplug nothing is added, and the firmware is told so."""
    machine = new_machine(dimms=(Dimm("d0", "256M", NODE),), append=("acpi_no_memhotplug",))
    assert not machine.memory(use=False).on(NODE)
    before = picture(machine)
    assert machine.plug_dimm("256M", NODE).ost == firmware.INSERT_NOT_SUPPORTED
    assert picture(machine) == before


def test_deadline_of_boot(new_machine: Callable[..., Machine]) -> None:
    """The deadline may be given on the command line, too."""
    machine = new_machine(append=("acpi_memhotplug.eject_timeout=7",))
    assert machine.read(TIMEOUT) == "7"
    assert not re.search("acpi_memhotplug.*(invalid|ignored)", machine.log())
