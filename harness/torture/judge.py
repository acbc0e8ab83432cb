# SPDX-License-Identifier: GPL-2.0-only
"""What must hold at a quiet point: nothing in the log, all memory accounted for, nothing left isolated, no leak, no drift."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .. import console, trend
from ..blocks import Memory
from ..machine import Machine
from ..ui import Failure
from . import kcsan
from .quiet import Remains

PAGE = 4096
AUDIT = "/sys/kernel/debug/memory_hotplug/audit"
KMEMLEAK = "/sys/kernel/debug/kmemleak"
# What a trend may be at most, in bytes from one quiet point to the next, of which each has hundreds of operations.
LIMITS = {"Unused": 128 << 10, "Slab": 64 << 10, "SUnreclaim": 64 << 10, "PageTables": 8 << 10, "Percpu": 8 << 10,
          "KernelStack": 32 << 10, "VmallocUsed": 16 << 10}
SETTLED = 2             # quiet points until caches have the size that they like
_EXPECTED = (re.compile("page allocation failure"),)


class Wrong(Failure):
    """Something does not hold."""


@dataclass(frozen=True)
class State:
    """What is compared with what it was at the start."""

    total: int          # MemTotal, bytes, and what boot took for memmaps: huge pages may give that back for good
    managed: int        # of all zones, in bytes, the same added
    present: int
    corrupted: int
    memmap: int         # pages of memmaps
    direct: int         # bytes of the direct map


def take(machine: Machine) -> State:
    meminfo, zones, vmstat = machine.meminfo(), machine.zones(), machine.vmstat()
    boot = vmstat.get("nr_memmap_boot_pages", 0)
    return State(meminfo["MemTotal"] + boot * PAGE, (sum(z.managed for z in zones) + boot) * PAGE,
                 sum(z.present for z in zones) * PAGE, meminfo["HardwareCorrupted"], vmstat.get("nr_memmap_pages", 0) + boot,
                 sum(size for name, size in meminfo.items() if name.startswith("DirectMap")))


def account(now: State, start: State, remains: Remains) -> list[str]:
    """What of @now is not explained by @start and what @remains."""
    wrong = []
    if now.total != now.managed:
        wrong.append(f"MemTotal is {now.total}, zones manage {now.managed}")
    for name, low, high in (("total", remains.least, remains.most), ("present", remains.present, remains.present)):
        more = getattr(now, name) - getattr(start, name)
        if not low <= more <= high:
            wrong.append(f"{name} is {more:+d} bytes off, {low} to {high} remain")
    if not remains.blocks:
        for name in ("corrupted", "memmap", "direct"):
            more = getattr(now, name) - getattr(start, name)
            if more:
                wrong.append(f"{name} is {more:+d} off")
    if remains.stuck_movable:
        wrong.append(f"movable blocks do not go: {remains.stuck_movable}")
    return wrong


def settled(memory: Memory, home: Memory) -> list[str]:
    """Blocks that are under way, and blocks of boot that are not online."""
    wrong = [f"memory{b.number} is {b.state}" for b in memory if b.state not in ("online", "offline")]
    known = {b.number: b for b in memory}
    for block in home:
        if block.online and (block.number not in known or not known[block.number].online):
            wrong.append(f"memory{block.number} does not come online")
    return wrong


def isolated(pagetypeinfo: str, vmstats: str) -> list[str]:
    """Pageblocks or pages that somebody isolated and forgot.

    @vmstats are those of the nodes: the sum of all lacks what CPUs hold back of nodes that went, until these come again.
    """
    wrong, names = [], []
    for line in pagetypeinfo.splitlines():
        if line.startswith("Number of blocks type"):
            names = line.removeprefix("Number of blocks type").split()
        elif names and (match := re.match(r"Node +(\d+), zone +(\w+)((?: +\d+)+)", line)):
            counts = dict(zip(names, map(int, match[3].split())))
            if counts.get("Isolate"):
                wrong.append(f"{counts['Isolate']} pageblocks are isolated in zone {match[2]} of node {match[1]}")
    return wrong + [line for line in vmstats.splitlines() if re.match(r"nr_isolated_\w+ -?[1-9]", line)]


def pool(meminfo: dict[str, int]) -> list[str]:
    """Huge pages, or reservations of them, that somebody kept: nobody uses the pool now."""
    return [f"{name} is {count}" for name in ("HugePages_Total", "HugePages_Rsvd", "HugePages_Surp") if (count := meminfo.get(name))]


def audit(text: str) -> list[str]:
    """Lines are "ok NAME" or "BROKEN NAME: what"."""
    return [line for line in text.splitlines() if line.strip() and not line.startswith("ok")]


def complaints(text: str, ours: Iterable[str] = ()) -> tuple[list[str], Counter[str]]:
    """The splats in a part of the log, and the data races that are not ours."""
    rest, others = kcsan.sift(text, ours)
    return console.splats_in(rest, _EXPECTED) + re.findall(r"vmstat_refresh: WARNING: \S+ -\d+", rest), others


def drift(samples: Sequence[dict[str, int]]) -> dict[str, trend.Trend]:
    """The trends of what was sampled at quiet points, where there are enough of these."""
    rest = samples[SETTLED:]
    if len(rest) < 4:
        return {}
    return {name: trend.fit([s[name] for s in rest]) for name in LIMITS if all(name in s for s in rest)}


def excess(trends: dict[str, trend.Trend]) -> list[str]:
    return [f"{name} drifts: {line}" for name, line in trends.items() if line.exceeds(LIMITS[name])]


def sample(machine: Machine) -> dict[str, int]:
    """Counters that must not grow, once caches are emptied. Unused: what is free, and on the lists of CPUs."""
    out = machine.sh("echo 3 > /proc/sys/vm/drop_caches; echo 1 > /proc/sys/vm/stat_refresh; cat /proc/meminfo; echo ---; "
                     "cat /proc/zoneinfo", 60)
    meminfo, zoneinfo = out.split("---\n")
    values = {name: int(number) * 1024 for name, number in re.findall(r"^([\w()]+):\s+(\d+) kB", meminfo, re.M)}
    values["Unused"] = values["MemFree"] + sum(map(int, re.findall(r"^ +count: +(\d+)", zoneinfo, re.M))) * PAGE
    return values


def leaks(machine: Machine) -> str:
    """What kmemleak found since the last time, or nothing."""
    if not machine.run(f"[ -w {KMEMLEAK} ] && echo scan > {KMEMLEAK}", 600).ok:
        return ""
    time.sleep(5)           # what is young is not reported: it may stand in a register
    machine.run(f"echo scan > {KMEMLEAK}", 600)
    found = machine.run(f"cat {KMEMLEAK}; echo clear > {KMEMLEAK}", 120).out
    return found if "unreferenced object" in found else ""


def look(machine: Machine, start: State, home: Memory, remains: Remains) -> list[str]:
    """All that is wrong with the state of a guest at a quiet point."""
    for attempt in range(4):        # what was under way may need a moment
        wrong = account(take(machine), start, remains) + settled(machine.memory(use=False), home) + pool(machine.meminfo())
        machine.write("/proc/sys/vm/stat_refresh", 1)
        wrong += isolated(machine.read("/proc/pagetypeinfo"), machine.sh("cat /sys/devices/system/node/node*/vmstat"))
        if not wrong:
            break
        time.sleep(attempt + 0.5)
    result = machine.run(f"[ ! -e {AUDIT} ] || cat {AUDIT}", 120)
    if not result.ok:
        wrong.append(f"audit: {result.out}")
    return wrong + [f"audit: {line}" for line in audit(result.out)]
