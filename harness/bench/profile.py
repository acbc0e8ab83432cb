# SPDX-License-Identifier: GPL-2.0-only
"""Where the instructions of an operation went, by function. Pure: a record in, lines out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from .counter import Record
from .symbols import Symbols

Profile = dict[str, int]    # function -> instructions, or how often it was entered


def shares(record: Record, symbols: Symbols) -> Profile:
    """The instructions of each function itself, most first."""
    found: Counter[str] = Counter()
    for run in record.runs:
        found[symbols.function(run.address)] += run.instructions
    return dict(found.most_common())


def calls(record: Record, symbols: Symbols) -> Profile:
    """How often each function was entered."""
    found: Counter[str] = Counter()
    for run in record.runs:
        if name := symbols.entry(run.address):
            found[name] += run.times
    return dict(found.most_common())


def spent_in(profile: Profile, names: Collection[str]) -> int:
    """The instructions of some functions."""
    return sum(profile.get(name, 0) for name in names)


def table(instructions: Profile, entered: Profile, most: int = 25) -> list[str]:
    """The functions that had most, a line each: share, instructions, calls."""
    total = sum(instructions.values()) or 1
    lines = [f"{'share':>7} {'instructions':>13} {'calls':>9}  function"]
    for name, count in list(instructions.items())[:most]:
        lines.append(f"{100 * count / total:6.1f}% {count:13,} {entered.get(name, 0):9,}  {name}")
    rest = total - sum(list(instructions.values())[:most])
    if len(instructions) > most:
        lines.append(f"{100 * rest / total:6.1f}% {rest:13,} {'':9}  {len(instructions) - most} others")
    return lines
