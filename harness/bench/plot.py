# SPDX-License-Identifier: GPL-2.0-only
"""A picture of a benchmark: each row's ratio, and what DIMMs cost by their size. Needs matplotlib; called by main."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .dimms import SIZES
from .rows import Row, Samples

_STOCK, _OURS, _BOUND = "#999999", "#1f6fb4", "#c0392b"
_TITLES = {"plug": "plug, online to Movable", "unplug": "unplug, idle"}


def shares(rows: Iterable[Row], stock: Samples, ours: Samples) -> list[tuple[str, float, float | None]]:
    """Of each row its title, ours as a share of the stock kernel's, and what that share was to be."""
    found = []
    for row in rows:
        a, b = row.value(stock), row.value(ours)
        bound = row.bound(a)
        if a:
            found.append((row.title, b / a, None if bound is None else bound / a))
    return found


def curve(what: str, samples: Samples) -> list[tuple[int, float]]:
    """GiB and millions of instructions of the DIMMs that were measured."""
    named = ((size, samples.get(f"{what} {size}")) for size in SIZES)
    return [(size, sample.instructions / 1e6) for size, sample in named if sample]


def _bars(axes: Any, bars: Sequence[tuple[str, float, float | None]]) -> None:
    at = range(len(bars), 0, -1)
    axes.barh(at, [share for _, share, _ in bars], color=_OURS, height=0.6)
    for y, (_, share, bound) in zip(at, bars):
        text = f" {1 / share:.1f}× less" if 0 < share < 1 else f" {share:.2f}"
        axes.annotate(text, (max(share, bound or 0), y), va="center", fontsize=8)
        if bound is not None:
            axes.plot([bound, bound], [y - 0.4, y + 0.4], color=_BOUND, linewidth=1.5)
    axes.axvline(1, color=_STOCK, linestyle="--")
    axes.set_yticks(list(at), [title for title, _, _ in bars], fontsize=8)
    axes.set_xlim(0, 1.3 * max(1.0, *(share for _, share, _ in bars)))
    axes.set_title("ours, the stock kernel's is 1 (red: the target)", fontsize=9)


def _lines(axes: Any, what: str, stock: Samples, ours: Samples) -> None:
    for name, colour, samples in (("stock", _STOCK, stock), ("ours", _OURS, ours)):
        points = curve(what, samples)
        axes.plot([size for size, _ in points], [cost for _, cost in points], color=colour, marker="o", label=name)
    axes.set_xticks(SIZES)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("GiB", fontsize=8)
    axes.set_title(f"{_TITLES[what]}: million instructions executed", fontsize=9)
    axes.legend(fontsize=8)


def draw(rows: Iterable[Row], stock: Samples, ours: Samples, path: Path) -> None:
    """Writes the picture."""
    import matplotlib       # pylint: disable=import-outside-toplevel

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "memhp"       # the same figures give the same file
    from matplotlib.figure import Figure    # pylint: disable=import-outside-toplevel

    bars = shares(rows, stock, ours)
    dimms = [what for what in _TITLES if curve(what, ours)]
    figure = Figure(figsize=(11, 1.5 + 0.32 * len(bars) + (3 if dimms else 0)), layout="constrained")
    grid = figure.add_gridspec(2 if dimms else 1, max(1, len(dimms)), height_ratios=[0.32 * len(bars) + 1, 3][:2 if dimms else 1])
    _bars(figure.add_subplot(grid[0, :]), bars)
    for column, what in enumerate(dimms):
        _lines(figure.add_subplot(grid[1, column]), what, stock, ours)
    figure.savefig(path, format="svg", metadata={"Date": None})
