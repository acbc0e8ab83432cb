# SPDX-License-Identifier: GPL-2.0-only
"""lsmem and chmem of util-linux, in every output and mode: they say and do what sysfs says.

What lsmem should print is worked out here from the files of the blocks. The simple
ways of chmem are in test_selftests: here what it prints, what it cannot do, and what
it does by halves.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from kernels import WITHOUT_CHECKS
from uevents import MEMORY

from harness.blocks import Block
from harness.machine import Machine, Result

MIB = 1 << 20
BLOCK = 128 * MIB
COLUMNS = ("RANGE", "SIZE", "STATE", "REMOVABLE", "BLOCK", "NODE", "ZONES")
DEFAULT = COLUMNS[:5]
SPLITS = ("STATE", "REMOVABLE", "NODE", "ZONES")
SOME_OK = 64    # chmem's exit code where it did a part

GUEST = dict(kernel=WITHOUT_CHECKS, nodes=("1G", 0))


@pytest.fixture
def mixed(guest: Machine) -> Machine:
    """A DIMM with blocks of each state and zone, beside the memory of boot: with a gap between."""
    dimm = guest.plug_dimm("768M", node=1)
    blocks = guest.memory(use=False).of(dimm.addr, dimm.size)
    guest.online(blocks[1:3], "online_movable")
    guest.online(blocks[5], "online_movable")
    return guest


# lsmem


@dataclass(frozen=True)
class Row:
    """One line of lsmem: neighbours of a kind."""

    blocks: tuple[Block, ...]

    @property
    def size(self) -> int:
        return len(self.blocks) * BLOCK

    def cell(self, column: str, in_bytes: bool) -> str:
        first, last = self.blocks[0], self.blocks[-1]
        match column:
            case "RANGE":
                return f"0x{first.start:016x}-0x{last.end - 1:016x}"
            case "SIZE":
                return str(self.size) if in_bytes else human(self.size)
            case "BLOCK":
                return str(first.number) if first is last else f"{first.number}-{last.number}"
        return kind(first, column)


def kind(block: Block, column: str) -> str:
    match column:
        case "STATE":
            return block.state
        case "REMOVABLE":   # not said of what is offline
            return "yes" if block.online and block.removable == "1" else ""
        case "NODE":
            return str(block.node)
    return "/".join(block.zones).replace("none", "None")


def part(block: Block, column: str) -> str:
    """What makes a block another range. The file is what counts, though its word is shown for some only."""
    return block.removable if column == "REMOVABLE" else kind(block, column)


def human(size: int) -> str:
    unit = "M" if size < 1 << 30 else "G"
    return f"{round(size / (1 << {'M': 20, 'G': 30}[unit]), 1):g}{unit}" if size else "0B"


def rows(machine: Machine, split: tuple[str, ...], each: bool) -> list[Row]:
    """What lsmem should list: blocks alike in the columns of @split make one range."""
    out: list[Row] = []
    for block in sorted(machine.memory(use=False), key=lambda block: block.number):
        last = out[-1].blocks[-1] if out else None
        if last and not each and last.number + 1 == block.number and all(
                part(last, column) == part(block, column) for column in split):
            out[-1] = Row((*out[-1].blocks, block))
        else:
            out.append(Row((block,)))
    return out


def table(machine: Machine, columns: tuple[str, ...], split: tuple[str, ...], each: bool, in_bytes: bool) -> list[list[str]]:
    return [[row.cell(column, in_bytes) for column in columns] for row in rows(machine, split, each)]


def lsmem(machine: Machine, *words: str) -> str:
    return machine.run(" ".join(["lsmem", *words]), check=True).out


def from_json(text: str, columns: tuple[str, ...]) -> list[list[str]]:
    def cell(value: object) -> str:
        return {True: "yes", False: ""}[value] if isinstance(value, bool) else str(value)

    return [[cell(entry[column.lower()]) for column in columns] for entry in json.loads(text)["memory"]]


def from_pairs(text: str, columns: tuple[str, ...]) -> list[list[str]]:
    return [[dict(re.findall(r'(\w+)="([^"]*)"', line))[column] for column in columns] for line in text.splitlines()]


def from_raw(text: str, columns: tuple[str, ...]) -> list[list[str]]:
    heading, *lines = text.splitlines()
    assert heading.split(" ") == list(columns)
    return [line.split(" ") for line in lines]


def from_table(text: str, columns: tuple[str, ...]) -> list[str]:
    heading, *lines = text.splitlines()
    assert heading.split() == list(columns)
    return [" ".join(line.split()) for line in lines]


@pytest.mark.parametrize("words, columns", [((), DEFAULT), (("--output-all",), COLUMNS)], ids=["default", "all-columns"])
def test_lsmem_outputs(mixed: Machine, words: tuple[str, ...], columns: tuple[str, ...]) -> None:
    """Table, raw, pairs and JSON; ranges and single blocks; human sizes and bytes."""
    split = tuple(column for column in columns if column in SPLITS)
    for each, in_bytes in itertools.product((False, True), repeat=2):
        options = [*words, *["--all"] * each, *["--bytes"] * in_bytes]
        expected = table(mixed, columns, split, each, in_bytes)
        assert len(expected) == (14 if each else len(expected))
        assert from_json(lsmem(mixed, "--json", *options), columns) == expected
        assert from_pairs(lsmem(mixed, "--pairs", *options), columns) == expected
        assert from_raw(lsmem(mixed, "--raw", *options), columns) == expected
        lines = [" ".join(filter(None, cells)) for cells in expected]
        assert from_table(lsmem(mixed, "--summary=never", *options), columns) == lines
        assert [" ".join(line.split()) for line in lsmem(
            mixed, "--noheadings", "--summary=never", *options).splitlines()] == lines


@pytest.mark.parametrize("column", COLUMNS)
def test_lsmem_each_column(mixed: Machine, column: str) -> None:
    """A column alone; ranges end where what is shown changes."""
    split = (column,) if column in SPLITS else ()
    expected = table(mixed, (column,), split, False, False)
    assert from_raw(lsmem(mixed, "--raw", "--output", column), (column,)) == expected
    assert len(expected) == {"STATE": 5, "ZONES": 6}.get(column, 2)


@pytest.mark.parametrize("split", [("STATE",), ("ZONES",), ("NODE",), ("REMOVABLE",), ("STATE", "NODE")], ids=",".join)
def test_lsmem_split(mixed: Machine, split: tuple[str, ...]) -> None:
    columns = ("RANGE", "BLOCK", "SIZE")
    got = lsmem(mixed, "--raw", "--output", ",".join(columns), "--split", ",".join(split))
    assert from_raw(got, columns) == table(mixed, columns, split, False, False)


def test_lsmem_summary(mixed: Machine) -> None:
    memory = mixed.memory(use=False)
    online, offline = len(memory.online()) * BLOCK, len(memory.offline()) * BLOCK
    assert online == 11 * BLOCK and offline == 3 * BLOCK
    for words, show in (((), human), (("--bytes",), str)):
        text = lsmem(mixed, "--summary=only", *words)
        assert dict(re.findall(r"^(.+?): +(\S+)$", text, re.M)) == {
            "Memory block size": show(BLOCK), "Total online memory": show(online), "Total offline memory": show(offline)}
        assert lsmem(mixed, *words).endswith(text) and lsmem(mixed, "--summary=always", *words).endswith(text)
        assert text not in lsmem(mixed, "--summary=never", *words)


# chmem


def chmem(machine: Machine, *words: str) -> Result:
    return machine.run(" ".join(["chmem", *words]), timeout=60)


@dataclass
class Dimm:
    """The blocks of a DIMM that is offline."""

    machine: Machine
    numbers: list[int]

    def states(self) -> str:
        """A letter a block: its zone's first, or - for one that is offline."""
        memory = self.machine.memory(use=False)
        return "".join((memory.block(number).zone or "-")[0] for number in self.numbers)

    def says(self, result: Result, *words: str) -> None:
        """Checks chmem's verbose lines: a block and what became of it, in order."""
        lines = re.findall(r"^(?:chmem: )?Memory Block (\d+) \(0x([0-9a-f]{16})-0x([0-9a-f]{16})\) (.+)$", result.out, re.M)
        assert [f"{self.numbers.index(int(number))} {outcome}" for number, _, _, outcome in lines] == list(words)
        for number, first, last, _ in lines:
            assert (int(first, 16), int(last, 16)) == (int(number) * BLOCK, (int(number) + 1) * BLOCK - 1)


