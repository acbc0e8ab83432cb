# SPDX-License-Identifier: GPL-2.0-only
"""Hotplug goes on working with what the command line and the configuration do to memory at boot.

KASLR, mem=, crashkernel= and deferred initialisation of struct pages. Where the kernel lies is random
in every boot; the tests find it in /proc/iomem.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable

import firmware
import pytest
import refusals
from uevents import MEMORY

from harness import paths
from harness.machine import Dimm, Machine

PAGE = 4096
MIB = 1 << 20
GIB = 1 << 30
BLOCK = 128 * MIB
NODE = 1
# Of the blocks of 2 GiB: the first one has holes and two zones, the last one ends with ACPI tables.
WHOLE = range(1, 15)
MEMMAP = BLOCK // PAGE * 64

NewMachine = Callable[..., Machine]


def plain(kernel: str) -> str:
    """Boots that are many and where KASAN sees nothing new."""
    return kernel.replace("debug", "plain")


def where(machine: Machine, name: str) -> tuple[int, int]:
    """First and last address of something in /proc/iomem."""
    found, = ((r.start, r.end) for r in machine.iomem() if r.name == name)
    return found


def kernel_text(machine: Machine) -> int:
    return where(machine, "Kernel code")[0]


def refused(machine: Machine, number: int) -> refusals.Refusal:
    """A block that says no to offline as it holds something that stays; all is as it was."""
    before = firmware.picture(machine)
    since = machine.mark(f"offline {number}")
    assert machine.write(f"{MEMORY}/memory{number}/state", "offline") == errno.EBUSY
    machine.mark()
    refusal, = refusals.in_log(machine.log_since(since))
    assert (refusal.start, refusal.end) == (number * BLOCK, (number + 1) * BLOCK)
    assert firmware.picture(machine) == before
    return refusal


def round_trip(machine: Machine) -> None:
    """A DIMM comes, is used, and goes."""
    total, iomem = machine.meminfo()["MemTotal"], machine.iomem()
    plug = machine.plug_dimm("256M", node=NODE)
    blocks = list(machine.memory().of(plug.addr, plug.size))
    machine.online(blocks, "online_movable")
    assert machine.meminfo()["MemTotal"] == total + 256 * MIB
    holder = machine.hold("anon", "64M", node=NODE)
    machine.offline(blocks)
    assert holder.stop().ok
    assert machine.unplug_dimm(plug.id).gone
    assert (machine.meminfo()["MemTotal"], machine.iomem()) == (total, iomem)


def test_kaslr(new_machine: NewMachine, kernel_config: str) -> None:
    """Wherever the kernel lies, its block stays and others come and go."""
    places = []
    for _ in range(3):
        machine = new_machine(kernel=plain(kernel_config))
        places.append(kernel_text(machine))
        number = places[-1] // BLOCK
        if number in WHOLE:
            refusal = refused(machine, number)
            assert (refusal.outcome, refusal.cls) == ("unmovable page", "reserved")
        round_trip(machine)
        machine.kill()
    assert len(set(places)) > 1, f"the kernel is at {places[0]:#x} each time"


def test_kaslr_and_boot_memory_that_goes(new_machine: NewMachine) -> None:
    """Memory below the kernel or the crash kernel leaves: the rest of its resource remains, with what is in it.

    The crash kernel's memory is at the upper end, so that something lies above the gap in any case.
    """
    machine = new_machine(append=("crashkernel=64M@1856M", "acpi.aml_debug_output=1"))
    assert kernel_text(machine)
    kept = [r for r in machine.iomem() if r.name.startswith("Kernel ") or r.name == "Crash kernel"]
    taken = {address // BLOCK for r in kept for address in (r.start, r.end)}
    total = machine.meminfo()["MemTotal"]
    number = next(n for n in WHOLE[1:] if n not in taken and not machine.write(f"{MEMORY}/memory{n}/state", "offline"))
    start = number * BLOCK

    device = firmware.Device(machine, [(start, BLOCK)]).load()
    assert device.eject() == [firmware.SUCCESS]
    # The memmap, which was taken from boot memory, is there for all now.
    assert machine.meminfo()["MemTotal"] == total - BLOCK + MEMMAP
    assert not machine.memory().of(start, BLOCK)
    ram = [(r.start, r.end) for r in machine.iomem() if r.name == "System RAM"]
    assert not [r for r in ram if r[0] < start + BLOCK and r[1] >= start]
    assert any(last == start - 1 for _, last in ram) and any(first == start + BLOCK for first, _ in ram)
    assert [r for r in machine.iomem() if r in kept] == kept

    # It is free to be added again.
    assert device.notify(firmware.DEVICE_CHECK, firmware.WORKING) == [firmware.SUCCESS]
    machine.online(number, "online_movable")
    assert machine.meminfo()["MemTotal"] == total + MEMMAP


def test_mem_keeps_what_lies_beyond_out(new_machine: NewMachine, kernel_config: str) -> None:
    """mem=: a DIMM that is there at boot is refused with E2BIG; one that is plugged in later is not."""
    machine = new_machine(kernel=plain(kernel_config), nodes=("1G", 0), dimms=(Dimm("d0", "256M", NODE),),
                          append=("mem=1G",))
    d0, = machine.dimms()
    start = int(d0["addr"])
    refusal, = refusals.in_log(machine.log())
    assert (refusal.op, refusal.start, refusal.end) == ("add", start, start + 256 * MIB)
    assert (refusal.outcome, refusal.error) == ("beyond what can be addressed", -errno.E2BIG)
    assert "memory device refused: -7" in machine.log()
    assert max(b.start + b.size for b in machine.memory().blocks) <= GIB

    round_trip_beside(machine, "d0")
    assert machine.unplug_dimm("d0").gone
    round_trip(machine)


def round_trip_beside(machine: Machine, refused_dimm: str) -> None:
    """A DIMM is plugged in, whereupon the firmware has all devices looked at again: the refused one is added, too."""
    plug = machine.plug_dimm("128M", node=NODE)
    old = next(d for d in machine.dimms() if d["id"] == refused_dimm)
    for addr, size in ((plug.addr, plug.size), (int(old["addr"]), int(old["size"]))):
        blocks = list(machine.memory().of(addr, size))
        assert [b.state for b in blocks] == ["offline"] * (size // BLOCK)
        machine.online(blocks, "online_movable")
    assert machine.meminfo(NODE)["MemTotal"] == plug.size + int(old["size"])
    assert machine.unplug_dimm(plug.id).gone


def test_crashkernel_stays(new_machine: NewMachine, kernel_config: str) -> None:
    """What is set aside for the crash kernel is unmovable, however empty it looks; the rest is as ever."""
    machine = new_machine(kernel=plain(kernel_config), append=("crashkernel=128M",))
    first, last = where(machine, "Crash kernel")
    assert last + 1 - first == 128 * MIB
    for number in {first // BLOCK, last // BLOCK} & set(WHOLE):
        refusal = refused(machine, number)
        assert (refusal.outcome, refusal.cls) == ("unmovable page", "reserved")
    assert first // BLOCK in WHOLE
    assert int(machine.read("/sys/kernel/kexec_crash_size")) == 128 * MIB
    round_trip(machine)


def test_deferred_struct_pages(new_machine: NewMachine, kernel_config: str) -> None:
    """DIMMs of boot come online while or before the last struct pages of boot memory are made; nothing is lost."""
    if "CONFIG_DEFERRED_STRUCT_PAGE_INIT=y" not in (paths.BUILD / plain(kernel_config) / ".config").read_text():
        pytest.skip("the kernel is built without it")
    machine = new_machine(kernel=plain(kernel_config), nodes=("2G", "1G"), dimms=(Dimm("d0", "256M", NODE),),
                          append=("memhp_default_state=online_movable",))
    log = machine.log()
    for node in (0, NODE):
        assert re.search(rf"node {node} deferred pages initialised in", log)
    zones = {(z.node, z.name): z for z in machine.zones() if z.present}
    dimm = zones[NODE, "Movable"]
    assert (dimm.present, dimm.managed) == (256 * MIB // PAGE,) * 2
    boot = zones[NODE, "Normal"]
    assert boot.present == GIB // PAGE and boot.managed > 0.8 * boot.present

    # The last block of boot: its struct pages are deferred. Kernel memory may be there.
    number = (boot.start_pfn + boot.spanned) * PAGE // BLOCK - 1
    while machine.write(f"{MEMORY}/memory{number}/state", "offline"):
        number -= 1
        assert number * BLOCK >= boot.start_pfn * PAGE, "no block of boot goes offline"
    machine.online(number)
    assert {(z.node, z.name): (z.present, z.managed) for z in machine.zones() if z.present} == {
        name: (z.present, z.managed) for name, z in zones.items()}
    assert machine.write(f"{MEMORY}/auto_online_blocks", "offline") == 0
    round_trip(machine)
