# SPDX-License-Identifier: GPL-2.0-only
"""Whoever walks page frames, while memory comes and goes under him.

The walkers run all the time, each in a process of its own; a DIMM is plugged, its
blocks go offline and online, and it is ejected. No walker may hit a hole, and at
each halt what they say is right: memory that is there, and none that is not.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from frames import NOPAGE, PAGE, counts, flags, mapped

from harness.machine import Machine

BLOCK = 128 << 20
BLOCK_PAGES = BLOCK // PAGE
PAGEBLOCK = 2 << 20
NODE = 1
ADDR = 4 << 30

# Each is the body of a loop. A large file is read where the DIMM is, and a bit below and above: 8 bytes a page.
_AROUND = "bs=65536 skip=127 count=10 of=/dev/null"
WALKERS = {
    "kpageflags": f"dd if=/proc/kpageflags {_AROUND}",
    "kpagecount": f"dd if=/proc/kpagecount {_AROUND}",
    "kpagecgroup": f"dd if=/proc/kpagecgroup {_AROUND}",
    "page_owner": "dd if=/sys/kernel/debug/page_owner bs=4096 skip=256 count=30 of=/dev/null",
    "compaction": "echo 1 > /sys/devices/system/node/node1/compact",
    "summaries": "cat /proc/pagetypeinfo /proc/buddyinfo /proc/zoneinfo /proc/iomem /proc/vmstat >/dev/null",
    "nodes": "cat /sys/devices/system/node/node*/meminfo /sys/devices/system/node/node*/numastat >/dev/null",
    "blocks": "cd /sys/devices/system/memory && grep -s . memory3*/valid_zones memory3*/state >/dev/null",
    "kcore": "dd if=/proc/kcore iflag=skip_bytes bs=65536 skip={kcore} count=32 of=/dev/null",
}
# A byte for each time: what is written anew is empty for a moment, or for as long as its writer has to wait for a CPU.
# They rest and are nice, or what they walk beside would hardly get on: nine of them share three CPUs with it.
LOOP = "renice -n 19 $$ >/dev/null; while :; do {{ {body}; }} 2>/dev/null; printf . >> /run/walker.{name}; usleep 50000; done"

GUEST = dict(nodes=("1G", 0), append=("memhp_default_state=online_movable", "page_owner=on"), cpus=3)


@dataclass(frozen=True)
class Load:
    """A part of /proc/kcore: physical memory, and where in the file it is."""

    paddr: int
    size: int
    offset: int


def kcore_loads(machine: Machine) -> list[Load]:
    """The loadable parts of /proc/kcore."""
    raw = machine.run("dd if=/proc/kcore bs=4096 count=16 2>/dev/null", check=True).raw
    offset, = struct.unpack_from("<Q", raw, 32)
    size, number = struct.unpack_from("<HH", raw, 54)
    heads = (struct.unpack_from("<IIQQQQQQ", raw, offset + i * size) for i in range(number))
    return [Load(head[4], head[5], head[2]) for head in heads if head[0] == 1]


def kcore_offset(machine: Machine, paddr: int) -> int | None:
    """Where in /proc/kcore a physical address is; None where it has none."""
    for load in kcore_loads(machine):
        if load.paddr <= paddr < load.paddr + load.size:
            return load.offset + paddr - load.paddr
    return None


def kcore_page(machine: Machine, pfn: int) -> bytes:
    """A page's content, by /proc/kcore."""
    offset = kcore_offset(machine, pfn * PAGE)
    assert offset is not None
    command = f"dd if=/proc/kcore iflag=skip_bytes bs={PAGE} skip={offset} count=1 2>/dev/null"
    return machine.run(command, check=True).raw


def pageblocks(machine: Machine) -> int:
    """How many movable pageblocks /proc/pagetypeinfo finds on the node."""
    found = re.search(rf"^Node {NODE}, zone +Movable +\d+ +(\d+)", machine.read("/proc/pagetypeinfo"), re.M)
    return int(found.group(1)) if found else 0


