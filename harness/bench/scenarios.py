# SPDX-License-Identifier: GPL-2.0-only
"""What is measured, each in a guest of its own: name -> how."""

from __future__ import annotations

from collections.abc import Callable

from . import blocks, dimms, idle, occupied, virtio
from .sample import Sample

SCENARIOS: dict[str, Callable[[str], dict[str, Sample]]] = {
    "dimm": dimms.dimms,
    "blocks": blocks.one,
    "pages": blocks.pages,
    "half-full": occupied.half_full,
    "virtio-mem": virtio.resize,
    "idle": idle.faults,
    "bystanders": occupied.bystanders,
}


def run(kernel: str, name: str) -> dict[str, Sample]:
    """The samples of a scenario on one kernel."""
    return SCENARIOS[name](kernel)
