# SPDX-License-Identifier: GPL-2.0-only
"""Those who look: walkers over page frames, zones, nodes and blocks, by files and tools that people use."""

from __future__ import annotations

import random
from collections.abc import Callable

from ..machine import MEMORY, Machine
from .layout import BLOCK
from . import judge
from .source import OK, Source, code_of

_PAGES = BLOCK // 4096


class Onlooker(Source):
    """Reads what says something of memory."""

    name = "onlooker"
    rest = (0.1, 1.0)
    _commands = (
        "blocks", "lsmem --all", "cat /proc/zoneinfo /proc/buddyinfo /proc/pagetypeinfo /proc/vmstat",
        f"cat {MEMORY}/memory*/*_zones {MEMORY}/memory*/state {MEMORY}/memory*/removable {MEMORY}/memory*/phys_device",
        "cat /sys/devices/system/node/node*/* 2>/dev/null", "ls -lR /sys/devices/system/memory/", "cat /proc/iomem",
        "cat /sys/kernel/debug/memblock/*", "numactl --hardware", "cat /proc/*/numa_maps", "cat /proc/vmallocinfo",
        "dd if=/proc/kcore bs=1M count=4", "dd if=/sys/kernel/debug/page_owner bs=64K count=8",
    )

    def choose(self, rng: random.Random) -> tuple[str, Callable[[Machine], str]]:
        number, file = rng.choice(self.layout.hot), rng.choice(("kpageflags", "kpagecount", "kpagecgroup"))
        command = rng.choice((rng.choice(self._commands), f"dd if=/proc/{file} bs={_PAGES * 8} skip={number} count=1"))
        return command, lambda machine: self._look(machine, command)

    def _look(self, machine: Machine, command: str) -> str:
        result = machine.run(f"{command} > /dev/null 2>&1", 120)
        return OK if result.code < 126 else code_of(result)     # what is looked at may go: that is no failure


class Auditor(Source):
    """Has the kernel recompute what it keeps, between two operations of others."""

    name = "audit"
    rest = (1.0, 6.0)

    def prepare(self, machine: Machine) -> bool:
        return machine.run(f"[ -e {judge.AUDIT} ]").ok

    def choose(self, rng: random.Random) -> tuple[str, Callable[[Machine], str]]:
        return "audit", self._audit

    def _audit(self, machine: Machine) -> str:
        result = machine.run(f"cat {judge.AUDIT}", 120)
        return "; ".join(judge.audit(result.out)) or code_of(result)
