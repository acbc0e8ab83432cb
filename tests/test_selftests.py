# SPDX-License-Identifier: GPL-2.0-only
"""Tests and tools that the kernel's tree, util-linux and stress-ng bring: all must get on with us."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kernels import TESTED, WITHOUT_CHECKS

from harness.machine import Dimm, Machine

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = "tools/testing/selftests/memory-hotplug"
BLOCK = 128 << 20
NODE = 1
DIMM = "1G"

GUEST = dict(dimms=(Dimm("d0", DIMM, NODE),), append=("kunit.enable=1",))


def kunit_suites() -> list[str]:
    """Names of the suites in the sources, so that one which does not run is missed."""
    names = []
    for path in sorted(path for folder in ("arch", "drivers", "mm") for path in (ROOT / folder).rglob("*_kunit.c")):
        names += re.findall(r'struct kunit_suite \w+ = \{[^}]*?\.name\s*=\s*"([^"]+)"', path.read_text(), re.S)
    return names


def our_scripts() -> list[str]:
    """Our own additions to the tree's kselftest folder; a file without an interpreter is read by others."""
    return sorted(path.name for path in (ROOT / SCRIPTS).glob("*.sh") if path.read_bytes().startswith(b"#!"))


@pytest.fixture
def offline_dimm(guest: Machine) -> Iterator[Machine]:
    """The DIMM of node 1 with all blocks offline, before and after."""
    guest.offline(guest.memory(use=False).online(NODE))
    yield guest
    guest.offline(guest.memory(use=False).online(NODE))


# Shell scripts start many programs, for which a kernel with checks takes minutes.
KERNELS = [WITHOUT_CHECKS, *([pytest.param(TESTED, marks=pytest.mark.long)] if TESTED != WITHOUT_CHECKS else [])]


@pytest.fixture(params=KERNELS)
def script_machine(request: pytest.FixtureRequest, new_machine: Callable[..., Machine]) -> Machine:
    machine = new_machine(kernel=request.param, **GUEST)
    machine.online(machine.memory(use=False).offline(NODE), "online_movable")
    return machine


def dimm_states(machine: Machine) -> list[str]:
    return [block.state for block in machine.memory(use=False).on(NODE)]


def online_count(machine: Machine) -> int:
    return len(machine.memory(use=False).online(NODE))


@pytest.mark.parametrize("suite", kunit_suites())
def test_kunit(guest: Machine, suite: str) -> None:
    log = re.sub(r"^\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? ?", "", guest.log(), flags=re.M)
    start = re.search(rf"^ *# Subtest: {re.escape(suite)}$", log, re.M)
    assert start, f"suite {suite} did not run at boot"
    end = re.search(rf"^ *(not )?ok \d+ {re.escape(suite)}( # .*)?$", log[start.end():], re.M)
    assert end, f"suite {suite} did not end"
    body = log[start.end():start.end() + end.start()]
    assert re.search(r"^ +ok \d+ ", body, re.M), f"suite {suite} has no cases"
    failed = re.findall(r"^ +not ok \d+ .*$", body, re.M)
    assert not failed and not end[1], "\n".join(failed) + "\n" + body


def chmem(machine: Machine, *words: str) -> None:
    result = machine.run(" ".join(["chmem", "--verbose", *words]), timeout=60)
    assert result.code == 0, result.out


def test_chmem_by_size(offline_dimm: Machine) -> None:
    chmem(offline_dimm, "--enable", "384M")
    assert online_count(offline_dimm) == 3
    assert {block.zone for block in offline_dimm.memory(use=False).online(NODE)} == {"Movable"}
    chmem(offline_dimm, "--disable", "256M")
    assert online_count(offline_dimm) == 1


def test_chmem_by_range(offline_dimm: Machine) -> None:
    first, second = (block.start for block in offline_dimm.memory(use=False).on(NODE)[2:4])
    both = f"{first:#x}-{second + BLOCK - 1:#x}"
    chmem(offline_dimm, "--enable", both)
    assert dimm_states(offline_dimm) == ["offline"] * 2 + ["online"] * 2 + ["offline"] * 4
    chmem(offline_dimm, "--disable", both)
    assert dimm_states(offline_dimm) == ["offline"] * 8


def test_chmem_by_block(offline_dimm: Machine) -> None:
    first = offline_dimm.memory(use=False).on(NODE)[0].number
    chmem(offline_dimm, "--enable", "-b", f"{first + 4}-{first + 6}")
    assert dimm_states(offline_dimm) == ["offline"] * 4 + ["online"] * 3 + ["offline"]
    chmem(offline_dimm, "--disable", "-b", f"{first + 4}-{first + 6}")
    assert online_count(offline_dimm) == 0


def test_chmem_by_zone(offline_dimm: Machine) -> None:
    chmem(offline_dimm, "--enable", "--zone", "Movable", "256M")
    zones = [block.zone for block in offline_dimm.memory(use=False).online(NODE)]
    assert zones == ["Movable"] * 2
    chmem(offline_dimm, "--disable", "--zone", "Movable", "256M")
    assert online_count(offline_dimm) == 0


def test_mem_on_off_test(script_machine: Machine) -> None:
    """The tree's own, with errors injected into the notifiers."""
    result = script_machine.run("cd /kselftest/memory-hotplug && ./mem-on-off-test.sh -r 10", timeout=120)
    assert result.code == 0, result.out
    for unwanted in ("FAILED", "unexpected", "skip all tests", "skip extra tests"):
        assert unwanted not in result.out, result.out
    assert set(dimm_states(script_machine)) == {"online"}


@pytest.mark.parametrize("script", our_scripts())
def test_our_kselftest(script_machine: Machine, script: str) -> None:
    result = script_machine.run(f"cd /kselftest/memory-hotplug && ./{script}", timeout=120)
    assert result.code == 0, result.out
    assert not re.search(r"^not ok", result.out, re.M), result.out


@pytest.mark.long
def test_stress_ng(new_machine: Callable[..., Machine]) -> None:
    """A minute of blocks going off and on, all of them, beside memory in use."""
    machine = new_machine(**GUEST, extra=("stress-ng",))
    machine.online(machine.memory(use=False).offline(NODE), "online_movable")
    holders = [machine.hold(kind, "48M", node=NODE, busy=True) for kind in ("anon", "thp", "shared")]
    total = machine.meminfo()["MemTotal"]
    result = machine.run("stress-ng --memhotplug 1 --timeout 60 --metrics-brief", timeout=240)
    assert result.code == 0, result.out
    assert re.search(r"memhotplug +[1-9]\d* ", result.out), f"no block was changed:\n{result.out}"
    for holder in holders:
        assert holder.stop().ok
    machine.online(machine.memory(use=False).offline(), "online")
    assert machine.meminfo()["MemTotal"] == total
