# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel's log says about the memory of boot, and a table of it with other flags.

An SRAT whose memory of one node is hot-pluggable reaches the kernel in front of the initramfs, as
Documentation/admin-guide/acpi/initrd_table_override.rst has it.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path

from harness import image
from harness.machine import Machine

PAGE = 4096
_HEADER = 36        # of every ACPI table
_SRAT_MEMORY = 1
_HOT_PLUGGABLE = 2


@dataclass(frozen=True)
class Early:
    """A range of memory of boot, in bytes, half-open."""

    node: int
    start: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.start


def early_ranges(log: str) -> list[Early]:
    """The ranges that the zones are made of."""
    found = re.findall(r"\]   node +(\d+): \[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\]", log)
    assert found, "no early memory node ranges in the log"
    return [Early(int(node), int(start, 16), int(end, 16) + 1) for node, start, end in found]


def movable_starts(log: str) -> dict[int, int]:
    """Where ZONE_MOVABLE begins, by node, as announced."""
    part = re.search(r"Movable zone start for each node\n((?:.*\]   Node \d+: 0x[0-9a-f]+\n)*)", log)
    assert part, "no Movable zone start in the log"
    return {int(node): int(start, 16) for node, start in re.findall(r"Node (\d+): (0x[0-9a-f]+)", part[1])}


def hot_pluggable_srat(machine: Machine, node: int) -> bytes:
    """The machine's SRAT with all memory of @node hot-pluggable."""
    table = bytearray(machine.pull("/sys/firmware/acpi/tables/SRAT"))
    at = _HEADER + 12
    changed = 0
    while at < len(table):
        kind, length = table[at], table[at + 1]
        if kind == _SRAT_MEMORY and struct.unpack_from("<I", table, at + 2)[0] == node:
            flags, = struct.unpack_from("<I", table, at + 28)
            struct.pack_into("<I", table, at + 28, flags | _HOT_PLUGGABLE)
            changed += 1
        at += length
    assert changed
    revision, = struct.unpack_from("<I", table, 24)
    struct.pack_into("<I", table, 24, revision + 1)     # only a newer one takes the place of the firmware's
    table[9] = 0
    table[9] = -sum(table) & 0xFF
    return bytes(table)


def initramfs_with(table: bytes, kernel: str, folder: Path) -> Path:
    """The initramfs for @kernel with an ACPI table in front of it."""
    path = folder / "initramfs"
    path.write_bytes(image.archive({"kernel/firmware/acpi/srat.aml": table}) + image.build(kernel).read_bytes())
    return path
