# SPDX-License-Identifier: GPL-2.0-only
"""One process in the guest that does many writes, one after the other: no fork, no exec between two (harness/guest/put.c)."""

from __future__ import annotations

import shlex

from .channel import CommandFailed, GuestTimeout, Job
from .guest_commands import Guest


class Scribe:
    """Begins at its first write, and anew after a signal ended it. For one thread; signal() for any."""

    def __init__(self, machine: Guest) -> None:
        self._machine = machine
        self._job: Job | None = None
        self._seen = 0
        self._busy = False

    def start(self, path: str, value: object, flags: str = "") -> None:
        """Asks for a write; the answer is wait()'s."""
        if self._job is None or not self._job.running:
            self._job, self._seen = self._machine.start("exec put -s", more=True), 0
        self._busy = True
        self._job.feed(f"{flags} {path} {value}".strip().encode() + b"\n")

    def wait(self, timeout: float) -> int | None:
        """The errno, 128 and the signal that ended it, or None if there is no answer yet."""
        assert self._job is not None
        try:
            match = self._job.expect(r"^code (\d+)\n", timeout, self._seen)
        except GuestTimeout:
            return None
        except CommandFailed as failure:
            self._busy = False
            return failure.result.code
        self._busy = False
        self._seen = match.end()
        return int(match.group(1))

    def write(self, path: str, value: object, timeout: float = 60) -> int:
        """One write from start to end."""
        self.start(path, value)
        code = self.wait(timeout)
        if code is None:
            raise GuestTimeout(f"no end of {shlex.quote(str(value))} > {path}")
        return code

    def signal(self, number: int) -> None:
        """To the write that is under way; SIGUSR1 ends that alone."""
        if self._busy and self._job and self._job.running:
            self._job.signal(number)
