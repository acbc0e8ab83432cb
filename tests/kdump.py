# SPDX-License-Identifier: GPL-2.0-only
"""A guest that may crash: loads its capture kernel, leaves stamps in memory, and reads the dump."""

from __future__ import annotations

import kexec
import vmcore

from harness.machine import MEMORY, Machine, Plug

CRASH_HOTPLUG = f"{MEMORY}/crash_hotplug"
VMCORE = "/proc/vmcore"
PAGE = 4096
ROOM = "768M"     # for a capture kernel, and on plain for a filtered dump


def plug(machine: Machine, how: str) -> Plug:
    """A DIMM, online."""
    plugged = machine.plug_dimm("256M")
    machine.online(machine.memory(use=False).of(plugged.addr, plugged.size), how)
    return plugged


def stamp(machine: Machine, name: str) -> int:
    """Fills a page of node 1 with a name."""
    return int(machine.start(f"exec stamp 1 '{name} '").expect(r"stamped (0x\w+)").group(1), 16)


def stamped(name: str) -> bytes:
    """What is in such a page."""
    return (f"{name} ".encode() * PAGE)[:PAGE]


def load(machine: Machine, call: str) -> str:
    """Loads the capture kernel; returns whether the kernel keeps its map up to date."""
    kexec.load(machine, call, "-p", without=("crashkernel=",), extra=("nr_cpus=1", "reset_devices", "acpi_no_memhotplug"))
    return machine.read(CRASH_HOTPLUG)


def segments(machine: Machine, path: str = VMCORE) -> list[vmcore.Segment]:
    """The memory that a dump lists."""
    return vmcore.segments(machine.run(f"head -c 64k {path}", check=True).raw)


def page(machine: Machine, listed: list[vmcore.Segment], address: int, path: str = VMCORE) -> bytes:
    """A page of the memory in a dump."""
    where = vmcore.offset(listed, address)
    assert where is not None, f"{address:#x} is not in {path}"
    return machine.run(f"dd if={path} bs={PAGE} iflag=skip_bytes skip={where} count=1 2>/dev/null", check=True).raw
