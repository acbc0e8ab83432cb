# SPDX-License-Identifier: GPL-2.0-only
"""Firmware that makes no sense: memory devices made up at random, and notified in any order.

A device is there as a whole or not at all, whatever its resources say and however its _STA changes; the guest says
nothing through _OST that the guide does not list; and when the device is gone all is as it was.
On the kernel without checks, for there are many.
"""

from __future__ import annotations

import random
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aml
import firmware
import pytest
from firmware import (ABSENT, AUTO_ONLINE, BLOCK, BOOT_END, BROKEN, BUS_CHECK, CLAIMED, DEVICE_CHECK, EJECT_REQUEST, GIB, LEFT_OUT,
                      MIB, OUT_OF_REACH, TIMEOUT, WORKING, Device, blocks_at, picture, setting)

from harness.machine import Machine

GUIDE = (Path(__file__).resolve().parents[1] / "Documentation/admin-guide/mm/memory-hotplug.rst").read_text()
GUEST = dict(firmware.GUEST, kernel="plain")
NR_BLOCKS = GIB // BLOCK            # of RAM that boot left out
END = 1 << 64

Range = tuple[int, int]


def promised() -> tuple[set[int], set[int]]:
    """What the guide says that _OST may report of an insertion, and of an ejection."""
    match = re.search(r"^The firmware is told by _OST: 0 for success; for an insertion (.*?); for an ejection (.*?); 1 for anything",
                      GUIDE, re.M | re.S)
    assert match
    insertion, ejection = ({int(word, 16) for word in re.findall(r"0x[0-9a-f]+", part)} for part in match.groups())
    return insertion | {0, 1}, ejection | {0, 1}


def test_the_guide_is_read() -> None:
    assert promised() == ({0, 1, 0x81, 0x82}, {0, 1, 0x80, 0x82, 0x84})


@dataclass
class Odd(Device):
    """A memory device: with any bytes as its _CRS, or with none; its _STA may flip each time that it is asked for."""

    crs: bytes | None = b""
    flips: bool = False
    script: tuple[tuple[int | None, int], ...] = ()     # statuses, and what is notified after that

    def declaration(self) -> bytes:
        mask, flip = aml.name_string("MASK"), aml.name_string("FLIP")
        return aml.device(
            self.name,
            aml.name("_HID", aml.eisa_id("PNP0C80")),
            aml.name("_UID", aml.string(self.name)),
            aml.name("STAV", aml.integer(self.status)),
            aml.name("MASK", aml.integer(WORKING if self.flips else 0)),
            aml.name("FLIP", aml.ZERO),
            aml.name("_CRS", self.crs) if self.crs is not None else b"",
            aml.method("_STA", 0, aml.xor(flip, mask, flip), aml.returns(aml.xor(aml.name_string("STAV"), flip))),
            aml.method("_EJ0", 1, aml.store(aml.ZERO, aml.name_string("STAV"))),
            self._report(),
        )

    def _triggers(self) -> Iterator[bytes]:
        def trigger(letter: str, *terms: bytes) -> bytes:
            name = letter + self.name[1:]
            return aml.device(name, aml.name("_HID", aml.string("MHPT0000")), aml.name("_UID", aml.string(name)),
                              aml.method("_SUN", 0, *terms, aml.returns(aml.ONE)))

        def store(value: int, name: str) -> bytes:
            return aml.store(aml.integer(value), aml.name_string(f"{self.path}.{name}"))

        steps = [(b"" if status is None else store(status, "STAV")) + aml.notify(self.path, value)
                 for status, value in self.script]
        yield trigger("S", *steps)
        yield trigger("X", store(0, "MASK"), store(0, "FLIP"), store(ABSENT, "STAV"), aml.notify(self.path, DEVICE_CHECK))

    def pull(self, letter: str, nr: int) -> list[tuple[int, int]]:
        """Reads a trigger's file and waits until each of its @nr notifications is done with; (source, code) of all reports."""
        machine, name = self.machine, letter + self.name[1:]
        since = machine.mark(f"pull {name}")
        machine.sh(f"cat $(grep -l '{name}' /sys/bus/acpi/devices/MHPT0000:*/path | sed s/path$/sun/)")
        word = rf'"ost {self.name} ([0-9A-F]+) ([0-9A-F]+)"'
        last = rf'"ost {self.name} [0-9A-F]+ (?!0*84")[0-9A-F]+"'
        machine.wait_log(rf"(?:{last}[\s\S]*?){{{nr}}}", since)
        return [(int(source, 16), int(code, 16)) for source, code in re.findall(word, machine.log_since(since))]


# Layouts

def is_sound(ranges: list[Range]) -> bool:
    """Whether a device of these ranges is to be used: whole blocks of what boot left out, each once."""
    pieces = sorted((start, start + size) for start, size in ranges if size)
    if not pieces or any(end > END for _, end in pieces):
        return False
    joined = [list(pieces[0])]
    for start, end in pieces[1:]:
        if start < joined[-1][1]:
            return False
        if start == joined[-1][1]:
            joined[-1][1] = end
        else:
            joined.append([start, end])
    return all(start % BLOCK == 0 and end % BLOCK == 0 and LEFT_OUT <= start and end <= LEFT_OUT + GIB for start, end in joined)


def good_ranges(rng: random.Random) -> list[Range]:
    """Some blocks, in pieces and in any order."""
    ranges: list[Range] = []
    for number in rng.sample(range(NR_BLOCKS), rng.randint(1, 4)):
        start, left = LEFT_OUT + number * BLOCK, BLOCK
        while left:
            size = left if rng.random() < 0.7 else min(left, rng.choice([MIB, 16 * MIB, 4096, 64 * MIB]))
            ranges.append((start, size))
            start, left = start + size, left - size
            if len(ranges) > 12:
                ranges.append((start, left))
                break
    return ranges


