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


def prepare(machine: Machine) -> None:
    """From now on "put -f NTH" has the NTH allocation of its write fail. Skips the test on a kernel that cannot."""
    if not machine.run("[ -e /proc/self/fail-nth ]").ok:
        pytest.skip("kernel without fault injection")
    machine.sh(_ALL_ALLOCATIONS)
    machine.expect_splat("page allocation failure")
