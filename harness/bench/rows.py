# SPDX-License-Identifier: GPL-2.0-only
"""The rows of the table: what each is called, how it follows from what was measured, and what ours is to cost.

Pure. A scenario's samples come by name; those of one kernel at a time make a row's value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .sample import Sample

Samples = Mapping[str, Sample]

MILLION = 1e6
# All of them copy memory, and nothing else.
COPIES = ("memcpy_orig", "memcpy", "copy_page", "copy_page_regs", "copy_mc_fragile", "copy_mc_to_kernel")


@dataclass(frozen=True)
class Row:
    """One line. Ours is to be at most @limit, better @aim: in the row's unit, or as a share of the stock kernel's."""

    name: str
    title: str
    scenario: str
    unit: str
    value: Callable[[Samples], float]
    shown: tuple[str, ...]      # samples that a profile of the row is of
    limit: float | None = None
    aim: float | None = None
    share: float | None = None

    def bound(self, stock: float) -> float | None:
        """What ours may come to where the stock kernel came to @stock."""
        return self.limit if self.share is None else self.share * stock

    def verdict(self, stock: float, ours: float) -> str:
        """met, aim (met, and what was aimed for with it), missed, or nothing where nothing was set."""
        bound = self.bound(stock)
        if bound is None:
            return ""
        if self.aim is not None and ours <= self.aim:
            return "aim"
        return "met" if ours <= bound else "missed"


def _time(name: str) -> Callable[[Samples], float]:
    return lambda samples: samples[name].time / MILLION


def _executed(name: str) -> Callable[[Samples], float]:
    return lambda samples: samples[name].instructions / MILLION


def _slope(what: str) -> Callable[[Samples], float]:
    """How much more the second 32 GiB cost than twice the 16 GiB before them: 1 where the cost is linear.

    In what is executed: waits end at ticks, and do not grow evenly.
    """
    def value(samples: Samples) -> float:
        at = {size: samples[f"{what} {size}"].instructions for size in (16, 32, 64)}
        return (at[64] - at[32]) / (2 * (at[32] - at[16]))
    return value


def _a_page(kind: str) -> Callable[[Samples], float]:
    """Instructions a page, without those of copying it and those that an empty block takes."""
    def value(samples: Samples) -> float:
        full, empty = samples[kind], samples["empty"]
        beyond = full.instructions - empty.instructions - full.spent_in(COPIES) + empty.spent_in(COPIES)
        return beyond / full.notes["pages"]
    return value


def _dimm(what: str, size: int, limit: float, aim: float) -> Row:
    title = {"plug": f"plug a DIMM of {size} GiB, online to Movable", "unplug": f"unplug a DIMM of {size} GiB, idle"}[what]
    return Row(f"{what}-{size}", title, "dimm", "M", _time(f"{what} {size}"), (f"{what} {size}",), limit, aim)


def _pages(kind: str, title: str, limit: float, aim: float) -> Row:
    return Row(f"pages-{kind}", f"offline a block, a page of {title}", "pages", "", _a_page(kind), (kind,), limit, aim)


def _stall(who: str, does: str) -> Row:
    return Row(f"stall-{who}", f"longest wait of who {does}, 4 GiB in use go offline", "bystanders", "ms",
               lambda samples: samples[who].notes["longest"] / MILLION, ())


ROWS: tuple[Row, ...] = (
    _dimm("plug", 32, 200, 150),
    _dimm("plug", 64, 400, 300),
    _dimm("unplug", 32, 100, 60),
    _dimm("unplug", 64, 200, 120),
    Row("slope-plug", "plug, executed: 64 - 32 GiB over twice 32 - 16 GiB", "dimm", "", _slope("plug"), ("plug 16", "plug 64"), 1.05),
    Row("slope-unplug", "unplug, executed: 64 - 32 GiB over twice 32 - 16 GiB", "dimm", "", _slope("unplug"),
        ("unplug 16", "unplug 64"), 1.05),
    Row("online", "online a block of 128 MiB", "blocks", "M", _time("online"), ("online",), 0.6, 0.4),
    Row("offline", "offline a block of 128 MiB, idle", "blocks", "M", _time("offline"), ("offline",), 0.6, 0.3),
    _pages("anon", "anonymous memory", 2200, 1500),
    _pages("file", "the page cache", 2600, 1800),
    _pages("shared", "shared memory", 2600, 1800),
    Row("virtio-mem-grow", "virtio-mem by 16 GiB more, the driver apart: executed", "virtio-mem", "M",
        _executed("virtio-mem grow"), ("virtio-mem grow",), share=1 / 3),
    Row("virtio-mem-shrink", "virtio-mem by 16 GiB less, the driver apart: executed", "virtio-mem", "M",
        _executed("virtio-mem shrink"), ("virtio-mem shrink",), share=1 / 3),
    Row("half-full", "unplug a DIMM of 4 GiB, each block half full: pages moved over pages in use", "half-full", "",
        lambda samples: samples["half-full"].notes["moved"] / samples["half-full"].notes["used"], (), 1.0),
    # In whole instructions: the fraction is the timer's interrupts, which come when they come.
    Row("idle", "fault in a page and free it, nothing going on", "idle", "", lambda samples:
        round(samples["idle"].instructions / samples["idle"].notes["pages"]), ("idle",), share=1.0),
    _stall("fault", "allocates and faults"),
    _stall("memremap", "maps a device's memory"),
)


def choose(names: str) -> list[Row]:
    """The rows by their names, separated by commas; a name's beginning stands for all that begin so."""
    if not names:
        return list(ROWS)
    wanted = [word for word in names.split(",") if word]
    return [row for row in ROWS if any(row.name == word or row.name.startswith(f"{word}-") for word in wanted)]
