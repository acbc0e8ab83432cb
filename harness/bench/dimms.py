# SPDX-License-Identifier: GPL-2.0-only
"""Times DIMMs that come to a node without memory, go online, and leave while idle: from entry to return of the handler."""

from __future__ import annotations

from .guest import Guest
from .sample import Sample, median

SIZES = (16, 32, 64)    # GiB
_ROUNDS = 3


def dimms(kernel: str) -> dict[str, Sample]:
    """Of each size the median of some rounds: what waits, waits for ticks, and so not always as long."""
    found: dict[str, Sample] = {}
    with Guest(kernel) as guest:
        for size in SIZES:
            plugs, unplugs = [], []
            for _ in range(_ROUNDS):
                plugs.append(guest.plug(size << 30))
                unplugs.append(guest.unplug())
            found[f"plug {size}"] = median(plugs)
            found[f"unplug {size}"] = median(unplugs)
    return found
