# SPDX-License-Identifier: GPL-2.0-only
"""The uevents that a guest sends, as a daemon in it would see them."""

from __future__ import annotations

import itertools
import re
import shlex
from dataclasses import dataclass

from harness.machine import GuestTimeout, Job, Machine

MEMORY = "/sys/devices/system/memory"
# Nothing else writes to this one: it is used to send events that we recognise.
_ECHO_FILE = f"{MEMORY}/memory0/uevent"
_PRINT = 'echo "UEVENT $SEQNUM $ACTION $SUBSYSTEM $DEVPATH ${SYNTH_UUID:-kernel}"'
_LINE = re.compile(r"^UEVENT (\d+) (\S+) (\S+) (\S+) (\S+)$", re.M)


@dataclass(frozen=True)
class Uevent:
    number: int
    action: str
    subsystem: str
    path: str

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


class Uevents:
    """Listens from the start of the `with` until its end."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.job: Job | None = None
        self._marks = itertools.count(1)

    def __enter__(self) -> Uevents:
        self.job = self.machine.start(f"exec uevent sh -c {shlex.quote(_PRINT)}")
        for _ in range(20):     # the listener may not have opened its socket yet
            try:
                self._sync(timeout=1)
                return self
            except GuestTimeout:
                continue
        raise AssertionError("no uevent arrives")

    def __exit__(self, *exc: object) -> None:
        if self.job:
            self.job.kill()

    def _sync(self, timeout: float) -> None:
        """Sends an event of our own and waits for it: all before it have arrived then."""
        assert self.job
        uuid = f"00000000-0000-0000-0000-{next(self._marks):012x}"
        assert self.machine.write(_ECHO_FILE, f"change {uuid}") == 0
        self.job.expect(rf"(?m) {uuid}$", timeout=timeout)

    def seen(self) -> list[Uevent]:
        """What the kernel sent until now, in order; our own marks left out."""
        assert self.job
        self._sync(timeout=30)
        found = _LINE.findall(self.job.output)
        return [Uevent(int(n), action, subsystem, path)
                for n, action, subsystem, path, origin in found if origin == "kernel"]

    def actions(self, name: str) -> list[str]:
        """The actions of the device called @name, in order."""
        return [event.action for event in self.seen() if event.name == name]
