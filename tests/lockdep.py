# SPDX-License-Identifier: GPL-2.0-only
"""Which locks a kernel has seen taken inside of which others, as its /proc/lockdep tells."""

from __future__ import annotations

import re
from collections import defaultdict

from harness.machine import Machine

PATH = "/proc/lockdep"
_CLASS = re.compile(r"^\S+ .*?FD: *\d+ BD: *\d+ \S+: (.+)$")
_INNER = re.compile(r"^ -> \[\S+\] (.+)$")


def lock_of(label: str) -> str:
    """A lock's name: a class's label without what tells classes of one name, or levels of nesting, apart."""
    return re.sub(r"(#\d+)?(/\d+)?$", "", label)


class Graph:
    """Classes by label. inner[label] are those that were taken with it held."""

    def __init__(self, text: str) -> None:
        self.inner: dict[str, list[str]] = defaultdict(list)
        outer = ""
        for line in text.splitlines():
            if found := _INNER.match(line):
                self.inner[outer].append(found[1])
            elif found := _CLASS.match(line):
                outer = found[1]
                self.inner[outer] = []

    def classes(self, lock: str) -> list[str]:
        """The labels of all classes of that lock."""
        return [label for label in self.inner if lock_of(label) == lock]

    def path(self, outer: str, inner: str) -> list[str]:
        """How locks nest from one to another, both included; empty: they never did."""
        todo = self.classes(outer)
        before: dict[str, str] = {}
        for at in todo:
            for label in self.inner.get(at, ()):
                if lock_of(label) == inner:
                    way = [label, at]
                    while way[-1] in before:
                        way.append(before[way[-1]])
                    return way[::-1]
                if label not in before and lock_of(label) != outer:
                    before[label] = at
                    todo.append(label)
        return []


def graph(machine: Machine) -> Graph:
    return Graph(machine.run(f"cat {PATH}", timeout=60, check=True).out)
