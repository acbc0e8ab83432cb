# SPDX-License-Identifier: GPL-2.0-only
"""A loaded block goes offline while other parts of memory management are at work on what is in it.

Transparent huge pages under khugepaged, pages that KSM has merged, memory that is being swapped to zram or
into zswap, and a memory cgroup at its limit. What is held is verified each time. Kinds of memory as such
are test_offline_kinds.py's.
"""

from __future__ import annotations

import contextlib
import shlex
import signal
from collections.abc import Iterator

import pytest
from uevents import MEMORY

from harness.machine import Dimm, Holder, Machine

PAGE = 4096
MIB = 1 << 20
BLOCK = 128 * MIB
NODE = 1
GROUP = "/sys/fs/cgroup/load"
KSM = "/sys/kernel/mm/ksm"
THP = "/sys/kernel/mm/transparent_hugepage"

GUEST = dict(dimms=(Dimm("d0", "512M", NODE),), append=("memhp_default_state=online_movable",))


def until(machine: Machine, condition: str, seconds: int = 30) -> None:
    """Waits for a shell's condition, in the guest."""
    machine.sh(f"i=0; until {condition}; do i=$((i+1)); [ $i -lt {seconds * 10} ] || exit 1; sleep 0.1; done",
               timeout=seconds + 10)


@contextlib.contextmanager
def setting(machine: Machine, path: str, value: object) -> Iterator[None]:
    before = machine.read(path)
    before = before.split("[")[1].split("]")[0] if "[" in before else before
    assert machine.write(path, value) == 0, path
    try:
        yield
    finally:
        assert machine.write(path, before) == 0, path


@pytest.fixture
def loaded(guest: Machine) -> Iterator[Machine]:
    """All of node 1 online, a cgroup for what loads it."""
    guest.online(guest.memory(use=False).offline(NODE), "online_movable")
    guest.sh(f"echo +memory > /sys/fs/cgroup/cgroup.subtree_control && mkdir {GROUP}")
    yield guest
    for job in guest.jobs():
        job.kill()
        job.wait()
    guest.sh(f"for i in $(seq 50); do rmdir {GROUP} && break; sleep 0.1; done")
    guest.online(guest.memory(use=False).offline(NODE), "online_movable")


@pytest.fixture
def swap(loaded: Machine) -> Iterator[Machine]:
    """256 MiB of it, compressed."""
    assert loaded.swap_on()
    yield loaded
    loaded.sh("swapoff /dev/zram0 && echo 1 > /sys/block/zram0/reset", timeout=60)


def hold_in_group(machine: Machine, size: str, busy: bool = False) -> Holder:
    words = ["exec", "memhold", "--kind", "anon", "--size", size, "--node", str(NODE), *(["--busy"] if busy else [])]
    return Holder(machine.start(f"echo $$ > {GROUP}/cgroup.procs && {shlex.join(words)}"), 60)


def loaded_blocks(machine: Machine, *holders: Holder) -> list[int]:
    """The blocks of the node with pages of a holder; one of the node's is left out, for it must have some room."""
    with_pages = {number for holder in holders for number in holder.blocks()}
    on_node = [block.number for block in machine.memory(use=False).on(NODE)]
    found = [number for number in on_node if number in with_pages][:len(on_node) - 1]
    assert found, "nothing of the load is on the node"
    return found


def check_left(machine: Machine, left: list[int], *holders: Holder) -> None:
    for number in left:
        assert machine.read(f"{MEMORY}/memory{number}/state") == "offline"
        assert not any(number in holder.blocks() for holder in holders)
    for holder in holders:
        check = holder.verify()
        assert check.ok and check.bytes == holder.bytes


def leave_under(machine: Machine, *holders: Holder) -> None:
    """Blocks go, one after the other, under what is held in them."""
    leaving = loaded_blocks(machine, *holders)
    machine.offline(leaving)
    check_left(machine, leaving, *holders)


def test_thp_and_khugepaged(loaded: Machine) -> None:
    """Huge pages move as such, while khugepaged makes more of them."""
    with setting(loaded, f"{THP}/enabled", "always"), setting(loaded, f"{THP}/khugepaged/scan_sleep_millisecs", 1), \
            setting(loaded, f"{THP}/khugepaged/alloc_sleep_millisecs", 1):
        huge = loaded.hold("thp", "32M", node=NODE)
        small = loaded.hold("shared", "16M", node=NODE, busy=True)
        assert huge.huge_bytes == huge.bytes
        before = loaded.vmstat()
        leave_under(loaded, huge, small)
        after = loaded.vmstat()
        assert after["thp_migration_success"] - before["thp_migration_success"] >= 4
        assert huge.stop().ok and small.stop().ok