def owners(machine: Machine, number: int) -> int:
    """Allocations in a block that page_owner tells of, 50 at the most. The file's offset is a pfn."""
    told = machine.run("dd if=/sys/kernel/debug/page_owner bs=4096 count=50 "
                       f"skip={number * BLOCK_PAGES // 4096} 2>/dev/null", timeout=60).out
    return sum(int(pfn, 16) // BLOCK_PAGES == number for pfn in re.findall(r"PFN (0x[0-9a-f]+)", told))


def there(machine: Machine, number: int) -> None:
    """A block that is online: each of its pages is one."""
    assert not any(word & NOPAGE for word in flags(machine, number * BLOCK_PAGES, BLOCK_PAGES))


def not_there(machine: Machine, number: int) -> None:
    """A block that is not online, or not there at all: none is, and nobody has any."""
    assert set(flags(machine, number * BLOCK_PAGES, BLOCK_PAGES)) <= {NOPAGE}
    assert set(counts(machine, number * BLOCK_PAGES, BLOCK_PAGES)) <= {0}
    assert owners(machine, number) == 0


def passes(machine: Machine) -> dict[str, int]:
    """How often each walker has been through."""
    return {name: int(machine.run(f"stat -c %s /run/walker.{name} 2>/dev/null").out or 0) for name in WALKERS}


@pytest.fixture
def walkers(guest: Machine) -> Iterator[Machine]:
    """All of them walk, from before there is a DIMM."""
    with_dimm = guest.plug_dimm(2 * BLOCK, NODE, addr=ADDR)
    kcore = kcore_offset(guest, ADDR)
    assert guest.unplug_dimm(with_dimm.id).gone and kcore is not None
    for name, body in WALKERS.items():
        guest.start(LOOP.format(body=body.format(kcore=kcore), name=name))
    yield guest
    for job in guest.jobs():
        job.kill()
        job.wait()


@pytest.mark.parametrize("rounds", [1, pytest.param(4, marks=pytest.mark.long)])
def test_walkers(walkers: Machine, tmp_path: Path, rounds: int) -> None:
    machine, path = walkers, tmp_path / "dimm"
    total = machine.meminfo()["MemTotal"]
    first, second = ADDR // BLOCK, ADDR // BLOCK + 1
    start = passes(machine)
    for _ in range(rounds):
        path.write_bytes(b"")
        dimm = machine.plug_dimm(2 * BLOCK, NODE, addr=ADDR, path=path)
        there(machine, first)
        there(machine, second)
        assert pageblocks(machine) == 2 * BLOCK // PAGEBLOCK
        holder = machine.hold("anon", "4M", node=NODE)
        at = next(pfn for pfn in mapped(machine, holder.job.pid) if pfn // BLOCK_PAGES in (first, second))
        with path.open("rb") as content:
            content.seek(at * PAGE - ADDR)
            assert kcore_page(machine, at) == content.read(PAGE) != bytes(PAGE)
        leaving = at // BLOCK_PAGES
        assert owners(machine, leaving)
        machine.offline(leaving)
        not_there(machine, leaving)
        there(machine, first + second - leaving)
        assert pageblocks(machine) == BLOCK // PAGEBLOCK
        assert kcore_page(machine, at) == bytes(PAGE)
        machine.online(leaving, "online_movable")
        assert machine.unplug_dimm(dimm.id).gone
        not_there(machine, first)
        not_there(machine, second)
        assert kcore_offset(machine, at * PAGE) is None and pageblocks(machine) == 0
        assert ADDR not in {entry.start for entry in machine.iomem()}
        assert holder.stop().ok
    now = passes(machine)
    assert all(now[name] > start[name] for name in WALKERS), f"{start} {now}"
    assert machine.meminfo()["MemTotal"] == total
