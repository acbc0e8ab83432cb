# SPDX-License-Identifier: GPL-2.0-only
"""The tree's own tests of isolation, migration and contiguous allocation: they pass as on the stock kernel.

Isolation and sparse memory are not for hotplug alone: compaction, huge pages, KSM and
pins use them. A few programs run on the kernel with all checks; all of them run on
ours and on the stock kernel, pass, and say the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from harness import build, selftests
from harness.machine import Machine

GUEST = dict(nodes=("768M", "256M"))
# khugepaged splits 512 huge pages and keeps something of each; migration wants a CPU for itself and two for what it moves.
ROOMY = dict(nodes=("1792M", "256M"), cpus=3)
TRIES = 5


@dataclass(frozen=True)
class Case:
    """One run of a program.

    @huge: how many huge pages it wants in the pool
    @races: with itself, so that now and then it fails on the stock kernel, too
    """

    program: str
    arguments: str = ""
    huge: int = 0
    races: bool = False
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
    Case("hugetlb_fault_after_madv", huge=1),
    Case("hugetlb_madv_vs_map", huge=1),
    Case("hugetlb-soft-offline", huge=16),
    Case("map_hugetlb", huge=160),
    Case("gup_longterm", huge=16),
    Case("mremap_test", races=True),        # may choose an address that is taken
    Case("ksm_tests", "-U", races=True),    # may see a scan end that was under way when it began to wait for one
    Case("ksm_tests", "-Z -p 10 -z 0"),
    Case("ksm_tests", "-N -m 1", races=True),
    Case("ksm_tests", "-N -m 0", races=True),
    Case("khugepaged"),
    Case("migration", huge=16),
)


def verdicts(text: str) -> Counter[tuple[str, str]]:
    """How often a program said what, of which case; numbers in a name differ from run to run."""
    found: Counter[tuple[str, str]] = Counter()
    for word, name in re.findall(r"^\s*(ok|not ok) \d+ ?(.*)$", text, re.M):
        found["skip" if "# SKIP" in name else word, re.sub(r"\d+|# SKIP.*", "", name).strip()] += 1
    return found


@dataclass(frozen=True)
class Result:
    """What came of a run: its exit code, and what it said."""

    code: int
    said: Counter[tuple[str, str]]

    @property
    def passed(self) -> bool:
        """All of it, and not because all was left out."""
        words = {word for word, _ in self.said}
        return self.code == 0 and "not ok" not in words and (not words or "ok" in words)


def run(machine: Machine, case: Case) -> Result:
    path = f"/run/{case.program}"
    if machine.run(f"test -x {path}").code:
        machine.push(selftests.ensure(case.program), path, 0o755)
    machine.sh("mkdir -p /mnt/huge /mnt/disk; mount -t hugetlbfs none /mnt/huge 2>/dev/null || true;"
               f"echo {case.huge} > /proc/sys/vm/nr_hugepages; echo always > /sys/kernel/mm/transparent_hugepage/enabled")
    for _ in range(TRIES if case.races else 1):
        shell = machine.run(f"cd /run && {path} {case.arguments}", case.timeout)
        result = Result(shell.code, verdicts(shell.out))
        if result.passed:
            break
    machine.sh("echo 0 > /proc/sys/vm/nr_hugepages; echo madvise > /sys/kernel/mm/transparent_hugepage/enabled")
    return result


@pytest.mark.parametrize("case", SHORT, ids=[case.program for case in SHORT])
def test_selftest_passes(guest: Machine, case: Case) -> None:
    result = run(guest, case)
    assert result.passed, result


@pytest.mark.long
def test_selftests_say_what_they_say_of_the_stock_kernel(new_machine: Callable[..., Machine]) -> None:
    build.build("stock")
    stock, ours = (new_machine(kernel=kernel, **ROOMY) for kernel in ("stock", "plain"))
    assert stock.swap_on() and ours.swap_on()
    wrong = {}
    for case in ALL:
        theirs, mine = run(stock, case), run(ours, case)
        if theirs != mine or not mine.passed:
            wrong[f"{case.program} {case.arguments}"] = (theirs, mine)
    assert not wrong
