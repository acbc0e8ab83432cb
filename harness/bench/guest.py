# SPDX-License-Identifier: GPL-2.0-only
"""A guest whose clock is its instructions: boots it, and times what the kernel does in it.

Used by the scenarios.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType

from .. import configure
from ..machine import Machine, MachineConfig, MachineError
from . import counter, profile, symbols
from .counter import MARK, Record, Window
from .sample import Sample

NODE = 1
BLOCK = 128 << 20
_PATIENCE = 600.0   # seconds
_TRACING = "/sys/kernel/tracing"
_HANDLER = "acpi_hotplug_work_fn"       # the work item that handles what the firmware notified of ...
_HANDLED = "acpi_device_hotplug"        # ... in this function
_DEFERRED = "rcu_core"
_SPAN = re.compile(r"\s(\d+): workqueue_execute_(start|end): .*function (\w+)")
# No random addresses, so that System.map holds.
_APPEND = ("nokaslr", "memhp_default_state=online_movable")
BASE = MachineConfig(board="q35", nodes=("4G", 0), maxmem="80G", cpus=1, accel="icount", append=_APPEND)


def spans(trace: str) -> list[int]:
    """How long each work item in a trace took."""
    found, start = [], None
    for at, edge, _ in _SPAN.findall(trace):
        if edge == "start":
            start = int(at)
        elif start is not None:
            found.append(int(at) - start)
            start = None
    return found


class Guest:
    """One guest of a kernel under measurement; a context manager.

    Measures the handling of the firmware's notifications and, by windows of these names, @calls: caller, function called.
    """

    def __init__(self, kernel: str, calls: Mapping[str, tuple[str, str]] | None = None, **overrides: object) -> None:
        folder = configure.out(kernel)
        self.kernel = kernel
        self.symbols = symbols.load(folder)
        config = replace(BASE, kernel=kernel, **overrides)  # type: ignore[arg-type]
        windows = [Window(name, self.symbols.address(callee), symbols.return_of(folder, caller, callee))
                   for name, (caller, callee) in {"acpi": (_HANDLER, _HANDLED), **(calls or {})}.items()]
        # What RCU was given to free, by this or an earlier operation, comes when a grace period happens to end.
        windows.append(Window("deferred", self.symbols.address(_DEFERRED), symbols.end_of(folder, _DEFERRED), aside=True))
        self.machine = Machine(config)
        out = self.machine.folder / "count"
        self.machine.config = replace(config, qemu=(*config.qemu, *counter.arguments(out, windows)))
        self._reader = counter.Reader(out)

    def __enter__(self) -> Guest:
        self.machine.boot()
        self.machine.run(f"cd {_TRACING} && echo x86-tsc > trace_clock && "
                         f"for e in start end; do cd {_TRACING}/events/workqueue/workqueue_execute_$e && "
                         f"echo 'function == {self.symbols.address(_HANDLER):#x}' > filter && echo 1 > enable; done", check=True)
        self._reader.new()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.machine.kill()

    def _records(self, name: str, count: int = 1) -> list[Record]:
        """The records of a window since the last look, of which there must be that many."""
        deadline = time.monotonic() + _PATIENCE
        found: list[Record] = []
        while len(found) < count:
            if time.monotonic() > deadline:
                raise MachineError(f"the window {name} closed {len(found)} times of {count}", self.machine.log_path)
            time.sleep(0.01)
            found += [record for record in self._reader.new() if record.name == name]
        if len(found) > count:
            raise MachineError(f"the window {name} closed {len(found)} times, not {count}", self.machine.log_path)
        return found

    def windows(self, last: str, count: int) -> list[Sample]:
        """The samples, without times, of all windows that closed until the one by the name @last closed @count times."""
        deadline = time.monotonic() + _PATIENCE
        found: list[Record] = []
        while sum(record.name == last for record in found) < count:
            if time.monotonic() > deadline:
                raise MachineError(f"the window {last} did not close {count} times", self.machine.log_path)
            time.sleep(0.01)
            found += self._reader.new()
        return [self._sample(0, record) for record in found]

    def _sample(self, took: int, record: Record) -> Sample:
        return Sample(took, profile.shares(record, self.symbols), profile.calls(record, self.symbols))

    def _handled(self) -> Sample:
        """What the firmware's last notification came to."""
        record, = self._records("acpi")
        trace = self.machine.sh(f"cat {_TRACING}/trace; echo > {_TRACING}/trace")
        took, = spans(trace)
        return self._sample(took, record)

    def plug(self, size: int, name: str = "d0", node: int = NODE) -> Sample:
        """Plugs a DIMM; its blocks go online as the command line says."""
        self._reader.new()
        plugged = self.machine.plug_dimm(size, node, name, timeout=600)
        assert plugged.ost == 0, plugged
        return self._handled()

    def unplug(self, name: str = "d0") -> Sample:
        self._reader.new()
        eject = self.machine.unplug_dimm(name, timeout=600)
        assert eject.gone, eject
        return self._handled()

    def write(self, value: str, *paths: str) -> list[Sample]:
        """One write to each of some files, straight after each other; all must succeed."""
        return self._timed(f"timed {value} {' '.join(paths)}", len(paths))

    def touch(self, pages: int, rounds: int) -> list[Sample]:
        """A program faults in so many pages and gives them back, some rounds."""
        return self._timed(f"touched {pages} {rounds}", rounds)

    def _timed(self, command: str, count: int) -> list[Sample]:
        """What stands between the marks of a program of ours, which opens as many windows."""
        out = self.machine.sh(command, _PATIENCE)
        times = [int(ticks) for ticks in re.findall(r"ticks (\d+)", out)]
        return [self._sample(took, record) for took, record in zip(times, self._records(MARK, count))]
