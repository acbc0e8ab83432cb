# SPDX-License-Identifier: GPL-2.0-only
"""Reads what a guest's /proc says of memory. Pure: text in, values out."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Zone:
    """A zone of /proc/zoneinfo, in pages."""

    node: int
    name: str
    start_pfn: int
    spanned: int
    present: int
    managed: int
    free: int
    cma: int = 0


@dataclass(frozen=True)
class Range:
    """A line of /proc/iomem; end is inclusive, depth counts from 0."""

    start: int
    end: int
    name: str
    depth: int


def parse_meminfo(text: str) -> dict[str, int]:
    """/proc/meminfo or a node's: bytes where the file says kB."""
    out = {}
    for match in re.finditer(r"^(?:Node \d+ )?([\w()]+):\s+(\d+)( kB)?", text, re.M):
        out[match.group(1)] = int(match.group(2)) * (1024 if match.group(3) else 1)
    return out


def parse_vmstat(text: str) -> dict[str, int]:
    return {name: int(value) for name, value in (line.split() for line in text.splitlines())}


def parse_zoneinfo(text: str) -> list[Zone]:
    zones = []
    for match in re.finditer(r"^Node (\d+), zone +(\w+)\n(.*?)(?=^Node |\Z)", text, re.M | re.S):
        body = match.group(3)

        def figure(pattern: str, within: str = body) -> int:
            found = re.search(pattern + r"\s+(\d+)", within)
            return int(found.group(1)) if found else 0

        zones.append(Zone(int(match.group(1)), match.group(2), figure(r"start_pfn:"), figure(r"\bspanned"),
                          figure(r"\bpresent"), figure(r"\bmanaged"), figure(r"pages free"), figure(r"\bcma")))
    return zones


def parse_iomem(text: str) -> list[Range]:
    out = []
    for match in re.finditer(r"^( *)([0-9a-f]+)-([0-9a-f]+) : (.*)$", text, re.M):
        out.append(Range(int(match.group(2), 16), int(match.group(3), 16), match.group(4), len(match.group(1)) // 2))
    return out


def parse_numbers(text: str) -> set[int]:
    """A list such as 0-2,5."""
    out: set[int] = set()
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        out |= set(range(int(first), int(last or first) + 1))
    return out
