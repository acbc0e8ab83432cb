# SPDX-License-Identifier: GPL-2.0-only
"""A test's handle on the kernel's failpoints, memory_hotplug/fail in debugfs (mm/hotplug/failpoint.c)."""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass

import pytest

from harness.machine import Machine

FILES = "/sys/kernel/debug/memory_hotplug/fail"
_POINT = re.compile(r"^(?P<op>[^:]+):(?P<step>[^@]+)@(?P<pfn>0x[0-9a-f]+|0)$")


@dataclass(frozen=True)
class Point:
    """A place that can fail: the step of an operation, and the first page of what it works on."""

    op: str
    step: str
    pfn: int

    def __str__(self) -> str:
        return f"{self.op}:{self.step}@{self.pfn:#x}"


class Failpoints:
    def __init__(self, machine: Machine) -> None:
        if not machine.run(f"[ -e {FILES} ]").ok:
            pytest.skip("kernel without failpoints")
        self.machine = machine
        self.disarm()

    def arm(self, *points: Point | str, error: int | str = errno.ENOMEM, times: int | None = None, nth: int = 0) -> None:
        """Has these points fail with an errno, each of them once if @times does not say otherwise.

        With @nth it is not the step that fails, but its allocation of that number, from 1 on.
        """
        words = " ".join(map(str, points))
        self.machine.sh(f"cd {FILES} && echo '{words}' > point && echo {error} > error && echo {nth} > nth && "
                        f"echo {times or len(points)} > times && echo 100 > probability")

    def disarm(self) -> None:
        self.machine.sh(f"cd {FILES} && echo 0 > probability && echo > point && echo 0 > nth && echo > hits")

    def left(self) -> int:
        """How many allocations too few the step had whose nth was to fail."""
        return int(self.machine.read(f"{FILES}/left"))

    def short(self, nth: int) -> int:
        """How many too few for the @nth, which was armed; all, where the step was not reached; 0: it failed."""
        return self.left() if self.spent() else nth

    def spent(self) -> bool:
        """Whether all that was armed has failed."""
        return int(self.machine.read(f"{FILES}/times")) == 0

    def hits(self) -> list[Point]:
        """The points that were passed since disarm(), in order."""
        lines = self.machine.read(f"{FILES}/hits").splitlines()
        found = [_POINT.match(line) for line in lines]
        return [Point(m["op"], m["step"], int(m["pfn"], 16)) for m in found if m]
