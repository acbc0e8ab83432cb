# SPDX-License-Identifier: GPL-2.0-only
"""A block goes offline with memory of each kind in it, while that memory is in use.

Node 1 has a DIMM since boot, all of it movable. A holder fills part of a block,
goes on verifying and rewriting, and the block leaves under it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from uevents import MEMORY

from harness.machine import Dimm, Holder, Machine

PAGE = 4096
BLOCK = 128 << 20
NODE = 1
KINDS = ("anon", "thp", "hugetlb", "shared", "memfd", "locked")

GUEST = dict(dimms=(Dimm("d0", "512M", NODE),), append=("memhp_default_state=online_movable",))

# Pages that vmstat's per-CPU differences and half-full batches of folios may hide, for two CPUs.
SLACK = 128


def unused(machine: Machine) -> int:
    """Free pages of node 1, those on per-CPU lists with them: nobody but our holder takes any."""
    total = 0
    text = machine.read("/proc/zoneinfo")
    for body in re.findall(rf"^Node {NODE}, zone +\w+\n(.*?)(?=^Node |\Z)", text, re.M | re.S):
        total += int(re.search(r"pages free +(\d+)", body)[1])
        total += sum(map(int, re.findall(r"count: +(\d+)", body)))
    return total


def wait_unused(machine: Machine, pages: int) -> None:
    """An exiting process gives its memory back a moment after it was reaped."""
    deadline = time.monotonic() + 10 * machine.pace
    while abs((now := unused(machine)) - pages) > SLACK:
        assert time.monotonic() < deadline, f"node {NODE} has {now} unused pages, had {pages}"
        time.sleep(0.1)


@pytest.fixture
def all_online(guest: Machine) -> Iterator[Machine]:
    guest.online(guest.memory(use=False).offline(NODE), "online_movable")
    yield guest
    guest.online(guest.memory(use=False).offline(NODE), "online_movable")


def fullest(holder: Holder) -> int:
    """The block that has most of a holder's pages."""
    blocks = holder.blocks()
    return max(blocks, key=lambda number: blocks[number])


def leave_under(machine: Machine, holder: Holder) -> None:
    """Takes the holder's fullest block away and gives it back."""
    number = fullest(holder)
    total, pages = machine.meminfo()["MemTotal"], holder.blocks()[number]
    assert pages * PAGE >= holder.bytes // 4, "too little in the block to be a test"
    machine.offline(number)
    assert machine.read(f"{MEMORY}/memory{number}/state") == "offline"
    assert machine.meminfo()["MemTotal"] == total - BLOCK
    assert number not in holder.blocks()
    check = holder.verify()
    assert check.ok and check.bytes == holder.bytes
    machine.online(number, "online_movable")
    assert machine.meminfo()["MemTotal"] == total


@pytest.mark.parametrize("kind", KINDS)
def test_kind(all_online: Machine, kind: str) -> None:
    before = unused(all_online)
    holder = all_online.hold(kind, "12M", node=NODE, busy=True)
    if kind == "thp":
        assert holder.huge_bytes >= holder.bytes // 2
    leave_under(all_online, holder)
    assert holder.running
    assert holder.stop().ok
    wait_unused(all_online, before)


def test_file(all_online: Machine) -> None:
    """The page cache of a file system on a block device: dirty pages, writeback, buffers."""
    before = unused(all_online)
    all_online.sh("echo 64M > /sys/block/zram0/disksize && mke2fs -b 4096 /dev/zram0 && mkdir -p /mnt/cache && "
                  "mount -t ext2 /dev/zram0 /mnt/cache", timeout=60)
    try:
        holder = all_online.hold("file", "6M", node=NODE, busy=True, path="/mnt/cache/data")
        leave_under(all_online, holder)
        all_online.sh("sync", timeout=60)
        assert holder.stop().ok
    finally:
        all_online.run("umount /mnt/cache; echo 1 > /sys/block/zram0/reset", timeout=60)
    wait_unused(all_online, before)


def test_all_kinds_at_once(all_online: Machine) -> None:
    """Every block of the node but one goes, one after the other, under all kinds together."""
    before, total = unused(all_online), all_online.meminfo()["MemTotal"]
    holders = [all_online.hold(kind, "8M", node=NODE, busy=True) for kind in KINDS]
    leaving = [block.number for block in all_online.memory(use=False).on(NODE)][1:]
    all_online.offline(leaving)
    assert all_online.meminfo()["MemTotal"] == total - len(leaving) * BLOCK
    for holder in holders:
        assert not set(leaving) & set(holder.blocks())
        assert holder.stop().ok
    all_online.online(leaving, "online_movable")
    wait_unused(all_online, before)


def test_a_wrong_byte_is_found(guest: Machine) -> None:
    """Else none of the above says anything."""
    holder = guest.hold("anon", "4M", node=NODE, corrupt=123456)
    check = holder.stop()
    assert not check.ok and check.bad_addr is not None
    assert check.bad_addr // 8 == 123456 // 8
