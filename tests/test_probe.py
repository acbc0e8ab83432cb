# SPDX-License-Identifier: GPL-2.0-only
"""The probe file adds memory that is there and that boot was told to leave alone.

What it must not take: test_bad_input.py.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

import ranged
from uevents import MEMORY

from harness.machine import Machine

BLOCK = 128 << 20
GIB = 1 << 30


def test_memory_that_boot_left_out(new_machine: Callable[..., Machine]) -> None:
    machine = new_machine(append=("mem=1G",))
    total, number = machine.meminfo()["MemTotal"], GIB // BLOCK
    assert not machine.memory(use=False).of(GIB, GIB)
    assert machine.write(f"{MEMORY}/probe", hex(GIB)) == 0
    block, = machine.memory(use=False).of(GIB, GIB)
    assert (block.number, block.state, block.node) == (number, "offline", 0)
    assert machine.write(f"{MEMORY}/probe", hex(GIB)) == errno.EEXIST
    machine.online(number, "online_movable")
    assert machine.meminfo()["MemTotal"] == total + BLOCK
    # Nothing else on this machine is movable: what prefers to be gets there.
    holder = machine.hold("anon", "96M")
    assert holder.blocks().get(number, 0) > 0
    machine.offline(number)
    assert machine.meminfo()["MemTotal"] == total
    assert holder.stop().ok
    # The firmware keeps its tables at the end of RAM: not all of that block is memory.
    assert machine.write(f"{MEMORY}/probe", hex(2 * GIB - BLOCK)) in (errno.ENODEV, errno.EEXIST)


def test_what_came_in_parts_goes_as_one(new_machine: Callable[..., Machine]) -> None:
    """Each part has a resource and an entry of the firmware's map; all of them go."""
    machine = new_machine(kernel="plain", append=ranged.APPEND)
    parts = ranged.Range(machine, 3)
    before = claims(machine)
    for number in parts.numbers:
        assert machine.write(f"{MEMORY}/probe", hex(number * ranged.BLOCK)) == 0
    assert len(claims(machine)) == len(before) + 2 * 3
    assert parts.withdraw() == 0
    assert claims(machine) == before
    parts.end()


def claims(machine: Machine) -> list[str]:
    """System RAM of /proc/iomem and of the firmware's map."""
    return machine.sh("grep 'System RAM' /proc/iomem; cd /sys/firmware/memmap; for i in *; do echo $(cat $i/start $i/end $i/type); done | sort").splitlines()
