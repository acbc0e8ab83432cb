# SPDX-License-Identifier: GPL-2.0-only
"""Crash dumps follow hotplug: after a crash the capture kernel finds the memory that was added, and not what was removed.

One machine crashes. DIMMs came before its capture kernel was loaded and after, and some went again; the tests look at
what its dump lists, and whether it has what was written into added memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import kdump
import kexec
import pytest
import vmcore

from harness.machine import Machine, MachineConfig, Plug

STEPS = "/sys/kernel/tracing/events/memory_hotplug/mhp_step"


@dataclass
class Crash:
    """What there was before the crash, and the capture kernel that looks at it."""

    machine: Machine
    plugs: dict[str, Plug]      # "early", "late": present. "early gone", "late gone": ejected before the crash.
    stamps: dict[str, int]      # where the pages are that are filled with the DIMM's name
    loaded: dict[str, str]      # what crash_hotplug said: "not", "-c" (by the older system call), "-s"
    rewrites: int               # how often the ejects had the map rewritten
    listed: list[vmcore.Segment]

    def covered(self, name: str) -> int:
        plug = self.plugs[name]
        return vmcore.covered(self.listed, plug.addr, plug.addr + plug.size)


def _eject(machine: Machine, plugs: list[Plug]) -> int:
    """Ejects DIMMs; returns how many times that came to the step that has the map rewritten."""
    machine.write(f"{STEPS}/filter", 'step == "crash-kernel"')
    machine.write(f"{STEPS}/enable", 1)
    for plug in plugs:
        assert machine.unplug_dimm(plug.id).gone
    return machine.sh("cat /sys/kernel/tracing/trace").count("op=remove")


def _crash(machine: Machine) -> Crash:
    """Comes and goes of memory around the loading of a capture kernel, then a crash."""
    kexec.fetch(machine)
    plugs = {"early": kdump.plug(machine, "online_kernel")}
    stamps = {"early": kdump.stamp(machine, "early")}        # as long as there is no other memory on node 1
    plugs["early gone"] = kdump.plug(machine, "online_movable")
    loaded = {"not": machine.read(kdump.CRASH_HOTPLUG), "-c": kdump.load(machine, "-c"), "-s": kdump.load(machine, "-s")}
    plugs["late"] = kdump.plug(machine, "online_movable")
    plugs["late gone"] = kdump.plug(machine, "online_movable")
    rewrites = _eject(machine, [plugs["early gone"], plugs["late gone"]])
    stamps["late"] = kdump.stamp(machine, "late")            # user pages come from ZONE_MOVABLE first

    machine.expect_splat("sysrq triggered crash")
    machine.restart("echo c > /proc/sysrq-trigger")
    return Crash(machine, plugs, stamps, loaded, rewrites, kdump.segments(machine))


@pytest.fixture(scope="module", params=["plain", pytest.param("debug", marks=pytest.mark.long)])
def crash(request: pytest.FixtureRequest) -> Iterator[Crash]:
    kernel = request.param
    config = MachineConfig(kernel=kernel, extra=kexec.EXTRA, qemu=kexec.drives(kernel),
                           append=(f"crashkernel={kdump.ROOM}", "memhp_default_state=offline"))
    with Machine(config) as machine:
        yield _crash(machine)
        machine.mark("end of tests")
        machine.check_log()


def test_crash_hotplug_tells_whether_the_kernel_updates_the_map(crash: Crash) -> None:
    """With the older system call it is up to user space."""
    assert crash.loaded == {"not": "0", "-c": "0", "-s": "1"}


def test_dump_has_the_memory_of_boot(crash: Crash) -> None:
    limit = int(kdump.ROOM[:-1]) << 20
    assert vmcore.covered(crash.listed, 1 << 20, 2 << 30) > (2 << 30) - limit - (4 << 20)


@pytest.mark.parametrize("name", ["early", "late"])
def test_dump_has_added_memory(crash: Crash, name: str) -> None:
    """Both what was there when the capture kernel was loaded and what came later."""
    plug, stamp = crash.plugs[name], crash.stamps[name]
    assert plug.addr <= stamp < plug.addr + plug.size
    assert crash.covered(name) == plug.size
    assert kdump.page(crash.machine, crash.listed, stamp) == kdump.stamped(name)


@pytest.mark.parametrize("name", ["early gone", "late gone"])
def test_dump_does_not_list_removed_memory(crash: Crash, name: str) -> None:
    assert crash.covered(name) == 0


def test_map_is_rewritten_once_for_a_dimm(crash: Crash) -> None:
    """Each that was ejected has two blocks."""
    assert crash.rewrites == 2


def test_capture_kernel_leaves_memory_devices_alone(crash: Crash) -> None:
    """acpi_no_memhotplug: what it would take into use, it could not dump."""
    top = max(r.end for r in crash.machine.iomem() if r.name.startswith("System RAM"))
    assert top < min(plug.addr for plug in crash.plugs.values())
    assert crash.machine.dimms(), "there are no memory devices to leave alone"


def test_makedumpfile_knows_added_memory(crash: Crash) -> None:
    """It finds the memmap of what was added by the section table, and so what need not be in a dump."""
    machine, dump = crash.machine, "/tmp/dump"
    if machine.config.kernel != "plain":
        pytest.skip("with KASAN's shadow in it, not even a filtered dump fits into the capture kernel")
    machine.sh("mount -o remount,size=100% /tmp")   # how much a crashed kernel had in use, nobody knows beforehand
    machine.sh(f"makedumpfile -E -d 23 /proc/vmcore {dump} | tail -n 3", 120)   # no free pages, page cache, empty pages
    listed = kdump.segments(machine, dump)
    assert sum(s.end - s.start for s in listed) < 1 << 30
    for name, stamp in crash.stamps.items():
        assert kdump.page(machine, listed, stamp, dump) == kdump.stamped(name)
        plug = crash.plugs[name]
        assert vmcore.covered(listed, plug.addr, plug.addr + plug.size) < plug.size // 8
