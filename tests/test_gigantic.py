# SPDX-License-Identifier: GPL-2.0-only
"""A gigantic huge page, 1 GiB, lies across eight memory blocks: what happens to it when one of them is to go.

Gigantic pages are not taken from Movable, so the DIMM is online in a kernel zone.
The kernel does without the string instructions here: QEMU's emulation carries
these out byte by byte, and a page takes minutes to copy.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

from frames import HUGE, PAGE, flags
from refusals import Watch
from uevents import MEMORY

from harness.machine import Dimm, Machine

GIB = 1 << 30
BLOCK = 128 << 20
NODE = 1
POOL = "/sys/devices/system/node/node{}/hugepages/hugepages-1048576kB/{}"


def pool(machine: Machine, name: str = "nr_hugepages") -> int:
    return int(machine.read(POOL.format(NODE, name)))


def set_pool(machine: Machine, pages: int) -> None:
    machine.sh(f"echo {pages} > {POOL.format(NODE, 'nr_hugepages')}", timeout=60)
    assert pool(machine) == pages


def gigantic(machine: Machine, addr: int, size: int) -> list[int]:
    """The blocks of a range, those that a huge page lies in; each is looked at in the middle."""
    numbers = range(addr // BLOCK, (addr + size) // BLOCK)
    return [number for number in numbers if flags(machine, (number * BLOCK + BLOCK // 2) // PAGE)[0] & HUGE]


def test_gigantic(new_machine: Callable[..., Machine]) -> None:
    """In use it stays where it is, whole, until there is another one to go to; free, it is dissolved."""
    guest = new_machine(nodes=("1G", 0), dimms=(Dimm("d0", "2G", NODE),),
                        append=("memhp_default_state=online_kernel",))
    set_pool(guest, 1)
    addr = guest.dimms()[0]["addr"]
    page = gigantic(guest, addr, 2 * GIB)
    assert len(page) == 8 and page[0] * BLOCK % GIB == 0
    guest.sh("mkdir -p /run/pages && mount -t hugetlbfs -o pagesize=1G none /run/pages")
    holder = guest.hold("file", GIB, path="/run/pages/held")
    assert holder.blocks() == {number: BLOCK // PAGE for number in page}
    for number in (page[0], page[5]):
        with Watch(guest) as watch:
            assert guest.write(f"{MEMORY}/memory{number}/state", "offline") == errno.ENOMEM
            told = watch.only()
        assert (told.op, told.outcome, told.cls) == ("offline", "no room elsewhere", "hugetlb")
        assert told.pfn is not None and told.pfn * PAGE // BLOCK == number
        assert guest.read(f"{MEMORY}/memory{number}/state") == "online"
    assert holder.blocks() == {number: BLOCK // PAGE for number in page} and pool(guest) == 1

    # A second one is made in a second DIMM; the first one goes there, and what it leaves behind is dissolved.
    dimm = guest.plug_dimm("2G", NODE)
    set_pool(guest, 2)
    guest.offline(page[5], timeout=200)
    now = gigantic(guest, dimm.addr, dimm.size)
    assert set(holder.blocks()) == set(now) and not gigantic(guest, addr, 2 * GIB)
    assert (pool(guest), pool(guest, "free_hugepages")) == (1, 0)
    assert holder.stop().ok

    # It is free now: seven blocks have ordinary memory afterwards, and the eighth is offline.
    assert (pool(guest), pool(guest, "free_hugepages")) == (1, 1)
    before = guest.meminfo(NODE)
    guest.offline(now[3])
    after = guest.meminfo(NODE)
    assert pool(guest) == pool(guest, "free_hugepages") == 0
    assert after["MemTotal"] == before["MemTotal"] - BLOCK
    for _ in range(20):     # what the rest of the guest keeps for itself in between, it gives back
        if abs(after["MemFree"] - before["MemFree"] - 7 * BLOCK) < 32 << 20:
            break
        guest.sh("echo 3 > /proc/sys/vm/drop_caches; sleep 0.2")
        after = guest.meminfo(NODE)
    assert abs(after["MemFree"] - before["MemFree"] - 7 * BLOCK) < 32 << 20
    assert not gigantic(guest, dimm.addr, dimm.size)
