# SPDX-License-Identifier: GPL-2.0-only
"""Allocations that fail on demand, in a kernel with fault injection: the debug configuration."""

from __future__ import annotations

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
