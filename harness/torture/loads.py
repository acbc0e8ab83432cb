# SPDX-License-Identifier: GPL-2.0-only
"""Memory that is held and verified while all of it goes on: a few holders, of all kinds, that end and begin anew."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable

from ..channel import CommandFailed
from ..machine import Check, GuestTimeout, Holder, Machine
from ..ui import Failure
from . import layout
from .layout import MIB, NODE
from .source import OK, Source, code_name

_SLOTS = 5
_RESTS = {True: 20, False: 200}   # ms between two pieces of 1 MiB: what a load burns, the others lack
_KINDS = ("anon", "anon", "thp", "thp", "hugetlb", "shared", "memfd", "file", "ksm", "ksm", "locked")
_SIZES = (8, 16, 16, 32, 32, 48)        # MiB; two of a kind and size have the same in each page
_SECONDS = 120


class WrongBytes(Failure):
    """A load did not find in its memory what it had put there."""


class Loads(Source):
    """Ends a holder, which verifies every byte, and starts another one in its place."""

    name = "load"
    rest = (0.5, 3.0)
    # It found no memory; was ended by the OOM killer; by a page that broke (judged by what the log says of it).
    expected = frozenset(("no memory", "out of memory", "page broke"))

    def __init__(self, where: layout.Layout, seed: str, number: int = 0) -> None:
        super().__init__(where, seed, number)
        self.verified = 0       # bytes
        self._held: list[Holder | None] = [None] * _SLOTS
        self._counted: dict[int, int] = {}
        self._serial = 0
        self._lock = threading.Lock()

    def choose(self, rng: random.Random) -> tuple[str, Callable[[Machine], str]]:
        at, kind, size = rng.randrange(_SLOTS), rng.choice(_KINDS), rng.choice(_SIZES)
        there, busy = rng.random() < 0.8, rng.random() < 0.4
        text = f"slot {at}: {size} MiB {kind}" + (f", node {NODE} first" if there else "") + (", busy" if busy else "")
        return text, lambda machine: self._replace(machine, at, kind, size * MIB, NODE if there else None, busy)

    def fill(self, machine: Machine) -> None:
        """One holder in each slot, before it begins."""
        for at, kind in enumerate(("anon", "thp", "hugetlb", "ksm", "ksm")):
            self._replace(machine, at, kind, 16 * MIB, None, at == 0)

    def _replace(self, machine: Machine, at: int, kind: str, size: int, node: int | None, busy: bool) -> str:
        with self._lock:
            ended = self._end(machine, at)
            begun = self._begin(machine, at, kind, size, node, busy)
        return ended if ended != OK else begun

    def _begin(self, machine: Machine, at: int, kind: str, size: int, node: int | None, busy: bool) -> str:
        self._serial += 1
        path = f"/run/torture.{self._serial}" if kind == "file" else None
        try:
            self._held[at] = machine.hold(kind, size, node=node, prefer=node is not None, busy=busy, path=path,
                                          rest=_RESTS[busy], timeout=_SECONDS)
        except CommandFailed as failure:
            if path:
                machine.run(f"rm -f {path}")
            if failure.result.code == 2 and node is not None:       # there is no such node now
                return self._begin(machine, at, kind, size, None, busy)
            return "no memory" if failure.result.code in (2, 128 + 7) else self._fate(machine, failure)
        return OK

    def _end(self, machine: Machine, at: int) -> str:
        holder, self._held[at] = self._held[at], None
        if holder is None:
            return OK
        try:
            self._count(holder, holder.stop(_SECONDS))
        except CommandFailed as failure:
            return self._fate(machine, failure)
        self._counted.pop(holder.job.id, None)
        return OK

    def _count(self, holder: Holder, check: Check) -> None:
        done = check.bytes * check.passes
        self.verified += done - self._counted.get(holder.job.id, 0)
        self._counted[holder.job.id] = done
        if not check.ok:
            raise WrongBytes(f"{check.wrong} wrong words in {check.bytes >> 20} MiB {holder.kind}, the first at {check.bad_addr}",
                             detail=holder.job.output[-2000:])

    def _fate(self, machine: Machine, failure: CommandFailed) -> str:
        """Why a holder ended by itself."""
        code, log = failure.result.code, machine.log()
        if code == 128 + 9 and re.search(r"Killed process \d+ \(memhold\)", log):
            return "out of memory"
        if code == 128 + 7 and re.search(r"memhold:\d+ due to hardware memory corruption", log):
            return "page broke"
        return f"{code_name(code)}: {failure.result.out.splitlines()[-1:]}"

    def put_back(self, machine: Machine) -> None:
        """Ends those in the pool of huge pages: virtio-mem, which allocates what it gives up, finds place for such a page on
        its own node alone, of which it may have the last memory."""
        with self._lock:
            for at, holder in enumerate(self._held):
                if holder and holder.kind == "hugetlb" and not self.expects(fate := self._end(machine, at)):
                    raise Failure(f"a load of huge pages ended by {fate}")

    def verify(self, machine: Machine) -> str:
        """Every holder compares every byte; one that was ended is none, with the reason in the result."""
        with self._lock:
            fates = []
            for at, holder in enumerate(self._held):
                if holder is None:
                    continue
                try:
                    self._count(holder, holder.verify(_SECONDS))
                except CommandFailed as failure:
                    self._held[at] = None
                    fates.append(self._fate(machine, failure))
            return next((fate for fate in fates if not self.expects(fate)), fates[0] if fates else OK)

    def finish(self, machine: Machine) -> str:
        """Verifies and ends them all."""
        with self._lock:
            fates = [self._end(machine, at) for at in range(_SLOTS)]
            return next((fate for fate in fates if not self.expects(fate)), OK)


class Pins(Source):
    """Keeps some pages from moving, for a while."""

    name = "pin"
    rest = (0.5, 4.0)
    expected = frozenset(("no memory", "out of memory"))
    _kinds = ("vmsplice", "vmsplice", "uring")

    def __init__(self, where: layout.Layout, seed: str, number: int = 0) -> None:
        super().__init__(where, seed, number)
        self._go_on = threading.Event()

    def choose(self, rng: random.Random) -> tuple[str, Callable[[Machine], str]]:
        how, seconds, size = rng.choice(self._kinds), rng.uniform(0.2, 3.0), rng.choice((1, 4))
        return f"{size} MiB by {how} for {seconds:.1f} s", lambda machine: self._pin(machine, how, seconds, size * MIB)

    def _pin(self, machine: Machine, how: str, seconds: float, size: int) -> str:
        self._go_on.clear()
        try:
            holder = machine.hold("anon", size, node=NODE, prefer=True, pin=how, timeout=_SECONDS)
        except CommandFailed as failure:
            return "no memory" if failure.result.code == 2 else code_name(failure.result.code)
        self._go_on.wait(seconds)
        try:
            check = holder.stop(_SECONDS)
        except CommandFailed as failure:
            killed = failure.result.code == 128 + 9 and "(memhold)" in machine.log()
            return "out of memory" if killed else code_name(failure.result.code)
        if not check.ok:
            raise WrongBytes(f"{check.wrong} wrong words in pinned memory", detail=holder.job.output[-2000:])
        return OK

    def hurry(self) -> None:
        self._go_on.set()
