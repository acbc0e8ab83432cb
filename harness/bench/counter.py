# SPDX-License-Identifier: GPL-2.0-only
"""Counts what a guest executes: builds the plugin of QEMU's that does, and reads what it wrote.

A window is a stretch of the guest's run, see count.c. Called by guest.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .. import paths, ui

MARK = "mark"       # the window that harness/guest/timed.c opens and closes
_END = b"\nend\n"
_SOURCE = Path(__file__).parent / "count.c"
_CFLAGS = ("-shared", "-fPIC", "-O2", "-std=gnu11", "-Wall", "-Wextra", "-Wshadow", "-Werror")


@dataclass(frozen=True)
class Window:
    """Opens where the guest comes to @enter, closes where it comes to @leave.

    What is executed in one that is @aside is left out of the others.
    """

    name: str
    enter: int
    leave: int
    aside: bool = False


@dataclass(frozen=True)
class Run:
    """A run of instructions that ends in a branch: where, how often, how many instructions in all."""

    address: int
    times: int
    instructions: int


@dataclass(frozen=True)
class Record:
    """What was executed while a window was open."""

    name: str
    runs: tuple[Run, ...]

    @property
    def instructions(self) -> int:
        return sum(run.instructions for run in self.runs)


def parse(lines: Iterable[str]) -> list[Record]:
    """The records that are complete."""
    records, name, runs = [], "", []
    for line in lines:
        words = line.split()
        if words[:1] == ["window"]:
            name, runs = words[1], []
        elif words == ["end"]:
            records.append(Record(name, tuple(runs)))
        elif len(words) == 3:
            runs.append(Run(int(words[0], 16), int(words[1]), int(words[2])))
    return records


def build() -> Path:
    """The plugin, compiled when its source changed."""
    key = hashlib.sha256(_SOURCE.read_bytes() + repr(_CFLAGS).encode()).hexdigest()[:16]
    target = paths.BUILD / "guest" / f"count-{key}.so"
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(f".{os.getpid()}")
    run = subprocess.run(["gcc", *_CFLAGS, "-o", partial, _SOURCE], capture_output=True, text=True, check=False)
    if run.returncode:
        raise ui.Failure(f"{_SOURCE.name} does not compile", detail=run.stderr)
    partial.rename(target)
    return target


def arguments(out: Path, windows: Iterable[Window]) -> tuple[str, ...]:
    """For QEMU, so that the plugin writes to @out."""
    words = [f"file={build()}", f"out={out}", *(f"{'aside' if w.aside else 'window'}={w.name}:{w.enter:x}:{w.leave:x}" for w in windows)]
    return "-plugin", ",".join(words)


class Reader:
    """Reads a plugin's file on from where it was read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._at = 0

    def new(self) -> list[Record]:
        """The records that were completed since the last call; the plugin writes each before the guest goes on."""
        with self.path.open("rb") as text:
            text.seek(self._at)
            found = text.read()
        complete = found[:found.rfind(_END) + len(_END)] if _END in found else b""
        self._at += len(complete)
        return parse(complete.decode().splitlines())
