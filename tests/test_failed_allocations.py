# SPDX-License-Identifier: GPL-2.0-only
"""Every allocation of every step of every operation fails once: a clean refusal or none, and nothing shows afterwards.

The task that runs the step fails it (mm/hotplug/failpoint.c), so it is the same for what runs in the work queue of ACPI. What is
not within a step, test_out_of_memory.py walks, and for ACPI the last test here. On the plain kernel; with KASAN it takes
minutes, and some of the same kind are left out.
"""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import audit
import faults
import pytest
from failpoints import Failpoints, Point
from ranged import APPEND, FIRST, Range
from uevents import MEMORY

from harness.machine import Machine, MachineConfig

LINKS = f"{MEMORY}/memory{FIRST}/node0", f"/sys/devices/system/node/node0/memory{FIRST}"
# EPERM is what a notifier's NOTIFY_BAD comes to.
REFUSALS = {errno.ENOMEM, errno.EBUSY, errno.EPERM}


@pytest.fixture(scope="module", params=["plain", pytest.param("debug", marks=pytest.mark.long)])
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    # The owner of each page is kept in memory that is allocated as a block comes online.
    with Machine(MachineConfig(kernel=request.param, append=(*APPEND, "page_owner=on"))) as booted:
        faults.prepare(booted)
        yield booted
        booted.mark("end of tests")
        booted.check_log()


@pytest.fixture
def ranged(machine: Machine, image: Path) -> Iterator[Range]:
    """One block, not added before and after."""
    one = Range(machine, 1)
    yield one
    one.end()


class Walked(NamedTuple):
    """How many allocations of a step failed, and how many refusals came of it."""

    failed: int
    refused: int


def walk_step(ranged: Range, point: Point, operation: Callable[[], int], undo: Callable[[], object]) -> Walked:
    """Fails one allocation of a step after the other."""
    refused = 0
    before = audit.look(ranged.machine)
    allocations = faults.Walk(each=ranged.machine.config.kernel == "plain")
    for nth in allocations:
        code, short = ranged.fail_allocation(point, nth, operation)
        what = f"allocation {nth} of {point}"
        if code:
            assert code in REFUSALS, f"{what}: {code}"
            ranged.unchanged(before, what)
            refused += 1
        else:
            undo()
            ranged.unchanged(before, what + ", taken back,")
        allocations.step(short)
    return Walked(allocations.failed, refused)


def walk(ranged: Range, operation: Callable[[], int], undo: Callable[[], object]) -> dict[str, Walked]:
    """Walks all steps that an operation takes."""
    points = ranged.passed(operation)
    undo()
    return {f"{point.op}:{point.step}": walk_step(ranged, point, operation, undo) for point in points}


@pytest.mark.parametrize("how", ["", pytest.param("memmap", marks=pytest.mark.long)], ids=["plain", "memmap"])
def test_add(ranged: Range, how: str) -> None:
    def take_back() -> None:
        assert ranged.machine.run("ls -d " + " ".join(LINKS)).ok, "a block without its links"
        assert ranged.withdraw() == 0

    steps = walk(ranged, lambda: ranged.add(how), take_back)
    assert all(steps[f"add:{name}"].refused for name in ("reserve", "map", "blocks", "links", "firmware-map")), steps


@pytest.mark.parametrize("how", ["", pytest.param("memmap", marks=pytest.mark.long)], ids=["plain", "memmap"])
def test_online(ranged: Range, how: str) -> None:
    assert ranged.add(how) == 0
    steps = walk(ranged, lambda: ranged.online(FIRST), lambda: ranged.offline(FIRST))
    assert steps["online:announce"].failed, steps


def test_offline_and_remove(ranged: Range) -> None:
    """Most can do without: what cannot move for want of memory is tried again. What is offline can be removed, always."""
    def back() -> None:
        assert ranged.add() == 0
        ranged.online_all()

    back()
    steps = walk(ranged, ranged.withdraw, back)
    assert not any(walked.refused for step, walked in steps.items() if step.startswith("remove:")), steps


# The steps with allocations; "blocks" has two dozen.
@pytest.mark.parametrize("step", ["reserve", "firmware-map", pytest.param("map", marks=pytest.mark.long),
                                  pytest.param("blocks", marks=pytest.mark.long)])
def test_in_the_work_queue_of_acpi(machine: Machine, image: Path, step: str) -> None:
    """A DIMM that could not be added for want of memory is reported to firmware, leaves nothing, and can be ejected."""
    points = Failpoints(machine)
    refused = 0
    before = audit.look(machine)
    allocations = faults.Walk()
    for nth in allocations:
        points.arm(f"add:{step}@*", nth=nth)
        plug = machine.plug_dimm("128M", 0)
        allocations.step(points.short(nth))
        points.disarm()
        if plug.ost:
            assert not audit.broken(machine)
            assert not audit.difference(before, audit.look(machine)), f"allocation {nth} left something behind"
            refused += 1
        assert machine.unplug_dimm(plug.id).gone
        assert not audit.broken(machine)
    assert refused


# What scan.c calls, and below it what runs steps, whose allocations are walked above.
OURS, STEPS = "acpi_memory_(attach|offline|detach)", "mhp_run_steps"


def test_in_the_work_queue_of_acpi_between_steps(machine: Machine, image: Path) -> None:
    """What a memory device is kept in, read from and bound with: refused as a whole, or not taken back as a whole."""
    home = audit.look(machine)
    plug = machine.plug_dimm("128M", 0)
    there = audit.look(machine)
    assert machine.unplug_dimm(plug.id).gone

    def blocks() -> str:
        return machine.sh(f"ls -d {MEMORY}/memory*")

    walk, without = faults.OneByOne(machine, OURS, STEPS), blocks()
    refused: Counter[str] = Counter()
    allocations = faults.Walk()
    for nth in allocations:
        walk.arm(nth)
        plug = machine.plug_dimm("128M", 0)
        if plug.ost:
            assert walk.failed() and not audit.broken(machine)
            assert not audit.difference(home, audit.look(machine)), f"allocation {nth} left something behind"
            refused["attach"] += 1
        eject = machine.unplug_dimm(plug.id)
        more = walk.failed()
        if not eject.gone:
            assert more and not plug.ost and not audit.broken(machine)
            assert not audit.difference(there, audit.look(machine)), f"allocation {nth} changed something"
            refused["eject"] += 1
            assert machine.unplug_dimm(plug.id).gone
        assert blocks() == without, f"allocation {nth}: the DIMM is gone, and its memory is not"
        assert not audit.broken(machine)
        allocations.step(0 if more else 1)
    walk.end()
    assert not audit.difference(home, audit.look(machine))
    assert refused["attach"] > 5 and refused["eject"], refused
