# SPDX-License-Identifier: GPL-2.0-only
"""What a person sees of a benchmark, and the JSON of it."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .. import paths, ui
from . import events as counted
from . import profile
from .rows import Row, Samples
from .sample import Sample

FOLDER = paths.BUILD / "bench"
_MARKS = {"aim": ("✓✓", "green"), "met": ("✓", "green"), "missed": ("✗", "red"), "": (" ", "grey")}


def figure(value: float | None, unit: str = "") -> str:
    if value is None:
        return ""
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
    return f"{text} {unit}".rstrip()


def line(row: Row, stock: float, ours: float) -> list[str]:
    """The cells of a row: the ratio first."""
    bound = row.bound(stock)
    target = "" if bound is None else f"≤ {figure(bound, row.unit)}" + (f", aim {figure(row.aim)}" if row.aim is not None else "")
    ratio = f"{stock / ours:.2f}×" if ours else "∞"
    return [ratio, row.title, figure(stock, row.unit), figure(ours, row.unit), target, row.verdict(stock, ours)]


def layout(lines: list[list[str]]) -> list[str]:
    """Cells below each other; the second column is text, the others are figures."""
    widths = [max(len(cells[column]) for cells in lines) for column in range(len(lines[0]))]
    return ["  ".join(cell.ljust(width) if column == 1 else cell.rjust(width)
                      for column, (cell, width) in enumerate(zip(cells, widths))) for cells in lines]


def table(rows: Iterable[Row], stock: Samples, ours: Samples) -> None:
    """How many times less ours takes, and whether that is what it was to take."""
    rows = list(rows)
    cells = [line(row, row.value(stock), row.value(ours)) for row in rows]
    verdicts = [each.pop() for each in cells]
    head, *lines = layout([["ratio", "M: million instructions", "stock", "ours", "target"], *cells])
    ui.say()
    ui.say("  " + ui.coloured(head, "grey"))
    for text, verdict in zip(lines, verdicts):
        mark, colour = _MARKS[verdict]
        ui.say(f"  {text} {ui.coloured(mark, colour)}")
    ui.say()


def _shown(rows: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row.shown))


def fold(lines: list[list[str]], width: int) -> list[list[list[str]]]:
    """Tables as narrow as @width where that is possible: each with the first two columns, and some of the others."""
    room = width + 2 - sum(max(len(cells[column]) for cells in lines) + 2 for column in (0, 1))
    groups: list[list[int]] = [[]]
    left = room
    for column in range(2, len(lines[0])):
        takes = max(len(cells[column]) for cells in lines) + 2
        if groups[-1] and takes > left:
            groups.append([])
            left = room
        groups[-1].append(column)
        left -= takes
    return [[[*cells[:2], *(cells[column] for column in group)] for cells in lines] for group in groups]


def events(rows: Iterable[Row], stock: Samples, ours: Samples) -> None:
    """What was counted beside the instructions: stock/ours."""
    names = _shown(rows)
    if not names:
        return
    lines = [["", "stock/ours", *names]]
    for event in counted.EVENTS:
        pairs = [(counted.count(stock[name].entered)[event], counted.count(ours[name].entered)[event]) for name in names]
        lines.append(["", event, *(f"{a:,}/{b:,}" for a, b in pairs)])
    lines.append(["", "M executed", *(f"{figure(stock[n].instructions / 1e6)}/{figure(ours[n].instructions / 1e6)}" for n in names)])
    lines.append(["", "M waited", *(f"{figure(stock[n].waited / 1e6)}/{figure(ours[n].waited / 1e6)}" for n in names)])
    for part in fold(lines, shutil.get_terminal_size((120, 24)).columns):
        first, *rest = layout(part)
        ui.say(ui.coloured(first, "grey"))
        for text in rest:
            ui.say(text)
        ui.say()


def profiles(rows: Iterable[Row], measured: Mapping[str, Samples]) -> None:
    """Where the instructions of each row go, ours first."""
    for name in _shown(rows):
        for kernel in reversed(list(measured)):
            sample = measured[kernel][name]
            ui.say()
            ui.say(ui.coloured(f"{name}, {kernel}: ", "bold") + f"{figure(sample.instructions / 1e6)} M executed, "
                   f"{figure(sample.waited / 1e6)} M waited")
            for text in profile.table(sample.profile, sample.entered):
                ui.say("  " + text)
    ui.say()


def _sample(sample: Sample) -> dict[str, Any]:
    return {"time": sample.time, "executed": sample.instructions, "waited": sample.waited, "notes": dict(sample.notes),
            "events": counted.count(sample.entered), "profile": sample.profile, "calls": sample.entered}


def save(rows: Iterable[Row], stock: Samples, ours: Samples, name: str) -> str:
    """Writes build/bench/@name.json, and returns where that is."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    table_ = []
    for row in rows:
        a, b = row.value(stock), row.value(ours)
        table_.append({"name": row.name, "title": row.title, "unit": row.unit, "stock": a, "ours": b, "bound": row.bound(a),
                       "aim": row.aim, "verdict": row.verdict(a, b)})
    data = {"rows": table_, "samples": {kernel: {key: _sample(sample) for key, sample in samples.items()}
                                        for kernel, samples in (("stock", stock), ("ours", ours))}}
    path: Path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(data, indent=1) + "\n")
    return shlex.quote(str(path))
