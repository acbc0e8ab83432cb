# SPDX-License-Identifier: GPL-2.0-only
"""make run: a machine takes a DIMM, uses it under load, and gives it back.

Each stage is a function that acts and then proves what it did; the first thing
that does not hold ends the run with the stage's name. Called by __main__.
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from . import blocks, build, packages, ui
from .channel import Job
from .console import Splat
from .machine import MEMORY, Holder, Machine, MachineConfig, Plug

DIMM = 1 << 30
NODE = 1
PAGE = blocks.PAGE
MIB = 1 << 20
# What the DIMM is filled with, and whether it is rewritten all the time or only verified; all of it moves to node 0.
LOAD = (("anon", 256 * MIB, True), ("thp", 512 * MIB, True), ("shared", 160 * MIB, False))


@dataclass
class Figures:
    """What a stage took and did, for the table at the end."""

    stage: str
    seconds: float
    text: str


@dataclass
class Run:
    """The state that stages hand on."""

    machine: Machine
    figures: list[Figures] = field(default_factory=list)
    mem_total: int = 0
    block_numbers: set[int] = field(default_factory=set)
    plug: Plug | None = None
    holders: list[Holder] = field(default_factory=list)

    @property
    def dimm(self) -> Plug:
        assert self.plug is not None
        return self.plug

    def own_blocks(self) -> list[blocks.Block]:
        return self.machine.memory(use=False).of(self.dimm.addr, self.dimm.size)

    def note(self, stage: str, seconds: float, text: str) -> None:
        self.figures.append(Figures(stage, seconds, text))
        ui.note(f"{text}, {_time(seconds)}")

    def prove(self, holds: bool, what: str) -> None:
        """One thing that has to be true after a stage."""
        if not holds:
            raise ui.Failure(f"not so: {what}", self.machine.log_path, ui.tail(self.machine.log_path, 15))
        ui.note(ui.coloured("✓ ", "green") + ui.coloured(what, "grey"))


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _colour() -> bool:
    return ui.coloured("x", "red") != "x"


def _map(machine: Machine) -> list[str]:
    return ["    " + line for line in blocks.render(machine.memory(), _colour(), {0, NODE}).splitlines()]


def _show_map(run: Run) -> None:
    ui.say()
    ui.say("\n".join(_map(run.machine)))
    ui.say()


def _watch(run: Run, job: Job) -> None:
    """Draws the map over and over while something runs, where there is a terminal to draw on."""
    if not ui.is_tty():
        return
    ui.say()
    drawn = 0
    while True:
        lines = _map(run.machine)
        up = f"\033[{drawn}A" if drawn else ""
        ui.say(up + "\n".join("\033[K" + line for line in lines))
        drawn = len(lines)
        if not job.running:
            break
        time.sleep(0.4)
    ui.say()


def _boot(run: Run) -> None:
    machine = run.machine.boot()
    memory = machine.memory(use=False)
    run.mem_total = machine.meminfo()["MemTotal"]
    run.block_numbers = {b.number for b in memory}
    run.note("boot", machine.boot_seconds, f"Linux {machine.sh('uname -r')} under {machine.accel.upper()}, "
             f"{machine.config.cpus} CPUs, {run.mem_total / MIB:.0f} MiB")
    run.prove(NODE in machine.node_state("possible"), f"node {NODE} is possible")
    run.prove(NODE not in machine.node_state("has_memory"), f"node {NODE} has no memory")
    run.prove(all(b.online for b in memory), f"all {len(memory)} blocks are online")


def _plug(run: Run) -> None:
    machine = run.machine
    start = time.monotonic()
    run.plug = plug = machine.plug_dimm(DIMM, NODE)
    seconds = time.monotonic() - start
    size = machine.memory(use=False).block_size
    run.note("plug", seconds, f"{plug.id}: {DIMM >> 20} MiB at {plug.addr / (1 << 30):g} GiB, {DIMM // size} blocks")
    own = run.own_blocks()
    run.prove(plug.ost == 0, "the guest reported success to the firmware")
    run.prove({b.number for b in own} == set(range(plug.addr // size, (plug.addr + DIMM) // size)),
              f"there are {DIMM // size} new blocks, where the DIMM is")
    run.prove(all(b.state == "offline" and b.node == NODE for b in own), f"all are offline and on node {NODE}")
    run.prove(_ram(run) == DIMM, "/proc/iomem has the DIMM as System RAM")
    run.prove(machine.meminfo()["MemTotal"] == run.mem_total, "MemTotal is as before")


def _ram(run: Run) -> int:
    """Bytes of the DIMM's range that /proc/iomem calls System RAM."""
    first, last = run.dimm.addr, run.dimm.addr + run.dimm.size - 1
    return sum(min(r.end, last) - max(r.start, first) + 1 for r in run.machine.iomem()
               if r.name.startswith("System RAM") and r.start <= last and r.end >= first)