@pytest.fixture
def dimm(guest: Machine) -> Iterator[Dimm]:
    plug = guest.plug_dimm("512M", node=1)
    yield Dimm(guest, [block.number for block in guest.memory(use=False).of(plug.addr, plug.size)])


def test_chmem_verbose(dimm: Dimm) -> None:
    """By size it starts with the lowest to enable, and with the highest to disable; what is there already is said."""
    first = dimm.numbers[0]
    result = chmem(dimm.machine, "-v", "-e", "-z", "Movable", "256M")
    dimm.says(result, "0 enabled", "1 enabled")
    assert result.code == 0 and dimm.states() == "MM--"
    result = chmem(dimm.machine, "-v", "-e", "-z", "Movable", "-b", f"{first + 1}-{first + 3}")
    dimm.says(result, "1 already enabled", "2 enabled", "3 enabled")
    assert result.code == 0 and dimm.states() == "MMMM"
    result = chmem(dimm.machine, "-v", "-d", "-z", "Movable", "384M")
    dimm.says(result, "3 disabled", "2 disabled", "1 disabled")
    assert result.code == 0 and dimm.states() == "M---"
    result = chmem(dimm.machine, "-v", "-d", f"{first * BLOCK:#x}-{(first + 2) * BLOCK - 1:#x}")
    dimm.says(result, "0 disabled", "1 already disabled")
    assert result.code == 0 and dimm.states() == "----"


