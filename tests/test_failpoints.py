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
from failpoints import Failpoints, Point
from notifiers import Notifiers
from refusals import Watch
from uevents import MEMORY

from harness.machine import Machine, MachineConfig

START = 1 << 30
BLOCK = 128 << 20
COUNT = 4
SIZE = COUNT * BLOCK
FIRST = START // BLOCK
NUMBERS = range(FIRST, FIRST + COUNT)
PAGES = BLOCK // 4096
# The blocks of the range that the walk looks at.
WALKED = {FIRST, FIRST + COUNT // 2, FIRST + COUNT - 1}

APPEND = ("mem=1G", "memhp_default_state=offline", "memory_hotplug.memmap_on_memory=1")


class Range:
    """Four blocks that come, go online, go offline and leave, with failpoints armed or not."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.module = Notifiers(machine)
        self.points = Failpoints(machine)

    def add(self, how: str = "") -> int:
        return self.module.add(START, SIZE, 0, how)

    def online(self, number: int) -> int:
        return self.machine.write(f"{MEMORY}/memory{number}/state", "online_movable")

    def online_all(self) -> None:
        for number in NUMBERS:
            assert self.online(number) == 0

    def offline(self, number: int) -> int:
        return self.machine.write(f"{MEMORY}/memory{number}/state", "offline")

    def withdraw(self) -> int:
        return self.module.withdraw(START, SIZE).wait(timeout=60).code

    def passed(self, operation: Callable[[], int]) -> list[Point]:
        """The points of an operation that succeeds."""
        self.points.disarm()
        assert operation() == 0
        found = list(dict.fromkeys(self.points.hits()))
        assert found, "there are no points"
        return found

    def fail_at(self, point: Point, operation: Callable[[], int], before: str) -> None:
        """One point fails: the operation is refused with its errno, and nothing has changed."""
        self.points.arm(point)
        with Watch(self.machine) as watch:
            assert operation() == errno.ENOMEM, f"{point} did not fail"
            assert watch.only().error == -errno.ENOMEM
        assert self.points.spent()
        self.points.disarm()
        assert not audit.broken(self.machine), str(point)
        assert not audit.difference(before, audit.look(self.machine)), f"{point} left something behind"

    def walk(self, operation: Callable[[], int], undo: Callable[[], object], wanted: set[str]) -> None:
        """Fails each point of an operation that succeeds otherwise, at the blocks to look at."""
        points = self.passed(operation)
        assert {point.op for point in points} >= wanted
        undo()
        before = audit.look(self.machine)
        for point in points:
            if point.pfn // PAGES in WALKED:
                self.fail_at(point, operation, before)
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
    one = Range(machine)
    yield one
    one.points.disarm()
    if machine.run(f"[ -e {MEMORY}/memory{FIRST} ]").ok:
        assert one.withdraw() == 0
    one.module.unload()
    audit.verify(machine)


@pytest.mark.parametrize("how", ["", pytest.param("memmap", marks=pytest.mark.long)], ids=["plain", "memmap"])
def test_add(ranged: Range, how: str) -> None:
    ranged.walk(lambda: ranged.add(how), ranged.withdraw, {"add", "map"})


@pytest.mark.parametrize("how", ["", pytest.param("memmap", marks=pytest.mark.long)], ids=["plain", "memmap"])
def test_online(ranged: Range, how: str) -> None:
    """Block by block, into a zone that is empty, has some, and is to have the last."""
    assert ranged.add(how) == 0
    for number in NUMBERS:
        if number in WALKED:
            ranged.walk(lambda: ranged.online(number), lambda: ranged.offline(number), {"online"})
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
    ranged.walk(ranged.withdraw, back, {"offline", "offline-block", "evacuate", "remove"})
    assert holder.stop().ok


def test_offline_one(ranged: Range) -> None:
    assert ranged.add() == 0
    ranged.online_all()
    ranged.walk(lambda: ranged.offline(FIRST), lambda: ranged.online(FIRST), {"offline", "offline-block", "evacuate"})


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
    assert [machine.read(f"{MEMORY}/memory{n}/state") for n in NUMBERS] == ["offline", "online", "online", "online"]
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
