# SPDX-License-Identifier: GPL-2.0-only
"""What makes operations fail: a module whose notifiers refuse, and the kernel's own failpoints."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from ..machine import Machine
from .source import OK, Source

_ERRORS = (12, 16)      # ENOMEM, EBUSY: virtio-mem warns of any other


class Vetoes(Source):
    """A random callback refuses a random event now and then."""

    name = "veto"
    rest = (1.0, 4.0)
    _files = "/sys/kernel/debug/memory_notifier_test"
    _callbacks = ("first", "high", "default", "twin", "last")
    _events = ("PREPARE_ONLINE", "GOING_ONLINE", "GOING_OFFLINE", "GOING_OFFLINE")

    def __init__(self, *words: object) -> None:
        super().__init__(*words)    # type: ignore[arg-type]
        self.refused = 0

    def prepare(self, machine: Machine) -> bool:
        return machine.run("modprobe memory_notifier_test").ok

    def choose(self, rng: random.Random) -> tuple[str, Callable[[Machine], str]]:
        callback, event, nth, error = rng.choice(self._callbacks), rng.choice(self._events), rng.randrange(1, 6), rng.choice(_ERRORS)
        wish = f"{callback} MEM_{event} {nth} {error}"
        return wish, lambda machine: self._wish(machine, wish)

    def _wish(self, machine: Machine, wish: str) -> str:
        """One at a time: what the last one came to is counted."""
        self.put_back(machine)
        return self.write(machine, f"{self._files}/vetoes", wish)

    def put_back(self, machine: Machine) -> None:
        text = machine.run(f"cat {self._files}/vetoes; echo off > {self._files}/vetoes").out
        self.refused += sum(map(int, re.findall(r"refused=(\d+)", text)))


class Failpoints(Source):
    """Steps of operations fail, by name."""

    name = "failpoint"
    rest = (1.0, 4.0)
    _folder = "/sys/kernel/debug/memory_hotplug/fail"
    # virtio-mem takes it for granted that the part of its memory that is offline can be removed: none fails there.
    _remove = "remove:*@0x[!2]* remove:*@0x2[!0-2]*"
    _points = (f"[!r]* {_remove}", "online:*", "offline:*", "offline-block:*", "add:*", _remove, "online:join-zone*", "offline:isolate*",
               "offline:commit*", "offline-block:announce*", "offline-block:settle*", "add:map*", "add:blocks*", "add:links*")

    def __init__(self, *words: object) -> None:
        super().__init__(*words)    # type: ignore[arg-type]
        self.hit = 0
        self._times = 0

    def prepare(self, machine: Machine) -> bool:
        return machine.run(f"[ -d {self._folder} ] && echo 0 > {self._folder}/verbose").ok

    def choose(self, rng: random.Random) -> tuple[str, Callable[[Machine], str]]:
        point, error = rng.choice(self._points), rng.choice(_ERRORS)
        probability, times = rng.choice((5, 20, 100)), rng.randrange(1, 4)
        text = f"{point} fails {times} times with {error}, odds {probability}%"
        return text, lambda machine: self._set(machine, point, error, probability, times)

    def _set(self, machine: Machine, point: str, error: int, probability: int, times: int) -> str:
        self.put_back(machine)
        self._times = times
        machine.sh(f"cd {self._folder}; echo {error} > error; echo {probability} > probability; echo '{point}' > point; "
                   f"echo {times} > times")
        return OK

    def put_back(self, machine: Machine) -> None:
        """"times" counts down with each failure."""
        left = machine.sh(f"cd {self._folder}; cat times; echo 0 > probability; echo 0 > times; echo > point").split()[0]
        self.hit += max(0, self._times - int(left))
        self._times = 0
