# SPDX-License-Identifier: GPL-2.0-only
"""Which accelerator QEMU is given. KVM may be there, open, and then hang: what one
boot with a deadline showed is remembered until the host boots again.

Beside KVM and QEMU's emulation (tcg) there is icount: emulation whose clock is the number
of instructions run. Nobody waits by the wall's clock in it, and what was measured comes out the same again.
"""

from __future__ import annotations

import ctypes
import functools
import json
import mmap
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

from . import paths

EMULATED = ("tcg", "icount")
KVM_DEADLINE = 20.0  # seconds for a first boot under KVM; a working one needs two
KVM_SIGN = 6.0       # and for the first line on its console
_ARGUMENTS = {
    "kvm": ["-accel", "kvm"],
    "tcg": ["-accel", "tcg,thread=multi"],
    "icount": ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off"],
}
_ICOUNT_KHZ = 1_000_000     # an instruction is a nanosecond
_KVM = Path("/dev/kvm")
_CACHE = paths.CACHE / "accel.json"


def _host() -> str:
    """Names this boot of this host."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def known() -> bool | None:
    """Whether KVM works here; None when nobody tried."""
    if not os.access(_KVM, os.R_OK | os.W_OK):
        return False
    try:
        cached = json.loads(_CACHE.read_text())
    except (OSError, ValueError):
        return None
    return bool(cached["kvm"]) if cached.get("host") == _host() else None


def remember(works: bool) -> None:
    _CACHE.parent.mkdir(parents=True, exist_ok=True)
    partial = _CACHE.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps({"host": _host(), "kvm": works}))
    partial.rename(_CACHE)


def arguments(accel: str) -> list[str]:
    return _ARGUMENTS[accel]


_RDTSC = bytes.fromhex("0f31 48c1e220 4809d0 c3")   # rdtsc; shl $32,%rdx; or %rdx,%rax; ret


def _moment(rdtsc: Callable[[], int]) -> tuple[int, int]:
    """The time and the cycle counter at once: the best of some readings, for others run here, too."""
    best = (1 << 62, 0, 0)
    for _ in range(50):
        before = time.monotonic_ns()
        cycles = rdtsc()
        best = min(best, (time.monotonic_ns() - before, before, cycles))
    return best[1], best[2]


def clock_khz(accel: str) -> int | None:
    """How fast the cycle counter of a guest under emulation is; None where the guest is to find out."""
    return _ICOUNT_KHZ if accel == "icount" else tsc_khz()


@functools.cache
def tsc_khz() -> int | None:
    """How fast this host's cycle counter is, which under QEMU's own emulation is the guest's.

    A guest that is to find out by itself gets it wrong by as much as it was stopped for
    meanwhile, and its clock is several times too fast from then on.
    """
    if platform.machine() != "x86_64":
        return None
    with mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) as code:
        code.write(_RDTSC)
        anchor = ctypes.c_char.from_buffer(code)
        rdtsc = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(anchor))
        first = _moment(rdtsc)
        time.sleep(0.1)
        last = _moment(rdtsc)
        del rdtsc, anchor       # else the mapping could not be closed
    return (last[1] - first[1]) * 1_000_000 // (last[0] - first[0])