def test_chmem_says_nothing_unasked(dimm: Dimm) -> None:
    first = dimm.numbers[0]
    for words in (("--enable", "-z", "Movable"), ("--disable",)):
        result = chmem(dimm.machine, *words, f"{first * BLOCK:#x}-{(first + 4) * BLOCK - 1:#x}")
        assert (result.code, result.out) == (0, "")
    assert dimm.states() == "----"


def test_chmem_in_part(dimm: Dimm) -> None:
    """What is refused is told apart from what is done: more than there is, and a block whose pages do not go."""
    result = chmem(dimm.machine, "-v", "-e", "-z", "Movable", "64g")
    assert result.code == SOME_OK and "Could only enable 512M of memory" in result.out
    dimm.says(result, "0 enabled", "1 enabled", "2 enabled", "3 enabled")
    assert dimm.states() == "MMMM"

    dimm.machine.sh("modprobe memory-notifier-error-inject")
    veto = "/sys/kernel/debug/notifier-error-inject/memory/actions/MEM_GOING_OFFLINE/error"
    first = dimm.numbers[0]
    try:
        chmem(dimm.machine, "-d", "-b", str(first))
        assert dimm.machine.write(veto, "-16") == 0
        result = chmem(dimm.machine, "-v", "-d", "-b", f"{first}-{first + 1}")
    finally:
        dimm.machine.write(veto, "0")
        dimm.machine.sh("modprobe -r memory-notifier-error-inject")
    dimm.says(result, "1 disable failed: Device or resource busy", "0 already disabled")   # errors come unbuffered
    assert result.code == SOME_OK and dimm.states() == "-MMM"


@pytest.mark.parametrize("words, complaint", [
    (("-e", "100M"), "must be aligned"),
    (("-e", "-z", "Nowhere", "128M"), "unknown memory zone"),
    (("-e", "0x100000001-0x108000000"), "must be aligned"),
    (("-e", "0x0000000108000000-0x0000000100000000"), ""),
    (("-d", "0-0x8000000"), "Invalid start address format"),
    (("-e", "-b", "no-block"), ""),
    (("-e", "-b", "99999"), ""),
    (("-d", "0x9000000000-0x9007ffffff"), ""),
], ids=lambda value: "_".join(value) if isinstance(value, tuple) else "")
def test_chmem_wrong_words(dimm: Dimm, words: tuple[str, ...], complaint: str) -> None:
    before = dimm.machine.memory(use=False)
    result = chmem(dimm.machine, *words)
    assert result.code == 1 and complaint in result.out
    assert dimm.machine.memory(use=False) == before


def test_chmem_kernel_zone(dimm: Dimm) -> None:
    """Any zone but Movable is asked of the kernel as online_kernel; only blocks that may go there are taken."""
    assert chmem(dimm.machine, "-e", "-z", "DMA32", "128M").code != 0
    assert dimm.states() == "----"
    result = chmem(dimm.machine, "-v", "-e", "-z", "Normal", "128M")
    dimm.says(result, "0 enabled")
    assert dimm.states() == "N---"
    assert chmem(dimm.machine, "-e", "-z", "Movable", "128M").code == 0
    assert dimm.states() == "NM--"
    assert dimm.machine.read(f"{MEMORY}/memory{dimm.numbers[1]}/online") == "1"
