# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures of the scenarios: an image, machines, and after every test a look at the kernel's log and its audit.

    new_machine(**overrides)   boots a machine of the test's own
    guest                      one machine that the tests of a module share
    kernel_config, image       which kernel (MHP_CONFIG, default debug), and its initramfs
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import audit  # noqa: E402

from harness import image as initramfs  # noqa: E402
from harness import ui  # noqa: E402
from harness.machine import Machine, MachineConfig  # noqa: E402

_LINES = 60  # of the log that a failure shows


class Pool:
    """The machines that the running test uses, and the one that its module shares."""

    def __init__(self, kernel: str) -> None:
        self.kernel = kernel
        self.shared: Machine | None = None
        self.own: list[Machine] = []
        self._in_use = False
        self._since = 0
        self._dimms: set[str] = set()

    def boot(self, overrides: dict[str, Any]) -> Machine:
        return Machine(replace(MachineConfig(kernel=self.kernel), **overrides)).boot()

    def new(self, **overrides: Any) -> Machine:
        machine = self.boot(overrides)
        self.own.append(machine)
        return machine

    def share(self, overrides: dict[str, Any], name: str) -> Machine:
        """The module's machine, booted anew when there is none."""
        if self.shared is None:
            self.shared = self.boot(overrides)
        self._in_use = True
        self._since = self.shared.mark(name)
        self._dimms = {str(d.get("id")) for d in self.shared.dimms()}
        return self.shared

    def used(self) -> list[Machine]:
        return [*self.own, *([self.shared] if self.shared and self._in_use else [])]

    def finish(self) -> None:
        """After a test: clears up, and fails when a kernel complained."""
        try:
            self._finish_own()
        finally:
            if self._in_use:
                self._finish_shared()

    def _finish_own(self) -> None:
        own, self.own = self.own, []
        try:
            for machine in own:
                if machine.alive:
                    machine.mark("end of test")
                    if not machine.jobs():      # they may hold an operation up, and the audit with it
                        audit.verify(machine)
                machine.check_log()
        finally:
            for machine in own:
                machine.kill()

    def _finish_shared(self) -> None:
        machine, self._in_use = self.shared, False
        assert machine is not None
        fit = False
        try:
            tidy = False
            if machine.alive:
                tidy = self._tidy(machine)
                machine.mark("end of test")
                audit.verify(machine)
            machine.check_log(self._since)
            if not machine.alive:
                raise ui.Failure("the machine of this module is gone", machine.log_path)
            machine.console.forget()
            fit = tidy
        finally:
            if not fit:
                self.drop_shared()

    def _tidy(self, machine: Machine) -> bool:
        """Ends what a test left running and takes away the DIMMs that it left; False unless those of the start remain."""
        left = machine.jobs()
        for job in left:
            job.kill()
        for job in left:
            job.wait()
        for name in {str(d["id"]) for d in machine.dimms()} - self._dimms:
            machine.unplug_dimm(name)
        return {str(d["id"]) for d in machine.dimms()} == self._dimms

    def drop_shared(self) -> None:
        if self.shared:
            self.shared.kill()
        self.shared = None


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: takes minutes, or a kernel of its own; only make test-all runs it")


@pytest.fixture(scope="session")
def kernel_config() -> str:
    return os.environ.get("MHP_CONFIG", "debug")


@pytest.fixture(scope="session")
def image(kernel_config: str) -> Path:
    return initramfs.build(kernel_config)


@pytest.fixture(scope="session")
def _pool(kernel_config: str) -> Pool:
    return Pool(kernel_config)


@pytest.fixture(scope="module", autouse=True)
def _module_machine(_pool: Pool) -> Iterator[None]:
    yield
    _pool.drop_shared()


@pytest.fixture
def _machines(request: pytest.FixtureRequest, _pool: Pool, image: Path) -> Iterator[Pool]:
    request.node.pool = _pool
    yield _pool
    _pool.finish()


@pytest.fixture
def new_machine(_machines: Pool) -> Callable[..., Machine]:
    """Boots a machine: new_machine(field=...), the fields are MachineConfig's."""
    return _machines.new


@pytest.fixture
def guest(request: pytest.FixtureRequest, _machines: Pool) -> Machine:
    """The machine that the tests of this module share; its module may set GUEST = {field: ...}."""
    return _machines.share(getattr(request.module, "GUEST", {}), request.node.name)


@pytest.hookimpl(hookwrapper=True)  # type: ignore[misc]
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    """A failure shows where each machine's log is, its end, and what QEMU reported."""
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    failure = call.excinfo.value if call.excinfo else None
    if isinstance(failure, ui.Failure) and (failure.log or failure.detail):
        report.sections.append((f"details, log {failure.log or 'none'}", failure.detail))
    pool: Pool | None = getattr(item, "pool", None)
    for machine in pool.used() if pool and call.when != "teardown" else []:
        report.sections.append((f"console {machine.log_path}", ui.tail(machine.log_path, _LINES)))
        events = "\n".join(f"{e.seq} {e.name} {e.data}" for e in machine.seen_events())
        report.sections.append((f"QEMU events of {machine.folder.name}", events or "none"))


# What takes longest begins first, so that the workers end at about the same time.
_LONGEST_FIRST = ("test_torture", "test_offline_kinds", "test_virtio_mem", "test_signals", "test_races", "test_acpi",
                  "test_mm_features", "test_gigantic", "test_eject_rounds", "test_isolation", "test_hwpoison")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        name = item.path.stem
        return _LONGEST_FIRST.index(name) if name in _LONGEST_FIRST else len(_LONGEST_FIRST)

    items.sort(key=rank)
