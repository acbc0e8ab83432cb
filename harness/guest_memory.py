# SPDX-License-Identifier: GPL-2.0-only
"""Memory as the guest sees it: blocks, zones, counters, and memory that is held.

Part of machine.Machine.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from . import blocks, procfs
from .devices import Size, to_bytes
from .guest_commands import Guest
from .holder import Holder

MEMORY = "/sys/devices/system/memory"


class GuestMemory(Guest):
    """Reads and changes the memory of a guest from the inside."""

    def memory(self, use: bool = True) -> blocks.Memory:
        """All memory blocks; without @use it does not look at how full they are, which is quicker."""
        return blocks.parse(self.sh("blocks" if use else "blocks --states", 60))

    def meminfo(self, node: int | None = None) -> dict[str, int]:
        path = "/proc/meminfo" if node is None else f"/sys/devices/system/node/node{node}/meminfo"
        return procfs.parse_meminfo(self.read(path))

    def vmstat(self) -> dict[str, int]:
        return procfs.parse_vmstat(self.read("/proc/vmstat"))

    def zones(self) -> list[procfs.Zone]:
        return procfs.parse_zoneinfo(self.read("/proc/zoneinfo"))

    def iomem(self) -> list[procfs.Range]:
        return procfs.parse_iomem(self.read("/proc/iomem"))

    def node_state(self, name: str) -> set[int]:
        """The nodes in one of /sys/devices/system/node's lists: possible, online, has_memory ..."""
        return procfs.parse_numbers(self.read(f"/sys/devices/system/node/{name}"))

    def online(self, which: int | blocks.Block | Iterable[int | blocks.Block], how: str = "online") -> None:
        """Onlines blocks one by one: online, online_kernel or online_movable."""
        self._set_state(which, how)

    def offline(self, which: int | blocks.Block | Iterable[int | blocks.Block], timeout: float = 120) -> None:
        self._set_state(which, "offline", timeout)

    def _set_state(self, which: int | blocks.Block | Iterable[int | blocks.Block], state: str,
                   timeout: float = 120) -> None:
        some = [which] if isinstance(which, (int, blocks.Block)) else list(which)
        numbers = [b if isinstance(b, int) else b.number for b in some]
        words = " && ".join(f"put {MEMORY}/memory{n}/state {state}" for n in numbers)
        if words:
            self.run(words, timeout, check=True)

    def swap_on(self, size: Size = "256M") -> bool:
        """Swap in memory, compressed, of so much when it is not; False where that cannot be."""
        return self.run(f"echo {to_bytes(size)} > /sys/block/zram0/disksize && mkswap /dev/zram0 && swapon /dev/zram0", 60).ok

    def hold(self, kind: str, size: Size, node: int | None = None, busy: bool = False, pin: str | None = None,
             prefer: bool = False, fit: bool = False, late: bool = False, path: str | None = None,
             corrupt: int | bool = False, rest: int | None = None, timeout: float = 60) -> Holder:
        """Fills memory of a kind with a checked pattern and keeps it; see harness/guest/memhold.c."""
        words = ["exec", "memhold", "--kind", kind, "--size", str(to_bytes(size))]
        words += ["--node", str(node)] if node is not None else []
        words += [flag for flag, on in (("--busy", busy), ("--prefer", prefer), ("--fit", fit), ("--late", late))
                  if on]
        words += ["--pin", pin] if pin else []
        words += ["--rest", str(rest)] if rest is not None else []
        words += ["--corrupt", str(int(corrupt))] if corrupt else []
        if kind == "file":
            words += ["--path", path or f"/run/hold.{next(self._serial)}"]
        return Holder(self.start(shlex.join(words)), timeout)
