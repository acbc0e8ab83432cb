# SPDX-License-Identifier: GPL-2.0-only
"""Takes memory away that is in use: how many pages move, and who is kept waiting meanwhile. By the wall's clock, if any."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from .. import dax, ui
from ..machine import Job, Machine, MachineConfig
from .sample import Sample

SIZE = 4 << 30
_APPEND = ("memhp_default_state=online_movable",)
_EVENT = "/sys/kernel/tracing/events/migrate/mm_migrate_pages"
_TRACE = "/sys/kernel/tracing/trace"
_PATIENCE = 1200.0      # seconds
_IDLE = 5.0             # seconds that a bystander is watched for beforehand
_ROUNDS = 3
_DISTURBED = 0.02       # of the time, that is as good as not at all


def in_use(zoneinfo: str, zone: str) -> int:
    """The pages of the only zone by that name which somebody has: neither free nor on a CPU's list of free pages."""
    body, = re.findall(rf"^Node \d+, zone +{zone}\n(.*?)(?=^Node |\Z)", zoneinfo, re.M | re.S)
    managed, free = (int(re.search(rf"{name}\s+(\d+)", body)[1]) for name in (r"\bmanaged", "pages free"))  # type: ignore[index]
    return managed - free - sum(map(int, re.findall(r"^\s+count:\s+(\d+)", body, re.M)))


def moved(trace: str) -> int:
    """The pages that memory hotplug moved, by the trace of migrations."""
    return sum(map(int, re.findall(r"mm_migrate_pages: nr_succeeded=(\d+) .*reason=memory_hotplug", trace)))


def half_full(kernel: str) -> dict[str, Sample]:
    """A DIMM whose blocks are half full leaves a node that else has memory of boot only: pages that move.

    There is room for all of them outside of the DIMM, and for half of them in blocks of it that are still online
    when the first ones are emptied.
    """
    with Machine(MachineConfig(kernel=kernel, nodes=("4G",), append=_APPEND)) as machine:
        machine.plug_dimm(SIZE, 0, "d0", timeout=300)
        machine.start(f"exec fill {SIZE} 2").expect(r"^filled \d+$", 600)
        used = in_use(machine.read("/proc/zoneinfo"), "Movable")
        machine.write(f"{_EVENT}/enable", 1)
        start = time.monotonic_ns()
        assert machine.unplug_dimm("d0", timeout=_PATIENCE).gone
        took = time.monotonic_ns() - start
        return {"half-full": Sample(took, {}, {}, {"used": used, "moved": moved(machine.read(_TRACE))})}


def _longest(job: Job) -> tuple[int, int]:
    """The longest stall since the last time, in nanoseconds, and among how many."""
    seen = len(job.output)
    job.signal(signal.SIGUSR1)
    found = job.expect(r"^longest (\d+) of (\d+)$", _PATIENCE, seen)
    return int(found[1]), int(found[2])


def host_wait(schedstats: Iterable[str]) -> int:
    """How long threads were ready to run and did not, in nanoseconds: /proc/PID/task/*/schedstat."""
    return sum(int(text.split()[1]) for text in schedstats)


def _host_wait(machine: Machine) -> int:
    return host_wait(path.read_text() for path in Path(f"/proc/{machine.pid}/task").glob("*/schedstat"))


def _stalls(kernel: str, watch: Callable[[Machine], str], *append: str) -> Sample:
    """What the bystander, a command that @watch prepares, feels of a full DIMM that is unplugged; idle: of nothing."""
    with Machine(MachineConfig(kernel=kernel, nodes=("7G", 0), append=(*_APPEND, *append))) as machine:
        bystander = machine.start(f"exec stalls {watch(machine)}")
        machine.plug_dimm(SIZE, 1, "d0", timeout=300)
        machine.start(f"exec numactl --preferred=1 fill {SIZE}").expect(r"^filled \d+$", 600)
        _longest(bystander)
        time.sleep(_IDLE)
        idle, _ = _longest(bystander)
        start, waited = time.monotonic_ns(), _host_wait(machine)
        assert machine.unplug_dimm("d0", timeout=_PATIENCE).gone
        longest, count = _longest(bystander)
        took, waited = time.monotonic_ns() - start, _host_wait(machine) - waited
        return Sample(took, {}, {}, {"longest": longest, "of": count, "idle": idle, "disturbed": waited / took})


def _undisturbed(measure: Callable[[], Sample]) -> Sample:
    """The round in which the guest waited least for others on this host; one that hardly waited is enough."""
    rounds: list[Sample] = []
    while not rounds or len(rounds) < _ROUNDS and rounds[-1].notes["disturbed"] > _DISTURBED:
        rounds.append(measure())
    best = min(rounds, key=lambda sample: sample.notes["disturbed"])
    if best.notes["disturbed"] > _DISTURBED:
        ui.warn(f"the host is busy: the guest waited {best.notes['disturbed']:.0%} of the time, and so did who is watched")
    return best


def bystanders(kernel: str) -> dict[str, Sample]:
    """One that allocates and faults, and one that has the memmap of a device's memory made; each alone."""
    def device(machine: Machine) -> str:
        return f"bind {dax.DRIVER} {dax.device(machine, 'memmap')}"

    return {"fault": _undisturbed(lambda: _stalls(kernel, lambda machine: "fault")),
            "memremap": _undisturbed(lambda: _stalls(kernel, device, dax.MEMMAP))}
