# SPDX-License-Identifier: GPL-2.0-only
"""The probe file adds memory that is there and that boot was told to leave alone.

What it must not take: test_bad_input.py.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

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