def _set_all(run: Run, state: str) -> Job:
    words = [f"put {MEMORY}/memory{b.number}/state {state}" for b in run.own_blocks()]
    return run.machine.start(" && ".join(words))


def _finish(run: Run, job: Job, seconds: float = 180) -> float:
    """Waits for _set_all()'s end; returns how long it took in the guest."""
    result = job.wait(seconds)
    run.prove(result.ok, f"every write was taken {result.out.strip()}".rstrip())
    return result.seconds


def _managed(run: Run) -> int:
    return sum(z.managed for z in run.machine.zones() if z.node == NODE) * PAGE


def _online(run: Run) -> None:
    machine = run.machine
    seconds = _finish(run, _set_all(run, "online_movable"))
    managed = _managed(run)
    run.note("online", seconds, f"{managed // PAGE} pages to zone Movable of node {NODE}")
    grown = machine.meminfo()["MemTotal"] - run.mem_total
    run.prove(all(b.zone == "Movable" for b in run.own_blocks()), "every block is online in zone Movable")
    run.prove(grown == managed == DIMM, f"MemTotal grew by the managed pages, all {DIMM >> 20} MiB")
    run.prove(machine.meminfo(NODE)["MemTotal"] == DIMM, f"so did node {NODE}'s")
    run.prove(NODE in machine.node_state("has_memory"), f"node {NODE} has memory")


def _fill(run: Run) -> None:
    machine = run.machine
    start = time.monotonic()
    run.holders = [machine.hold(kind, size, node=NODE, busy=busy) for kind, size, busy in LOAD]
    seconds = time.monotonic() - start
    size = sum(h.bytes for h in run.holders)
    run.note("fill", seconds, ", ".join(f"{h.bytes >> 20} MiB {h.kind}" for h in run.holders) )
    own = {b.number for b in run.own_blocks()}
    held = [h.blocks() for h in run.holders]
    inside = sum(pages for where in held for number, pages in where.items() if number in own)
    run.prove(inside * PAGE == size, f"all {inside} pages of it are in the DIMM")
    run.prove(len({n for where in held for n in where}) == len(own), "every block of the DIMM is in use")
    run.prove(all(h.verify().ok for h in run.holders), "the pattern is there, byte for byte")


def _offline(run: Run) -> None:
    machine = run.machine
    before = machine.vmstat()
    job = _set_all(run, "offline")
    _watch(run, job)
    seconds = _finish(run, job)
    after = machine.vmstat()
    moved, failed = (after.get(name, 0) - before.get(name, 0) for name in ("pgmigrate_success", "pgmigrate_fail"))
    size = sum(h.bytes for h in run.holders)
    text = f"{size >> 20} MiB moved to node 0 at {size / MIB / seconds:.0f} MiB/s"
    if "pgmigrate_success" in after:
        text += f", {moved} pages moved, {failed} tries in vain"
        run.prove(moved * PAGE >= size, "every page that was held has moved")
    run.note("offline", seconds, text)
    own = {b.number for b in run.own_blocks()}
    run.prove(all(b.state == "offline" for b in run.own_blocks()), "every block is offline")
    run.prove(not any(n in own for h in run.holders for n in h.blocks()), "nothing of the load is in the DIMM")
    run.prove(all(h.verify().ok for h in run.holders), "the pattern is intact, byte for byte, and the load runs on")
    run.prove(machine.meminfo()["MemTotal"] == run.mem_total, "MemTotal is what it was at boot")
    run.prove(NODE not in machine.node_state("has_memory"), f"node {NODE} has no memory")


