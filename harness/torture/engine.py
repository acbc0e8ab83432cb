# SPDX-License-Identifier: GPL-2.0-only
"""Runs the sources, a thread each, with quiet points between; the first thing that is wrong ends the run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from ..machine import Machine
from ..ui import Failure
from .record import Record
from .source import Operation, Source

_STUCK = 200.0     # seconds (stretched) until an operation counts as one that never ends


class Unexpected(Failure):
    """An operation had an outcome that its source does not know."""


class Stuck(Failure):
    """An operation does not end."""


class Gate:
    """Lets the sources through, or keeps them before their next operation."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open = False
        self._over = False
        self._inside = 0

    def enter(self, rest: float) -> bool:
        """Rests, waits until it is open; False when all is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._over, rest)
            self._changed.wait_for(lambda: self._open or self._over)
            if self._over:
                return False
            self._inside += 1
            return True

    def leave(self) -> None:
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def set(self, is_open: bool, over: bool = False) -> None:
        with self._changed:
            self._open, self._over = is_open, over
            self._changed.notify_all()

    def empty(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._inside, seconds)


class Engine:
    """The threads of a run. activity() lets them work for a time; between two calls they stand still."""

    def __init__(self, machine: Machine, sources: list[Source], record: Record) -> None:
        self.machine = machine
        self.sources = sources
        self.record = record
        self.failure: BaseException | None = None
        self._gate = Gate()
        self._threads = [threading.Thread(target=self._work, args=(s,), name=s.label, daemon=True) for s in sources]
        for thread in self._threads:
            thread.start()

    def activity(self, seconds: float, tick: Callable[[], None]) -> None:
        """Has all sources work for @seconds, and then stand still; @tick is called now and then."""
        end = time.monotonic() + seconds
        self._gate.set(True)
        while time.monotonic() < end and not self.failure and self.machine.alive:
            time.sleep(min(1.0, max(0.0, end - time.monotonic())))
            tick()
        self._stand_still()

    def _stand_still(self) -> None:
        self._gate.set(False)
        deadline = time.monotonic() + _STUCK * self.machine.pace
        while not self._gate.empty(1.0):
            if self.failure or not self.machine.alive:
                break
            for source in self.sources:
                source.hurry()
            if time.monotonic() > deadline:
                left = ", ".join(f"{name}: {text}" for name, (_, text) in list(self.record.running.items()))
                raise Stuck(f"no end of {left}")
        if self.failure:
            raise self.failure

    def end(self) -> None:
        self._gate.set(False, over=True)

    def _work(self, source: Source) -> None:
        try:
            self._run(source, source.operations())
        except BaseException as failure:
            self.failure = self.failure or failure

    def _run(self, source: Source, operations: Iterator[Operation]) -> None:
        rest = 0.0
        for number, operation in enumerate(operations, 1):
            if not self._gate.enter(rest):
                return
            try:
                self._do(source, number, operation)
            finally:
                self._gate.leave()
            rest = operation.rest

    def _do(self, source: Source, number: int, operation: Operation) -> None:
        self.record.begin(source.label, number, operation.text)
        try:
            outcome = operation.run(self.machine)
        except BaseException as failure:
            self.record.end(source.label, number, f"{type(failure).__name__}: {failure}".splitlines()[0])
            raise
        self.record.end(source.label, number, outcome)
        if not source.expects(outcome):
            raise Unexpected(f"{source.label} #{number}, {operation.text}: {outcome}")
