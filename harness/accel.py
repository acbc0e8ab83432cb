# SPDX-License-Identifier: GPL-2.0-only
"""Which accelerator QEMU is given. KVM may be there, open, and then hang: what one
boot with a deadline showed is remembered until the host boots again."""

from __future__ import annotations

import json
import os
from pathlib import Path

from . import paths

KVM_DEADLINE = 20.0  # seconds for a first boot under KVM; a working one needs two
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
    return ["-accel", "kvm"] if accel == "kvm" else ["-accel", "tcg,thread=multi"]
