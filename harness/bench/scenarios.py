# SPDX-License-Identifier: GPL-2.0-only
"""What is measured, each in a guest of its own: name -> how."""

from __future__ import annotations

from collections.abc import Callable

from . import blocks, dimms
from .guest import Guest
from .sample import Sample

SCENARIOS: dict[str, Callable[[Guest], dict[str, Sample]]] = {
    "dimm": dimms.dimms,
    "blocks": blocks.one,
    "pages": blocks.pages,
}


def run(kernel: str, name: str) -> dict[str, Sample]:
    """The samples of a scenario on one kernel."""
    with Guest(kernel) as guest:
        return SCENARIOS[name](guest)
