# SPDX-License-Identifier: GPL-2.0-only
"""Memory devices that vanish without asking, are ejected by force, or while something else is going on.

Whatever is still mapped and in use stays known, all else is cleared up, and a device that comes back is used again.
"""

from __future__ import annotations

import errno
import re
import signal
from collections.abc import Iterator

import firmware
import pytest
from firmware import (AUTO_ONLINE, BLOCK, FIRST, TIMEOUT, Device, blocks_at, device_log, picture, setting)

from harness.machine import MEMORY, Holder, Machine

# The deadline is short: without the checks, what can move does so in time.
GUEST = {**firmware.GUEST, "kernel": "plain"}
RANGE = (FIRST, 4 * BLOCK)
LOST = r"memory device is gone with its memory in use: (\d+) of (\d+) blocks stay online"
BUSY = [firmware.EJECT_IN_PROGRESS, firmware.DEVICE_BUSY]
EJECTED = [firmware.EJECT_IN_PROGRESS, firmware.SUCCESS]


def states(machine: Machine) -> dict[int, str]:
    return {b.number: b.state for b in blocks_at(machine, RANGE)}


@pytest.fixture
def device(guest: Machine) -> Iterator[Device]:
    """With all of its memory online. It must not leave anything behind, and the deadline is short."""
    before = picture(guest)
    with setting(guest, AUTO_ONLINE, "online_movable"), setting(guest, TIMEOUT, 2):
        made = Device(guest, [RANGE]).load()
        assert set(states(guest).values()) == {"online"}
        yield made
    assert picture(guest) == before
    assert f"{FIRST:012x}" not in guest.read("/proc/iomem")


@pytest.fixture
def holder(device: Device) -> Holder:
    """Has pages of the device, some of which cannot move."""
    made = device.machine.hold("anon", "16M", pin="vmsplice")
    assert set(made.blocks()) <= set(states(device.machine))
    return made


def clear_up(device: Device, holder: Holder) -> None:
    """The memory was not touched, and goes once it is free."""
    assert holder.verify().ok
    assert holder.stop().ok
    assert device.notify(firmware.EJECT_REQUEST) == EJECTED


@pytest.mark.parametrize("check", [firmware.BUS_CHECK, firmware.DEVICE_CHECK], ids=["bus-check", "device-check"])
def test_in_use(guest: Machine, device: Device, holder: Holder, check: int) -> None:
    with_device, known = picture(guest), guest.iomem()
    since = guest.mark("vanishes")
    assert device.notify(check, firmware.ABSENT) == [firmware.FAILURE]

    now = states(guest)
    assert list(now.values()).count("online") == 1 and holder.blocks().keys() >= {n for n in now if now[n] == "online"}
    assert re.findall(LOST, device_log(guest, since)) == [("1", "4")]
    assert guest.iomem() == known and device.bound() == 0
    assert holder.verify().ok

    # Nothing of it comes into use again, and another notification changes nothing.
    gone = next(number for number in now if now[number] == "offline")
    for word in ("online", "online_kernel", "online_movable"):
        assert guest.write(f"{MEMORY}/memory{gone}/state", word) == errno.ENODEV
    device.send(check)
    assert states(guest) == now

    assert device.notify(firmware.DEVICE_CHECK, firmware.WORKING) == [firmware.SUCCESS]
    assert device.bound() == 4 and states(guest) == now
    guest.online([number for number in now if now[number] == "offline"], "online_movable")
    assert picture(guest) == with_device
    clear_up(device, holder)


def test_gone_for_good(guest: Machine, device: Device, holder: Holder) -> None:
    """Its memory is removed by an eject, once that is free."""
    assert device.notify(firmware.BUS_CHECK, firmware.ABSENT) == [firmware.FAILURE]
    assert device.notify(firmware.EJECT_REQUEST) == BUSY
    clear_up(device, holder)


@pytest.mark.parametrize("ends", ["offline", "signal"])
def test_while_an_offline_is_running(guest: Machine, device: Device, holder: Holder, ends: str) -> None:
    """The offline ends as ever, and the device is dealt with then."""
    held = max(holder.blocks(), key=lambda number: holder.blocks()[number])
    since = guest.mark("vanishes")
    job = guest.start_write(f"{MEMORY}/memory{held}/state", "offline")
    guest.sh(f"until grep -q going {MEMORY}/memory{held}/state; do :; done", timeout=20)
    asked = device.send(firmware.DEVICE_CHECK, firmware.ABSENT)
    assert states(guest)[held] == "going-offline"
    if ends == "signal":
        job.signal(signal.SIGINT)
        assert job.wait().code == 128 + signal.SIGINT
        assert device.reports(firmware.DEVICE_CHECK, asked, 60) == [firmware.FAILURE]
        assert re.findall(LOST, device_log(guest, since)) == [("1", "4")]
        clear_up(device, holder)
    else:
        holder.unpin()
        assert job.wait(timeout=60).code == 0
        assert device.reports(firmware.DEVICE_CHECK, asked, 60) == [firmware.SUCCESS]
        assert not states(guest)
        assert holder.stop().ok


def test_while_offline(guest: Machine, device: Device) -> None:
    guest.offline(list(states(guest)))
    since = guest.mark("vanishes")
    assert device.notify(firmware.BUS_CHECK, firmware.ABSENT) == [firmware.SUCCESS]
    assert not states(guest)
    assert not re.search(LOST, device_log(guest, since))
    # And it comes back as if never seen.
    assert device.notify(firmware.DEVICE_CHECK, firmware.WORKING) == [firmware.SUCCESS]
    assert set(states(guest).values()) == {"online"} and device.bound() == 4
    assert device.notify(firmware.EJECT_REQUEST) == EJECTED


def test_eject_by_force(guest: Machine, device: Device, holder: Holder) -> None:
    """The firmware asks when the device is gone already: what it had stays its own until it is free."""
    all_online = picture(guest)
    assert device.notify(firmware.EJECT_REQUEST, firmware.ABSENT) == BUSY
    assert picture(guest) == all_online
    clear_up(device, holder)


@pytest.mark.parametrize("pinned", [True, False], ids=["refused", "ejected"])
def test_second_eject_request(guest: Machine, device: Device, holder: Holder, pinned: bool) -> None:
    """It waits for the first one, and finds what that has left."""
    all_online = picture(guest)
    first = device.send(firmware.EJECT_REQUEST)
    guest.sh(f"until grep -q going {MEMORY}/memory*/state; do :; done", timeout=20)
    device.send(firmware.EJECT_REQUEST)
    if not pinned:
        holder.unpin()
    final = firmware.DEVICE_BUSY if pinned else firmware.SUCCESS
    word = rf'"ost {device.name} 0*3 0*{final:X}"'
    guest.wait_log(rf"(?s){word}.*{word}", first, 60)
    if pinned:
        assert picture(guest) == all_online
        clear_up(device, holder)
    else:
        assert not states(guest)
        assert holder.stop().ok