def _eject(run: Run) -> None:
    machine = run.machine
    start = time.monotonic()
    eject = machine.unplug_dimm(run.dimm.id)
    seconds = next((e.time for e in eject.events if e.name == "DEVICE_DELETED"), time.monotonic()) - start
    run.note("eject", seconds, "the DIMM is gone")
    run.prove(eject.gone and not eject.error, "QEMU has let go of it")
    run.prove(bool(eject.ost) and eject.ost[-1][1] == 0, "the guest reported success to the firmware")
    run.prove(not machine.dimms(), "QEMU has no memory device")
    run.prove({b.number for b in machine.memory(use=False)} == run.block_numbers, "the blocks are those of the boot")
    run.prove(_ram(run) == 0, "/proc/iomem does not have it")
    run.prove(machine.meminfo()["MemTotal"] == run.mem_total, "MemTotal is what it was at boot")
    run.prove(NODE not in machine.node_state("has_memory") | machine.node_state("online"), f"node {NODE} is gone too")


def _settle(run: Run) -> None:
    checks = [h.stop() for h in run.holders]
    run.prove(all(c.ok for c in checks), f"{sum(c.bytes for c in checks) >> 20} MiB verified once more after the DIMM left, "
              f"{sum(c.passes for c in checks)} passes in all")
    run.machine.mark("end of run")
    splats = run.machine.splats()
    run.prove(not splats, "the kernel's log has no complaint")


STAGES: tuple[tuple[str, Callable[[Run], None], bool], ...] = (
    ("Boot a machine with two nodes, one of them empty", _boot, True),
    (f"Plug a DIMM of {DIMM >> 20} MiB into node {NODE}", _plug, True),
    ("Online it, for movable memory", _online, True),
    ("Fill it with a pattern that is rewritten and checked all the time", _fill, True),
    ("Offline it under that load", _offline, True),
    ("Eject it", _eject, True),
    ("Look at what is left", _settle, False),
)


def _table(run: Run) -> None:
    ui.say()
    for row in run.figures:
        ui.say(f"  {ui.coloured(f'{row.stage:<8}', 'bold')} {_time(row.seconds):>8}   {row.text}")


def _stages(run: Run) -> None:
    for title, stage, with_map in STAGES:
        with ui.step(title):
            try:
                stage(run)
                run.machine.check_log()
            except Splat as splat:
                raise ui.Failure(str(splat), splat.log, splat.detail) from splat
            except ui.Failure as failure:
                failure.log = failure.log or run.machine.log_path
                failure.detail = failure.detail or ui.tail(run.machine.log_path)
                raise
        if with_map and not (stage is _offline and ui.is_tty()):  # the last thing it drew is the map
            _show_map(run)


def main(kernel: str = "plain") -> int:
    """make run."""
    start = time.monotonic()
    packages.ensure(packages.GUEST)
    build.build(kernel)
    run = Run(Machine(MachineConfig(kernel=kernel)))
    try:
        ui.say("    " + ui.coloured(blocks.legend(_colour()), "grey") if not _colour() else "    " + blocks.legend(True))
        _stages(run)
    finally:
        run.machine.kill()
    _table(run)
    ui.say()
    ui.say(ui.coloured("The DIMM came, was used, and went. ", "green", "bold")
           + f"{len(STAGES)} stages verified in {ui.duration(time.monotonic() - start)}; "
           + f"log: {shlex.quote(str(run.machine.log_path))}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
