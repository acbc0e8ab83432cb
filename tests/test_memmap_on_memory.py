# SPDX-License-Identifier: GPL-2.0-only
"""memory_hotplug.memmap_on_memory: blocks that hold their own memmap.

What that does to the counters of zones, what the parameter takes and logs, blocks in
use that come and go, huge pages without memmap beside it, and what it is for: much
memory for a machine that has little.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kernels import WITHOUT_CHECKS

from harness import dax, image
from harness.blocks import Block
from harness.machine import Machine

PAGE = 4096
MIB = 1 << 20
GIB = 1 << 30
BLOCK = 128 * MIB
OWN = BLOCK // PAGE * 64        # bytes of a block that its memmap takes
NODE = 1
PARAMETER = "/sys/module/memory_hotplug/parameters/memmap_on_memory"
POOL = "/sys/devices/system/node/node{}/hugepages/hugepages-2048kB/nr_hugepages"
HUGE = 2 * MIB

GUEST = dict(nodes=("1G", 0), append=("memory_hotplug.memmap_on_memory=Y", "hugetlb_free_vmemmap=on"))

NewMachine = Callable[..., Machine]


def plug(machine: Machine, size: str) -> tuple[str, list[Block]]:
    dimm = machine.plug_dimm(size, node=NODE)
    return dimm.id, machine.memory(use=False).of(dimm.addr, dimm.size)


def memmap_pages(machine: Machine) -> int:
    """Of all memory. A huge page moves what it keeps from that of boot to the other."""
    vmstat = machine.vmstat()
    return vmstat["nr_memmap_pages"] + vmstat["nr_memmap_boot_pages"]


def total(machine: Machine) -> int:
    return machine.meminfo()["MemTotal"]


def test_memmap_on_memory_costs_nothing_elsewhere(guest: Machine) -> None:
    """Added, the memory takes no page for its memmap; online, that is missing from it; gone, all is as before."""
    before, free = total(guest), guest.meminfo()["MemFree"]
    name, blocks = plug(guest, "4G")
    assert guest.meminfo()["MemFree"] > free - len(blocks) * OWN // 2   # others use some, by megabytes
    assert total(guest) == before
    assert guest.unplug_dimm(name).gone
    memmap = memmap_pages(guest)
    name, blocks = plug(guest, "384M")
    assert total(guest) == before
    for count, block in enumerate(blocks, 1):
        guest.online(block, "online_movable")
        assert total(guest) == before + count * (BLOCK - OWN)
    zone, = (zone for zone in guest.zones() if zone.node == NODE and zone.present)
    assert (zone.name, zone.spanned, zone.present) == ("Movable", *[len(blocks) * BLOCK // PAGE] * 2)
    assert zone.managed == len(blocks) * (BLOCK - OWN) // PAGE
    holder = guest.hold("anon", "16M", node=NODE, busy=True)
    used, *_ = holder.blocks()
    guest.offline(used)
    assert used not in holder.blocks()
    guest.online(used, "online_movable")
    assert total(guest) == before + len(blocks) * (BLOCK - OWN)
    assert guest.unplug_dimm(name).gone
    assert holder.stop().ok
    assert (total(guest), memmap_pages(guest)) == (before, memmap)
    assert NODE not in guest.node_state("has_memory")


def test_memmap_on_memory_beside_optimized_huge_pages(guest: Machine) -> None:
    """Huge pages of such blocks keep the memmap they have: what is not allocated cannot be given back."""
    before = memmap_pages(guest)
    name, blocks = plug(guest, "256M")
    guest.online(blocks, "online_movable")
    saved = memmap_pages(guest)
    assert guest.write(POOL.format(0), 4) == 0
    assert saved - memmap_pages(guest) == 4 * 7     # of eight pages of memmap one remains
    saved = memmap_pages(guest)
    assert guest.write(POOL.format(NODE), 16) == 0
    assert guest.read(POOL.format(NODE)) == "16"
    assert memmap_pages(guest) == saved
    holder = guest.hold("hugetlb", 8 * HUGE, node=NODE, prefer=True)
    assert set(holder.blocks()) <= {block.number for block in blocks}
    assert guest.unplug_dimm(name).gone
    assert holder.stop().ok
    assert guest.write(POOL.format(0), 0) == 0
    assert memmap_pages(guest) == before


def test_memmap_on_memory_is_settled_at_boot(guest: Machine) -> None:
    assert guest.read(PARAMETER) == "Y"
    for value in ("N", "force"):
        assert guest.write(PARAMETER, value) == errno.EACCES
    assert guest.read(PARAMETER) == "Y"


@pytest.mark.parametrize("word, shown", [("force", "force"), ("off", "N")])
def test_memmap_on_memory_words(new_machine: NewMachine, word: str, shown: str) -> None:
    """What force wastes is logged. Where a memmap fills whole pageblocks, as on x86-64, that is nothing."""
    machine = new_machine(kernel=WITHOUT_CHECKS, nodes=("1G", 0),
                          append=(f"memory_hotplug.memmap_on_memory={word}",))
    assert machine.read(PARAMETER) == shown
    wasted = re.findall(r"Memory hotplug will waste (\d+) pages in each memory block", machine.log())
    assert wasted == (["0"] if shown == "force" else [])
    before = total(machine)
    name, blocks = plug(machine, "128M")
    machine.online(blocks, "online_movable")
    assert total(machine) == before + BLOCK - (OWN if shown == "force" else 0)
    assert machine.unplug_dimm(name).gone
    assert total(machine) == before


# What it is for. The kernel's checks, and KASAN's shadow most of all, would take more than there is.


def small(new_machine: NewMachine, *append: str, **rest: Any) -> Machine:
    return new_machine(kernel=WITHOUT_CHECKS, nodes=("256M", 0), append=append, **rest)


def test_8_gib_into_256_mib(new_machine: NewMachine) -> None:
    machine = small(new_machine, "memory_hotplug.memmap_on_memory=on")
    before = total(machine)
    dimm = machine.plug_dimm("8G", node=NODE, timeout=120)
    assert dimm.ost == 0
    blocks = machine.memory(use=False).of(dimm.addr, dimm.size)
    assert len(blocks) == 8 * GIB // BLOCK and {block.state for block in blocks} == {"offline"}
    machine.online(blocks, "online_movable")
    assert total(machine) == before + len(blocks) * (BLOCK - OWN)
    holder = machine.hold("anon", "512M", node=NODE)      # more than the machine had
    assert holder.stop().ok
    assert machine.unplug_dimm(dimm.id, timeout=120).gone
    assert total(machine) == before


def stalls(machine: Machine) -> int:
    """How often somebody had to look for memory himself, or was killed for it."""
    return sum(count for name, count in machine.vmstat().items() if name.startswith(("allocstall", "oom_kill")))


@pytest.fixture
def without(new_machine: NewMachine) -> Machine:
    return small(new_machine)


def refused(machine: Machine) -> None:
    """16 GiB have 256 MiB of memmap, which is all that the machine has: nothing is left behind, nobody ran short."""
    def look() -> object:
        return (machine.memory(use=False), machine.iomem(), total(machine), machine.node_state("online"), stalls(machine),
                [zone for zone in machine.zones() if zone.present and zone.node == NODE])

    before, free, since = look(), machine.meminfo()["MemAvailable"], machine.mark()
    dimm = machine.plug_dimm("16G", node=NODE, timeout=120)
    assert dimm.ost == 0x81
    span = rf"\[mem {dimm.addr:#x}-{dimm.addr + dimm.size - 1:#x}\]"
    for line in (rf"add {span} refused: out of memory \(-12\)", f"the memmap of {span} takes more memory than there is"):
        assert re.search(f"memory_hotplug: {line}", machine.log_since(since))
    assert look() == before
    assert machine.meminfo()["MemAvailable"] > free - 8 * MIB


def test_16_gib_into_256_mib_without(without: Machine) -> None:
    refused(without)
    # A piece that fits does as ever.
    assert without.plug_dimm("256M", node=NODE).ost == 0


def test_movable_memory_is_no_room_for_a_memmap(without: Machine) -> None:
    """There is more than enough free, in a zone that a memmap cannot be in."""
    dimm = without.plug_dimm("1G", node=NODE)
    without.online(without.memory(use=False).of(dimm.addr, dimm.size), "online_movable")
    assert without.meminfo()["MemFree"] > 16 * GIB // 64
    refused(without)


def test_8_gib_into_256_mib_full_of_cache(new_machine: NewMachine, tmp_path: Path) -> None:
    """What is free is not enough, what can be had is: pages that were read from a disk make way."""
    disk = tmp_path / "disk"
    with disk.open("wb") as file:
        file.truncate(96 * MIB)
    machine = small(new_machine, qemu=("-drive", f"file={disk},format=raw,if=none,id=disk",
                                       "-device", "virtio-blk-pci,drive=disk"))
    reader = machine.start("exec < /dev/vda; dd of=/dev/null bs=64k; echo read; sleep 600")     # a closed disk has no cache
    reader.expect("read$")
    assert machine.meminfo()["MemFree"] < 8 * GIB // 64
    dimm = machine.plug_dimm("8G", node=NODE, timeout=120)
    assert dimm.ost == 0
    assert len(machine.memory(use=False).of(dimm.addr, dimm.size)) == 8 * GIB // BLOCK


def test_4_gib_into_256_mib_with_a_lower_tier(new_machine: NewMachine) -> None:
    """Without swap, anonymous pages make way when there is a lower tier that takes them, and only then."""
    machine = small(new_machine, board=dax.BOARD, qemu=dax.NVDIMM, extra=image.DAX)
    device = dax.device(machine, "nvdimm")
    machine.sh(f"daxctl reconfigure-device --mode=system-ram {device}", 120)
    assert dax.state(machine, device)["online_memblocks"] == dax.SIZE // BLOCK
    holder = machine.hold("anon", "96M", node=0)
    assert machine.meminfo(0)["MemFree"] < 4 * GIB // 64
    dimm = machine.plug_dimm("4G", node=0, timeout=120)
    assert dimm.ost == 0x81 and machine.unplug_dimm(dimm.id).gone
    machine.write("/sys/kernel/mm/numa/demotion_enabled", "true")
    dimm = machine.plug_dimm("4G", node=0, timeout=120)
    assert dimm.ost == 0
    assert len(machine.memory(use=False).of(dimm.addr, dimm.size)) == 4 * GIB // BLOCK
    assert holder.stop().ok
