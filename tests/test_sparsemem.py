# SPDX-License-Identifier: GPL-2.0-only
"""Sections and their memmaps: parts of sections come and go, what is counted is exact, what fails leaves nothing.

Parts of RAM are given to the pmem driver, which adds and removes them as sub-sections. One part lies in a section that has
RAM as well, and so a memmap from boot; two share a section that has none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import faults
import pagetables
import pytest
from kernels import WITHOUT_CHECKS

from harness import image
from harness.machine import Machine

MIB = 1 << 20
PAGE = 4096
DRIVER = "/sys/bus/nd/drivers/nd_pmem"
COUNTERS = ("nr_memmap_pages", "nr_memmap_boot_pages")


@dataclass(frozen=True)
class Part:
    """What the pmem driver gets, in MiB. Sections are 128 MiB."""

    start: int
    size: int

    @property
    def memmap_pages(self) -> int:
        return self.size * MIB // PAGE * pagetables.STRUCT_PAGE // PAGE

    def mapped(self, machine: Machine) -> int:
        """Bytes of memory whose memmap is mapped."""
        memmap = pagetables.mappings(machine).memmap_bytes(self.start * MIB, self.size * MIB)
        return memmap * PAGE // pagetables.STRUCT_PAGE


IN_RAM = Part(1058, 34)
LOWER, UPPER = Part(1152, 30), Part(1200, 80)
PARTS = ",".join(f"{part.size}M!{part.start}M" for part in (IN_RAM, LOWER, UPPER))
# Without something between them, the two would be one. ndctl wants 16 MiB of alignment.
BETWEEN = f"{UPPER.start - LOWER.start - LOWER.size}M${LOWER.start + LOWER.size}M"
GUEST = {"extra": image.DAX, "append": (f"memmap={PARTS},{BETWEEN}",)}


def counters(machine: Machine) -> dict[str, int]:
    vmstat = machine.vmstat()
    return {name: vmstat[name] for name in COUNTERS}


def namespace(machine: Machine, part: Part) -> str:
    found = machine.sh(f"grep -l '^{part.start * MIB:#x}$' /sys/bus/nd/devices/namespace*/resource")
    return found.split("/")[-2]


def leave(machine: Machine, *parts: Part) -> None:
    """Takes parts away from the driver, where it has them."""
    for part in parts:
        name = namespace(machine, part)
        machine.sh(f"[ ! -e {DRIVER}/{name} ] || echo {name} > {DRIVER}/unbind")


def come(machine: Machine, part: Part) -> str:
    """Gives a part to the driver; its block device."""
    name = namespace(machine, part)
    machine.sh(f"echo {name} > {DRIVER}/bind")
    return "/dev/" + machine.sh(f"ls {DRIVER}/{name}/block")


def grown(machine: Machine, since: dict[str, int]) -> tuple[int, int]:
    """Pages of memmap more than before: of hotplug, of boot."""
    hotplug, boot = (value - since[name] for name, value in counters(machine).items())
    return hotplug, boot


def test_parts_of_a_section_come_and_go(guest: Machine) -> None:
    leave(guest, LOWER, UPPER)
    before = counters(guest)
    assert (LOWER.mapped(guest), UPPER.mapped(guest)) == (0, 0)

    come(guest, LOWER)
    assert grown(guest, before) == (LOWER.memmap_pages, 0)
    assert (LOWER.mapped(guest), UPPER.mapped(guest)) == (LOWER.size * MIB, 0)
    disk = come(guest, UPPER)
    assert grown(guest, before) == (LOWER.memmap_pages + UPPER.memmap_pages, 0)
    guest.sh(f"dd if=/dev/urandom of=/run/data bs=1M count=8 2>/dev/null; cat /run/data > {disk}; sync")

    # The other part stays, with what is in it.
    leave(guest, LOWER)
    assert grown(guest, before) == (UPPER.memmap_pages, 0)
    assert (LOWER.mapped(guest), UPPER.mapped(guest)) == (0, UPPER.size * MIB)
    guest.sh(f"echo 3 > /proc/sys/vm/drop_caches; head -c 8M {disk} | cmp - /run/data; rm /run/data")

    come(guest, LOWER)
    leave(guest, UPPER, LOWER)
    assert grown(guest, before) == (0, 0)
    assert (LOWER.mapped(guest), UPPER.mapped(guest)) == (0, 0)


def test_part_of_a_section_of_boot_has_its_memmap(guest: Machine) -> None:
    leave(guest, IN_RAM)
    before = counters(guest)
    for _ in range(2):
        assert IN_RAM.mapped(guest) == IN_RAM.size * MIB
        come(guest, IN_RAM)
        assert grown(guest, before) == (0, 0)
        leave(guest, IN_RAM)
        assert grown(guest, before) == (0, 0)


@pytest.mark.parametrize("where", ["mem", "dev"])
def test_memmap_of_devdax_is_counted(guest: Machine, where: str) -> None:
    """Folios of 2 MiB take two pages of memmap each, unless the memmap is to lie on the device itself."""
    leave(guest, LOWER, UPPER)
    before = counters(guest)
    name = namespace(guest, UPPER)
    guest.sh(f"ndctl create-namespace -f -e {name} -m devdax -M {where} -a 2M", timeout=60)
    mapped = guest.sh("cat /sys/bus/dax/devices/dax*/size")
    assert int(mapped) < UPPER.size * MIB
    pages, boot = grown(guest, before)
    assert boot == 0
    assert pages == (UPPER.size // 2 * 2 if where == "mem" else UPPER.memmap_pages)
    assert UPPER.mapped(guest) == UPPER.size * MIB

    guest.sh(f"ndctl destroy-namespace -f {name}", timeout=60)
    leave(guest, UPPER)
    assert grown(guest, before) == (0, 0)
    assert UPPER.mapped(guest) == 0


def dimm_rounds(machine: Machine) -> None:
    before = counters(machine)
    for _ in range(2):
        plug = machine.plug_dimm("256M")
        assert grown(machine, before) == (Part(0, 256).memmap_pages, 0)
        machine.online([block.number for block in machine.memory(use=False).of(plug.addr, plug.size)], "online_movable")
        assert machine.unplug_dimm(plug.id).gone
        assert grown(machine, before) == (0, 0)


def test_memmap_of_a_dimm_is_counted(guest: Machine) -> None:
    dimm_rounds(guest)


def test_memmap_that_a_dimm_hosts_is_counted(new_machine: Callable[..., Machine]) -> None:
    dimm_rounds(new_machine(kernel=WITHOUT_CHECKS, append=("memory_hotplug.memmap_on_memory=Y",)))


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.long)])
def test_part_that_cannot_be_added_leaves_nothing(guest: Machine, step: int) -> None:
    """Each allocation that the driver and all below it need (or every @step-th) fails in turn; what the driver calls that is its own."""
    faults.prepare(guest)
    leave(guest, UPPER, LOWER)
    name = namespace(guest, LOWER)
    before, mapped = counters(guest), pagetables.mappings(guest).memmap
    look = f"[ ! -e {DRIVER}/{name} ] && grep -E '^({'|'.join(COUNTERS)}) ' /proc/vmstat"
    refused = 0
    for nth in range(1, 1000, step):
        result = guest.run(f"put -f {nth} {DRIVER}/bind {name}; code=$?; {look}; exit $code", timeout=60)
        if "spared" in result.out:
            break
        if result.code:
            assert dict(re.findall(r"^(nr_\w+) (\d+)$", result.out, re.M)) == {k: str(v) for k, v in before.items()}, \
                f"allocation {nth} left something behind"
            refused += 1
        else:
            leave(guest, LOWER)
    assert refused
    leave(guest, LOWER)
    assert grown(guest, before) == (0, 0)
    assert pagetables.mappings(guest).memmap == mapped
