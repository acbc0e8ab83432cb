# SPDX-License-Identifier: GPL-2.0-only
"""The udev rule of the administrator's guide, as it stands there, with a real udev."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from uevents import MEMORY

from harness.machine import Machine

GUIDE = Path(__file__).resolve().parents[1] / "Documentation/admin-guide/mm/memory-hotplug.rst"
RULES = "/etc/udev/rules.d/90-memory.rules"
NODE = 1

GUEST = dict(extra=("udevadm",), nodes=("1G", 0))


def from_the_guide(start: str) -> str:
    """The line of a literal block that begins like that."""
    line, = re.findall(rf"^\t({start}.*)$", GUIDE.read_text(), re.M)
    return str(line)


@pytest.fixture
def udev(guest: Machine) -> Iterator[Callable[[], None]]:
    """Starts udev, with the rule of the guide alone."""
    guest.sh("mkdir -p /etc/udev/rules.d")
    guest.push(f"{from_the_guide('SUBSYSTEM==')}\n".encode(), RULES)

    def start() -> None:
        guest.sh("/usr/lib/systemd/systemd-udevd --daemon && udevadm control --ping", timeout=60)

    yield start
    # It may hear of what comes next as long as it is there.
    # By a signal: udevd passes over what comes on its socket between accept() and SO_PASSCRED, and "control --exit" is lost.
    guest.sh("while p=$(pidof systemd-udevd); do kill $p; usleep 20000; done 2>/dev/null", timeout=60)


def settled(machine: Machine, addr: int, size: int) -> set[tuple[str, str | None]]:
    """What state and zone the blocks have when udev has nothing left to do."""
    machine.sh("udevadm settle --timeout=120", timeout=60)
    return {(block.state, block.zone) for block in machine.memory(use=False).of(addr, size)}


def test_udev_rule(guest: Machine, udev: Callable[[], None]) -> None:
    """What is plugged comes online in Movable, goes again, and comes again."""
    assert guest.read(f"{MEMORY}/auto_online_blocks") == "offline"
    udev()
    total = guest.meminfo()["MemTotal"]
    for _ in range(2):
        plug = guest.plug_dimm("256M", node=NODE)
        assert settled(guest, plug.addr, plug.size) == {("online", "Movable")}
        assert guest.meminfo()["MemTotal"] == total + plug.size
        assert guest.unplug_dimm(plug.id).gone
        guest.sh("udevadm settle --timeout=120", timeout=60)
        assert guest.meminfo()["MemTotal"] == total


def test_udev_rule_leaves_the_administrator_his_say(guest: Machine, udev: Callable[[], None]) -> None:
    """The rule is about memory that is added: a block that is taken offline, or comes online, is left alone."""
    udev()
    plug = guest.plug_dimm("256M", node=NODE)
    assert settled(guest, plug.addr, plug.size) == {("online", "Movable")}
    blocks = guest.memory(use=False).of(plug.addr, plug.size)
    guest.offline(blocks)
    assert settled(guest, plug.addr, plug.size) == {("offline", None)}
    guest.online(blocks, "online_movable")
    assert settled(guest, plug.addr, plug.size) == {("online", "Movable")}


def test_udev_rule_for_memory_of_boot(guest: Machine, udev: Callable[[], None]) -> None:
    """What was there before udev comes online when the boot scripts have its events sent again."""
    plug = guest.plug_dimm("256M", node=NODE)
    udev()
    assert settled(guest, plug.addr, plug.size) == {("offline", None)}
    guest.sh(from_the_guide("udevadm trigger"))
    assert settled(guest, plug.addr, plug.size) == {("online", "Movable")}
