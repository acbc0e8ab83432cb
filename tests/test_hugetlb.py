# SPDX-License-Identifier: GPL-2.0-only
"""2 MiB huge pages whose memmap is optimised away: they migrate, or dissolve if there is memory for their memmap.

How much memmap there is tells whether a huge page is optimised: it does without
seven of its eight pages of struct page. What is in use without the optimisation:
test_offline_kinds; pools on two nodes: test_hugetlb_pool.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator

import faults
import pytest
from frames import COMPOUND_HEAD, HUGE, PAGE, flags
from refusals import Watch
from uevents import MEMORY

from harness.machine import Dimm, Machine

BLOCK = 128 << 20
HUGE_PAGE = 2 << 20
SOME = 12       # huge pages; each takes the kernel with checks a while
NODE = 1
POOL = "/sys/devices/system/node/node{}/hugepages/hugepages-2048kB/{}"
SAVED = 7       # pages of memmap that an optimised huge page does without
FAILURES = "/sys/kernel/debug/fail_page_alloc"

GUEST = dict(dimms=(Dimm("d0", "256M", NODE),),
             append=("memhp_default_state=online_movable", "hugetlb_free_vmemmap=on"))


def pool(machine: Machine, node: int, name: str = "nr_hugepages") -> int:
    return int(machine.read(POOL.format(node, name)))


def set_pool(machine: Machine, node: int, pages: int) -> None:
    machine.sh(f"echo {pages} > {POOL.format(node, 'nr_hugepages')}", timeout=60)
    assert pool(machine, node) == pages


def memmap(machine: Machine) -> int:
    """Pages of memmap, that of boot and that of added memory."""
    seen = machine.vmstat()
    return seen["nr_memmap_pages"] + seen["nr_memmap_boot_pages"]


def huge_pages(machine: Machine, number: int) -> list[int]:
    """The first frames of the huge pages in a block."""
    first = number * BLOCK // PAGE
    wanted = COMPOUND_HEAD | HUGE
    return [first + i for i, word in enumerate(flags(machine, first, BLOCK // PAGE)) if word & wanted == wanted]


def fullest(machine: Machine, numbers: list[int]) -> int:
    """The block with most huge pages."""
    return max(numbers, key=lambda number: len(huge_pages(machine, number)))


@pytest.fixture
def blocks(guest: Machine) -> Iterator[list[int]]:
    """The DIMM's two blocks; all is online and the pools are empty before and after."""
    numbers = [block.number for block in guest.memory(use=False).on(NODE)]
    guest.online(guest.memory(use=False).offline(NODE), "online_movable")
    yield numbers
    for job in guest.jobs():
        job.kill()
        job.wait()
    for node in (0, NODE):
        set_pool(guest, node, 0)
    guest.online(guest.memory(use=False).offline(NODE), "online_movable")


def test_free_pages_dissolve(guest: Machine, blocks: list[int]) -> None:
    """Those of the block that leaves and no others; their memmap is whole again, and the memory usable."""
    whole = memmap(guest)
    set_pool(guest, NODE, 80)
    assert memmap(guest) == whole - 80 * SAVED
    counts = {number: len(huge_pages(guest, number)) for number in blocks}
    leaving = fullest(guest, blocks)
    assert sum(counts.values()) == 80 and counts[leaving] < 80
    guest.offline(leaving)
    left = 80 - counts[leaving]
    assert pool(guest, NODE) == pool(guest, NODE, "free_hugepages") == left
    assert memmap(guest) == whole - left * SAVED
    guest.online(leaving, "online_movable")
    set_pool(guest, NODE, 120)
    assert len(huge_pages(guest, leaving)) >= 50
    assert memmap(guest) == whole - 120 * SAVED


def test_pages_in_use_migrate(guest: Machine, blocks: list[int]) -> None:
    """To huge pages that are made for them, as lean as they were."""
    whole = memmap(guest)
    holder = guest.hold("hugetlb", "24M", node=NODE, busy=True)
    size = holder.bytes // HUGE_PAGE
    assert memmap(guest) == whole - size * SAVED
    places = holder.blocks()
    leaving = max(places, key=lambda number: places[number])
    guest.offline(leaving)
    assert leaving not in holder.blocks()
    assert memmap(guest) == whole - size * SAVED
    assert pool(guest, 0) + pool(guest, NODE) == size
    assert holder.stop().ok


