# SPDX-License-Identifier: GPL-2.0-only
"""The memory blocks of a guest: read with one command, drawn as a map.

Called by machine.Machine.memory(), run and the tests. The guest's side is
harness/guest/blocks.c; how full a block is, is a sample of its pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .devices import Size, to_bytes

PAGE = 4096
_LETTERS = {"DMA": "D", "DMA32": "d", "Normal": "N", "Movable": "M", "Device": "V"}
_COLOURS = {"D": 33, "d": 36, "N": 32, "M": 35, "V": 34, "*": 37, "-": 90, "!": 31}
_FILL = "▁▂▃▄▅▆▇█"
_PER_LINE = 32


@dataclass(frozen=True)
class Block:
    """One memory block. zones is valid_zones; zone is where it is online, if in one zone only."""

    number: int
    state: str
    node: int | None
    zones: tuple[str, ...]
    removable: str
    size: int
    used: int
    sampled: int

    @property
    def online(self) -> bool:
        return self.state == "online"

    @property
    def zone(self) -> str | None:
        if self.online and len(self.zones) == 1 and self.zones[0] != "none":
            return self.zones[0]
        return None

    @property
    def start(self) -> int:
        return self.number * self.size

    @property
    def end(self) -> int:
        return self.start + self.size

    @property
    def use(self) -> float | None:
        """The share of its pages that are not free, 0 to 1; None when it is not online."""
        return self.used / self.sampled if self.sampled else None


@dataclass(frozen=True)
class Memory:
    """All memory blocks, by number."""

    block_size: int
    blocks: tuple[Block, ...]

    def __iter__(self) -> Iterator[Block]:
        return iter(self.blocks)

    def __len__(self) -> int:
        return len(self.blocks)

    def block(self, number: int) -> Block:
        for block in self.blocks:
            if block.number == number:
                return block
        raise KeyError(f"memory{number}")

    def of(self, addr: int, size: Size) -> list[Block]:
        """The blocks that touch a range of physical addresses, present or not: those present."""
        return [b for b in self.blocks if b.start < addr + to_bytes(size) and b.end > addr]

    def on(self, node: int) -> list[Block]:
        return [b for b in self.blocks if b.node == node]

    def online(self, node: int | None = None) -> list[Block]:
        return [b for b in self.blocks if b.online and node in (None, b.node)]

    def offline(self, node: int | None = None) -> list[Block]:
        return [b for b in self.blocks if b.state == "offline" and node in (None, b.node)]


def parse(text: str) -> Memory:
    """Reads what the guest's blocks program prints."""
    size, found = 0, []
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["size"]:
            size = int(words[1])
            continue
        number, state, node, removable, used, sampled, *zones = words
        found.append(Block(int(number), state, int(node) if node != "-1" else None, tuple(zones), removable,
                           size, int(used), int(sampled)))
    return Memory(size, tuple(found))


def _letter(block: Block) -> str:
    if block.state == "offline":
        return "-"
    if block.state != "online":
        return "!"
    return _LETTERS.get(block.zone or "", "*")


def _cell(block: Block, colour: bool) -> str:
    letter = _letter(block)
    fill = "·" if block.use is None else _FILL[min(7, int(block.use * 8))]
    if not colour:
        return letter + fill
    return f"\033[{_COLOURS[letter]}m{letter}\033[7m{fill}\033[0m" if letter == "!" else \
        f"\033[{_COLOURS[letter]}m{letter}{fill}\033[0m"


def _runs(blocks: list[Block]) -> Iterator[list[Block]]:
    """Neighbours, at most a line of them."""
    run: list[Block] = []
    for block in blocks:
        if run and (block.number != run[-1].number + 1 or len(run) == _PER_LINE):
            yield run
            run = []
        run.append(block)
    if run:
        yield run


def _address(addr: int) -> str:
    return f"{addr / (1 << 30):g} GiB"


def _summary(blocks: list[Block], size: int) -> str:
    counts = {"online": 0}
    for block in blocks:
        counts[block.state] = counts.get(block.state, 0) + 1
    return ", ".join(f"{count * size >> 20} MiB {state}" for state, count in counts.items())


def render(memory: Memory, colour: bool = False, nodes: set[int] | None = None) -> str:
    """The map: a cell a block (zone or state, then how full), grouped by node, with gaps in the addresses kept apart."""
    names: list[int | None] = [*sorted({b.node for b in memory if b.node is not None} | (nodes or set()))]
    if any(b.node is None for b in memory):
        names.append(None)
    lines = []
    for node in names:
        own = [b for b in memory if b.node == node]
        title = "no node" if node is None else f"node {node}"
        lines.append(f"{title}   {_summary(own, memory.block_size) if own else 'no memory'}")
        for run in _runs(own):
            cells = " ".join(_cell(b, colour) for b in run)
            lines.append(f"  {_address(run[0].start):>9}  {cells}")
    return "\n".join(lines)


def legend(colour: bool = False) -> str:
    def mark(letter: str) -> str:
        return f"\033[{_COLOURS[letter]}m{letter}\033[0m" if colour else letter

    words = [f"{mark(letter)} {name}" for name, letter in _LETTERS.items() if name != "Device"]
    words += [f"{mark('*')} several zones", f"{mark('-')} offline", f"{mark('!')} going offline"]
    return "  ".join(words) + f"   {_FILL[0]}..{_FILL[-1]} empty to full"
