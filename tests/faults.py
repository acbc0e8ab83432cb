# SPDX-License-Identifier: GPL-2.0-only
"""Allocations that fail on demand, in a kernel with fault injection: the debug configuration."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.machine import Machine

# Whatever asks for memory may be refused it, also what could wait for it.
_ALL_ALLOCATIONS = """
cd /sys/kernel/debug
for name in failslab fail_page_alloc; do
    echo 0 > $name/verbose
    echo N > $name/ignore-gfp-wait
done
echo N > fail_page_alloc/ignore-gfp-highmem
echo 0 > fail_page_alloc/min-order
"""


_SLAB = "/sys/kernel/debug/failslab"
_REST = "echo 0 > probability; echo 0 > times; echo 1 > interval; echo 0 > stacktrace-depth; " \
        "echo 0 > require-start; echo 0xffffffffffffffff > require-end; echo 0 > reject-start; echo 0 > reject-end"
_FRAMES = 32        # as many as the kernel looks at


class Walk:
    """Which allocation of an operation is to fail next, until there are no more of them.

    With KASAN there are thousands, most of them one like the other: pages of its shadow, page tables. Unless @each is to
    fail, some are left out there, behind the first and before the @last.
    """

    FIRST = 32

    def __init__(self, each: bool = True, last: int = 16) -> None:
        self.each = each
        self.last = last
        self.failed = 0
        self.most = 2000 if each else 10000
        self._nth, self._done, self._count = 1, 0, self.most

    def __iter__(self) -> Iterator[int]:
        """Numbers from 1 on. After each of them, step() says what came of it."""
        while self._nth <= self._count:
            yield self._nth
        if self._count == self.most:
            raise AssertionError("there is no end of allocations")

    def step(self, short: int) -> None:
        """The allocation of that number failed, or there were @short of them too few."""
        if short:
            self._count = self._nth - short
            self._nth = max(self._done + 1, self._count - self.last)
            return
        self.failed += 1
        self._done = self._nth
        self._nth += 1 if self.each or self._nth < self.FIRST or self._count < self.most else self._nth // 4


def text(machine: Machine, names: str) -> tuple[int, int]:
    """From where to where functions lie that are linked one behind the other; @names is a regular expression."""
    lines = machine.sh(f"grep -E -A 1 ' [tT] ({names})$' /proc/kallsyms").splitlines()
    places = [int(line.split()[0], 16) for line in lines if line != "--"]
    return min(places), max(places)


class OneByOne:
    """Slab allocations of whatever task fail, one at a time, that are made below some functions and not below others.

    The kernel counts allocations from boot on and fails every so many; to fail the next but @nth is to know the count. It is
    known for as long as each time one failed: a guest has one walk.
    """

    def __init__(self, machine: Machine, below: str, not_below: str) -> None:
        self.machine = machine
        self.count = 0
        start, end = text(machine, below)
        no_start, no_end = text(machine, not_below)
        machine.sh(f"cd {_SLAB} && echo {_FRAMES} > stacktrace-depth && echo {start:#x} > require-start && "
                   f"echo {end:#x} > require-end && echo {no_start:#x} > reject-start && echo {no_end:#x} > reject-end")

    def arm(self, nth: int) -> None:
        """Has the @nth from now on fail, from 1 on."""
        interval = self.count + nth if nth > 1 else 1
        self.machine.sh(f"cd {_SLAB} && echo {interval} > interval && echo 1 > times && echo 100 > probability")
        self.count += nth if nth > 1 else 0

    def failed(self) -> bool:
        """Whether it did by now."""
        return self.machine.read(f"{_SLAB}/times") == "0"

    def end(self) -> None:
        self.machine.sh(f"cd {_SLAB} && {_REST}")


def prepare(machine: Machine) -> None:
    """From now on "put -f NTH" has the NTH allocation of its write fail. Skips the test on a kernel that cannot."""
    if not machine.run("[ -e /proc/self/fail-nth ]").ok:
        pytest.skip("kernel without fault injection")
    machine.sh(_ALL_ALLOCATIONS)
    machine.expect_splat("page allocation failure")
