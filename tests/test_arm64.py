# SPDX-License-Identifier: GPL-2.0-only
"""arm64 on QEMU's board "virt": virtio-mem grows, is loaded and shrinks; memory of boot does not go offline.

The kernel is the build matrix's. Described by the device tree: no firmware takes part.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from typing import Any

import pytest

from harness import matrix, packages
from harness.machine import MEMORY, Machine, VirtioMem
from harness.blocks import Block
from refusals import in_log

pytestmark = pytest.mark.long

MIB, GIB = 1 << 20, 1 << 30
DEVICE = "vm0"
GUEST: dict[str, Any] = dict(arch="arm64", kernel="matrix/arm64", nodes=("1G",), maxmem="8G",
                             virtio_mem=(VirtioMem(DEVICE, "2G", node=0),),
                             append=("memhp_default_state=online_movable",))


@pytest.fixture(scope="module", autouse=True)
def _kernel() -> Iterator[None]:
    packages.ensure(packages.ARM64_GUEST)
    matrix.kernel("arm64")
    yield


def _region(machine: Machine) -> tuple[int, int]:
    data = next(d for d in machine.dimms() if d.get("id") == DEVICE)
    return int(data["memaddr"]), int(data["max-size"])


def _blocks(machine: Machine) -> list[Block]:
    """The memory blocks of the device."""
    return machine.memory(use=False).of(*_region(machine))


def _resize(machine: Machine, size: int) -> None:
    """Has the driver plug or unplug; both ends agree on the size and the blocks."""
    machine.resize(DEVICE, size)
    assert machine.wait_resized(DEVICE) == size
    wanted = -(-size // machine.memory(use=False).block_size)
    machine.sh(f"for i in $(seq 100); do [ $(cat {MEMORY}/memory*/online | grep -c 1) = "
               f"{wanted + _at_boot(machine)} ] && exit; sleep 0.1; done; exit 1", 60)
    assert len(_blocks(machine)) == wanted


def _at_boot(machine: Machine) -> int:
    start, size = _region(machine)
    return sum(not start <= b.start < start + size for b in machine.memory(use=False))


def _picture(machine: Machine) -> Any:
    return ([(b.number, b.state, b.zones) for b in machine.memory(use=False)],
            [(z.name, z.start_pfn, z.spanned, z.present) for z in machine.zones()], machine.iomem())


def test_arm64_virtio_mem_grows_and_shrinks_in_steps(guest: Machine) -> None:
    """Whole blocks and parts of them; at the end all is as it was."""
    before = _picture(guest)
    total = guest.meminfo()["MemTotal"]
    for size in (384 * MIB, 2 * GIB, 2 * GIB - 2 * MIB, 200 * MIB, 0):
        _resize(guest, size)
        assert guest.meminfo()["MemTotal"] == total + size
        assert all(b.online and b.zone == "Movable" for b in _blocks(guest))
    assert _picture(guest) == before


def test_arm64_virtio_mem_shrinks_under_load(guest: Machine) -> None:
    """What is in use moves to what stays, then to memory of boot, and not a byte of it changes."""
    before = _picture(guest)
    _resize(guest, GIB)
    mine = {b.number for b in _blocks(guest)}
    holders = [guest.hold("anon", "192M", busy=True), guest.hold("thp", "64M"), guest.hold("shared", "64M")]
    where = [holder.blocks() for holder in holders]
    assert sum(pages for held in where for number, pages in held.items() if number in mine) * 4096 >= 256 * MIB
    for size in (512 * MIB, 0):
        _resize(guest, size)
        assert all(holder.verify().ok for holder in holders)
    assert all(holder.stop().ok for holder in holders)
    assert _picture(guest) == before


def test_arm64_device_block_goes_offline_and_online(guest: Machine) -> None:
    """What boot memory does not do, added memory does, by a write to its state."""
    _resize(guest, 256 * MIB)
    total = guest.meminfo()["MemTotal"]
    block = _blocks(guest)[0]
    guest.offline(block)
    assert guest.meminfo()["MemTotal"] == total - block.size
    assert guest.memory(use=False).block(block.number).state == "offline"
    guest.online(block, "online_movable")
    assert guest.meminfo()["MemTotal"] == total
    _resize(guest, 0)


def test_arm64_boot_memory_is_refused(guest: Machine) -> None:
    """No block of boot goes offline. Where nothing else is in the way the architecture vetoes it, and says so."""
    before = _picture(guest)
    since = guest.mark("boot memory")
    vetoed = 0
    for block in guest.memory(use=False):
        code = guest.write(f"{MEMORY}/memory{block.number}/state", "offline")
        assert code in (errno.EPERM, errno.EBUSY), errno.errorcode.get(code, code)
        vetoed += code == errno.EPERM
    guest.mark("boot memory: done")
    log = guest.log_since(since)
    found = in_log(log)
    assert len(found) == len(before[0])
    by_veto = [refusal for refusal in found if refusal.outcome == "vetoed by a notifier"]
    assert len(by_veto) == vetoed > 0
    for refusal in by_veto:
        assert re.search(rf"Boot memory \[{refusal.start:x} {refusal.end:x}\] offlining attempted", log)
    assert _picture(guest) == before
