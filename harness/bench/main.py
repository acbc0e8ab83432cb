# SPDX-License-Identifier: GPL-2.0-only
"""make bench: measures the stock kernel beside ours. Nothing passes or fails: it ends well when it ran."""

from __future__ import annotations

import time

from .. import build, packages, ui
from . import plot, report, rows, scenarios
from .sample import Sample

STOCK, OURS = "stock", "lean"
Measured = dict[str, dict[str, Sample]]     # kernel -> sample's name -> sample


def measure(chosen: list[rows.Row]) -> Measured:
    """Runs every scenario that a row needs, on both kernels."""
    found: Measured = {STOCK: {}, OURS: {}}
    for name in dict.fromkeys(row.scenario for row in chosen):
        for kernel, samples in found.items():
            with ui.step(f"Measure {name}, {kernel}"):
                samples.update(scenarios.run(kernel, name))
    return found


def _plot(chosen: list[rows.Row], measured: Measured, name: str) -> None:
    """The picture beside the figures; Debian's package serves Debian's Python alone."""
    try:
        plot.draw(chosen, measured[STOCK], measured[OURS], report.FOLDER / name)
    except ImportError as error:
        ui.warn(f"no {name}: {error}")


def main(names: str = "", profile: str = "") -> int:
    """make bench; of the rows by these @names only, or where the instructions of the rows @profile go."""
    chosen = rows.choose(profile or names)
    if not chosen:
        raise ui.Failure(f"no row {profile or names}: there are " + ", ".join(row.name for row in rows.ROWS))
    start = time.monotonic()
    packages.ensure(packages.GUEST + packages.BENCH)
    for kernel in (STOCK, OURS):
        build.build(kernel)
    measured = measure(chosen)
    name = "profile" if profile else "rows" if names else "result"      # of all rows, or of some
    saved = report.save(chosen, measured[STOCK], measured[OURS], name)
    if profile:
        report.profiles(chosen, measured)
    else:
        report.table(chosen, measured[STOCK], measured[OURS])
        report.events(chosen, measured[STOCK], measured[OURS])
        _plot(chosen, measured, f"{name}.svg")
    ui.say(f"  measured in {ui.duration(time.monotonic() - start)}; {saved}")
    return 0
