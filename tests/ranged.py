# SPDX-License-Identifier: GPL-2.0-only
"""A range of memory blocks that a test adds, brings online, takes offline and withdraws, with failures on demand.

It is RAM that boot was told to leave out (APPEND), and the test module adds and withdraws it as drivers do.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

import audit
from failpoints import Failpoints, Point
from notifiers import Notifiers
from refusals import Watch
from uevents import MEMORY

from harness.machine import Machine

START = 1 << 30
BLOCK = 128 << 20
PAGES = BLOCK // 4096
FIRST = START // BLOCK
APPEND = ("mem=1G", "memhp_default_state=offline", "memory_hotplug.memmap_on_memory=1")


class Range:
    """@count blocks from START on."""

    def __init__(self, machine: Machine, count: int) -> None:
        self.machine = machine
        self.numbers = range(FIRST, FIRST + count)
        self.size = count * BLOCK
        self.module = Notifiers(machine)
        self.points = Failpoints(machine)

    def end(self) -> None:
        """The range is not there afterwards, and nothing else has changed."""
        self.points.disarm()
        if self.machine.run(f"[ -e {MEMORY}/memory{FIRST} ]").ok:
            assert self.withdraw() == 0
        self.module.unload()
        audit.verify(self.machine)

    def add(self, how: str = "") -> int:
        return self.module.add(START, self.size, 0, how)

    def online(self, number: int) -> int:
        return self.machine.write(f"{MEMORY}/memory{number}/state", "online_movable")

    def online_all(self) -> None:
        for number in self.numbers:
            assert self.online(number) == 0

    def offline(self, number: int) -> int:
        return self.machine.write(f"{MEMORY}/memory{number}/state", "offline")

    def withdraw(self) -> int:
        return self.module.withdraw(START, self.size).wait(timeout=60).code

    def passed(self, operation: Callable[[], int]) -> list[Point]:
        """The points of an operation that succeeds."""
        self.points.disarm()
        assert operation() == 0
        found = list(dict.fromkeys(self.points.hits()))
        assert found, "there are no points"
        return found

    def unchanged(self, before: str, what: str) -> None:
        """Nothing is as it should not be, and everything as it was."""
        assert not audit.broken(self.machine), what
        left = audit.difference(before, audit.look(self.machine))
        assert not left, f"{what} left something behind:\n{left}"

    def fail_at(self, point: Point, operation: Callable[[], int], before: str) -> None:
        """One point fails: the operation is refused with its errno, and nothing has changed."""
        self.points.arm(point)
        with Watch(self.machine) as watch:
            assert operation() == errno.ENOMEM, f"{point} did not fail"
            assert watch.only().error == -errno.ENOMEM
        assert self.points.spent()
        self.points.disarm()
        self.unchanged(before, str(point))

    def fail_allocation(self, point: Point, nth: int, operation: Callable[[], int]) -> tuple[int, int]:
        """An allocation of a step fails: what became of the operation, and how many too few there were; 0: it failed."""
        self.points.arm(point, nth=nth)
        code = operation()
        short = self.points.short(nth)
        self.points.disarm()
        return code, short
