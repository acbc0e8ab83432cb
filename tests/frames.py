# SPDX-License-Identifier: GPL-2.0-only
"""Page frames as /proc shows them: the flags and counts of each, and which ones a process has."""

from __future__ import annotations

import struct

from harness.machine import Machine

PAGE = 4096

# Bits of /proc/kpageflags.
LRU, SLAB, BUDDY, ANON = 1 << 5, 1 << 7, 1 << 10, 1 << 12
COMPOUND_HEAD, COMPOUND_TAIL, HUGE, HWPOISON = 1 << 15, 1 << 16, 1 << 17, 1 << 19
NOPAGE, THP, OFFLINE, PGTABLE = 1 << 20, 1 << 22, 1 << 23, 1 << 26
RESERVED, PRIVATE = 1 << 32, 1 << 35

_PRESENT = 1 << 63      # of /proc/PID/pagemap
_FRAME = (1 << 55) - 1


def _words(machine: Machine, path: str, first: int, count: int) -> tuple[int, ...]:
    """@count 64-bit words of a file of /proc from number @first on; those past its end are left out."""
    block = 8
    while block < 4096 and not first * 8 % (2 * block) and not count * 8 % (2 * block):
        block *= 2
    raw = machine.run(f"dd if={path} bs={block} skip={first * 8 // block} count={count * 8 // block} 2>/dev/null",
                      timeout=60, check=True).raw
    return struct.unpack(f"={len(raw) // 8}Q", raw)


def flags(machine: Machine, first: int, count: int = 1) -> tuple[int, ...]:
    """/proc/kpageflags of the pages from @first on."""
    return _words(machine, "/proc/kpageflags", first, count)


def counts(machine: Machine, first: int, count: int = 1) -> tuple[int, ...]:
    """/proc/kpagecount of the pages from @first on: how often each is mapped."""
    return _words(machine, "/proc/kpagecount", first, count)


def mapped(machine: Machine, pid: int) -> list[int]:
    """The frames in the largest private or shared mapping of a process, in order of their addresses."""
    largest = (0, 0)
    for line in machine.read(f"/proc/{pid}/maps").splitlines():
        low, high = (int(word, 16) for word in line.split()[0].split("-"))
        if high - low > largest[1] - largest[0]:
            largest = (low, high)
    low, high = largest
    entries = _words(machine, f"/proc/{pid}/pagemap", low // PAGE, (high - low) // PAGE)
    return [entry & _FRAME for entry in entries if entry & _PRESENT]
