# SPDX-License-Identifier: GPL-2.0-only
"""Reads the head of a dump, such as a capture kernel's /proc/vmcore: which memory it has, and where in the file that is."""

from __future__ import annotations

import struct
from dataclasses import dataclass

PT_LOAD = 1
_EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
_PHDR = struct.Struct("<IIQQQQQQ")


@dataclass(frozen=True)
class Segment:
    """Physical memory from start up to end, and its offset in the dump."""

    start: int
    end: int
    offset: int


def segments(head: bytes) -> list[Segment]:
    """The memory that a dump lists, from its first bytes; all of its program headers must be among them."""
    fields = _EHDR.unpack_from(head)
    ident, table, entry_size, entries = fields[0], fields[5], fields[9], fields[10]
    if ident[:5] != b"\x7fELF\x02":
        raise ValueError("no 64-bit ELF file")
    found = []
    for at in range(table, table + entries * entry_size, entry_size):
        kind, _, offset, _, start, size, _, _ = _PHDR.unpack_from(head, at)
        if kind == PT_LOAD and size:
            found.append(Segment(start, start + size, offset))
    return found


def covered(listed: list[Segment], start: int, end: int) -> int:
    """How many bytes of [start, end) are in a dump; those listed twice count twice."""
    return sum(max(0, min(end, s.end) - max(start, s.start)) for s in listed)


def offset(listed: list[Segment], address: int) -> int | None:
    """Where in the dump the byte at a physical address is."""
    return next((s.offset + address - s.start for s in listed if s.start <= address < s.end), None)
