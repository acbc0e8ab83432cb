# SPDX-License-Identifier: GPL-2.0-only
"""The machine that is tortured: where all of its memory is, is known before it boots, so that choices need not ask it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from .. import dax, image
from ..machine import MachineConfig, VirtioMem

MIB, GIB = 1 << 20, 1 << 30
BLOCK = 128 * MIB
BOOT = 1536 * MIB       # of RAM; what QEMU has beyond is left for probe
MOVABLE = 384 * MIB     # of it
NODE = 1                # has no memory at boot


@dataclass(frozen=True)
class Slot:
    """A DIMM that comes and goes."""

    id: str
    addr: int
    size: int
    node: int

    def blocks(self) -> range:
        return range(self.addr // BLOCK, (self.addr + self.size) // BLOCK)


@dataclass(frozen=True)
class Resizable:
    """A virtio-mem device."""

    id: str
    addr: int
    size: int
    node: int
    unit: int

    def blocks(self) -> range:
        return range(self.addr // BLOCK, (self.addr + self.size) // BLOCK)

    def device(self) -> VirtioMem:
        return VirtioMem(self.id, self.size, node=self.node, block=self.unit, addr=self.addr)


# Neighbours share a zone: a, b and c. A size that is no power of two: e.
SLOTS = (
    Slot("a", 16 * GIB, 256 * MIB, NODE),
    Slot("b", 16 * GIB + 256 * MIB, 256 * MIB, NODE),
    Slot("c", 16 * GIB + 512 * MIB, 512 * MIB, NODE),
    Slot("d", 20 * GIB, 256 * MIB, 0),
    Slot("e", 24 * GIB, 384 * MIB, 0),
)
# One whose units are parts of blocks, one whose units are several blocks.
RESIZABLE = (
    Resizable("sub", 8 * GIB, 768 * MIB, NODE, 2 * MIB),
    Resizable("big", 10 * GIB, 1 * GIB, 0, 256 * MIB),
)
NVDIMM = Slot("nv0", 4 * GIB, 384 * MIB, NODE)
DAX_BLOCKS = NVDIMM.blocks()[1:]        # the first has the namespace's description in it
PROBED = range(BOOT // BLOCK, 2 * GIB // BLOCK)


@dataclass(frozen=True)
class Layout:
    """What a seed chose of the machine, and the numbers of all blocks that there may be."""

    seed: str
    append: tuple[str, ...] = ()
    boot: range = range(0, BOOT // BLOCK)
    hot: tuple[int, ...] = field(default=tuple(
        number for part in (*(slot.blocks() for slot in SLOTS), *(r.blocks() for r in RESIZABLE), DAX_BLOCKS, PROBED)
        for number in part))
    # What may go to kernel zones: of node 0, which the kernel takes pages from, not all.
    kernel: frozenset[int] = frozenset(
        number for part in (range(0, BOOT // BLOCK), *(s.blocks() for s in SLOTS if s.node == NODE or s.id == "e"),
                            *(r.blocks() for r in RESIZABLE if r.node == NODE), DAX_BLOCKS) for number in part)

    def machine(self, kernel: str) -> MachineConfig:
        nvdimm = ("-object", f"memory-backend-ram,id=mem-{NVDIMM.id},size={NVDIMM.size},reserve=off",
                  "-device", f"nvdimm,id={NVDIMM.id},memdev=mem-{NVDIMM.id},node={NVDIMM.node},addr={NVDIMM.addr:#x}")
        return MachineConfig(kernel=kernel, cpus=2, nodes=("2G", 0), board=dax.BOARD, extra=image.DAX, qemu=nvdimm,
                             append=self.append, virtio_mem=tuple(r.device() for r in RESIZABLE),
                             nice=5)    # it goes on for a time, whatever it is given; what runs beside it has work to end


def choose(seed: str) -> Layout:
    """Seeds differ in how the machine boots, too."""
    rng = random.Random(f"{seed}/machine")
    words = [f"mem={BOOT // MIB}M", f"movablecore={MOVABLE // MIB}M", "cma=32M"]
    words.append("memhp_default_state=" + rng.choice(("online_movable", "online_movable", "online_movable", "offline", "online")))
    words.append("memory_hotplug.memmap_on_memory=" + rng.choice(("N", "Y", "force")))
    words.append("memory_hotplug.online_policy=" + rng.choice(("contig-zones", "contig-zones", "auto-movable")))
    words.append("hugetlb_free_vmemmap=" + rng.choice(("on", "off")))
    words.append("page_owner=" + rng.choice(("on", "off", "off", "off")))
    words.append("init_on_free=" + rng.choice(("0", "0", "1")))
    # A dozen sources stand in line for one lock, and each may have it for its 20 s, on a busy host for more.
    words.append("sysctl.kernel.hung_task_timeout_secs=300")
    return Layout(seed, tuple(words))


def owner(number: int) -> str:
    """Whose a block is, for people."""
    for slot in SLOTS:
        if number in slot.blocks():
            return f"dimm {slot.id}"
    for device in RESIZABLE:
        if number in device.blocks():
            return f"virtio-mem {device.id}"
    return "dax" if number in NVDIMM.blocks() else "probe" if number in PROBED else "boot"
