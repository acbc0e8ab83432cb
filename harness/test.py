# SPDX-License-Identifier: GPL-2.0-only
"""make test: user-space units, then the scenarios; the last line reads "N passed, N failed".

make test-all adds the scenarios marked long, other architectures among them, and the build matrix.
"""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from . import build, matrix, packages, paths, ui

UNITS = Path("tools/testing/memory-hotplug")
_COLOURS = {"PASSED": "green", "FAILED": "red", "ERROR": "red", "SKIPPED": "yellow"}
_VERDICT = re.compile(r"^(?:\[gw\d+\].*?\b(PASSED|FAILED|ERROR|SKIPPED)\b \S+::|\S+::.*?\b(PASSED|FAILED|ERROR|SKIPPED)\b)")
_WORKERS = 2    # a guest is busy with one thing at a time, most of the time
_TAP = re.compile(r"^(not ok|ok) \d+(.*)$")


def _units(tally: Counter[str]) -> None:
    """Runs the user-space builds; they report in TAP, one line a test."""
    log = paths.LOGS / "units.log"
    seen = 0

    def line(text: str) -> None:
        nonlocal seen
        if match := _TAP.match(text):
            seen += 1
            verdict = "failed" if match.group(1) == "not ok" else "passed"
            tally["skipped" if "# SKIP" in match.group(2) else verdict] += 1
            if verdict == "failed":
                ui.say(ui.coloured("    " + text.rstrip(), "red"))

    with ui.step("User-space units"):
        before = tally["failed"]
        try:
            ui.run(["make", "-C", paths.ROOT / UNITS, "run", f"OUTPUT={paths.BUILD / 'units'}/"],
                   what="user-space units", log=log, env=build.environment(), on_line=line)
        except ui.Failure as failure:
            failure.step = "user-space units"       # type: ignore[attr-defined]
            ui.report(failure)
            tally["failed"] += tally["failed"] == before
        if not seen:
            ui.warn(f"user-space units: no verdict in {log}")
            tally["failed"] += tally["failed"] == before
        ui.note(f"{seen} tests")


def _count(report: Path, tally: Counter[str]) -> int:
    """Adds what pytest's report holds, and returns how many tests that is."""
    try:
        cases = list(ElementTree.parse(report).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return 0
    for case in cases:
        kinds = {child.tag for child in case}
        tally["failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"] += 1
    return len(cases)


def _scenarios(tally: Counter[str], words: list[str]) -> None:
    """Runs pytest over tests/, showing its lines as they come."""
    log, report = paths.LOGS / "pytest.log", paths.LOGS / "pytest.xml"
    report.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "pytest", "-v", "-rfE", "--tb=short", "-p", "no:cacheprovider", "--color=no",
            "-n", str(_WORKERS), "--dist", "loadfile", f"--junitxml={report}", *words]
    env = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    before = tally["failed"]
    with ui.step("Scenarios"):
        try:
            ui.run(argv, what="pytest", log=log, cwd=paths.ROOT, env=env, on_line=_show)
            broken = False
        except ui.Failure:
            broken = True       # what failed is in the report, or there is none
        if not _count(report, tally) or broken and tally["failed"] == before:
            ui.warn(f"pytest did not end as it should: {log}")
            tally["failed"] += 1


def _show(line: str) -> None:
    match = _VERDICT.match(line)
    colour = _COLOURS.get(match.group(1) or match.group(2)) if match else None
    ui.say("    " + (ui.coloured(line.rstrip(), colour) if colour else line.rstrip()))


def _run(units: bool, words: list[str], whole: bool) -> int:
    """Units, scenarios by pytest's @words and, of the @whole, the matrix; tells how many passed."""
    tally: Counter[str] = Counter()
    try:
        packages.ensure(packages.ALL + (packages.ARM64_GUEST if whole else []))
        if units:
            _units(tally)
        for config in ("debug", "plain"):   # rounds and big machines are for the plain one
            build.build(config)
        if whole:
            matrix.kernel("arm64")
        _scenarios(tally, words)
        if whole:
            matrix.run(tally)
    except ui.Failure as failure:
        ui.report(failure)
        tally["failed"] += 1
    skipped = f", {tally['skipped']} skipped" if tally["skipped"] else ""
    ui.say(f"{tally['passed']} passed, {tally['failed']} failed{skipped}")
    return 0 if tally["passed"] and not tally["failed"] else 1


def main(*words: str) -> int:
    """make test; @words go to pytest and leave the units out."""
    return _run(not words, list(words) or ["-m", "not long", "tests"], whole=False)


def everything() -> int:
    """make test-all."""
    return _run(True, ["tests"], whole=True)
