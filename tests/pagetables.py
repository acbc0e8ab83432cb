# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel maps, from the page-table dump of debugfs (x86-64).

Addresses are relative to the start of their area, so that dumps of kernels with
randomised areas compare: in the direct map they are physical addresses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.machine import Machine

DUMP = "/sys/kernel/debug/page_tables/kernel"
DIRECT_MAP = "Low Kernel Mapping"
VMEMMAP = "Vmemmap"
PAGE = 4096
STRUCT_PAGE = 64

_MARK = re.compile(r"---\[ (.*?) \]---")
_LINE = re.compile(r"0x([0-9a-f]+)-0x([0-9a-f]+)\s+\S+ (.*)")
_PRESENT = re.compile(r"\b(RW|ro)\b")


@dataclass(frozen=True)
class Area:
    """The mapped parts of an area: half-open, merged where adjacent, in order."""

    parts: tuple[tuple[int, int], ...]

    def mapped(self, start: int, size: int) -> int:
        """How many bytes of a range are mapped."""
        end = start + size
        return sum(max(0, min(end, high) - max(start, low)) for low, high in self.parts)

    @property
    def total(self) -> int:
        return sum(high - low for low, high in self.parts)


def parse(dump: str, name: str) -> Area:
    """The area called @name in a dump; LookupError where the dump has none."""
    base: int | None = None
    inside = False
    parts: list[tuple[int, int]] = []
    for line in dump.splitlines():
        if mark := _MARK.match(line):
            inside = mark.group(1) == name
        elif inside and (found := _LINE.match(line)):
            low, high = int(found[1], 16), int(found[2], 16)
            base = low if base is None else base
            if not _PRESENT.search(found[3]):
                continue
            low, high = low - base, high - base
            if parts and parts[-1][1] == low:
                low = parts.pop()[0]
            parts.append((low, high))
    if base is None:
        raise LookupError(f"the page-table dump has no area {name!r}")
    return Area(tuple(parts))


@dataclass(frozen=True)
class Mappings:
    """What of physical memory has a direct mapping, and what of it a memmap."""

    direct: Area
    memmap: Area

    def direct_bytes(self, addr: int, size: int) -> int:
        return self.direct.mapped(addr, size)

    def memmap_bytes(self, addr: int, size: int) -> int:
        scale = PAGE // STRUCT_PAGE
        return self.memmap.mapped(addr // scale, size // scale)


def mappings(machine: Machine) -> Mappings:
    dump = machine.run(f"cat {DUMP}", timeout=60, check=True).out
    return Mappings(parse(dump, DIRECT_MAP), parse(dump, VMEMMAP))
