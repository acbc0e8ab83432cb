# SPDX-License-Identifier: GPL-2.0-only
"""What a source of operations is.

A source chooses by its own random numbers alone, never by what the guest is at: so the same seed
gives the same operations, however fast they are. What an operation meets is its outcome.
"""

from __future__ import annotations

import errno
import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..channel import Job, Result
from ..machine import GuestTimeout, Machine
from ..scribe import Scribe
from .layout import Layout

OK = "ok"
SKIPPED = "nothing to do"
PATIENCE = 4.0          # seconds after which a request is told to end
MOST_SECONDS = 150      # that it may take then: the kernel looks for hung tasks every 120

# What a request to memory hotplug may be answered, whatever else goes on. EPERM is what a notifier's NOTIFY_BAD comes to.
REFUSALS = frozenset(("EAGAIN", "EBUSY", "EEXIST", "EHWPOISON", "EINTR", "EINVAL", "EIO", "ENODEV", "ENOENT", "ENOMEM", "EPERM"))


@dataclass(frozen=True)
class Operation:
    """One thing to do: what the log calls it, what does it and returns the outcome, and the rest after it in seconds."""

    text: str
    run: Callable[[Machine], str]
    rest: float = 0.0


class Source:
    """Base of the sources. choose() has to draw the same numbers every time it is called in the same state of @rng."""

    name = ""
    rest = (0.1, 0.5)       # seconds between two operations, on a fast guest
    expected: frozenset[str] = frozenset()      # outcomes beside OK and SKIPPED; others are failures

    def __init__(self, layout: Layout, seed: str, number: int = 0) -> None:
        self.layout = layout
        self.label = f"{self.name}-{number}" if number else self.name
        self._random = random.Random(f"{seed}/{self.label}")
        self._scribe: Scribe | None = None

    def operations(self) -> Iterator[Operation]:
        """All that it will ever do, in order."""
        while True:
            text, run = self.choose(self._random)
            yield Operation(text, run, self._random.uniform(*self.rest))

    def choose(self, rng: random.Random) -> tuple[str, Callable[[Machine], str]]:
        raise NotImplementedError

    def prepare(self, machine: Machine) -> bool:
        """Makes ready what it needs; False where the kernel does not have it."""
        return True

    def scribe(self, machine: Machine) -> Scribe:
        if self._scribe is None:
            self._scribe = Scribe(machine)
        return self._scribe

    def write(self, machine: Machine, path: str, value: object) -> str:
        """One write of @value; the outcome."""
        return code_name(self.scribe(machine).write(path, value, MOST_SECONDS))

    def request(self, machine: Machine, path: str, value: object, flags: str = "", patience: float = PATIENCE,
                number: int = signal.SIGUSR1) -> str:
        """A write that gets a signal when it takes longer than @patience; the outcome."""
        scribe = self.scribe(machine)
        scribe.start(path, value, flags)
        if (code := scribe.wait(patience)) is None:
            scribe.signal(number)
            code = scribe.wait(PATIENCE)
        if code is None:        # that was lost: it came before the write
            scribe.signal(signal.SIGTERM)
            code = scribe.wait(MOST_SECONDS)
        if code is None:
            raise GuestTimeout(f"no end of {value} > {path}, whatever the signal")
        return code_name(code)

    def hurry(self) -> None:
        """Ends what takes long: a quiet point is to come. From another thread."""
        if self._scribe:
            self._scribe.signal(signal.SIGUSR1)

    def put_back(self, machine: Machine) -> None:
        """Undoes what it did, as far as it is not memory that came and went."""

    def expects(self, outcome: str) -> bool:
        word = short(outcome)
        return word in (OK, SKIPPED, "EINTR") or word in self.expected


def short(outcome: str) -> str:
    """The word that is counted: what follows ": " is for the log."""
    return outcome.partition(": ")[0]


def code_name(code: int) -> str:
    """What an exit code of put, or of a command that a signal ended, stands for."""
    if code == 0:
        return OK
    if code > 128 and code != 133:
        return f"signal {code - 128}"
    return errno.errorcode.get(code, "EHWPOISON" if code == 133 else f"code {code}")


def code_of(result: Result) -> str:
    return code_name(result.code)


def wait(job: Job, seconds: float) -> Result | None:
    """A job's end, or None if it goes on."""
    try:
        return job.wait(seconds)
    except GuestTimeout:
        return None
