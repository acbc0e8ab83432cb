# SPDX-License-Identifier: GPL-2.0-only
"""Persistent memory becomes memory and comes back: daxctl and the unmodified kmem driver, over an NVDIMM and over memmap=."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import kexec
import pytest

from harness import dax, image
from harness.blocks import Block
from harness.machine import MEMORY, Machine

GUEST = {"extra": image.DAX, "board": dax.BOARD, "qemu": dax.NVDIMM,
         "append": (dax.MEMMAP, "memhp_default_state=offline", "memory_hotplug.memmap_on_memory=Y")}
_TERMINATED = 128 + 15
PER_BLOCK = 2 << 20     # bytes of memmap that a block of 128 MiB takes


@dataclass
class Dax:
    """A dax device of the guest."""

    machine: Machine
    name: str

    def reconfigure(self, mode: str, *flags: str) -> None:
        self.machine.sh(f"daxctl reconfigure-device --mode={mode} {' '.join(flags)} {self.name}", 120)

    @property
    def mode(self) -> str:
        return str(dax.state(self.machine, self.name)["mode"])

    @property
    def node(self) -> int:
        return int(dax.state(self.machine, self.name)["target_node"])

    @property
    def blocks(self) -> list[Block]:
        """Its memory blocks, if it is memory."""
        memory = self.machine.memory()
        return [b for r in dax.ranges(self.machine) for b in memory.of(r.start, r.end + 1 - r.start)]

    def add(self, *flags: str) -> list[Block]:
        """Has it become memory; returns its blocks."""
        self.reconfigure("system-ram", *flags)
        found = self.blocks
        assert sum(b.size for b in found) == dax.SIZE
        return found

    def take_away(self) -> None:
        self.machine.sh(f"daxctl offline-memory {self.name}", 120)
        self.reconfigure("devdax")


def _restore(device: Dax) -> None:
    """Whatever a test left: a dax device that is none of the machine's memory."""
    for job in device.machine.jobs():
        job.kill()
        job.wait()
    if device.mode != "devdax":
        device.reconfigure("devdax", "--force")
    device.machine.write(f"{dax.DEVICES}/{device.name}/memmap_on_memory", 0)
    assert not device.blocks


@pytest.fixture(params=["nvdimm", "memmap"])
def each(request: pytest.FixtureRequest, guest: Machine) -> Iterator[Dax]:
    """The device over either kind of memory."""
    device = Dax(guest, dax.device(guest, request.param))
    yield device
    _restore(device)


@pytest.fixture
def nvdimm(guest: Machine) -> Iterator[Dax]:
    device = Dax(guest, dax.device(guest, "nvdimm"))
    yield device
    _restore(device)


def test_dax_becomes_memory_and_comes_back(each: Dax) -> None:
    """daxctl brings it online as movable. It is no memory of the firmware's, so the firmware's map does not change."""
    machine = each.machine
    before, firmware = machine.iomem(), machine.sh("grep -r '' /sys/firmware/memmap")
    blocks = each.add()
    assert each.mode == "system-ram"
    assert all(b.zone == "Movable" and b.node == each.node for b in blocks)
    assert machine.sh("grep -r '' /sys/firmware/memmap") == firmware
    each.take_away()
    assert each.mode == "devdax"
    assert machine.iomem() == before
    assert not {b.number for b in machine.memory(use=False).blocks} & {b.number for b in blocks}


def test_its_memory_keeps_what_is_written(nvdimm: Dax) -> None:
    """And what is in use moves away."""
    blocks = nvdimm.add()
    holder = nvdimm.machine.hold("anon", "24M", node=1)
    assert set(holder.blocks()) <= {b.number for b in blocks}
    nvdimm.take_away()
    assert not set(holder.blocks()) & {b.number for b in blocks}
    assert holder.stop().ok


def test_daxctl_leaves_it_offline(nvdimm: Dax) -> None:
    assert {b.state for b in nvdimm.add("--no-online")} == {"offline"}
    nvdimm.machine.sh(f"daxctl online-memory {nvdimm.name}", 120)
    assert {b.zone for b in nvdimm.blocks} == {"Movable"}


