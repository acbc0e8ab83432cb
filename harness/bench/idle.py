# SPDX-License-Identifier: GPL-2.0-only
"""What programs pay for memory that could come and go, while none does."""

from __future__ import annotations

from dataclasses import replace

from .guest import BLOCK, NODE, Guest
from .sample import Sample

_PAGES = 16384
_ROUNDS = 8


def faults(kernel: str) -> dict[str, Sample]:
    """Pages faulted in one by one and freed, on a machine that memory was added to: the round with least else in it."""
    with Guest(kernel) as guest:
        guest.plug(8 * BLOCK)
        rounds = guest.touch(_PAGES, _ROUNDS)
    best = min(rounds[1:], key=lambda sample: sample.instructions)
    return {"idle": replace(best, notes={"pages": _PAGES})}
