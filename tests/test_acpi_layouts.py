# SPDX-License-Identifier: GPL-2.0-only
"""Memory devices of any layout, right or wrong, and firmware that misbehaves.

Each refusal has a line that says why, is reported through _OST and changes nothing.
On the kernel without checks, for there are many; test_acpi.py has the rest.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

import firmware
import pytest
from firmware import (AUTO_ONLINE, BLOCK, BOOT_END, CLAIMED, FIRST, GIB, MIB, OUT_OF_REACH, SECOND, TIMEOUT, Device,
                      blocks_at, device_log, picture, setting)

from harness.machine import Dimm, Machine

NODE = 1
GUEST = dict(firmware.GUEST, kernel="plain")


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
    "there in part": ([(BOOT_END - BLOCK, 2 * BLOCK)], "there in part"),
    "out of reach": ([(FIRST, BLOCK), (OUT_OF_REACH, BLOCK)], "refused: -7"),
    "claimed": ([(FIRST, BLOCK), (CLAIMED, BLOCK)], "cannot be added"),
}


@pytest.mark.parametrize("layout", REFUSED, ids=[name.replace(" ", "-") for name in REFUSED])
def test_bad_layout(guest: Machine, layout: str) -> None:
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


def test_eject_fails_in_the_firmware(guest: Machine) -> None:
    """Linux let go of the memory, _EJ0 failed: it is used again, and the failure reported."""
    with setting(guest, AUTO_ONLINE, "online_movable"):
        device = Device(guest, [(FIRST, BLOCK)], eject_works=False).load()
        before = picture(guest)
        assert device.bound() == 1
        guest.expect_splat(r"ACPI (BIOS )?Error")
        assert device.eject()[-1] == firmware.FAILURE
        assert picture(guest) == before
        assert device.bound() == 1
        device.notify(firmware.DEVICE_CHECK, firmware.ABSENT)
    assert not blocks_at(guest, *device.ranges)


def test_surprise_removal(guest: Machine) -> None:
    """A device that vanishes with its memory idle is cleared up after."""
    with setting(guest, AUTO_ONLINE, "online_movable"):
        before = picture(guest)
        device = Device(guest, [(FIRST, BLOCK)]).load()
        assert device.notify(firmware.DEVICE_CHECK, firmware.ABSENT) == [firmware.SUCCESS]
        assert picture(guest) == before


@pytest.mark.parametrize("value", ["-1", "86401", "x", "1.5", "0x100000000"])
def test_bad_deadline(guest: Machine, value: str) -> None:
    before = guest.read(TIMEOUT)
    assert guest.write(TIMEOUT, value) in (errno.EINVAL, errno.ERANGE)
    assert guest.read(TIMEOUT) == before


def test_switched_off(new_machine: Callable[..., Machine]) -> None:
    """With acpi_no_memhotplug nothing is added, and the firmware is told so; a deadline is taken from boot."""
    machine = new_machine(kernel="plain", dimms=(Dimm("d0", "256M", NODE),),
                          append=("acpi_no_memhotplug", "acpi_memhotplug.eject_timeout=7"))
    assert machine.read(TIMEOUT) == "7"
    assert not machine.memory(use=False).on(NODE)
    before = picture(machine)
    assert machine.plug_dimm("256M", NODE).ost == firmware.INSERT_NOT_SUPPORTED
    assert picture(machine) == before
