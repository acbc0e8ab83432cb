# SPDX-License-Identifier: GPL-2.0-only
"""virtio-mem, with the tree's own driver: grows and shrinks, by parts of blocks and by big blocks.

Each machine has two devices: sub-blocks of 2 MiB on node 1 (several to a memory
block), big blocks of 256 MiB on node 0 (several memory blocks to one).
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import Any

from kernels import WITHOUT_CHECKS

from harness.machine import Machine, VirtioMem

MIB, GIB = 1 << 20, 1 << 30
BLOCK = 128 * MIB
SUB, BIG = "sub", "big"
GUEST: dict[str, Any] = dict(virtio_mem=(VirtioMem(SUB, "2G", node=1), VirtioMem(BIG, "4G", node=0, block="256M")),
                             append=("memhp_default_state=online_movable",))
PARAMETERS = "/sys/module/memory_hotplug/parameters"


def region(machine: Machine, name: str) -> tuple[int, int]:
    """Where a device's memory is: address and largest size."""
    data = next(d for d in machine.dimms() if d.get("id") == name)
    return int(data["memaddr"]), int(data["max-size"])


def blocks(machine: Machine, name: str) -> list[Any]:
    return machine.memory(use=False).of(*region(machine, name))


def settled(machine: Machine, name: str, size: int, timeout: float = 60) -> bool:
    """Waits until the device, its memory blocks and the page allocator agree on @size."""
    deadline = time.monotonic() + timeout * machine.pace
    assert machine.wait_resized(name, timeout) == size
    while True:
        mine = blocks(machine, name)
        if len(mine) == -(-size // BLOCK) and all(b.online for b in mine):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)


def resize(machine: Machine, name: str, size: int) -> None:
    machine.resize(name, size)
    assert settled(machine, name, size), f"{name} has {len(blocks(machine, name))} blocks for {size >> 20} MiB"


def managed(machine: Machine, node: int) -> int:
    """What the page allocator has of a node, in bytes."""
    return sum(zone.managed for zone in machine.zones() if zone.node == node) * 4096


def picture(machine: Machine) -> Any:
    """Blocks, zones and resources; managed pages apart, as the driver's own allocations change nothing of it."""
    return ([(b.number, b.state, b.node, b.zones) for b in machine.memory(use=False)],
            [(z.node, z.name, z.start_pfn, z.spanned, z.present, z.managed) for z in machine.zones() if z.present],
            machine.iomem())


def test_sub_blocks_grow_and_shrink_in_steps(guest: Machine) -> None:
    """Sizes that are no whole blocks: the page allocator has what is plugged, to the page, and all of it goes again."""
    before = picture(guest)
    for size in (6 * MIB, 200 * MIB, 512 * MIB, 510 * MIB, 140 * MIB, 300 * MIB, 0):
        resize(guest, SUB, size)
        assert managed(guest, 1) == size
        assert len(blocks(guest, SUB)) == -(-size // BLOCK)
    assert picture(guest) == before


def test_page_that_breaks_unplugged(guest: Machine) -> None:
    """A page that the driver keeps from the page allocator was never counted, so it is not missed."""
    before, total = picture(guest), guest.meminfo()["MemTotal"]
    resize(guest, SUB, 200 * MIB)
    start, _ = region(guest, SUB)
    assert guest.write("/sys/devices/system/memory/hard_offline_page", hex(start + 2 * BLOCK - 4096)) == errno.EBUSY
    assert managed(guest, 1) == 200 * MIB
    resize(guest, SUB, 0)
    assert managed(guest, 1) == 0 and guest.meminfo()["MemTotal"] == total
    assert picture(guest) == before


def test_big_blocks_grow_and_shrink_in_steps(guest: Machine) -> None:
    """Each step is several memory blocks, added and taken away by one operation."""
    before = picture(guest)
    base = managed(guest, 0)
    for size in (256 * MIB, GIB, 512 * MIB, 768 * MIB, 0):
        resize(guest, BIG, size)
        assert managed(guest, 0) == base + size
        assert len(blocks(guest, BIG)) == size // BLOCK
    assert picture(guest) == before


def test_shrinks_under_load(guest: Machine) -> None:
    """Memory in use moves to what stays; not a byte of it changes."""
    before = picture(guest)
    resize(guest, SUB, 256 * MIB)
    resize(guest, BIG, 512 * MIB)
    holders = [guest.hold("anon", "32M", node=1, prefer=True, busy=True), guest.hold("shared", "16M", node=1, prefer=True)]
    resize(guest, SUB, 100 * MIB)
    resize(guest, BIG, 256 * MIB)
    resize(guest, SUB, 0)
    assert all(holder.verify().ok for holder in holders)
    assert not blocks(guest, SUB)
    resize(guest, BIG, 0)
    assert all(holder.stop().ok for holder in holders)
    assert picture(guest) == before


def test_goes_on_where_it_was_refused(guest: Machine) -> None:
    """Pinned pages keep some of it; the rest goes at once, and this as soon as they are let go."""
    before = picture(guest)
    resize(guest, SUB, 512 * MIB)
    holder = guest.hold("anon", "16M", node=1, pin="vmsplice")
    since = len(guest.events)
    guest.resize(SUB, 0)
    guest.wait_event(lambda e: e.name == "MEMORY_DEVICE_SIZE_CHANGE" and e.data["size"] <= 2 * BLOCK, since, 60)
    assert guest.virtio_mem_size(SUB) >= holder.bytes
    assert holder.verify().ok
    holder.stop()
    assert settled(guest, SUB, 0, timeout=120)
    assert picture(guest) == before


def bus_name(machine: Machine, name: str) -> str:
    """What the bus calls a device: the driver gave its memory region that name."""
    start, _ = region(machine, name)
    found = next(r for r in machine.iomem() if r.start == start and r.name.startswith("virtio"))
    return found.name


def test_driver_unbind_and_unplug_of_all(guest: Machine) -> None:
    """A part of a block that is offline goes with the driver; bound again it first has all of the device unplugged.

    The last one of the guest: a device is left without its driver.
    """
    machine = guest
    before = picture(machine)
    driver = "/sys/bus/virtio/drivers/virtio_mem"
    sub, big = bus_name(machine, SUB), bus_name(machine, BIG)
    resize(machine, SUB, 44 * MIB)
    machine.offline(blocks(machine, SUB))
    assert machine.write(f"{driver}/unbind", sub) == 0
    assert not blocks(machine, SUB) and machine.virtio_mem_size(SUB) == 44 * MIB
    since = machine.mark("bind")
    assert machine.write(f"{driver}/bind", sub) == 0
    assert settled(machine, SUB, 44 * MIB)      # what was asked of it last
    assert "requested size: 0x2c00000" in machine.log_since(since)
    resize(machine, SUB, 0)
    assert picture(machine) == before

    # Whole blocks stay when the driver goes. They are nobody's then, but memory still.
    resize(machine, BIG, 512 * MIB)
    holder = machine.hold("anon", "64M")
    since = machine.mark("unbind in use")
    assert machine.write(f"{driver}/unbind", big) == 0
    machine.wait_log("device still has system memory added", since)
    assert [b.zone for b in blocks(machine, BIG)] == ["Movable"] * 4
    machine.offline(blocks(machine, BIG))
    machine.online(blocks(machine, BIG), "online_movable")
    assert holder.stop().ok


def test_groups_under_auto_movable(new_machine: Callable[..., Machine]) -> None:
    """A dynamic group: each unit goes to one zone, and its own kernel memory allows for more that is movable."""
    machine = new_machine(kernel=WITHOUT_CHECKS, virtio_mem=GUEST["virtio_mem"],
                          append=("memhp_default_state=online", "memory_hotplug.online_policy=auto-movable",
                                  "memory_hotplug.auto_movable_ratio=100"))
    boot = managed(machine, 0)
    resize(machine, BIG, 4 * GIB)
    zones = [b.zone for b in blocks(machine, BIG)]
    units = [set(zones[n:n + 2]) for n in range(0, len(zones), 2)]
    assert all(len(unit) == 1 for unit in units), zones
    movable, kernel = zones.count("Movable") * BLOCK, zones.count("Normal") * BLOCK
    assert boot < movable <= boot + kernel + BLOCK, zones
    assert units[0] == {"Movable"} and {"Normal"} in units and units[-1] != units[-2]

    # A node without memory of boot gets none from this policy, unless it need not care for nodes.
    machine.write(f"{PARAMETERS}/auto_movable_numa_aware", "N")
    machine.write(f"{PARAMETERS}/auto_movable_ratio", 300)
    resize(machine, SUB, 256 * MIB)
    assert [b.zone for b in blocks(machine, SUB)] == ["Movable"] * 2
    resize(machine, SUB, 0)
    machine.write(f"{PARAMETERS}/auto_movable_numa_aware", "Y")
    resize(machine, SUB, 256 * MIB)
    assert [b.zone for b in blocks(machine, SUB)] == ["Normal"] * 2