def test_ksm(loaded: Machine) -> None:
    """Two processes with the same 4 MiB, merged: one page of each two moves, and both read it where it is now."""
    one, other = (loaded.hold("ksm", "4M", node=NODE) for _ in range(2))
    pages = one.bytes // PAGE
    with setting(loaded, f"{KSM}/pages_to_scan", 20000), setting(loaded, f"{KSM}/sleep_millisecs", 10), \
            setting(loaded, f"{KSM}/run", 1):
        until(loaded, f"[ $(cat {KSM}/pages_sharing) -ge {pages * 9 // 10} ]", 60)
        leave_under(loaded, one, other)
        # It goes on afterwards: a page that is in the tree is found there.
        assert int(loaded.read(f"{KSM}/pages_sharing")) >= pages * 9 // 10
        third = loaded.hold("ksm", "4M", node=NODE)
        until(loaded, f"[ $(cat {KSM}/pages_sharing) -ge {pages * 18 // 10} ]", 60)
        assert loaded.write(f"{KSM}/run", 2) == 0      # every process has its own again
        assert int(loaded.read(f"{KSM}/pages_shared")) == 0
        assert one.stop().ok and other.stop().ok and third.stop().ok


def test_ksm_forgets(loaded: Machine) -> None:
    """Merged pages that were freed while ksmd rests: it does not look for them in memory that has gone since."""
    plug = loaded.plug_dimm(2 * BLOCK, NODE)
    blocks = [block.number for block in loaded.memory(use=False).of(plug.addr, plug.size)]
    others = [block.number for block in loaded.memory(use=False).online(NODE) if block.number not in blocks]
    loaded.offline(others)
    one, other = (loaded.hold("ksm", "4M", node=NODE) for _ in range(2))
    pages = one.bytes // PAGE
    with setting(loaded, f"{KSM}/pages_to_scan", 20000), setting(loaded, f"{KSM}/sleep_millisecs", 10), \
            setting(loaded, f"{KSM}/run", 1):
        until(loaded, f"[ $(cat {KSM}/pages_sharing) -ge {pages * 9 // 10} ]", 60)
        assert loaded.write(f"{KSM}/run", 0) == 0
        assert one.stop().ok and other.stop().ok
        assert int(loaded.read(f"{KSM}/pages_shared")) >= pages * 9 // 10    # so it still believes
        assert loaded.unplug_dimm(plug.id).gone
        loaded.online(others, "online_movable")
        one, other = (loaded.hold("ksm", "4M", node=NODE) for _ in range(2))
        assert loaded.write(f"{KSM}/run", 1) == 0
        until(loaded, f"[ $(cat {KSM}/pages_sharing) -ge {pages * 9 // 10} ]", 60)
        assert one.stop().ok and other.stop().ok


def swapped(machine: Machine) -> int:
    meminfo = machine.meminfo()
    return meminfo["SwapTotal"] - meminfo["SwapFree"]


def test_swap(swap: Machine) -> None:
    """Half of the load is swapped out to zram when its blocks leave, and read back afterwards."""
    holder = hold_in_group(swap, "48M")
    leaving = loaded_blocks(swap, holder)
    holder.job.signal(signal.SIGSTOP)   # or it reads all of it back
    assert swap.run(f"echo 24M > {GROUP}/memory.reclaim").ok
    assert swapped(swap) >= 16 * MIB
    swap.offline(leaving)
    holder.job.signal(signal.SIGCONT)
    check_left(swap, leaving, holder)
    assert holder.stop().ok


def test_zswap(swap: Machine) -> None:
    """The same with zswap, which takes what can be compressed: text in tmpfs."""
    with setting(swap, "/sys/module/zswap/parameters/enabled", "Y"):
        swap.sh("yes 'a line of text' | head -c 1m > /run/lines")
        swap.sh(f"echo $$ > {GROUP}/cgroup.procs && "
                f"numactl --preferred={NODE} sh -c 'for i in $(seq 32); do cat /run/lines; done > /run/text'", timeout=60)
        before = swap.sh("md5sum < /run/text")
        # All of it is active, and by counts that are brought up to date every two seconds, or for who reads them,
        # reclaim tells whether there is anything to deactivate: shrink_lruvec(), inactive_is_low().
        swap.read(f"{GROUP}/memory.stat")
        reclaim = swap.run(f"echo 16M > {GROUP}/memory.reclaim")
        zswapped = swap.meminfo()["Zswapped"]
        assert zswapped >= 8 * MIB, f"{reclaim}, {swapped(swap)} bytes swapped\n" + swap.run(
            f"ls -l /run; cat {GROUP}/memory.current {GROUP}/memory.stat; grep ^zswp /proc/vmstat").out
        blocks = [block.number for block in swap.memory(use=False).on(NODE)]
        swap.offline(blocks[:-1])
        assert swap.sh("md5sum < /run/text; rm /run/text /run/lines") == before


def test_memcg_limit(swap: Machine) -> None:
    """A group that is always at its limit reclaims and swaps while its pages move; the charge moves with them."""
    limit = 12 * MIB
    assert swap.write(f"{GROUP}/memory.max", limit) == 0
    holder = hold_in_group(swap, "18M", busy=True)
    leave_under(swap, holder)
    events = dict(line.split() for line in swap.read(f"{GROUP}/memory.events").splitlines())
    assert int(events["max"]) > 0 and int(events["oom_kill"]) == 0
    assert limit // 2 < int(swap.read(f"{GROUP}/memory.current")) <= limit
    assert holder.stop().ok
    assert int(swap.read(f"{GROUP}/memory.current")) < MIB