def test_policy_of_the_kernel_comes_first(nvdimm: Dax) -> None:
    """daxctl wants no race for movable memory, and refuses; for other memory it sees that it came too late."""
    auto = f"{MEMORY}/auto_online_blocks"
    assert nvdimm.machine.write(auto, "online_movable") == 0
    try:
        refused = nvdimm.machine.run(f"daxctl reconfigure-device --mode=system-ram {nvdimm.name}")
        assert not refused.ok and "auto-online" in refused.out
        assert nvdimm.mode == "devdax"
        assert {b.zone for b in nvdimm.add("--no-movable")} == {"Movable"}
    finally:
        assert nvdimm.machine.write(auto, "offline") == 0


@pytest.mark.parametrize("own", [0, 1])
def test_memmap_on_memory_is_the_device_s_choice(nvdimm: Dax, own: int) -> None:
    """Its memmap comes out of its own blocks, or out of memory that is there already."""
    machine = nvdimm.machine
    attribute = f"{dax.DEVICES}/{nvdimm.name}/memmap_on_memory"
    assert machine.write(attribute, own) == 0
    blocks = nvdimm.add()
    assert machine.write(attribute, 1 - own) == errno.EBUSY, "too late for memory that is there"
    assert machine.meminfo(nvdimm.node)["MemTotal"] == dax.SIZE - own * PER_BLOCK * len(blocks)


def test_refused_while_in_use_and_taken_after(nvdimm: Dax) -> None:
    machine = nvdimm.machine
    nvdimm.add()
    holder = machine.hold("anon", "8M", node=1, pin="vmsplice")
    used = set(holder.blocks())

    assert not machine.run(f"daxctl reconfigure-device --mode=devdax {nvdimm.name}").ok, "its memory is online"
    assert machine.run(f"timeout 3 daxctl offline-memory {nvdimm.name}", 60).code == _TERMINATED
    machine.wait_log("interrupted by a signal")
    assert nvdimm.mode == "system-ram"
    assert all(b.online for b in nvdimm.blocks if b.number in used)

    holder.unpin()
    nvdimm.take_away()
    assert holder.stop().ok
    assert not nvdimm.blocks


def test_memory_that_stayed_behind_is_gone_after_kexec(new_machine: Callable[..., Machine]) -> None:
    """A driver that is unbound too early leaves its memory there, which daxctl gave to the kernel here.

    A restart by kexec is not told of it, and finds the device.
    """
    extra = (*image.DAX, *kexec.EXTRA)
    machine = new_machine(kernel="plain", extra=extra, board=dax.BOARD, append=("memhp_default_state=offline",),
                          qemu=(*dax.NVDIMM, *kexec.drives("plain", extra)))
    kexec.fetch(machine)
    device = Dax(machine, dax.device(machine, "nvdimm"))
    assert {b.zone for b in device.add("--no-movable")} == {"Normal"}
    assert machine.write("/sys/bus/dax/drivers/kmem/unbind", device.name) == 0
    machine.wait_log("cannot be hotremoved until the next reboot")
    assert all(b.online for b in device.blocks)
    holder = machine.hold("anon", "64M", node=1)
    assert holder.stop().ok

    kexec.load(machine, "-s", "-l")
    machine.restart("kexec -e")
    assert not dax.ranges(machine)
    assert not [b for b in machine.memory().blocks if b.start >= 1 << 32]
    assert device.mode == "devdax"
    device.add()
    device.take_away()


def test_its_node_has_other_memory(nvdimm: Dax) -> None:
    """The device goes first, then the last memory of its node: the node's memory tier outlived the device's type."""
    machine = nvdimm.machine
    nvdimm.add()
    plug = machine.plug_dimm("256M", node=nvdimm.node)
    machine.online(machine.memory(use=False).of(plug.addr, plug.size), "online_movable")
    nvdimm.take_away()
    assert machine.unplug_dimm(plug.id).gone
    nvdimm.add()
    nvdimm.take_away()
