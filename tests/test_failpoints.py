# SPDX-License-Identifier: GPL-2.0-only
"""Every step of every operation fails once: at the first block of a range, in the middle, at the last; nothing shows afterwards.

Which points there are, a run without failures tells: a step that is added is walked as well. The memory is what boot was told
to leave out, added and withdrawn by the test module as drivers do it.
It is walked on the plain kernel; with KASAN, lockdep and the like it takes minutes.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from pathlib import Path

import audit
import pytest
from failpoints import Point
from ranged import APPEND, FIRST, PAGES, Range
from refusals import Watch
from uevents import MEMORY

from harness.machine import Machine, MachineConfig

COUNT = 4
# The blocks of the range that the walk looks at.
WALKED = {FIRST, FIRST + COUNT // 2, FIRST + COUNT - 1}


def walk(ranged: Range, operation: Callable[[], int], undo: Callable[[], object], wanted: set[str]) -> None:
    """Fails each point of an operation that succeeds otherwise, at the blocks to look at."""
    points = ranged.passed(operation)
    assert {point.op for point in points} >= wanted
    undo()
    before = audit.look(ranged.machine)
    for point in points:
        if point.pfn // PAGES in WALKED:
            ranged.fail_at(point, operation, before)
    assert operation() == 0


@pytest.fixture(scope="module", params=["plain", pytest.param("debug", marks=pytest.mark.long)])
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    with Machine(MachineConfig(kernel=request.param, append=APPEND)) as booted:
        yield booted
        booted.mark("end of tests")
        booted.check_log()


@pytest.fixture
def ranged(machine: Machine, image: Path) -> Iterator[Range]:
    """The range, not added before and after."""
    one = Range(machine, COUNT)
    yield one
    one.end()


@pytest.mark.parametrize("how", ["", pytest.param("memmap", marks=pytest.mark.long)], ids=["plain", "memmap"])
def test_add(ranged: Range, how: str) -> None:
    walk(ranged, lambda: ranged.add(how), ranged.withdraw, {"add", "map"})


@pytest.mark.parametrize("how", ["", pytest.param("memmap", marks=pytest.mark.long)], ids=["plain", "memmap"])
def test_online(ranged: Range, how: str) -> None:
    """Block by block, into a zone that is empty, has some, and is to have the last."""
    assert ranged.add(how) == 0
    for number in ranged.numbers:
        if number in WALKED:
            walk(ranged, lambda: ranged.online(number), lambda: ranged.offline(number), {"online"})
        else:
            assert ranged.online(number) == 0


@pytest.mark.parametrize("how", ["", pytest.param("memmap", marks=pytest.mark.long)], ids=["plain", "memmap"])
def test_offline_and_remove(ranged: Range, how: str) -> None:
    """One operation over the whole range, with memory in use in it; blocks that went before the failure come back."""
    def back() -> None:
        assert ranged.add(how) == 0
        ranged.online_all()

    back()
    holder = ranged.machine.hold("anon", "32M")
    walk(ranged, ranged.withdraw, back, {"offline", "offline-block", "remove"})
    assert holder.stop().ok


def test_offline_one(ranged: Range) -> None:
    assert ranged.add() == 0
    ranged.online_all()
    walk(ranged, lambda: ranged.offline(FIRST), lambda: ranged.online(FIRST), {"offline", "offline-block"})


def test_the_one_undo_that_may_be_refused(ranged: Range) -> None:
    """A block that was announced offline cannot come online again: said in the log, shown in sysfs, and nothing else is lost."""
    machine = ranged.machine
    assert ranged.add() == 0
    ranged.online_all()
    third, first = (FIRST + 2) * PAGES, FIRST * PAGES
    ranged.points.arm(Point("offline-block", "announce", third), Point("online", "announce", first))
    with Watch(machine) as watch:
        assert ranged.withdraw() == errno.ENOMEM
        told = watch.all()
    assert ranged.points.spent()
    ranged.points.disarm()
    assert [(t.op, t.outcome) for t in told] == [("online", "failed"),
                                                 ("offline", "refused, and not all blocks came online again")]
    assert [machine.read(f"{MEMORY}/memory{n}/state") for n in ranged.numbers] == ["offline", "online", "online", "online"]
    assert machine.read(f"{MEMORY}/memory{FIRST}/online") == "0"
    audit.verify(machine)
    assert ranged.online(FIRST) == 0


def test_patterns_and_errnos(ranged: Range) -> None:
    """What is written is what is read, nonsense is refused, and a pattern that fits nothing does nothing."""
    machine, files = ranged.machine, "/sys/kernel/debug/memory_hotplug/fail"
    assert ranged.add() == 0
    ranged.points.arm("add:*", "online:[a-j]*@0x?", error=errno.EIO)
    assert machine.read(f"{files}/point") == "add:* online:[a-j]*@0x?"
    assert machine.read(f"{files}/error") == str(errno.EIO)
    assert ranged.online(FIRST) == 0
    assert not ranged.points.spent()
    for wrong in ("0", "-5", "4096", "many", ""):
        assert machine.write(f"{files}/error", wrong or "\n") == errno.EINVAL
    assert machine.write(f"{files}/point", "x" * 300) == errno.E2BIG
    assert machine.read(f"{files}/error") == str(errno.EIO)
    ranged.points.arm("offline:claim@*", error=errno.EIO)
    assert ranged.offline(FIRST) == errno.EIO
    assert ranged.offline(FIRST) == 0
