# SPDX-License-Identifier: GPL-2.0-only
"""Memory devices of the firmware: attached whole or not at all, ejected whole or not at all.

The shared guest is told to leave a part of its RAM alone (mem=), so that tables
loaded later can declare devices over it, with what the guest says through _OST in
the log. QEMU's own DIMMs are used for the rest.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable

import audit
import firmware
import pytest
from failpoints import Failpoints
from firmware import (AUTO_ONLINE, BLOCK, CLAIMED, FIRST, MIB, SECOND, THIRD, TIMEOUT, Container, Device, blocks_at,
                      picture, setting)

from harness.machine import Dimm, Event, Machine

NODE = 1
GUEST = firmware.GUEST


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


def test_second_resource_fails(guest: Machine) -> None:
    """The first range has been added, and is online, when the second turns out to be another's."""
    with setting(guest, AUTO_ONLINE, "online_movable"):
        before = picture(guest)
        device = Device(guest, [(FIRST, BLOCK), (CLAIMED, BLOCK)], firmware.ABSENT).load()
        assert device.notify(firmware.DEVICE_CHECK, firmware.WORKING) == [firmware.DRIVER_LOAD_FAILURE]
        assert picture(guest) == before
        assert device.notify(firmware.BUS_CHECK) == [firmware.DRIVER_LOAD_FAILURE]
        assert picture(guest) == before
        assert device.notify(firmware.DEVICE_CHECK, firmware.ABSENT) == [firmware.SUCCESS]


def test_eject_refused(guest: Machine) -> None:
    """A pinned page in one of three ranges: after the deadline all blocks are as they were."""
    device = Device(guest, [(FIRST, BLOCK), (SECOND, 2 * BLOCK), (THIRD, BLOCK)]).load()
    numbers = [b.number for b in blocks_at(guest, *device.ranges)]
    # The first is not online before, and must not be after.
    guest.online(numbers[1:], "online_movable")
    holder = guest.hold("anon", "2M", pin="vmsplice")
    assert set(holder.blocks()) & set(numbers[1:])
    before = picture(guest)
    with setting(guest, TIMEOUT, 2):
        start = time.monotonic()
        assert device.notify(firmware.EJECT_REQUEST) == [firmware.EJECT_IN_PROGRESS, firmware.DEVICE_BUSY]
        assert time.monotonic() - start < 20 * guest.pace
    assert picture(guest) == before
    assert holder.verify().ok
    holder.unpin()
    with setting(guest, TIMEOUT, 0):
        assert device.notify(firmware.EJECT_REQUEST) == [firmware.EJECT_IN_PROGRESS, firmware.SUCCESS]
    assert holder.stop().ok
    assert not blocks_at(guest, *device.ranges)


@pytest.mark.parametrize("which", [0, 1], ids=["first", "second"])
def test_eject_whose_removal_fails(guest: Machine, which: int) -> None:
    """What is offline can be removed. Should it not be, firmware must not take it: the device stays, with all its memory."""
    empty = picture(guest)
    device = Device(guest, [(FIRST, BLOCK), (SECOND, 2 * BLOCK)]).load()
    numbers = [b.number for b in blocks_at(guest, *device.ranges)]
    guest.online(numbers[1:], "online_movable")
    before = picture(guest)
    points = Failpoints(guest)
    points.arm(f"remove:check@{device.ranges[which][0] >> 12:#x}", error=errno.EBUSY)
    assert device.notify(firmware.EJECT_REQUEST) == [firmware.EJECT_IN_PROGRESS, firmware.DEVICE_BUSY]
    assert points.spent()
    points.disarm()
    assert picture(guest) == before and device.bound() == 3
    audit.verify(guest)
    assert device.eject()[-1] == firmware.SUCCESS
    assert picture(guest) == empty


def test_container(guest: Machine) -> None:
    """A container goes when user space has set its contents offline; what came online since is no excuse to lose it."""
    devices = [Device(guest, [(FIRST, BLOCK)]), Device(guest, [(SECOND, BLOCK)])]
    container = Container(guest, devices).load()
    numbers = [b.number for d in devices for b in blocks_at(guest, *d.ranges)]
    assert len(numbers) == 2
    guest.online(numbers, "online_movable")
    assert container.eject() == [firmware.DEVICE_BUSY]

    guest.offline(numbers)
    assert guest.write(container.attribute(), 0) == 0
    guest.online(numbers[1], "online_movable")
    holder = guest.hold("anon", "2M", pin="vmsplice")
    assert numbers[1] in holder.blocks()
    before = picture(guest)
    with setting(guest, TIMEOUT, 1):
        assert container.eject() == [firmware.DEVICE_BUSY]
    assert picture(guest) == before

    holder.stop()
    assert container.eject() == [firmware.SUCCESS]
    assert not blocks_at(guest, *(r for d in devices for r in d.ranges))


def wait_ost(machine: Machine, since: int, source: int, timeout: float = 60) -> int:
    """The guest's last word on a request, from QEMU's event."""
    def last(event: Event) -> bool:
        info = event.data.get("info", {})
        return event.name == "ACPI_DEVICE_OST" and info["source"] == source and \
            info["status"] != firmware.EJECT_IN_PROGRESS

    return int(machine.wait_event(last, since, timeout).data["info"]["status"])


def test_dimms_of_boot(new_machine: Callable[..., Machine]) -> None:
    """DIMMs of QEMU's command line: there after boot, online as asked; one goes, one cannot for kernel pages in it."""
    machine = new_machine(dimms=(Dimm("d0", "256M", NODE), Dimm("d1", "512M", NODE)),
                          append=("memhp_default_state=online_movable",))
    on_node = machine.memory(use=False).on(NODE)
    assert len(on_node) == 6 and {b.zone for b in on_node} == {"Movable"}
    total = machine.meminfo()["MemTotal"]
    eject = machine.unplug_dimm("d0")
    assert eject.gone and eject.ost[0] == (firmware.EJECT_REQUEST, firmware.EJECT_IN_PROGRESS)
    assert machine.memory(use=False).on(NODE) == on_node[2:]
    assert 0 < total - machine.meminfo()["MemTotal"] <= 256 * MIB

    # Two zones in the other one, with pages in both.
    numbers = [b.number for b in on_node[2:]]
    machine.offline(numbers)
    machine.online(numbers[:2], "online_kernel")
    machine.online(numbers[2:], "online_movable")
    machine.sh(f"mkdir /run/slab && cd /run/slab && "
               f"numactl --membind={NODE} sh -c 'for i in $(seq 2000); do : > file$i; done'", timeout=60)
    holder = machine.hold("anon", "16M", node=NODE)
    before = picture(machine)
    since = len(machine.events)
    machine.unplug_dimm("d1", wait=False)
    assert wait_ost(machine, since, firmware.EJECT_REQUEST) == firmware.DEVICE_BUSY
    assert picture(machine) == before
    assert [d["id"] for d in machine.dimms()] == ["d1"]
    assert holder.stop().ok
