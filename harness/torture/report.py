# SPDX-License-Identifier: GPL-2.0-only
"""What a person sees of a run, and the JSON of it."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING

from .. import paths, ui
from .record import Record
from .source import OK, SKIPPED

if TYPE_CHECKING:
    from .main import Run

_WIDTH = 24
_MOST = 6               # outcomes shown of a source


def _size(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB" if count >= 1 << 30 else f"{count >> 20} MiB"


def introduce(run: Run) -> None:
    ui.note(ui.coloured(" ".join(run.words), "grey"))
    ui.note(ui.coloured(f"operations: {shlex.quote(str(run.folder / 'operations.log'))}", "grey"))


def quiet_point(run: Run, record: Record, verified: int, seconds: float) -> None:
    """One line for each that was passed."""
    left = ", ".join(f"{count} blocks of {name}" for name, count in run.remained.items())
    ui.note(ui.coloured("✓ ", "green") + f"quiet point {run.quiet_points}: {record.operations()} operations, "
            f"{_size(verified)} verified, all memory accounted for"
            + (f", kernel pages keep {left}" if left else "") + ui.coloured(f", {ui.duration(seconds)}", "grey"))


def _bar(counts: dict[str, int]) -> str:
    """Shares of what was done, of what was refused, and of what there was nothing to do for."""
    total = sum(counts.values()) or 1
    done, idle = counts.get(OK, 0), counts.get(SKIPPED, 0)
    first = round(_WIDTH * done / total)
    last = round(_WIDTH * idle / total)
    middle = max(0, _WIDTH - first - last)
    return ui.coloured("█" * first, "green") + ui.coloured("▒" * middle, "yellow") + ui.coloured("·" * last, "grey")


def _outcomes(counts: dict[str, int]) -> str:
    words = [f"{name} {count}" for name, count in counts.items()]
    return ", ".join(words[:_MOST]) + (f", {len(words) - _MOST} others" if len(words) > _MOST else "")


def _table(run: Run) -> None:
    ui.say()
    for name, counts in run.outcomes.items():
        ui.say(f"  {ui.coloured(f'{name:<11}', 'bold')} {sum(counts.values()):>6}  {_bar(counts)}  {_outcomes(counts)}")
    ui.say(ui.coloured(f"  {'':<11} {'':>6}  █ done  ▒ refused  · {SKIPPED}", "grey"))


def _notes(run: Run) -> None:
    ui.say()
    ui.say(f"  {run.operations} operations in {ui.duration(run.active)}, {run.vetoes} vetoes, {run.failures_injected} steps made to fail, "
           f"{_size(run.verified)} verified, {run.quiet_points} quiet points passed")
    if run.absent:
        ui.say(f"  not in this kernel: {', '.join(run.absent)}")
    for name, line in run.drift.items():
        ui.say(ui.coloured(f"  {name:<12} {line}, in bytes", "grey"))
    for name, count in sorted(run.races_elsewhere.items(), key=lambda item: -item[1]):
        ui.say(ui.coloured(f"  race elsewhere, {count} times: {name}", "grey"))


def show(run: Run) -> None:
    """The account, and the verdict as the last line."""
    _table(run)
    _notes(run)
    ui.say()
    for line in run.detail.splitlines()[:40] if run.wrong else []:
        ui.say("    | " + line)
    for line in run.wrong:
        ui.say(ui.coloured("  ✗ ", "red") + line)
    again = f"make torture CONFIG={run.kernel} SEED={run.seed}"
    if run.wrong:
        ui.say(ui.coloured("FAILED: ", "red", "bold") + f"{run.wrong[0]}; log: {shlex.quote(str(run.log))}; again: {again}")
    else:
        ui.say(ui.coloured("It held. ", "green", "bold") + f"{run.operations} operations, {run.quiet_points} quiet points in "
               f"{ui.duration(run.seconds)}; log: {shlex.quote(str(run.log))}; again: {again}")


def save(run: Run) -> None:
    """build/torture/SEED/result.json."""
    data = {**asdict(run), "folder": str(run.folder.relative_to(paths.ROOT)), "log": str(run.log),
            "verdict": "failed" if run.wrong else "held"}
    (run.folder / "result.json").write_text(json.dumps(data, indent=2, default=str) + "\n")
