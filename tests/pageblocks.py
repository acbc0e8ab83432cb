# SPDX-License-Identifier: GPL-2.0-only
"""What the pageblocks of a guest are, by /proc/pagetypeinfo."""

from __future__ import annotations

import re

from harness.machine import Machine

_TITLE = "Number of blocks type"


def migratetypes(machine: Machine, node: int) -> dict[str, dict[str, int]]:
    """How many pageblocks are of which type, by zone; of a node."""
    found: dict[str, dict[str, int]] = {}
    names: list[str] = []
    for line in machine.read("/proc/pagetypeinfo").splitlines():
        counts = re.match(rf"Node +{node}, zone +(\w+)((?: +\d+)+) *$", line)
        if line.startswith(_TITLE):
            names = line.removeprefix(_TITLE).split()
        elif not line.strip():
            names = []
        elif names and counts:
            found[counts[1]] = dict(zip(names, map(int, counts[2].split()), strict=True))
    return found
