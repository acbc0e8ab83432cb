# SPDX-License-Identifier: GPL-2.0-only
"""The host's handle on a memhold in the guest (harness/guest/memhold.c)."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass

from .channel import CommandFailed, Job, Result


@dataclass(frozen=True)
class Check:
    """What a verification found: bad_addr is the first wrong byte's offset in the area."""

    ok: bool
    bytes: int
    wrong: int
    passes: int
    bad_addr: int | None


class Holder:
    """Memory that is held and verified in the guest until stop()."""

    def __init__(self, job: Job, timeout: float) -> None:
        self.job = job
        found = job.expect(r"^ready kind=(\w+) bytes=(\d+) node=(-?\d+) huge_kib=(\d+)$", timeout)
        self.kind = found.group(1)
        self.bytes = int(found.group(2))
        self.huge_bytes = int(found.group(4)) << 10

    @property
    def running(self) -> bool:
        return self.job.running

    def _ask(self, number: int, pattern: str, timeout: float) -> re.Match[str]:
        seen = len(self.job.output)
        self.job.signal(number)
        return self.job.expect(pattern, timeout, seen)

    def _check(self, match: re.Match[str]) -> Check:
        bad = re.search(r"^bad offset=(0x[0-9a-f]+)", self.job.output, re.M)
        ok, size, wrong, passes = (int(match.group(n)) for n in (1, 2, 3, 4))
        return Check(bool(ok), size, wrong, passes, int(bad.group(1), 16) if bad else None)

    def verify(self, timeout: float = 60) -> Check:
        """Has every byte compared now."""
        return self._check(self._ask(signal.SIGUSR1, r"^verify ok=(\d) bytes=(\d+) wrong=(\d+) passes=(\d+)$", timeout))

    def blocks(self, timeout: float = 30) -> dict[int, int]:
        """How many of its pages lie in which memory block; pages in none are under -1."""
        words = self._ask(signal.SIGHUP, r"^blocks(.*)$", timeout).group(1).split()
        pairs = (word.split("=") for word in words)
        return {-1 if name == "?" else int(name): int(pages) for name, pages in pairs}

    def pin(self, timeout: float = 30) -> None:
        """Takes the pin of a holder that was to do so later."""
        self._ask(signal.SIGUSR2, r"^pinned$", timeout)

    def unpin(self, timeout: float = 30) -> None:
        """Lets go of the pages that could not move."""
        self._ask(signal.SIGUSR2, r"^unpinned$", timeout)

    def stop(self, timeout: float = 60) -> Check:
        """Has every byte compared, and then all of it given back."""
        seen = len(self.job.output)
        self.job.signal(signal.SIGTERM)
        match = self.job.expect(r"^done ok=(\d) bytes=(\d+) wrong=(\d+) passes=(\d+)$", timeout, seen)
        result: Result = self.job.wait(timeout)
        check = self._check(match)
        if result.code != (0 if check.ok else 1):
            raise CommandFailed(self.job.command, result)
        return check
