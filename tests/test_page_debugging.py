# SPDX-License-Identifier: GPL-2.0-only
"""Memory comes and goes on kernels that clear, poison or unmap pages that are free, and remember who has which.

The DIMM's content lies in a file of the host, so what stands in free pages, and in
memory that is offline, can be looked at; and before it comes online it is dirty,
as memory of a machine is.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from frames import BUDDY, PAGE, flags
from pagetables import mappings

from harness.machine import Machine

BLOCK = 128 << 20
NODE = 1
DIRT = b"\x5a" * PAGE
BLOCK_PAGES = BLOCK // PAGE


@dataclass(frozen=True)
class Mode:
    """Boot options, and what stands in each byte of a free page then."""

    options: tuple[str, ...]
    byte: int


MODES = {
    "init_on_free": Mode(("init_on_alloc=1", "init_on_free=1", "debug_pagealloc=on"), 0),
    "page_poison": Mode(("page_poison=1", "page_owner=on"), 0xaa),
}


@dataclass(frozen=True)
class Bank:
    """A DIMM of two blocks in a file."""

    machine: Machine
    content: mmap.mmap
    addr: int
    byte: int

    def _page(self, pfn: int) -> bytes:
        at = pfn * PAGE - self.addr
        return self.content[at:at + PAGE]

    def soil(self, number: int | None = None) -> None:
        """Fills a block, or all of it, with what does not look like a free page."""
        start = 0 if number is None else number * BLOCK - self.addr
        end = len(self.content) if number is None else start + BLOCK
        for at in range(start, end, PAGE):
            self.content[at:at + PAGE] = DIRT

    def wrong(self, number: int, only_free: bool) -> list[int]:
        """The pages of a block that are not as free pages are; with @only_free, those in use may differ."""
        first, clean = number * BLOCK_PAGES, bytes([self.byte]) * PAGE
        free = flags(self.machine, first, BLOCK_PAGES) if only_free else (BUDDY,) * BLOCK_PAGES
        assert sum(bool(word & BUDDY) for word in free) > BLOCK_PAGES // 2
        return [first + i for i, word in enumerate(free) if word & BUDDY and self._page(first + i) != clean]


@pytest.fixture(params=MODES)
def bank(request: pytest.FixtureRequest, new_machine: Callable[..., Machine], tmp_path: Path) -> Iterator[Bank]:
    mode = MODES[request.param]
    path = tmp_path / "dimm"
    with path.open("wb") as file:
        file.truncate(2 * BLOCK)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 2 * BLOCK) as content:
        machine = new_machine(nodes=("1G", 0), append=("memhp_default_state=online_movable", *mode.options))
        bank = Bank(machine, content, 4 << 30, mode.byte)
        bank.soil()
        assert machine.plug_dimm(2 * BLOCK, NODE, id="d0", addr=bank.addr, path=path).ost == 0
        yield bank
        # A page that somebody wrote to while it was free is told of in the log, in these words.
        assert "pagealloc:" not in machine.log()
        machine.kill()


def direct_map(machine: Machine) -> int:
    return sum(size for name, size in machine.meminfo().items() if name.startswith("DirectMap"))


def owned(machine: Machine, number: int) -> int | None:
    """Allocations in a block that page_owner tells of, 150 at most; None where it is off. Offsets are pfns."""
    if "page_owner=on" not in machine.config.append:
        return None
    start = number * BLOCK_PAGES // 4096
    told = machine.run(f"dd if=/sys/kernel/debug/page_owner bs=4096 skip={start} count=150 2>/dev/null", timeout=60)
    return sum(int(pfn, 16) // BLOCK_PAGES == number for pfn in re.findall(r"PFN (0x[0-9a-f]+)", told.out))


def test_memory_comes_and_goes(bank: Bank) -> None:
    machine = bank.machine
    first, second = (block.number for block in machine.memory(use=False).of(bank.addr, 2 * BLOCK))
    mapped = direct_map(machine)

    # What comes online is clean, whatever stood there.
    assert not bank.wrong(first, True) and not bank.wrong(second, True)

    # In use, moved, and given up: nothing of it remains in the block that went offline.
    holders = [machine.hold(kind, "4M", node=NODE) for kind in ("anon", "thp", "memfd")]
    places = [holder.blocks() for holder in holders]
    leaving = max((first, second), key=lambda number: sum(place.get(number, 0) for place in places))
    told = owned(machine, leaving)
    assert told is None or told > 100
    machine.offline(leaving)
    assert not owned(machine, leaving)
    assert not bank.wrong(leaving, False)
    assert all(holder.verify().ok for holder in holders)

    # Memory that is offline is no longer ours: what it holds when it comes back may be anything.
    bank.soil(leaving)
    machine.online(leaving, "online_movable")
    assert not bank.wrong(leaving, True)

    # Each page is checked as it is handed out; and then all goes under its users.
    filler = machine.hold("anon", "24M", node=NODE)
    assert filler.stop().ok
    assert machine.unplug_dimm("d0").gone
    assert all(holder.stop().ok for holder in holders)
    now = mappings(machine)
    assert now.direct_bytes(bank.addr, 2 * BLOCK) == 0 and now.memmap_bytes(bank.addr, 2 * BLOCK) == 0
    assert direct_map(machine) == mapped - 2 * BLOCK

    # The page tables of pages that were unmapped while free have gone as well: the next one fits in.
    for _ in range(2):
        dimm = machine.plug_dimm(BLOCK, NODE, addr=bank.addr)
        holder = machine.hold("anon", "4M", node=NODE)
        assert holder.stop().ok
        assert machine.unplug_dimm(dimm.id).gone
        assert direct_map(machine) == mapped - 2 * BLOCK
