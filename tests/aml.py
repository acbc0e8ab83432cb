# SPDX-License-Identifier: GPL-2.0-only
"""Writes ACPI tables: just enough of AML for memory devices that a test makes up.

Each function returns the bytes of one construct; names are those of the ACPI
specification, chapter 20.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

ROOT = "\\"
ZERO, ONE = b"\x00", b"\x01"
ARG = tuple(bytes([0x68 + n]) for n in range(7))
LOCAL = tuple(bytes([0x60 + n]) for n in range(8))
DEBUG = b"\x5b\x31"
NULL_NAME = b"\x00"
_END_TAG = b"\x79\x00"


def name_string(path: str) -> bytes:
    """A path such as FOO, \\_SB.FOO; segments are filled up to four characters."""
    rooted = path.startswith(ROOT)
    segments = [part.ljust(4, "_").encode() for part in path.lstrip(ROOT).split(".") if part]
    prefix = b"\\" if rooted else b""
    if not segments:
        return prefix + NULL_NAME
    if len(segments) == 1:
        return prefix + segments[0]
    if len(segments) == 2:
        return prefix + b"\x2e" + b"".join(segments)
    return prefix + b"\x2f" + bytes([len(segments)]) + b"".join(segments)


def _package(content: bytes) -> bytes:
    """PkgLength and what it counts, itself included."""
    for extra in range(4):
        total = len(content) + 1 + extra
        if extra == 0 and total < 1 << 6:
            return bytes([total]) + content
        if extra and total < 1 << (4 + 8 * extra):
            high = (total >> 4).to_bytes(extra, "little")
            return bytes([extra << 6 | total & 0xF]) + high + content
    raise ValueError("too long for AML")


def integer(value: int) -> bytes:
    if value in (0, 1):
        return bytes([value])
    for prefix, size in ((0x0A, 1), (0x0B, 2), (0x0C, 4), (0x0E, 8)):
        if value < 1 << (8 * size):
            return bytes([prefix]) + value.to_bytes(size, "little")
    raise ValueError(f"{value:#x} has more than 64 bits")


def string(text: str) -> bytes:
    return b"\x0d" + text.encode("ascii") + b"\x00"


def eisa_id(name: str) -> bytes:
    """Three letters and four hexadecimal digits, packed."""
    letters = [ord(c) - 0x40 for c in name[:3]]
    return integer_dword(int.from_bytes(struct.pack(
        ">HH", letters[0] << 10 | letters[1] << 5 | letters[2], int(name[3:], 16)), "little"))


def integer_dword(value: int) -> bytes:
    return b"\x0c" + struct.pack("<I", value)


def buffer(data: bytes) -> bytes:
    return b"\x11" + _package(integer(len(data)) + data)


def name(path: str, value: bytes) -> bytes:
    return b"\x08" + name_string(path) + value


def scope(path: str, *terms: bytes) -> bytes:
    return b"\x10" + _package(name_string(path) + b"".join(terms))


def device(path: str, *terms: bytes) -> bytes:
    return b"\x5b\x82" + _package(name_string(path) + b"".join(terms))


def method(path: str, args: int, *terms: bytes) -> bytes:
    return b"\x14" + _package(name_string(path) + bytes([args]) + b"".join(terms))


def returns(value: bytes) -> bytes:
    return b"\xa4" + value


def store(value: bytes, target: bytes) -> bytes:
    return b"\x70" + value + target


def concat(*parts: bytes) -> bytes:
    """All parts as one string: integers turn to 16 hexadecimal digits."""
    result = parts[0]
    for part in parts[1:]:
        result = b"\x73" + result + part + NULL_NAME
    return result


def divide(dividend: bytes, divisor: bytes) -> bytes:
    return b"\x78" + dividend + divisor + NULL_NAME + NULL_NAME


def xor(left: bytes, right: bytes, target: bytes = NULL_NAME) -> bytes:
    return b"\x7f" + left + right + target


def notify(path: str, value: int) -> bytes:
    return b"\x86" + name_string(path) + integer(value)


def memory_resource(start: int, size: int, last: int | None = None) -> bytes:
    """A QWordMemory descriptor: fixed, cacheable, read and write."""
    last = (start + size - 1) % (1 << 64) if last is None else last
    return struct.pack("<BHBBBQQQQQ", 0x8A, 43, 0, 0x0D, 0x03, 0, start, last, 0, size)


def resources(descriptors: Sequence[bytes]) -> bytes:
    return buffer(b"".join(descriptors) + _END_TAG)


def ssdt(table_id: str, *terms: bytes) -> bytes:
    """A whole table, with its checksum."""
    code = b"".join(terms)
    header = struct.pack("<4sIBB6s8sI4sI", b"SSDT", 36 + len(code), 2, 0, b"MHPTST", table_id.encode().ljust(8),
                         1, b"MHP ", 1)
    checksum = -sum(header + code) % 256
    return header[:9] + bytes([checksum]) + header[10:] + code
