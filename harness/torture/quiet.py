# SPDX-License-Identifier: GPL-2.0-only
"""Puts everything back: no device has memory, the blocks of boot are online. What cannot go, remains, with the reason."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..blocks import Block, Memory
from ..machine import MEMORY, Machine
from . import devices, layout
from .layout import BLOCK
from .source import SKIPPED, Source

_TRIES = 3
_SECONDS = 30
_OWN_MEMMAP = 2 << 20   # that a block may have in itself


@dataclass
class Remains:
    """What is still there of devices: blocks; in bytes, what zones have of them, and what of it counts as memory, from least to most."""

    blocks: list[Block] = field(default_factory=list)
    present: int = 0
    least: int = 0
    most: int = 0

    @property
    def stuck_movable(self) -> list[int]:
        """Blocks that nothing should have kept: in devices none of which is in another zone, where the kernel takes pages."""
        kept = {layout.owner(b.number) for b in self.blocks if b.online and b.zone != "Movable"}
        return [b.number for b in self.blocks if b.zone == "Movable" and layout.owner(b.number) not in kept]


def _rights(machine: Machine) -> None:
    """What sources of policy may have set otherwise."""
    machine.run(f"echo 3 > /proc/sys/vm/drop_caches; echo online_movable > {MEMORY}/auto_online_blocks; "
                "echo contig-zones > /sys/module/memory_hotplug/parameters/online_policy; "
                "cd /proc/sys/vm; echo 10 > watermark_scale_factor; echo 8192 > min_free_kbytes; echo 0 > percpu_pagelist_high_fraction; "
                "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled", 60)


def _shrink(machine: Machine) -> None:
    """Has virtio-mem give all back; a block that somebody took offline has to be online for that, if a part of it is plugged."""
    for device in layout.RESIZABLE:
        machine.resize(device.id, 0)
    deadline = time.monotonic() + _SECONDS * machine.pace
    while devices.sizes(machine) and time.monotonic() < deadline:
        time.sleep(0.2)
        for device in layout.RESIZABLE:
            for block in machine.memory(use=False).of(device.addr, device.size):
                if not block.online:
                    machine.write(f"{MEMORY}/memory{block.number}/state", "online_movable")


def _eject(machine: Machine) -> None:
    for _ in range(_TRIES):
        outcomes = {devices.eject(machine, slot) for slot in layout.SLOTS}
        if outcomes <= {devices.OK, SKIPPED}:
            return
        machine.run("echo 3 > /proc/sys/vm/drop_caches", 60)


def _boot_online(machine: Machine, home: Memory) -> None:
    """The blocks of boot, each in the zone that it was in."""
    for block in machine.memory(use=False):
        if block.number in (b.number for b in home) and block.state == "offline":
            how = "online_movable" if home.block(block.number).zone == "Movable" else "online_kernel"
            machine.write(f"{MEMORY}/memory{block.number}/state", how)


def _look(machine: Machine, home: Memory) -> Remains:
    remains = Remains()
    known = {b.number for b in home}
    virtual = {number for device in layout.RESIZABLE for number in device.blocks()}
    for block in machine.memory(use=False):
        if block.number in known:
            continue
        remains.blocks.append(block)
        remains.present += BLOCK * block.online
        if block.online and block.number not in virtual:
            remains.least += BLOCK - _OWN_MEMMAP
            remains.most += BLOCK
    plugged = devices.sizes(machine)
    if any(b.online for b in remains.blocks if b.number in virtual):
        remains.most += plugged
    return remains


def put_back(machine: Machine, sources: Sequence[Source], home: Memory) -> Remains:
    """Undoes what sources did, then what memory came and went; @home is what there was at boot."""
    _rights(machine)
    for source in sources:
        source.put_back(machine)
    _boot_online(machine, home)     # there has to be room for what moves
    _shrink(machine)
    _eject(machine)
    for block in machine.memory(use=False):     # what drivers left behind
        if block.number in layout.DAX_BLOCKS and block.online:
            machine.run(f"timeout 20 put {MEMORY}/memory{block.number}/state offline", _SECONDS)
    _boot_online(machine, home)
    return _look(machine, home)
