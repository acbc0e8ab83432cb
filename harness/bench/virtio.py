# SPDX-License-Identifier: GPL-2.0-only
"""Grows a virtio-mem device and shrinks it again: what is executed on its behalf outside of its driver."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ..machine import VirtioMem
from .guest import BLOCK, NODE, Guest
from .profile import Profile
from .sample import Sample

SIZE = 16 << 30
_DRIVER = "virtio_mem_"
# Of the kernel's functions that the driver calls: window -> (the driver's function that calls it, the function).
_CALLS = {
    "add": ("virtio_mem_add_memory", "add_memory_driver_managed"),
    "contiguous": ("virtio_mem_fake_offline", "alloc_contig_range_noprof"),
    "remove": ("virtio_mem_offline_and_remove_memory", "offline_and_remove_memory"),
}


def together(samples: Iterable[Sample]) -> Sample:
    """All of it as one, without the driver's own functions, which are called back; takes as long as it executes."""
    spent: Counter[str] = Counter()
    entered: Counter[str] = Counter()
    for sample in samples:
        spent.update(sample.profile)
        entered.update(sample.entered)
    return Sample(sum(_ours(spent).values()), _ours(spent), _ours(entered))


def _ours(profile: Counter[str]) -> Profile:
    return {name: count for name, count in profile.most_common() if not name.startswith(_DRIVER)}


def resize(kernel: str) -> dict[str, Sample]:
    """By a memory block at a time, as the driver does where the device's own blocks are small."""
    device = VirtioMem("vm0", SIZE, node=NODE)
    with Guest(kernel, calls=_CALLS, virtio_mem=(device,)) as guest:
        found = {}
        for name, size, last in (("grow", SIZE, "add"), ("shrink", 0, "remove")):
            guest.machine.resize(device.id, size)
            found[name] = together(guest.windows(last, SIZE // BLOCK))
            guest.machine.wait_resized(device.id)
        return {f"virtio-mem {name}": sample for name, sample in found.items()}
