# SPDX-License-Identifier: GPL-2.0-only
"""Times one memory block by sysfs: on- and offline while idle, and offline with pages in it that have to move."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from dataclasses import replace

from ..machine import MEMORY, Holder
from .guest import BLOCK, NODE, Guest
from .sample import Sample, median

HELD = 96 << 20
PAGE = 4096
KINDS = ("anon", "file", "shared")
_DISK = "/mnt/cache"


def _state(block: int) -> str:
    return f"{MEMORY}/memory{block}/state"


def one(kernel: str) -> dict[str, Sample]:
    """Blocks of a node that has others, straight after each other: the median.

    The first of them waits for readers of the memory hotplug lock, who are slow for as long as somebody may come again.
    """
    with Guest(kernel) as guest:
        guest.plug(8 * BLOCK)
        states = [_state(block.number) for block in guest.machine.memory(use=False).online(NODE)[1:]]
        off = guest.write("offline", *states)
        on = guest.write("online_movable", *states)
    return {"offline": median(off), "online": median(on), "first offline": off[0], "first online": on[0]}


@contextlib.contextmanager
def _held(guest: Guest, kind: str) -> Iterator[Holder]:
    """Memory of a kind on the node; whoever holds it does nothing meanwhile."""
    holder = guest.machine.hold(kind, HELD, NODE, path=f"{_DISK}/held" if kind == "file" else None, timeout=300)
    guest.machine.run("sync", 300)
    holder.job.signal(signal.SIGSTOP)
    yield holder
    holder.job.signal(signal.SIGCONT)
    assert holder.stop(300).ok
    guest.machine.run(f"rm -f {_DISK}/held")


def _disk(guest: Guest) -> None:
    """A file system of its own for the page cache, with what is in it elsewhere."""
    guest.machine.sh("echo 160M > /sys/block/zram0/disksize && mke2fs -b 4096 /dev/zram0 && "
                     f"mkdir -p {_DISK} && mount -t ext2 /dev/zram0 {_DISK}", timeout=300)


def _emptied(guest: Guest, kind: str, state: str) -> Sample:
    """The offline of a block with memory of a kind in it, or with nothing."""
    with contextlib.ExitStack() as stack:
        held = stack.enter_context(_held(guest, kind)).bytes // PAGE if kind in KINDS else 0
        before = guest.machine.vmstat()["pgmigrate_success"]
        sample, = guest.write("offline", state)
        moved = guest.machine.vmstat()["pgmigrate_success"] - before
    guest.write("online_movable", state)
    return replace(sample, notes={"pages": held, "moved": moved})


def pages(kernel: str) -> dict[str, Sample]:
    """The last block of a node, empty and with pages of some kinds. Notes: how many of them there were, and moved."""
    with Guest(kernel) as guest:
        guest.plug(BLOCK)
        block, = guest.machine.memory(use=False).online(NODE)
        _disk(guest)
        return {kind: _emptied(guest, kind, _state(block.number)) for kind in ("warm-up", "empty", *KINDS)}
