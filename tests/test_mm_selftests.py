# SPDX-License-Identifier: GPL-2.0-only
"""The tree's own tests of isolation, migration and contiguous allocation: they pass as on the stock kernel.

Isolation and sparse memory are not for hotplug alone: compaction, huge pages, KSM and
pins use them. A few programs run on the kernel with all checks; all of them run on
ours and on the stock kernel, and must say the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from harness import build, selftests
from harness.machine import Machine

GUEST = dict(nodes=("768M", "256M"))
ROOMY = dict(nodes=("1792M", "256M"))   # khugepaged splits 512 huge pages and keeps something of each
SKIP = 4
# Some race with themselves and fail now and then on the stock kernel, too: ksm_tests may see a scan end that was under way
# when it began to wait for one, mremap_test may choose an address that is taken.
TRIES = 3


@dataclass(frozen=True)
class Case:
    """One run of a program. @huge: how many huge pages it wants in the pool.."""

    program: str
    arguments: str = ""
    huge: int = 0
    timeout: float = 300    # a hang is meant: a busy host takes its time


SHORT = (
    Case("compaction_test"),
    Case("hugetlb-madvise", huge=32),
    Case("hugetlb_dio", huge=16),
    Case("ksm_tests", "-M -p 10"),
    Case("transhuge-stress", "-d 2"),
)
ALL = (
    *SHORT,
    Case("ksm_functional_tests"),
    Case("split_huge_page_test", timeout=1200),
    Case("hugepage-mmap", huge=160),
    Case("hugepage-mremap", huge=160),
    Case("hugepage-shm", huge=160),
    Case("hugepage-vmemmap", huge=16),
    Case("hugetlb_fault_after_madv", huge=8),
    Case("hugetlb_madv_vs_map", huge=1),
    Case("hugetlb-soft-offline", huge=16),
    Case("map_hugetlb", huge=160),
    Case("gup_longterm", huge=16),
    Case("mremap_test"),
    Case("ksm_tests", "-U"),
    Case("ksm_tests", "-Z -p 10 -z 0"),
    Case("ksm_tests", "-N -m 1"),
    Case("ksm_tests", "-N -m 0"),
    Case("khugepaged"),
    Case("migration"),
)


def verdicts(text: str) -> dict[str, str]:
    """What a program said of each of its cases; numbers in a name differ from run to run."""
    found = {}
    for word, name in re.findall(r"^\s*(ok|not ok) \d+ ?(.*)$", text, re.M):
        skipped = "# SKIP" in name
        found[re.sub(r"\d+|# SKIP.*", "", name).strip()] = "skip" if skipped else word
    return found


def run(machine: Machine, case: Case, tries: int = 1) -> tuple[int, dict[str, str]]:
    path = f"/run/{case.program}"
    if machine.run(f"test -x {path}").code:
        machine.push(selftests.ensure(case.program), path, 0o755)
    machine.sh("mkdir -p /mnt/huge /mnt/disk; mount -t hugetlbfs none /mnt/huge 2>/dev/null || true;"
               f"echo {case.huge} > /proc/sys/vm/nr_hugepages; echo always > /sys/kernel/mm/transparent_hugepage/enabled")
    for _ in range(tries):
        result = machine.run(f"cd /run && {path} {case.arguments}", case.timeout)
        if result.ok:
            break
    machine.sh("echo 0 > /proc/sys/vm/nr_hugepages; echo madvise > /sys/kernel/mm/transparent_hugepage/enabled")
    return result.code, verdicts(result.out)


@pytest.mark.parametrize("case", SHORT, ids=[case.program for case in SHORT])
def test_selftest_passes(guest: Machine, case: Case) -> None:
    code, said = run(guest, case)
    assert code in (0, SKIP), said
    assert "not ok" not in said.values(), said


@pytest.mark.long
def test_selftests_say_what_they_say_of_the_stock_kernel(new_machine: Callable[..., Machine]) -> None:
    build.build("stock")
    stock, ours = (new_machine(kernel=kernel, **ROOMY) for kernel in ("stock", "plain"))
    assert stock.swap_on() and ours.swap_on()
    differing = {}
    for case in ALL:
        theirs, mine = run(stock, case, TRIES), run(ours, case, TRIES)
        if theirs != mine:
            differing[f"{case.program} {case.arguments}"] = (theirs, mine)
    assert not differing
