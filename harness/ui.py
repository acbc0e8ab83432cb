# SPDX-License-Identifier: GPL-2.0-only
"""What the terminal shows: steps, progress, failures. Colours and rewritten lines only on a tty."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_COLOURS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36, "grey": 90, "bold": 1}
QUIET_PERIOD = 30.0     # seconds between two lines of progress where lines cannot be rewritten
TTY_PERIOD = 0.2


class Failure(Exception):
    """A step that failed, with where to read more."""

    def __init__(self, message: str, log: Path | None = None, detail: str = "") -> None:
        super().__init__(message)
        self.log = log
        self.detail = detail


def is_tty() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")


def coloured(text: str, *names: str) -> str:
    """@text in the named colours, or as it is where there is no terminal."""
    if not is_tty() or os.environ.get("NO_COLOR"):
        return text
    return "".join(f"\033[{_COLOURS[n]}m" for n in names) + text + "\033[0m"


def duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


def say(text: str = "") -> None:
    _clear()
    print(text, flush=True)


def note(text: str) -> None:
    say("    " + text)


def warn(text: str) -> None:
    say(coloured("  ! ", "yellow", "bold") + text)


_live = False


def _clear() -> None:
    """Wipes the line that is being rewritten, if there is one."""
    global _live
    if _live:
        sys.stdout.write("\r\033[K")
        _live = False


@contextmanager
def step(title: str) -> Iterator[None]:
    """Announces a step and, when it took a while, says how long."""
    say(coloured("==> ", "cyan", "bold") + coloured(title, "bold"))
    start = time.monotonic()
    try:
        yield
    except Failure as failure:
        if not hasattr(failure, "step"):
            failure.step = title    # type: ignore[attr-defined]
        raise
    took = time.monotonic() - start
    if took >= 2:
        note(coloured(f"done in {duration(took)}", "grey"))


class Progress:
    """One rewritten line on a tty; elsewhere a line every half a minute."""

    def __init__(self, label: str, total: int = 0) -> None:
        self.label, self.total, self.count, self.text = label, total, 0, ""
        self.start = time.monotonic()
        self.shown = self.start if not is_tty() else 0.0

    def update(self, count: int | None = None, text: str = "") -> None:
        global _live
        self.count = self.count + 1 if count is None else count
        self.text = text or self.text
        now = time.monotonic()
        if now - self.shown < (TTY_PERIOD if is_tty() else QUIET_PERIOD):
            return
        self.shown = now
        line = f"    {self.label}: {self._figure()} {duration(now - self.start)}"
        if is_tty():
            width = os.get_terminal_size().columns
            sys.stdout.write("\r\033[K" + f"{line}  {self.text}"[: width - 1])
            sys.stdout.flush()
            _live = True
        else:
            print(line, flush=True)

    def _figure(self) -> str:
        if self.total <= 0:
            return f"{self.count},"
        return f"{self.count}/{self.total} ({min(100, 100 * self.count // self.total)}%),"

    def end(self) -> None:
        _clear()


def tail(log: Path, lines: int = 20) -> str:
    try:
        with log.open(errors="replace") as text:
            return "".join(deque(text, lines)).rstrip()
    except OSError:
        return ""


def error_lines(log: Path, lines: int = 20) -> str:
    """The last lines of a build's log that say what went wrong, or just the last lines."""
    pattern = re.compile(r"error|Error|undefined reference|No rule to make|warning: ", re.I)
    try:
        with log.open(errors="replace") as text:
            hits = deque((line for line in text if pattern.search(line)), lines)
    except OSError:
        return ""
    return "".join(hits).rstrip() if hits else tail(log, lines)


def run(argv: Sequence[str | Path], *, what: str, log: Path, cwd: Path | None = None,
        env: Mapping[str, str] | None = None, on_line: Callable[[str], None] | None = None,
        append: bool = False) -> None:
    """Runs a command with its output in @log; a failure carries the log and its last lines."""
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [str(word) for word in argv]
    with log.open("a" if append else "w", errors="replace") as out:
        out.write("$ " + shlex.join(words) + "\n")
        out.flush()
        try:
            process = subprocess.Popen(words, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       stdin=subprocess.DEVNULL, text=True, errors="replace")
        except OSError as error:
            raise Failure(f"{what}: {words[0]}: {error.strerror}", log) from error
        assert process.stdout is not None
        try:
            for line in process.stdout:
                out.write(line)
                if on_line:
                    on_line(line)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        status = process.wait()
    if status:
        raise Failure(f"{what}: exit status {status}", log, error_lines(log))


def report(failure: Failure) -> None:
    """Tells a failure: the step, the log's path and its last lines."""
    where = getattr(failure, "step", None)
    say(coloured("FAILED: ", "red", "bold") + (f"{where}: " if where else "") + str(failure))
    if failure.detail:
        for line in failure.detail.splitlines():
            say("    | " + line)
    if failure.log:
        say(f"    log: {failure.log}")