BAD = (
    lambda rng: (LEFT_OUT + MIB, BLOCK),                                                    # unaligned
    lambda rng: (LEFT_OUT + rng.randrange(GIB), rng.randrange(1, GIB)),                     # most likely so
    lambda rng: (END - rng.choice([1, 4096, BLOCK]), rng.choice([2 * BLOCK, END - 1])),     # wraps
    lambda rng: (END - BLOCK, BLOCK),                                                       # the last one there can be
    lambda rng: (OUT_OF_REACH, rng.choice([BLOCK, 1 << 54])),
    lambda rng: (0, END - 1),
    lambda rng: (0, 1 << 62),
    lambda rng: (1 << 39, 1 << 38),                                                         # its memmap is larger than RAM
    lambda rng: (CLAIMED, BLOCK),
    lambda rng: (BOOT_END - BLOCK, 2 * BLOCK),                                              # there in part
    lambda rng: (rng.getrandbits(64), rng.getrandbits(64)),
)


def ranges_of(rng: random.Random) -> list[Range]:
    ranges = good_ranges(rng)
    how = rng.randrange(6)
    if how == 0:
        ranges.append(rng.choice(ranges))               # overlaps
    elif how == 1:
        ranges.append((ranges[0][0], 0))                # empty: does not matter
    elif how in (2, 3):
        ranges.append(rng.choice(BAD)(rng))
    elif how == 4:
        ranges = [(LEFT_OUT + n * MIB, MIB) for n in range(rng.choice([128, 300]))]     # very many
    rng.shuffle(ranges)
    return ranges


def crs_of(rng: random.Random, ranges: list[Range]) -> tuple[bytes | None, bool]:
    """The bytes of _CRS, and whether they say what @ranges are."""
    descriptors = [aml.memory_resource(start % END, size % END) for start, size in ranges]
    how = rng.randrange(12)
    if how == 0:
        return None, False
    if how == 1:
        return aml.buffer(b"".join(descriptors)), False                     # without an end
    if how == 2:
        return aml.buffer(b"".join(descriptors)[:-5] + b"\x79\x00"), False  # the last one cut off
    if how == 3:
        return rng.choice([aml.ONE, aml.string("memory"), aml.buffer(b""), aml.resources([])]), False
    return aml.resources(descriptors), True


def script_of(rng: random.Random) -> tuple[tuple[int | None, int], ...]:
    """Up to six notifications, one right after the other: plugged, ejected in the middle of that, ejected twice, not there."""
    return tuple((rng.choice([None, None, WORKING, WORKING, ABSENT, BROKEN]),
                  rng.choice([BUS_CHECK, DEVICE_CHECK, DEVICE_CHECK, EJECT_REQUEST])) for _ in range(rng.randint(1, 6)))


def check(machine: Machine, device: Odd, sound: bool, before: Any) -> None:
    """Of a sound device all blocks are there, or none; of another one nothing is left."""
    if not sound:
        assert picture(machine) == before, "a refused device left something behind"
        return
    there = {b.number for b in blocks_at(machine, (LEFT_OUT, GIB))}
    assert there in (set(), {block for start, size in device.ranges if size
                             for block in range(start // BLOCK, (start + size - 1) // BLOCK + 1)})


def one_case(machine: Machine, seed: int) -> tuple[bool, set[tuple[int, int]]]:
    """Plugs, notifies, and takes away again; whether the device was sound, and all that was reported."""
    rng = random.Random(seed)
    ranges = ranges_of(rng)
    crs, readable = crs_of(rng, ranges)
    sound = readable and is_sound(ranges)
    before = picture(machine)
    machine.mark(f"case {seed}")
    with setting(machine, AUTO_ONLINE, rng.choice(["offline", "online_movable"])), setting(machine, TIMEOUT, 20):
        device = Odd(machine, ranges, rng.choice([WORKING, WORKING, ABSENT, BROKEN]), crs=crs, flips=rng.random() < 0.2,
                     script=script_of(rng))
        device.load()
        check(machine, device, sound, before)
        reports = device.pull("S", len(device.script))
        check(machine, device, sound, before)
        reports += device.pull("X", 1)
    assert picture(machine) == before, "something is left of a device that is gone"
    insertion, ejection = promised()
    for source, code in reports:
        assert code in (ejection if source == EJECT_REQUEST else insertion), f"{code:#x} for {source}"
    return sound, set(reports)


def cases(machine: Machine, seeds: list[int]) -> None:
    seen: set[tuple[int, int]] = set()
    nr_sound = 0
    for seed in seeds:
        print(f"case {seed}: repeat with one_case(guest, {seed})")
        sound, reports = one_case(machine, seed)
        seen |= reports
        nr_sound += sound
    # It went where it is interesting.
    assert 0 < nr_sound < len(seeds)
    assert {(DEVICE_CHECK, firmware.SUCCESS), (EJECT_REQUEST, firmware.SUCCESS)} <= seen
    assert (DEVICE_CHECK, firmware.DRIVER_LOAD_FAILURE) in seen


def test_some(guest: Machine) -> None:
    cases(guest, list(range(9)))


@pytest.mark.long
def test_many(guest: Machine) -> None:
    first = secrets.randbelow(1 << 32)
    cases(guest, list(range(first, first + 150)))
