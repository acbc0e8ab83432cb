# SPDX-License-Identifier: GPL-2.0-only
"""Data races that KCSAN reports: which of them are in files of ours. Reports name functions; object files say whose these are."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

_OURS = ("mm/hotplug/*.o", "mm/isolation/*.o", "mm/sparsemem/*.o", "mm/zone_movable*.o", "drivers/base/memory.o",
         "drivers/acpi/acpi_memhotplug.o", "arch/x86/mm/hotplug.o")
_RULE = r"={30,}"
_REPORT = re.compile(rf"^[^\n]*{_RULE}\n[^\n]*BUG: KCSAN: ([^\n]*)\n.*?(?:^[^\n]*{_RULE}$\n?|\Z)", re.M | re.S)


def functions(folder: Path) -> frozenset[str]:
    """The functions that our files have in the kernel that was built in @folder."""
    objects = [str(path) for pattern in _OURS for path in folder.glob(pattern)]
    listing = subprocess.run(["nm", *objects], capture_output=True, text=True, check=True).stdout if objects else ""
    return frozenset(re.findall(r"^[0-9a-f]+ [tT] ([\w.]+)$", listing, re.M))


def _named(title: str) -> set[str]:
    """data-race in A / B, or in A."""
    return {word.split("+")[0] for word in re.findall(r"[\w.]+(?:\+0x\w+)?", title.partition(" in ")[2])}


def sift(text: str, ours: Iterable[str]) -> tuple[str, Counter[str]]:
    """The log without the races that are none of @ours, and these counted by their titles."""
    mine, others = set(ours), Counter[str]()

    def judge(match: re.Match[str]) -> str:
        if _named(match.group(1)) & mine:
            return match.group(0)
        others[match.group(1).strip()] += 1
        return ""

    return _REPORT.sub(judge, text), others
