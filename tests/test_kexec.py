# SPDX-License-Identifier: GPL-2.0-only
"""A restart by kexec finds added memory again, and nothing of memory that was removed."""

from __future__ import annotations

from collections.abc import Callable

import kexec
import pytest

from harness.machine import Machine

FIRMWARE = "/sys/firmware/memmap"


def firmware_map(machine: Machine) -> set[tuple[int, int, str]]:
    """The memory that user space hands on as the firmware's: start, end (inclusive), what it is."""
    rows = machine.sh(f"cd {FIRMWARE}; for e in *; do echo $(cat $e/start $e/end $e/type); done").splitlines()
    words = (row.split(maxsplit=2) for row in rows)
    return {(int(start, 16), int(end, 16), kind) for start, end, kind in words}


@pytest.mark.parametrize("call, zone", [("-s", "Movable"), ("-c", "Normal")])
def test_added_memory_is_found_again(new_machine: Callable[..., Machine], call: str, zone: str) -> None:
    """With -s ACPI finds the DIMM anew; with -c user space hands it on with the firmware's map, as memory of boot."""
    machine = new_machine(kernel="plain", extra=kexec.EXTRA, qemu=kexec.drives("plain"),
                          append=("memhp_default_state=online_movable",))
    kexec.fetch(machine)
    stays, goes = machine.plug_dimm("256M"), machine.plug_dimm("256M")
    assert machine.unplug_dimm(goes.id).gone
    handed_on = firmware_map(machine)
    assert (stays.addr, stays.addr + stays.size - 1, "System RAM") in handed_on
    assert not [start for start, _, _ in handed_on if goes.addr <= start < goes.addr + goes.size]

    kexec.load(machine, call, "-l")
    assert machine.read(kexec.LOADED) == "1"
    machine.restart("kexec -e")

    blocks = machine.memory().of(stays.addr, stays.size)
    assert sum(b.size for b in blocks) == stays.size
    assert {b.zone for b in blocks} == {zone}
    assert not machine.memory().of(goes.addr, goes.size)
    assert any(r.start == stays.addr and r.name == "System RAM" for r in machine.iomem())

    again = machine.plug_dimm("256M")
    assert {b.zone for b in machine.memory().of(again.addr, again.size)} == {"Movable"}
    gone = [again] + ([stays] if call == "-s" else [])      # memory of boot may have the kernel's own in it
    for plug in gone:
        assert machine.unplug_dimm(plug.id).gone
        assert not machine.memory().of(plug.addr, plug.size)
