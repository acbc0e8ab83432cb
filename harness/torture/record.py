# SPDX-License-Identifier: GPL-2.0-only
"""The account of a run: each operation in a file as it happens, and sums of them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path

from .source import SKIPPED, short


class Record:
    """Lines are "SECONDS SOURCE #NUMBER > what" when it begins, "<" with the outcome when it ended.

    SECONDS are the guest's, as in its kernel's log.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "operations.log"
        self._file = self.path.open("w", buffering=1)
        self._lock = threading.Lock()
        self._zero = time.monotonic()
        self.outcomes: dict[str, Counter[str]] = {}     # by source
        self.running: dict[str, tuple[float, str]] = {}

    def set_clock(self, uptime: float) -> None:
        self._zero = time.monotonic() - uptime

    def line(self, text: str) -> None:
        with self._lock:
            self._file.write(f"{time.monotonic() - self._zero:12.3f} {text}\n")

    def begin(self, source: str, number: int, text: str) -> None:
        self.line(f"{source} #{number} > {text}")
        self.running[source] = (time.monotonic(), text)

    def end(self, source: str, number: int, outcome: str) -> None:
        began, _ = self.running.pop(source)
        self.line(f"{source} #{number} < {outcome} ({(time.monotonic() - began) * 1000:.0f} ms)")
        with self._lock:
            self.outcomes.setdefault(source, Counter())[short(outcome)] += 1

    def operations(self) -> int:
        """Those that did something, or were refused."""
        with self._lock:
            return sum(sum(c.values()) - c[SKIPPED] for c in self.outcomes.values())

    def by_kind(self) -> dict[str, Counter[str]]:
        """Outcomes by kind of source: writer-1 and writer-2 are writers."""
        out: dict[str, Counter[str]] = {}
        with self._lock:
            for label, counts in self.outcomes.items():
                out.setdefault(label.rstrip("0123456789").rstrip("-"), Counter()).update(counts)
        return out

    def close(self) -> None:
        self._file.close()
