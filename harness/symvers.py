# SPDX-License-Identifier: GPL-2.0-only
"""Compares what two kernels export, by their Module.symvers."""

from __future__ import annotations

from pathlib import Path


def _exports(table: Path) -> dict[str, str]:
    """Symbol -> flavour and namespace; the columns are crc, symbol, module, flavour, namespace."""
    rows = (line.split("\t") for line in table.read_text().splitlines())
    return {row[1]: " ".join(row[3:]).strip() for row in rows if len(row) >= 4}


def compare(stock: Path, ours: Path) -> list[str]:
    """What differs: an export that is gone or changed its flavour, or one that was not there."""
    before, after = _exports(stock), _exports(ours)
    gone = [f"{name} ({flavour}) is not exported any more" for name, flavour in before.items() if name not in after]
    changed = [f"{name} was {before[name]}, is {after[name]}" for name in before.keys() & after.keys()
               if before[name] != after[name]]
    new = [f"{name} ({flavour}) is a new export" for name, flavour in after.items() if name not in before]
    return sorted(gone) + sorted(changed) + sorted(new)
