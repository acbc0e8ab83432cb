# SPDX-License-Identifier: GPL-2.0-only
"""A test's handle on memory_notifier_test, the module that hears and refuses memory's events.

What its files are: the head of mm/hotplug/memory_notifier_test.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.machine import Job, Machine

MODULE = "memory_notifier_test"
FILES = f"/sys/kernel/debug/{MODULE}"
NO_NODE = -1

_LINE = re.compile(
    r"^(?P<seq>\d+) (?P<callback>\w+) (?P<event>MEM_\w+) pid=(?P<pid>\d+) pfn=(?P<pfn>0x[0-9a-f]+|0) nr=(?P<nr>\d+) "
    r"altmap=(?P<altmap>0x[0-9a-f]+|0) altmap_nr=(?P<altmap_nr>\d+) nid_normal=(?P<nid_normal>-?\d+) "
    r"nid=(?P<nid>-?\d+) answer=(?P<answer>-?\d+)$", re.M)


@dataclass(frozen=True)
class Call:
    """One call of one callback: event without its MEM_, answer 0 or minus an errno, the rest struct memory_notify."""

    seq: int
    callback: str
    event: str
    pid: int
    pfn: int
    nr: int
    altmap: int
    altmap_nr: int
    nid_normal: int
    nid: int
    answer: int


def parse(text: str) -> list[Call]:
    return [Call(int(m["seq"]), m["callback"], m["event"].removeprefix("MEM_"), int(m["pid"]), int(m["pfn"], 16),
                 int(m["nr"]), int(m["altmap"], 16), int(m["altmap_nr"]), int(m["nid_normal"]), int(m["nid"]),
                 int(m["answer"])) for m in _LINE.finditer(text)]


class Notifiers:
    """The loaded module."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        machine.sh(f"modprobe {MODULE}")
        lines = machine.read(f"{FILES}/callbacks").splitlines()
        self.priorities = {name: int(number) for name, number in (line.split() for line in lines)}
        self.callbacks = list(self.priorities)

    def unload(self) -> None:
        self.machine.sh(f"modprobe -r {MODULE}")

    def forget(self) -> None:
        """Empties the record and drops all vetoes."""
        self.machine.sh(f"echo > {FILES}/events && echo off > {FILES}/vetoes")

    def calls(self) -> list[Call]:
        return parse(self.machine.read(f"{FILES}/events"))

    def veto(self, callback: str, event: str, nth: int | str, error: int) -> None:
        """That callback refuses the nth ("nth+": and later) such event that it hears from now on."""
        wish = f"{callback} MEM_{event} {nth} {error}"
        assert self.machine.write(f"{FILES}/vetoes", wish) == 0, wish

    def crash(self, event: str) -> None:
        """Has the machine crash at the next such event."""
        assert self.machine.write(f"{FILES}/crash", f"MEM_{event}") == 0

    def add(self, start: int, size: int, node: int, how: str = "") -> int:
        """add_memory() of a range; "memmap": with its memmap in its own blocks. The errno."""
        return self.machine.write(f"{FILES}/add", f"{start:#x} {size:#x} {node} {how}".rstrip())

    def withdraw(self, start: int, size: int, worker: bool = False) -> Job:
        """offline_and_remove_memory() of a range, by a kernel thread if so wished; the job's exit code is the errno."""
        return self.machine.start_write(f"{FILES}/withdraw", f"{start:#x} {size:#x}" + " worker" * worker)


def heard_by(calls: list[Call], callback: str) -> Iterator[Call]:
    return (call for call in calls if call.callback == callback)


def story(calls: list[Call], callback: str) -> list[tuple[str, int]]:
    """What a callback heard: event and first pfn, in order."""
    return [(call.event, call.pfn) for call in heard_by(calls, callback)]
