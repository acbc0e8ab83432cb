# SPDX-License-Identifier: GPL-2.0-only
"""Pages that break: some in use are replaced, some that are free are lost. All are good again at a quiet point."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

from ..machine import MEMORY, Machine
from . import layout
from .layout import BLOCK
from .source import SKIPPED, Source

_PAGE = 4096
_WINDOW = 64            # pages looked at
_BUDDY = 1 << 10        # of /proc/kpageflags
_INJECT = "/sys/kernel/debug/hwpoison"
_MOST = 40              # broken at a time


class Poison(Source):
    """Soft and hard offlines pages of memory that can go away."""

    name = "poison"
    rest = (0.5, 4.0)
    expected = frozenset(("EBUSY", "EIO", "ENXIO", "EINVAL", "EOPNOTSUPP", "EHWPOISON", "ENOMEM", "EAGAIN"))

    def __init__(self, where: layout.Layout, seed: str, number: int = 0) -> None:
        super().__init__(where, seed, number)
        self._broken: list[int] = []
        self._blocks = [number for part in (*layout.SLOTS, *layout.RESIZABLE) for number in part.blocks()]

    def prepare(self, machine: Machine) -> bool:
        return machine.run(f"[ -e {MEMORY}/soft_offline_page -a -e {_INJECT}/unpoison-pfn ]").ok

    def choose(self, rng: random.Random) -> tuple[str, Callable[[Machine], str]]:
        hard = rng.random() < 0.3
        pfn = rng.choice(self._blocks) * (BLOCK // _PAGE) + rng.randrange(0, BLOCK // _PAGE, 1024)
        if hard:
            return f"break a free page at {pfn:#x}", lambda machine: self._break_free(machine, pfn)
        pfn += rng.randrange(1024)
        return f"soft offline page {pfn:#x}", lambda machine: self._break(machine, pfn, "soft")

    def _break_free(self, machine: Machine, first: int) -> str:
        raw = machine.run(f"dd if=/proc/kpageflags bs={8 * _WINDOW} skip={first // _WINDOW} count=1 2>/dev/null").raw
        words = struct.unpack(f"={len(raw) // 8}Q", raw[:len(raw) // 8 * 8])
        free = next((first + at for at, word in enumerate(words) if word & _BUDDY), None)
        return SKIPPED if free is None else self._break(machine, free, "hard")

    def _break(self, machine: Machine, pfn: int, how: str) -> str:
        if len(self._broken) >= _MOST:
            return SKIPPED
        self._broken.append(pfn)
        return self.write(machine, f"{MEMORY}/{how}_offline_page", hex(pfn * _PAGE))

    def put_back(self, machine: Machine) -> None:
        """What went with its memory is good already: the kernel says so by an errno."""
        broken, self._broken = self._broken, []
        machine.run("; ".join(f"put {_INJECT}/unpoison-pfn {pfn:#x}" for pfn in broken) or "true", 60)
