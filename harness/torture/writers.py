# SPDX-License-Identifier: GPL-2.0-only
"""Writes to the blocks' files in sysfs, and to probe: some with a signal while they wait, some with an allocation that fails."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable

from ..machine import MEMORY, Machine
from . import layout
from .source import REFUSALS, Source

_SIGNALS = (signal.SIGUSR1, signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
_WISHES = (("state", "offline"),) * 6 + (("online", "0"),) + (("state", "online_movable"),) * 7
# Where these go, kernel pages may follow, which never leave.
_KERNEL = (("state", "online"),) * 2 + (("online", "1"),) + (("state", "online_kernel"),)
# Any allocation may fail, and is not to fill the log.
_FAULTS = """
[ -e /proc/self/fail-nth ] && cd /sys/kernel/debug || exit 1
for name in failslab fail_page_alloc; do echo 0 > $name/verbose; echo N > $name/ignore-gfp-wait; done
echo N > fail_page_alloc/ignore-gfp-highmem
echo 0 > fail_page_alloc/min-order
"""
_ENDED = frozenset(f"signal {number}" for number in _SIGNALS)


class Writer(Source):
    """Takes blocks offline and online, those of boot among them."""

    name = "writer"
    rest = (0.0, 0.15)
    expected = REFUSALS | _ENDED
    _faults = False

    def prepare(self, machine: Machine) -> bool:
        self._faults = machine.run(_FAULTS).ok
        return True

    def choose(self, rng: random.Random) -> tuple[str, Callable[[Machine], str]]:
        number = rng.choice(self.layout.boot) if rng.random() < 0.15 else rng.choice(self.layout.hot)
        file, value = rng.choice(_WISHES + _KERNEL if number in self.layout.kernel else _WISHES)
        after = rng.uniform(0.0, 1.0) if rng.random() < 0.2 else None
        sent = rng.choice(_SIGNALS)
        nth = rng.randrange(1, 60) if rng.random() < 0.08 else 0
        path, text = f"{MEMORY}/memory{number}/{file}", f"{value} > memory{number}/{file}"
        if after is not None:
            wait = after
            return (f"{text}, {sent.name} after {after * 1000:.0f} ms",
                    lambda machine: self.request(machine, path, value, patience=wait, number=sent))
        if nth:
            return f"{text}, allocation {nth} fails", lambda machine: self.request(machine, path, value, self._fault(nth))
        return text, lambda machine: self.request(machine, path, value)

    def _fault(self, nth: int) -> str:
        return f"-f {nth}" if self._faults else ""


class Probe(Source):
    """Adds memory that boot left alone, and takes it away again."""

    name = "probe"
    rest = (0.5, 3.0)
    expected = REFUSALS | _ENDED
    _withdraw = "/sys/kernel/debug/memory_notifier_test/withdraw"

    def prepare(self, machine: Machine) -> bool:
        return machine.run(f"[ -e {MEMORY}/probe ] && modprobe memory_notifier_test").ok

    def choose(self, rng: random.Random) -> tuple[str, Callable[[Machine], str]]:
        number, add = rng.choice(layout.PROBED), rng.random() < 0.5
        count = rng.randrange(1, 4)
        start = number * layout.BLOCK
        if add:
            return f"probe {start:#x}", lambda machine: self.write(machine, f"{MEMORY}/probe", hex(start))
        size = count * layout.BLOCK
        return f"withdraw {start:#x} {size:#x}", lambda machine: self._take(machine, start, size)

    def _take(self, machine: Machine, start: int, size: int) -> str:
        return self.request(machine, self._withdraw, f"{start:#x} {size:#x}")

    def put_back(self, machine: Machine) -> None:
        for number in layout.PROBED:
            self._take(machine, number * layout.BLOCK, layout.BLOCK)
