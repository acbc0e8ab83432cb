# SPDX-License-Identifier: GPL-2.0-only
"""Persistent memory of a guest as a dax device, and as memory: an NVDIMM, or what memmap= on the command line sets aside."""

from __future__ import annotations

import json
from typing import Any

from .arch import BOARDS, HOST
from .machine import Machine
from .procfs import Range

BOARD = f"{BOARDS[HOST].machine},nvdimm=on"
NVDIMM = ("-object", "memory-backend-ram,id=mem-nv0,size=384M,reserve=off", "-device", "nvdimm,id=nv0,memdev=mem-nv0,node=1")
MEMMAP = "memmap=384M!1G"
KMEM = "System RAM (kmem)"
DEVICES = "/sys/bus/dax/devices"
DRIVER = "/sys/bus/dax/drivers/device_dax"
ORIGINS = {"nvdimm": "ACPI0012", "memmap": "e820_pmem"}     # what is on the way to the device in sysfs
SIZE = 256 << 20    # what becomes memory of 384 MiB: the first block has the namespace's description in it


def device(machine: Machine, origin: str) -> str:
    """The dax device of one of ORIGINS, made of all of its region the first time."""
    if not (found := _find(machine, origin)):
        namespace = machine.sh(f"cd /sys/bus/nd/devices; for n in namespace*; do readlink $n; done | grep {ORIGINS[origin]}")
        machine.sh(f"ndctl create-namespace -f -m devdax --map=mem -e {namespace.rsplit('/', 1)[1]}", 60)
        found = _find(machine, origin)
    return found


def _find(machine: Machine, origin: str) -> str:
    links = machine.run(f"cd {DEVICES}; for d in *; do readlink $d; done").out
    return next((link.rsplit("/", 1)[1] for link in links.splitlines() if ORIGINS[origin] in link), "")


def state(machine: Machine, name: str) -> dict[str, Any]:
    """What daxctl says of a device: mode, size, target_node, online_memblocks ..."""
    found: dict[str, Any] = json.loads(machine.sh(f"daxctl list -d {name}"))[0]
    return found


def ranges(machine: Machine) -> list[Range]:
    """The memory that dax devices gave, as /proc/iomem has it."""
    return [r for r in machine.iomem() if r.name == KMEM]
