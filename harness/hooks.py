# SPDX-License-Identifier: GPL-2.0-only
"""Applies a hook: a small unified diff that must fit exactly once, wherever in the file that is.

Line numbers in the @@ lines are ignored. The context and removed lines of a hunk, one after the other, must occur exactly
once; where they occur more often, the text behind the second @@ names the line that the hunk follows, as diff writes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .ui import Failure

Lines = list[str]
_HUNK = re.compile(r"^@@(?: -\S+ \+\S+)? ?@@ ?(.*)$")


@dataclass
class Hunk:
    """What stands there and what shall stand there."""

    heading: str
    old: Lines = field(default_factory=list)
    new: Lines = field(default_factory=list)

    def text(self) -> str:
        return "\n".join([f"@@ @@ {self.heading}".rstrip(), *("  " + line for line in self.old)])


@dataclass
class FileDiff:
    path: str
    hunks: list[Hunk] = field(default_factory=list)


def parse(diff: Path) -> list[FileDiff]:
    files: list[FileDiff] = []
    hunk: Hunk | None = None
    for number, line in enumerate(diff.read_text().splitlines(), 1):
        if line.startswith("--- "):
            hunk = None
        elif line.startswith("+++ "):
            files.append(FileDiff(re.sub(r"^b/", "", line[4:].split("\t")[0].strip())))
            hunk = None
        elif match := _HUNK.match(line):
            if not files:
                raise Failure(f"{diff}:{number}: hunk before any +++ line")
            hunk = Hunk(match.group(1).rstrip())
            files[-1].hunks.append(hunk)
        elif hunk is not None:
            sign, body = line[:1] or " ", line[1:]
            if sign not in " +-\\":
                raise Failure(f"{diff}:{number}: neither context, + nor -: {line!r}")
            if sign in " -":
                hunk.old.append(body)
            if sign in " +":
                hunk.new.append(body)
    if not any(file.hunks for file in files):
        raise Failure(f"{diff}: no hunk in it")
    return files


def _occurrences(lines: Lines, wanted: Lines, start: int) -> list[int]:
    return [at for at in range(start, len(lines) - len(wanted) + 1) if lines[at:at + len(wanted)] == wanted]


def _place(lines: Lines, hunk: Hunk) -> int:
    """The one line at which @hunk applies; ValueError with the reason where there is none."""
    if not hunk.old:
        raise ValueError("has no context line")
    places = _occurrences(lines, hunk.old, 0)
    if len(places) > 1 and hunk.heading:
        starts = [at for at, line in enumerate(lines) if line.startswith(hunk.heading)]
        if len(starts) != 1:
            raise ValueError(f"its heading occurs {len(starts)} times")
        places = _occurrences(lines, hunk.old, starts[0])[:1]
    if len(places) != 1:
        raise ValueError(f"its old lines occur {len(places)} times")
    return places[0]


def apply(diff: Path, read: Callable[[str], str]) -> dict[str, str]:
    """The new content of each file that @diff touches."""
    result: dict[str, str] = {}
    for file in parse(diff):
        try:
            text = result[file.path] if file.path in result else read(file.path)
        except OSError as error:
            raise Failure(f"hook patches/{diff.name}: no {file.path} in the tree") from error
        lines = text.split("\n")
        for hunk in file.hunks:
            try:
                at = _place(lines, hunk)
            except ValueError as error:
                raise Failure(f"hook patches/{diff.name} no longer applies to {file.path}: a hunk: {error}",
                              detail=hunk.text()) from error
            lines[at:at + len(hunk.old)] = hunk.new
        result[file.path] = "\n".join(lines)
    return result
