# SPDX-License-Identifier: GPL-2.0-only
"""Containers of memory devices (ACPI0004, PNP0A05, PNP0A06): whole boards or nodes that come and go.

Their tables are loaded into a running guest, over RAM that it left out at boot.
"""

from __future__ import annotations

import firmware
import pytest
from firmware import (AUTO_ONLINE, BLOCK, CLAIMED, FIRST, SECOND, THIRD, Container, Device, blocks_at, device_log,
                      picture, setting)

from harness.machine import Machine

GUEST = firmware.GUEST
KINDS = ("ACPI0004", "PNP0A05", "PNP0A06")


@pytest.mark.parametrize("kind", KINDS)
def test_container_comes_and_goes_as_a_whole(guest: Machine, kind: str) -> None:
    """One notification adds all that is inside, one eject takes it all; with a block online it is refused, unchanged."""
    ranges = [(FIRST, BLOCK), (SECOND, 2 * BLOCK)]
    before = picture(guest)
    container = Container(guest, [Device(guest, [r]) for r in ranges], firmware.ABSENT, kind).load()
    assert picture(guest) == before, "an absent container has been entered"

    with setting(guest, AUTO_ONLINE, "online_movable"):
        assert container.notify(firmware.DEVICE_CHECK, firmware.WORKING) == [firmware.SUCCESS]
    blocks = blocks_at(guest, *ranges)
    assert [b.zone for b in blocks] == ["Movable"] * 3

    # All but one offline is not enough, whoever asks.
    guest.offline([b.number for b in blocks[:-1]])
    partly = picture(guest)
    assert guest.write(container.attribute(), 0) != 0
    assert container.eject() == [firmware.DEVICE_BUSY]
    assert container.notify(firmware.EJECT_REQUEST)[-1] == firmware.DEVICE_BUSY
    assert picture(guest) == partly

    guest.offline(blocks[-1].number)
    assert guest.write(container.attribute(), 0) == 0
    assert container.eject() == [firmware.SUCCESS]
    assert picture(guest) == before


def test_container_in_a_container(guest: Machine) -> None:
    """The eject of the outer one waits for what is in the inner one."""
    before = picture(guest)
    inner = Container(guest, [Device(guest, [(FIRST, BLOCK)])], hid="PNP0A06")
    outer = Container(guest, [inner, Device(guest, [(THIRD, BLOCK)])]).load()
    blocks = blocks_at(guest, (FIRST, BLOCK), (THIRD, BLOCK))
    assert len(blocks) == 2
    guest.online(blocks[0].number, "online_movable")
    with_inner = picture(guest)
    assert outer.eject() == [firmware.DEVICE_BUSY]
    assert picture(guest) == with_inner
    guest.offline(blocks[0].number)
    for container in (inner, outer):
        assert guest.write(container.attribute(), 0) == 0
    assert outer.eject() == [firmware.SUCCESS]
    assert picture(guest) == before


def test_container_with_a_refused_device(guest: Machine) -> None:
    """The device whose memory cannot be added is reported; the other one is used, and both go together."""
    before = picture(guest)
    devices = [Device(guest, [(FIRST, BLOCK)]), Device(guest, [(CLAIMED, BLOCK)])]
    container = Container(guest, devices, firmware.ABSENT).load()
    since = guest.mark("one of two is refused")
    assert container.notify(firmware.DEVICE_CHECK, firmware.WORKING) == [firmware.DRIVER_LOAD_FAILURE]
    assert "memory device refused" in device_log(guest, since)
    assert [b.state for b in blocks_at(guest, (FIRST, BLOCK))] == ["offline"]
    assert guest.write(container.attribute(), 0) == 0
    assert container.eject() == [firmware.SUCCESS]
    assert picture(guest) == before
