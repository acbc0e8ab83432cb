# SPDX-License-Identifier: GPL-2.0-only
"""A guest's console log, and what in it nobody should find there."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path

from . import ui
from .channel import GuestTimeout

_SPLAT = re.compile(
    r"BUG:|WARNING:|KASAN|UBSAN:|kernel BUG at|Oops|general protection|Kernel panic|unable to handle"
    r"|possible circular locking|possible recursive locking|inconsistent lock state|suspicious RCU|INFO: lockdep"
    r"|INFO: task .* blocked|INFO: trying to register non-static key|rcu.*detected (?:expedited )?stall|self-detected stall"
    r"|bad page|Bad page|Bad rss-counter|refcount_t:|list_add corruption|list_del corruption|ODEBUG:|sleeping function called"
    r"|soft lockup|hard LOCKUP|workqueue lockup|stack-protector|scheduling while atomic|Voluntary context switch within RCU"
)
# What the kernel says of itself at boot or of things that are meant.
_HARMLESS = re.compile(r"KernelAddressSANitizer initialized|kasan: |Running .*KASAN.* tests|kasan_multi_shot")
_CUT = "------------[ cut here ]"
_STAMP = re.compile(r"^\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? ?")


class Splat(ui.Failure):
    """The kernel complained."""


def splats_in(text: str, expected: Sequence[re.Pattern[str]] = ()) -> list[str]:
    """Each splat in @text with the lines that follow it, oldest first, without those that are @expected."""
    lines = text.splitlines()
    found: list[str] = []
    skip_to = 0
    for at, line in enumerate(lines):
        if at < skip_to or not _SPLAT.search(line) or _HARMLESS.search(line):
            continue
        skip_to = at + 40
        first = at - 1 if at and _CUT in lines[at - 1] else at
        splat = "\n".join(lines[first:skip_to])
        if not any(e.search(splat) for e in expected):
            found.append(splat)
    return found


def title(splat: str) -> str:
    """The line of a splat that says what it is, without its time."""
    return _STAMP.sub("", next(line for line in splat.splitlines() if _SPLAT.search(line)))


class Console:
    """The growing log file. Offsets are in bytes, so that a part of it can be named."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._expected: list[re.Pattern[str]] = []

    def text(self, since: int = 0) -> str:
        try:
            with self.path.open("rb") as log:
                log.seek(since)
                return log.read().decode(errors="replace").replace("\r\n", "\n")
        except FileNotFoundError:
            return ""

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def wait(self, pattern: str, since: int, seconds: float) -> re.Match[str]:
        compiled = re.compile(pattern, re.M)
        deadline = time.monotonic() + seconds
        while True:
            text = self.text(since)
            if match := compiled.search(text):
                return match
            if time.monotonic() > deadline:
                raise GuestTimeout(f"no {pattern!r} in {self.path} after {seconds:.0f} s", text)
            time.sleep(0.05)

    def expect(self, pattern: str) -> None:
        """Splats that match are meant from now on."""
        self._expected.append(re.compile(pattern))

    def forget(self) -> None:
        """Nothing is expected any more."""
        self._expected.clear()

    def splats(self, since: int = 0) -> list[str]:
        """Each splat with the lines that follow it, oldest first."""
        return splats_in(self.text(since), self._expected)

    def check(self, since: int = 0) -> None:
        found = self.splats(since)
        if found:
            raise Splat(f"the kernel complained {len(found)} time(s): {title(found[0])}", self.path, found[0])
