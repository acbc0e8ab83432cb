# SPDX-License-Identifier: GPL-2.0-only
"""What moves, merges, splits and wants pages: compaction, reclaim to a swap device, KSM, the hugetlb pool, CMA, CPUs that go."""

from __future__ import annotations

import random
from collections.abc import Callable

from ..channel import Job
from ..machine import Machine
from .source import OK, REFUSALS, Source, code_of

_VM = "/proc/sys/vm"
_SECONDS = 120
_TRIES = 5


class Compaction(Source):
    """Compacts all of memory or a node, and empties what caches there are."""

    name = "compaction"
    rest = (0.5, 3.0)
    expected = frozenset(("ENOENT",))       # of a node that went
    _files = ((f"{_VM}/compact_memory", "1"), ("/sys/devices/system/node/node1/compact", "1"), (f"{_VM}/drop_caches", "3"),
              (f"{_VM}/drop_caches", "1"), (f"{_VM}/stat_refresh", "1"), ("/sys/kernel/slab/kmalloc-64/shrink", "1"))

    def choose(self, rng: random.Random) -> tuple[str, Callable[[Machine], str]]:
        path, value = rng.choice(self._files)
        return f"{value} > {path}", lambda machine: self.write(machine, path, value)


class Swap(Source):
    """Has pages written to compressed memory, by asking for it and by taking what is free."""

    name = "swap"
    rest = (0.5, 4.0)
    expected = frozenset(("EAGAIN", "refused", "signal 9"))     # not so much to be had; the OOM killer, or haste
    _job: Job | None = None

    def prepare(self, machine: Machine) -> bool:
        return machine.swap_on()

    def choose(self, rng: random.Random) -> tuple[str, Callable[[Machine], str]]:
        size, take = rng.randrange(2, 24), rng.random() < 0.4
        node = rng.choice((0, 1))
        if take:
            text = f"a file of {8 * size} MiB in memory, node {node} first"
            return text, lambda machine: self._take(machine, 8 * size, node)
        return f"reclaim {size} MiB", lambda machine: self.write(machine, "/sys/fs/cgroup/memory.reclaim", f"{size}M")

    def _take(self, machine: Machine, size: int, node: int) -> str:
        self._job = machine.start(f"exec numactl --preferred={node} dd if=/dev/zero of=/dev/shm/pressure bs=1M count={size} 2>&1")
        result = self._job.wait(_SECONDS)
        machine.run("rm -f /dev/shm/pressure", _SECONDS)
        return OK if result.ok else "refused" if result.code < 128 else code_of(result)

    def hurry(self) -> None:
        super().hurry()
        if self._job:
            self._job.kill()

    def put_back(self, machine: Machine) -> None:
        machine.run("rm -f /dev/shm/pressure")


class Ksm(Source):
    """Merges pages that are the same, stops, and takes them apart again."""

    name = "ksm"
    rest = (1.0, 5.0)
    expected = frozenset(("ENOMEM", "EINTR"))
    _folder = "/sys/kernel/mm/ksm"

    def prepare(self, machine: Machine) -> bool:
        return machine.run(f"echo 1000 > {self._folder}/pages_to_scan && echo 20 > {self._folder}/sleep_millisecs").ok

    def choose(self, rng: random.Random) -> tuple[str, Callable[[Machine], str]]:
        value = rng.choices(("0", "1", "2"), (2, 4, 2))[0]
        return f"{value} > ksm/run", lambda machine: self.write(machine, f"{self._folder}/run", value)

    def put_back(self, machine: Machine) -> None:
        machine.write(f"{self._folder}/run", 0)


class HugePool(Source):
    """Grows and shrinks the pools of huge pages."""

    name = "hugetlb"
    rest = (0.5, 4.0)
    expected = frozenset(("ENOENT", "ENOMEM"))
    _global = f"{_VM}/nr_hugepages"
    _node = "/sys/devices/system/node/node{}/hugepages/hugepages-2048kB/nr_hugepages"

    def choose(self, rng: random.Random) -> tuple[str, Callable[[Machine], str]]:
        path = rng.choice((self._global, f"{_VM}/nr_overcommit_hugepages", self._node.format(0), self._node.format(1),
                           self._node.format(1)))
        value = rng.choice((0, rng.randrange(48)))
        return f"{value} > {path}", lambda machine: self.write(machine, path, value)

    def put_back(self, machine: Machine) -> None:
        """A page that is freed while the pool shrinks stays, as surplus: the pool takes it in, to be able to let it go."""
        machine.write(f"{_VM}/nr_overcommit_hugepages", 0)
        machine.write(self._global, 0)
        for _ in range(_TRIES):
            if not (left := machine.meminfo()["HugePages_Total"]):
                break
            machine.write(self._global, left)
            machine.write(self._global, 0)


class Cma(Source):
    """Takes contiguous pages out of the area for them, and gives them back."""

    name = "cma"
    rest = (0.2, 2.0)
    expected = frozenset(("ENOMEM", "EBUSY"))
    _pages = 8192
    _folder = ""

    def prepare(self, machine: Machine) -> bool:
        found = machine.run("ls -d /sys/kernel/debug/cma/*").out.split()
        self._folder = found[0] if found else ""
        return bool(found)

    def choose(self, rng: random.Random) -> tuple[str, Callable[[Machine], str]]:
        file = rng.choices(("alloc", "free"), (5, 4))[0]
        pages = rng.choice((rng.randrange(1, 64), rng.randrange(256, 2048)))
        return f"{pages} > cma/{file}", lambda machine: self.write(machine, f"{self._folder}/{file}", pages)

    def put_back(self, machine: Machine) -> None:
        machine.write(f"{self._folder}/free", self._pages)


class Cpus(Source):
    """Takes CPUs offline and online."""

    name = "cpu"
    rest = (0.5, 4.0)
    expected = REFUSALS
    _file = "/sys/devices/system/cpu/cpu1/online"

    def prepare(self, machine: Machine) -> bool:
        return machine.run(f"[ -e {self._file} ]").ok

    def choose(self, rng: random.Random) -> tuple[str, Callable[[Machine], str]]:
        value = rng.choices((0, 1), (1, 2))[0]
        return f"{value} > cpu1/online", lambda machine: self.write(machine, self._file, value)

    def put_back(self, machine: Machine) -> None:
        self.write(machine, self._file, 1)