def test_whole_node_in_use(guest: Machine, blocks: list[int]) -> None:
    """Nothing but the other node is left to go to."""
    whole = memmap(guest)
    holder = guest.hold("hugetlb", "32M", node=NODE)
    guest.offline(blocks)
    assert pool(guest, 0) == holder.bytes // HUGE_PAGE
    assert holder.verify().ok
    guest.online(blocks, "online_movable")
    assert holder.stop().ok
    set_pool(guest, 0, 0)
    assert memmap(guest) == whole


def test_pool_shrinks_while_pages_migrate(guest: Machine, blocks: list[int]) -> None:
    """What migration has allocated meanwhile is none of the pool's, and no surplus of it stays."""
    holder = guest.hold("hugetlb", "24M", node=NODE, pin="vmsplice")
    places = holder.blocks()
    stuck = max(places, key=lambda number: places[number])
    offline = guest.start_write(f"{MEMORY}/memory{stuck}/state", "offline")
    file = POOL.format(NODE, "nr_hugepages")
    guest.sh(f"for i in $(seq 30); do echo 0 > {file}; echo $((i % 16)) > {file}; done; echo 0 > {file}", timeout=60)
    offline.kill()
    offline.wait()
    assert holder.stop().ok
    assert all(pool(guest, node, name) == 0 for node in (0, NODE) for name in ("nr_hugepages", "surplus_hugepages"))
    assert guest.meminfo()["HugePages_Surp"] == 0


@pytest.fixture
def no_pages(guest: Machine) -> Iterator[str]:
    """How to write such that no memmap is allocated for huge pages that had given theirs back, and all else is."""
    if not guest.run(f"[ -d {FAILURES} ]").ok:
        pytest.skip("kernel without fault injection")
    start, end = faults.text(guest, "(__)?hugetlb_vmemmap_restore_folio.*")
    guest.sh(f"cd {FAILURES} && echo Y > task-filter && echo N > ignore-gfp-wait && echo 0 > min-order && "
             f"echo 0 > verbose && echo -1 > times && echo 64 > stacktrace-depth && echo {start:#x} > require-start && "
             f"echo {end:#x} > require-end && echo 100 > probability")
    yield "put -m"
    guest.sh(f"cd {FAILURES}; echo 0 > probability; echo N > task-filter; echo 0 > stacktrace-depth; echo 0 > require-start; "
             "echo 0xffffffffffffffff > require-end")


def refused(machine: Machine, command: str, number: int) -> None:
    """An offline that is, for huge pages that stay; nothing has changed."""
    def look() -> tuple[object, ...]:
        return (pool(machine, NODE), pool(machine, NODE, "free_hugepages"), memmap(machine),
                machine.meminfo()["MemTotal"], machine.read(f"{MEMORY}/memory{number}/state"))

    before, pages = look(), huge_pages(machine, number)
    assert pages
    with Watch(machine) as watch:
        result = machine.run(f"{command} {MEMORY}/memory{number}/state offline", timeout=60)
        assert result.code == errno.EBUSY, result.out
        told = watch.only()
    assert (told.op, told.outcome, told.error, told.cls) == ("offline", "huge pages in use", -errno.EBUSY, "hugetlb")
    assert told.pfn in pages
    assert look() == before
    assert huge_pages(machine, number) == pages


def test_no_memory_to_dissolve(guest: Machine, blocks: list[int], no_pages: str) -> None:
    set_pool(guest, NODE, SOME)
    number = fullest(guest, blocks)
    guest.expect_splat("page allocation failure")
    refused(guest, no_pages, number)
    # The pool serves, and the memory of what is in use is the same as ever.
    guest.sh("mount -t hugetlbfs -o pagesize=2M none /mnt")
    holder = guest.hold("file", SOME * HUGE_PAGE, path="/mnt/all")
    assert pool(guest, NODE, "free_hugepages") == 0
    assert holder.stop().ok
    guest.sh("umount /mnt")
    guest.offline(number)


def test_reserved_pages(guest: Machine, blocks: list[int]) -> None:
    """Free huge pages that are promised to somebody are not dissolved."""
    set_pool(guest, NODE, SOME)
    number = fullest(guest, blocks)
    guest.sh(f"mount -t hugetlbfs -o pagesize=2M,min_size={SOME * HUGE_PAGE} none /mnt")
    try:
        refused(guest, "put", number)
    finally:
        guest.sh("umount /mnt")
    guest.offline(number)
