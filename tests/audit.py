# SPDX-License-Identifier: GPL-2.0-only
"""What memory hotplug keeps count of, and whether it is true: the kernel's audit, and a snapshot to compare with."""

from __future__ import annotations

import difflib
import re

from harness import ui
from harness.machine import Machine

FOLDER = "/sys/kernel/debug/memory_hotplug"

_FIRMWARE = "/sys/firmware/memmap"
# All that an operation could leave behind: what user space sees, and the state that the kernel writes down for us. In few
# programs: on a kernel with all checks to start one takes longest. Entries of the firmware's map get new numbers.
_LOOK = f"""
cd /sys/devices/system
grep '' /proc/iomem memory/memory*/state memory/memory*/valid_zones node/online node/has_memory node/has_normal_memory \\
    /sys/kernel/debug/memblock/memory 2>/dev/null
printf '%s\\n' memory/memory*/node* node/node*/memory*
grep -E '^Node|spanned|present|managed|start_pfn|nr_memmap' /proc/zoneinfo /proc/vmstat
cat {FOLDER}/state 2>/dev/null
echo {_FIRMWARE}
grep '' {_FIRMWARE}/*/start {_FIRMWARE}/*/end
"""


def broken(machine: Machine) -> list[str]:
    """What the audit found, a line each; nothing on a kernel without it."""
    result = machine.run(f"cat {FOLDER}/audit", timeout=60)
    lines = result.out.splitlines()
    if not result.ok and not machine.run(f"[ -e {FOLDER}/audit ]").ok:
        return []
    assert result.ok and lines, "the audit says nothing"
    return [line for line in lines if not line.startswith("ok ")]


def verify(machine: Machine) -> None:
    """Fails when the audit finds something."""
    if found := broken(machine):
        raise ui.Failure("the audit found: " + found[0], machine.log_path, "\n".join(found))


def look(machine: Machine) -> str:
    """A snapshot of the state; the same as long as nothing has changed."""
    seen, _, firmware = machine.run(_LOOK, timeout=60).out.partition(f"{_FIRMWARE}\n")
    return seen + "\n".join(sorted(re.sub(r"/\d+/", "/", line) for line in firmware.splitlines()))


def difference(before: str, after: str) -> str:
    """What is not the same in two snapshots; empty: nothing."""
    return "\n".join(line for line in difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
                     if not line.startswith(("---", "+++", "@@")))
