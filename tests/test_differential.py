# SPDX-License-Identifier: GPL-2.0-only
"""Random ranges come and go in random order; after each step the kernel's books are compared with two slow ways to know.

One is the audit, which looks at every online page and free list and recomputes spans, present, managed, contiguity
and free pages. The other is a model of one line per block, below, against what the kernel writes down in "state".
"""

from __future__ import annotations

import errno
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import audit
import pytest
from notifiers import Notifiers
from ranged import BLOCK, FIRST, PAGES
from uevents import MEMORY

from harness.machine import Machine, MachineConfig

COUNT = 7               # blocks that boot left out, without the one that has tables of the firmware
STEPS = 40
KERNEL = "Normal"       # where kernel memory goes that none of the zones of boot spans
MOVABLE = "Movable"
WORDS = {KERNEL: "online_kernel", MOVABLE: "online_movable"}
ZONE = re.compile(r"^zone (\d) (\w+) start (\S+) spanned (\d+) present (\d+) early \d+ managed (\d+) contiguous (\d)", re.M)


@dataclass
class Block:
    """One block that was added: its node, and the zone it is online in."""

    node: int
    zone: str | None = None


@dataclass(frozen=True)
class Zone:
    """What is known of a zone, in pages. The kernel's contiguous zones have no holes, and none is without pages."""

    start: int
    spanned: int
    present: int
    managed: int
    contiguous: bool


def zones(text: str) -> dict[tuple[int, str], Zone]:
    """Of the kernel's account of its state, the zones that have pages."""
    found = {(int(node), name): Zone(int(start, 16), *map(int, counts), contiguous == "1")
             for node, name, start, *counts, contiguous in ZONE.findall(text)}
    return {place: zone for place, zone in found.items() if zone.spanned}


def expected(boot: dict[tuple[int, str], Zone], blocks: dict[int, Block]) -> dict[tuple[int, str], Zone]:
    """What they are with these blocks, recomputed from nothing but what boot had."""
    found = {}
    for place in {*boot, *((block.node, block.zone) for block in blocks.values() if block.zone)}:
        numbers = [number for number, block in blocks.items() if (block.node, block.zone) == place]
        base = boot.get(place)
        if not numbers:
            found[place] = base
            continue
        start, end = min(numbers) * PAGES, (max(numbers) + 1) * PAGES
        if base:
            start, end = min(start, base.start), max(end, base.start + base.spanned)
        pages = len(numbers) * PAGES
        whole = base.spanned if base and base.contiguous else 0
        found[place] = Zone(start, end - start, pages + (base.present if base else 0), pages + (base.managed if base else 0),
                            (base is None or base.contiguous) and pages + whole == end - start)
    return found


class Player:
    """Does something at random, and keeps the model."""

    def __init__(self, machine: Machine, seed: int) -> None:
        self.machine = machine
        self.random = random.Random(seed)
        self.module = Notifiers(machine)
        self.blocks: dict[int, Block] = {}
        self.done: list[str] = []

    def run(self, of: list[int], longest: int) -> list[int]:
        """Neighbours among these numbers, of one node where they have one."""
        first = self.random.choice(of)
        found = [first]
        for number in range(first + 1, first + self.random.randint(1, longest)):
            if number not in of or (number in self.blocks and self.blocks[number].node != self.blocks[first].node):
                break
            found.append(number)
        return found

    def add(self) -> str:
        absent = [number for number in range(FIRST, FIRST + COUNT) if number not in self.blocks]
        if not absent:
            return ""
        numbers, node = self.run(absent, 4), self.random.choice((0, 1))
        assert self.module.add(numbers[0] * BLOCK, len(numbers) * BLOCK, node) == 0
        self.blocks.update({number: Block(node) for number in numbers})
        return f"add {numbers} to node {node}"

    def withdraw(self) -> str:
        if not self.blocks:
            return ""
        numbers = self.run(sorted(self.blocks), 4)
        code = self.module.withdraw(numbers[0] * BLOCK, len(numbers) * BLOCK).wait(timeout=60).code
        kernel = any(self.blocks[number].zone == KERNEL for number in numbers)
        assert code == 0 or (kernel and code == errno.EBUSY), f"withdraw {numbers}: {errno.errorcode.get(code, code)}"
        if code == 0:
            for number in numbers:
                del self.blocks[number]
        return f"withdraw {numbers}: {code}"

    def online(self) -> str:
        offline = [number for number, block in self.blocks.items() if not block.zone]
        if not offline:
            return ""
        number, zone = self.random.choice(offline), self.random.choice((KERNEL, MOVABLE, MOVABLE))
        assert self.machine.write(f"{MEMORY}/memory{number}/state", WORDS[zone]) == 0
        self.blocks[number].zone = zone
        return f"online {number} to {zone}"

    def offline(self) -> str:
        online = [number for number, block in self.blocks.items() if block.zone]
        if not online:
            return ""
        number = self.random.choice(online)
        code = self.machine.write(f"{MEMORY}/memory{number}/state", "offline")
        assert code == 0 or (self.blocks[number].zone == KERNEL and code == errno.EBUSY)
        if code == 0:
            self.blocks[number].zone = None
        return f"offline {number}: {code}"

    def step(self) -> str:
        what = ""
        while not what:
            what = self.random.choice((self.add, self.withdraw, self.online, self.online, self.online, self.offline))()
        self.done.append(what)
        return what

    def end(self) -> None:
        """Those with kernel memory may have to stay."""
        for number, block in list(self.blocks.items()):
            code = self.module.withdraw(number * BLOCK, BLOCK).wait(timeout=60).code
            assert code == 0 or (block.zone == KERNEL and code == errno.EBUSY)
        self.module.unload()


@pytest.fixture(params=[1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 11))])
def player(request: pytest.FixtureRequest, image: Path, kernel_config: str) -> Iterator[Player]:
    append = ("mem=1G", "memhp_default_state=offline")
    with Machine(MachineConfig(kernel=kernel_config, append=append)) as machine:
        one = Player(machine, request.param)
        yield one
        one.end()
        audit.verify(machine)
        machine.check_log()


def test_random_ranges(player: Player) -> None:
    boot = zones(player.machine.read(f"{audit.FOLDER}/state"))
    for _ in range(STEPS):
        player.step()
        told = "\n".join(player.done)
        assert zones(player.machine.read(f"{audit.FOLDER}/state")) == expected(boot, player.blocks), told
        assert not audit.broken(player.machine), told
    assert {what.split()[0] for what in player.done} == {"add", "withdraw", "online", "offline"}


def test_model_tells_holes() -> None:
    """The model itself, on made-up zones."""
    boot = {(0, KERNEL): Zone(0, 8 * PAGES, 8 * PAGES, 7 * PAGES, True)}
    assert expected(boot, {8: Block(0, KERNEL)})[0, KERNEL] == Zone(0, 9 * PAGES, 9 * PAGES, 8 * PAGES, True)
    assert expected(boot, {9: Block(0, KERNEL)})[0, KERNEL] == Zone(0, 10 * PAGES, 9 * PAGES, 8 * PAGES, False)
    far = expected(boot, {8: Block(1, MOVABLE), 10: Block(1, MOVABLE), 9: Block(0)})
    assert far[1, MOVABLE] == Zone(8 * PAGES, 3 * PAGES, 2 * PAGES, 2 * PAGES, False)
    assert far[0, KERNEL] == boot[0, KERNEL]
