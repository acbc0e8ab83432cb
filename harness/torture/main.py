# SPDX-License-Identifier: GPL-2.0-only
"""make torture: boots a guest, lets the sources loose on it, and judges it at every quiet point and at the end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .. import build, packages, paths, ui
from ..blocks import Memory
from ..channel import MachineError
from ..configure import out
from ..machine import Machine
from . import judge, kcsan, layout, quiet, report
from .devices import DaxDevice, Dimms, VirtioMems
from .engine import Engine
from .faults import Failpoints, Vetoes
from .loads import Loads, Pins
from .onlookers import Auditor, Onlooker
from .poison import Poison
from .policy import Policy
from .pressure import Cma, Compaction, Cpus, HugePool, Ksm, Swap
from .record import Record
from .source import OK, Source
from .writers import Probe, Writer

_WRITERS = 3
_BETWEEN = 60.0         # seconds (stretched) from one quiet point to the next, at most
_GLANCES = 10.0         # seconds between two looks at the log
_SHORTEST = 10.0        # seconds of a round
_LEAST = 3              # quiet points that a run has
_PLAIN_SOURCES: tuple[type[Source], ...] = (
    Vetoes, Failpoints,         # first: what the others put back is not to fail
    Probe, VirtioMems, DaxDevice, Policy, Compaction, Swap, Ksm, HugePool, Cma, Cpus, Poison, Onlooker, Auditor, Pins)


def sources(where: layout.Layout) -> tuple[list[Source], Loads]:
    """All there are."""
    loads = Loads(where, where.seed)
    found: list[Source] = [loads]       # first: the pool is to be empty when it is put back
    found += [Writer(where, where.seed, number + 1) for number in range(_WRITERS)]
    found += [Dimms(where, where.seed, layout.SLOTS[:3], 1), Dimms(where, where.seed, layout.SLOTS[3:], 2)]
    found += [cls(where, where.seed) for cls in _PLAIN_SOURCES]
    return found, loads


@dataclass
class Run:
    """What a run came to; result() is the JSON of it."""

    kernel: str
    seed: str
    folder: Path
    words: tuple[str, ...]
    log: Path | None = None
    seconds: float = 0.0
    active: float = 0.0
    quiet_points: int = 0
    operations: int = 0
    outcomes: dict[str, dict[str, int]] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    vetoes: int = 0
    failures_injected: int = 0
    verified: int = 0
    remained: dict[str, int] = field(default_factory=dict)
    drift: dict[str, str] = field(default_factory=dict)
    races_elsewhere: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    detail: str = ""


class Torture:
    """One guest under torture. run() leaves the verdict in .run."""

    def __init__(self, kernel: str, seed: str, minutes: float, between: float | None = None) -> None:
        self.where = layout.choose(seed)
        self.seconds = minutes * 60
        self.machine = Machine(self.where.machine(kernel))
        self.result = Run(kernel, seed, paths.BUILD / "torture" / seed, self.where.append, self.machine.log_path)
        self.record = Record(self.result.folder)
        self.between = between
        self._ours = kcsan.functions(out(kernel)) if kernel == "kcsan" else frozenset[str]()
        self._samples: list[dict[str, int]] = []
        self._log_seen = 0
        self._glanced = 0.0

    def run(self) -> Run:
        """Never raises for what the guest did: that is in the result."""
        began = time.monotonic()
        try:
            self.machine.boot()
            self._torture()
        except ui.Failure as failure:
            self._failed(failure)
        finally:
            self.result.seconds = time.monotonic() - began
            self._account()
            self.machine.kill()
            self.record.close()
            report.save(self.result)
        return self.result

    def _failed(self, failure: ui.Failure) -> None:
        """The guest may have said more than the one who found it dead."""
        self.result.wrong.append(str(failure))
        self.result.detail = failure.detail
        with contextlib.suppress(MachineError):
            if self.machine.alive:
                self.machine.run("echo w > /proc/sysrq-trigger; echo m > /proc/sysrq-trigger; grep -i huge /proc/meminfo > /dev/kmsg", 20)
        splats, _ = judge.complaints(self.machine.console.text(), self._ours)
        if splats and not any("complained" in line for line in self.result.wrong):
            self._complained(splats)

    def _complained(self, splats: list[str]) -> None:
        self.result.wrong += [f"the kernel complained: {title}" for title in dict.fromkeys(map(judge.console.title, splats))]
        self.result.detail = splats[0]

    def _prepare(self) -> list[Source]:
        machine = self.machine
        self.record.line(f"# seed {self.result.seed}, kernel {self.result.kernel}, {' '.join(self.where.append)}")
        self.record.set_clock(float(machine.read("/proc/uptime").split()[0]))
        machine.run("[ ! -e /sys/kernel/debug/kcsan ] || echo on > /sys/kernel/debug/kcsan")
        every, self.loads = sources(self.where)
        there = [source for source in every if source.prepare(machine)]
        self.result.absent = sorted({s.name for s in every} - {s.name for s in there})
        return there

    def _torture(self) -> None:
        machine = self.machine
        self.there = self._prepare()
        self.home: Memory = machine.memory(use=False)
        remains = quiet.put_back(machine, self.there, self.home)
        self.home = machine.memory(use=False)
        self.start = judge.take(machine)
        if remains.blocks:
            raise judge.Wrong(f"not at rest from the start: {[b.number for b in remains.blocks]}")
        engine = Engine(machine, self.there, self.record)
        try:
            self._rounds(engine)
        finally:
            engine.end()

    def _rounds(self, engine: Engine) -> None:
        between = self.between or min(_BETWEEN * self.machine.pace, self.seconds / _LEAST)
        end = time.monotonic() + self.seconds
        while True:
            self.loads.fill(self.machine)
            began = time.monotonic()
            length = min(between, max(end - began, _SHORTEST))
            progress = ui.Progress(f"round {self.result.quiet_points + 1}", int(length))
            try:
                engine.activity(length, self._ticker(progress, began))
            finally:
                self.result.active += time.monotonic() - began
                progress.end()
            self._quiet_point()
            if time.monotonic() >= end:
                return

    def _ticker(self, progress: ui.Progress, began: float) -> Callable[[], None]:
        def tick() -> None:
            what = next(iter(list(self.record.running.items())), None)
            text = f"{self.record.operations()} operations" + (f", {what[0]}: {what[1][1]}" if what else "")
            now = time.monotonic()
            progress.update(int(now - began), text)
            if now - self._glanced > _GLANCES:
                self._glanced = now
                self._glance()
        return tick

    def _quiet_point(self) -> None:
        machine, began = self.machine, time.monotonic()
        machine.mark(f"quiet point {self.result.quiet_points + 1}")
        self.record.line("# quiet point")
        self._check_log()
        remains = quiet.put_back(machine, self.there, self.home)
        for what in (self.loads.verify, self.loads.finish):
            if not self.loads.expects(fate := what(machine)):
                raise judge.Wrong(f"a load ended by {fate}")
        wrong = judge.look(machine, self.start, self.home, remains)
        if leaks := judge.leaks(machine):
            wrong.append("kmemleak: " + leaks.splitlines()[0])
            self.result.detail = leaks
        self._check_log()
        self._samples.append(judge.sample(machine))
        if machine.run("zcat /proc/config.gz | grep -q KASAN=y").ok:
            trends = {}     # its quarantine keeps freed objects for as long as it likes
        else:
            trends = judge.drift(self._samples)
        self.result.drift = {name: str(line) for name, line in trends.items()}
        self.result.remained = {}
        for block in remains.blocks:
            owner = layout.owner(block.number)
            self.result.remained[owner] = self.result.remained.get(owner, 0) + 1
        self.result.wrong += wrong + judge.excess(trends)
        self.record.line("# judged: " + ("; ".join(self.result.wrong) or "all is well"))
        if self.result.wrong:
            raise judge.Wrong("that is how quiet point %d found it" % (self.result.quiet_points + 1))
        self.result.quiet_points += 1
        report.quiet_point(self.result, self.record, self.loads.verified, time.monotonic() - began)

    def _glance(self) -> None:
        """Ends a run soon after the kernel complained; a race may be half in the log yet."""
        text, self._log_seen = self.machine.log_since(self._log_seen), self.machine.console.size()
        if not self._ours and judge.complaints(text)[0]:
            raise judge.Wrong("see the log")

    def _check_log(self) -> None:
        self.machine.mark("looked at")
        splats, others = judge.complaints(self.machine.log(), self._ours)
        self.result.races_elsewhere = dict(others.most_common())
        if splats:
            self._complained(splats)
            raise judge.Wrong("see the log")

    def _account(self) -> None:
        result = self.result
        result.operations = self.record.operations()
        result.outcomes = {name: dict(counts.most_common()) for name, counts in sorted(self.record.by_kind().items())}
        result.verified = self.loads.verified if hasattr(self, "loads") else 0
        for source in getattr(self, "there", []):
            if isinstance(source, Vetoes):
                result.vetoes = source.refused
            if isinstance(source, Failpoints):
                result.failures_injected = source.hit


def main(kernel: str = "debug", minutes: str = "", seed: str = "") -> int:
    """make torture."""
    try:
        length = float(minutes or 5)
    except ValueError as error:
        raise ui.Failure(f"not a number of minutes: {minutes}") from error
    seed = seed or time.strftime("%m%d%H%M%S")
    packages.ensure(packages.GUEST)
    build.build(kernel)
    torture = Torture(kernel, seed, length)
    with ui.step(f"Torture the {kernel} kernel for {length:g} minutes, seed {seed}"):
        report.introduce(torture.result)
        result = torture.run()
    report.show(result)
    return 0 if not result.wrong or kernel == "stock" else 1
