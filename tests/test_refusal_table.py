# SPDX-License-Identifier: GPL-2.0-only
"""Row "refusals", what the layout of boot's memory refuses: errno and reason as documented, nothing changes.

The guest's memory has a hole, a CMA area, the border of two zones inside a block,
and a gigantic page that is in use. Kernel pages, two nodes in a block, vetoes and
signals: test_refusals.py; pins: test_pins.py; poison: test_hwpoison.py.
"""

from __future__ import annotations

import errno
import re
from typing import Any

import pytest
from frames import HUGE, flags
from pageblocks import migratetypes
from refusals import Refusal, Watch
from uevents import MEMORY

from harness.machine import Machine

MIB = 1 << 20
GIB = 1 << 30
PAGE = 4096
BLOCK = 128 * MIB
NODE = 1

HOLE = 0x18000000 + 32 * MIB        # inside block 3
HOLE_SIZE = 16 * MIB
CMA_SIZE = 32 * MIB

GUEST = dict(nodes=("2G", 0), append=(
    f"memmap={HOLE_SIZE >> 20}M${HOLE:#x}", f"cma={CMA_SIZE >> 20}M@16M-1G", "kernelcore=1100M", "nokaslr"))


def picture(machine: Machine, node: int) -> Any:
    types = migratetypes(machine, node)
    return ([(b.number, b.state, b.node, b.zones) for b in machine.memory(use=False)],
            [(z.node, z.name, z.start_pfn, z.spanned, z.present, z.managed) for z in machine.zones()],
            # The guest goes on using its memory: what the kernel takes for itself may change, these may not.
            {zone: (counts["CMA"], counts["Isolate"]) for zone, counts in types.items()},
            machine.meminfo()["MemTotal"], machine.meminfo()["CmaTotal"], machine.iomem())


def refused(machine: Machine, number: int, error: int, node: int = 0) -> Refusal:
    """Takes a block offline by each of its files, which must fail; returns what was said about it."""
    before = picture(machine, node)
    told = []
    for file, value in (("state", "offline"), ("online", "0")):
        with Watch(machine) as watch:
            assert machine.write(f"{MEMORY}/memory{number}/{file}", value, timeout=120) == error
            told.append(watch.only())
    assert picture(machine, node) == before
    for one in told:
        assert (one.op, one.start, one.end) == ("offline", number * BLOCK, (number + 1) * BLOCK)
        assert one.error == -error
    assert told[0].outcome == told[1].outcome
    return told[0]


def test_refusal_of_a_hole(guest: Machine) -> None:
    told = refused(guest, HOLE // BLOCK, errno.EINVAL)
    assert (told.outcome, told.cls, told.pfn) == ("memory hole", "hole", HOLE // PAGE)


def test_refusal_of_two_zones(guest: Machine) -> None:
    """kernelcore= lets ZONE_MOVABLE begin in the middle of a block."""
    movable = next(z for z in guest.zones() if z.name == "Movable" and z.present)
    assert movable.start_pfn * PAGE % BLOCK, "the border is not inside a block"
    number = movable.start_pfn * PAGE // BLOCK
    assert guest.memory(use=False).block(number).zones == ("none",)
    told = refused(guest, number, errno.EINVAL)
    assert (told.outcome, told.cls) == ("more than one zone or node", None)


def test_refusal_of_cma(guest: Machine) -> None:
    found = re.search(r"cma: Reserved \d+ MiB at (0x[0-9a-f]+)", guest.log())
    assert found and guest.meminfo()["CmaTotal"] == CMA_SIZE
    area = int(found[1], 16)
    told = refused(guest, area // BLOCK, errno.EBUSY)
    assert told.outcome == "unmovable page" and told.cls == "cma"
    assert told.pfn is not None and area <= told.pfn * PAGE < area + CMA_SIZE


def test_movable_memory_of_boot_goes(guest: Machine) -> None:
    """Beside all that: a block that lies in the movable zone as a whole."""
    movable = next(z for z in guest.zones() if z.name == "Movable" and z.present)
    number = movable.start_pfn * PAGE // BLOCK + 1
    assert guest.memory(use=False).block(number).zone == "Movable"
    total = guest.meminfo()["MemTotal"]
    guest.offline(number)
    assert guest.meminfo()["MemTotal"] == total - BLOCK
    guest.online(number, "online_movable")
    assert guest.meminfo()["MemTotal"] == total


@pytest.fixture
def gigantic(guest: Machine) -> int:
    """A block of a gigantic page that is in use; there is no other one."""
    plug = guest.plug_dimm(2 * GIB, node=NODE)
    numbers = [block.number for block in guest.memory(use=False).of(plug.addr, plug.size)]
    guest.online(numbers, "online_kernel")      # such a page is never in Movable
    pool = f"/sys/devices/system/node/node{NODE}/hugepages/hugepages-{GIB >> 10}kB"
    guest.write(f"{pool}/nr_hugepages", 1, timeout=120)
    assert guest.read(f"{pool}/nr_hugepages") == "1"
    guest.sh("mkdir -p /run/gigantic && mount -t hugetlbfs -o pagesize=1G none /run/gigantic && "
             f"numactl --membind={NODE} fallocate -l 1G /run/gigantic/page", timeout=120)
    assert guest.read(f"{pool}/free_hugepages") == "0"
    return next(n for n in numbers if flags(guest, n * BLOCK // PAGE)[0] & HUGE)


def test_refusal_of_a_gigantic_page_in_use(guest: Machine, gigantic: int) -> None:
    """There is no other one for it to move to. Given back, it is dissolved, and the block may go."""
    pool = f"/sys/devices/system/node/node{NODE}/hugepages/hugepages-{GIB >> 10}kB"
    told = refused(guest, gigantic, errno.ENOMEM, NODE)
    assert told.cls in ("hugetlb", "gigantic hugetlb")
    assert guest.read(f"{pool}/nr_hugepages") == "1"
    guest.sh("umount /run/gigantic")
    guest.offline(gigantic)
    assert guest.read(f"{pool}/nr_hugepages") == "0"
