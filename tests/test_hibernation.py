# SPDX-License-Identifier: GPL-2.0-only
"""Hibernation of a machine that was given memory, and hotplug that is under way when a machine is to hibernate.

A machine hibernates onto a disk and goes off; another one like it, with the DIMM
where it was plugged, resumes from the disk and goes on with what ran in the first.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from refusals import Watch
from uevents import MEMORY

from harness.machine import Dimm, Holder, Job, Machine

BLOCK = 128 << 20
NODE = 1
POWER = "/sys/power/state"
PARAMETER = "/sys/module/acpi_memhotplug/parameters/eject_timeout"
SMALL = dict(nodes=("1G", 0), append=("memhp_default_state=online_movable",))
SNAPSHOT = "Preallocating image memory"

GUEST = SMALL


def with_disk(disk: Path, **overrides: Any) -> dict[str, Any]:
    """The machine that hibernates, and the one that resumes."""
    drive = ("-drive", f"file={disk},format=raw,if=none,id=swap,cache=unsafe", "-device", "virtio-blk-pci,drive=swap")
    # Without the checks, under which an image takes minutes to be written and read.
    return dict(SMALL, kernel="plain", append=(*SMALL["append"], "resume=/dev/vda"), qemu=drive, **overrides)


def picture(machine: Machine) -> Any:
    return ([(b.number, b.state, b.node, b.zones) for b in machine.memory(use=False)],
            [(z.node, z.name, z.start_pfn, z.spanned, z.present, z.managed) for z in machine.zones()],
            machine.meminfo()["MemTotal"], machine.iomem())


def test_resumes_with_added_memory(new_machine: Callable[..., Machine], tmp_path: Path) -> None:
    """What stood in the added memory stands there again, and the memory can be taken away as before."""
    disk = tmp_path / "swap"
    with disk.open("wb") as file:
        file.truncate(1 << 30)
    first = new_machine(**with_disk(disk))
    first.sh("mkswap /dev/vda && swapon /dev/vda && echo shutdown > /sys/power/disk")
    dimm = first.plug_dimm("256M", NODE)
    one, other = (block.number for block in first.memory(use=False).of(dimm.addr, dimm.size))
    holders = [first.hold(kind, "24M", node=NODE, busy=True) for kind in ("anon", "thp", "memfd")]
    assert sum(holder.blocks().get(one, 0) for holder in holders) > 0
    # A kernel that resumes goes by what is online: at hibernation and at its own boot it has to be the same.
    before = picture(first)
    first.start_write(POWER, "disk")
    first.wait(timeout=60)
    log = first.log()
    assert re.search(r"PM: Image saving done", log), log[-2000:]
    first.kill()

    second = new_machine(**with_disk(disk, dimms=(Dimm(dimm.id, dimm.size, NODE, dimm.addr),)))
    assert "Image loading done" in second.log()
    for holder in holders:
        second.channel.adopt(holder.job)
    assert all(holder.verify().ok for holder in holders)
    assert picture(second) == before
    for number in (one, other):
        second.offline(number)
        second.online(number, "online_movable")
    assert all(holder.stop().ok for holder in holders)
    assert second.unplug_dimm(dimm.id).gone
    again = second.plug_dimm("256M", NODE, id="again", addr=dimm.addr)
    assert again.ost == 0
    holder = second.hold("anon", "64M", node=NODE)
    assert holder.stop().ok


@pytest.fixture
def stuck(guest: Machine) -> Iterator[tuple[Machine, Holder, str]]:
    """A DIMM with a page that does not move; yields its holder, and the DIMM's name."""
    dimm = guest.plug_dimm("128M", NODE)
    holder = guest.hold("anon", "8M", node=NODE, pin="vmsplice")
    yield guest, holder, dimm.id
    assert holder.stop().ok
    assert guest.unplug_dimm(dimm.id).gone


def hibernate_in_vain(machine: Machine) -> str:
    """All that hibernation does but for the writing: there is nowhere to write to. Returns what was logged."""
    since = machine.mark("hibernation: from here")
    assert machine.write(POWER, "disk", timeout=60) == errno.ENODEV
    machine.mark("hibernation: to here")
    log = machine.log_since(since)
    assert SNAPSHOT in log and "hibernation exit" in log
    return log


def stuck_offline(machine: Machine, holder: Holder) -> tuple[int, Job]:
    number = max(holder.blocks())
    job = machine.start_write(f"{MEMORY}/memory{number}/state", "offline")
    machine.sh(f"until grep -q going {MEMORY}/memory{number}/state; do :; done", timeout=20)
    return number, job


def test_ends_an_offline(stuck: tuple[Machine, Holder, str]) -> None:
    """A task that is to be frozen gives up what it waits for, as for a signal; what follows is as ever."""
    machine, holder, _ = stuck
    before = picture(machine)
    number, job = stuck_offline(machine, holder)
    with Watch(machine) as watch:
        log = hibernate_in_vain(machine)
        told = watch.only()
    assert job.wait(timeout=30).code == errno.EINTR
    assert (told.op, told.outcome) == ("offline", "interrupted by a signal")
    assert log.index("interrupted by a signal") < log.index(SNAPSHOT)
    assert picture(machine) == before
    holder.unpin()
    machine.offline(number)
    machine.online(number, "online_movable")


@pytest.mark.long
def test_waits_for_an_eject(stuck: tuple[Machine, Holder, str]) -> None:
    """No image is made of a machine of which part is on its way out."""
    machine, holder, name = stuck
    before, limit = picture(machine), machine.read(PARAMETER)
    number = max(holder.blocks())
    assert machine.write(PARAMETER, 3) == 0
    eject = machine.unplug_dimm(name, wait=False)
    machine.sh(f"until grep -q going {MEMORY}/memory{number}/state; do :; done", timeout=20)
    log = hibernate_in_vain(machine)
    assert log.index("page did not move in time") < log.index(SNAPSHOT)
    assert machine.wait_eject(eject, timeout=30).error
    assert picture(machine) == before
    assert machine.write(PARAMETER, limit) == 0
    holder.unpin()


@pytest.mark.long
def test_requests_follow(stuck: tuple[Machine, Holder, str]) -> None:
    """What is asked for all along is answered, before and after, and each answer is the truth."""
    machine, holder, _ = stuck
    holder.unpin()
    number = max(holder.blocks())
    file = f"{MEMORY}/memory{number}/state"
    writer = machine.start(f"while :; do put {file} offline && put {file} online_movable; done")
    for _ in range(2):
        hibernate_in_vain(machine)
    writer.kill()
    writer.wait()
    assert set(writer.output.split()) <= {"EINTR", "write:", file, "EINVAL"}, writer.output
    machine.run(f"put {file} online_movable")
    machine.offline(number)
    machine.online(number, "online_movable")
