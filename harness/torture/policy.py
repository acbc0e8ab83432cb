# SPDX-License-Identifier: GPL-2.0-only
"""What the administrator may set while memory comes and goes."""

from __future__ import annotations

import random
from collections.abc import Callable

from ..machine import MEMORY, Machine
from .source import Source

_PARAMETERS = "/sys/module/memory_hotplug/parameters"


class Policy(Source):
    """Changes where and whether new memory goes online."""

    name = "policy"
    rest = (2.0, 8.0)
    expected = frozenset(("EINVAL",))
    _choices = (
        (f"{MEMORY}/auto_online_blocks", ("offline", "online_movable", "online_movable")),
        (f"{_PARAMETERS}/online_policy", ("contig-zones", "auto-movable")),
        (f"{_PARAMETERS}/auto_movable_ratio", ("0", "100", "301", "5000")),
        (f"{_PARAMETERS}/auto_movable_numa_aware", ("Y", "N")),
        ("/proc/sys/vm/watermark_scale_factor", ("10", "100", "1000")),
        ("/proc/sys/vm/min_free_kbytes", ("2048", "8192", "16384")),
        ("/proc/sys/vm/percpu_pagelist_high_fraction", ("0", "8", "64")),
        ("/sys/kernel/mm/transparent_hugepage/enabled", ("always", "madvise", "never")),
    )

    def choose(self, rng: random.Random) -> tuple[str, Callable[[Machine], str]]:
        path, values = rng.choice(self._choices)
        value = rng.choice(values)
        return f"{value} > {path}", lambda machine: self.write(machine, path, value)
