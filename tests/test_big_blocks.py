# SPDX-License-Identifier: GPL-2.0-only
"""Memory blocks of several sections, which the kernel chooses from 64 GiB on.

The guest's memory is not backed until it is touched. It runs the kernel without
checks: KASAN's shadow, an eighth of all memory, would be touched at boot.
"""

from __future__ import annotations

from collections.abc import Callable

import pagetables
from uevents import MEMORY

from harness.machine import Machine

PAGE = 4096
SECTION = 128 << 20
NODE = 1


def test_blocks_of_several_sections(new_machine: Callable[..., Machine], kernel_config: str) -> None:
    machine = new_machine(kernel=kernel_config.replace("debug", "plain"), nodes=("64G", 0), maxmem="128G")
    size = int(machine.read(f"{MEMORY}/block_size_bytes"), 16)
    assert size > SECTION and size % SECTION == 0
    length = 2 * size
    total, before, iomem = machine.meminfo()["MemTotal"], pagetables.mappings(machine), machine.iomem()

    plug = machine.plug_dimm(length, node=NODE)
    blocks = machine.memory(use=False).of(plug.addr, length)
    assert [(b.start, b.state, b.node) for b in blocks] == [
        (addr, "offline", NODE) for addr in range(plug.addr, plug.addr + length, size)]
    assert all(int(machine.read(f"{MEMORY}/memory{b.number}/phys_index"), 16) == b.number for b in blocks)

    for count, block in enumerate(blocks, 1):
        machine.online(block, "online_movable")
        assert machine.meminfo()["MemTotal"] == total + count * size
    zone, = (z for z in machine.zones() if z.node == NODE and z.present)
    assert (zone.name, zone.spanned, zone.present, zone.managed) == ("Movable", *[length // PAGE] * 3)

    holder = machine.hold("anon", "192M", node=NODE, busy=True)
    leaving = max(holder.blocks().items(), key=lambda item: item[1])[0]
    machine.offline(leaving)
    assert machine.meminfo()["MemTotal"] == total + size
    assert leaving not in holder.blocks() and holder.verify().ok
    assert machine.unplug_dimm(plug.id).gone
    assert holder.stop().ok

    assert machine.meminfo()["MemTotal"] == total
    assert machine.iomem() == iomem
    assert not machine.memory(use=False).of(plug.addr, length)
    assert NODE not in machine.node_state("has_memory")
    assert pagetables.mappings(machine) == before
