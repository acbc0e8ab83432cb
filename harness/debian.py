# SPDX-License-Identifier: GPL-2.0-only
"""Unpacks Debian packages of another architecture below build/cache.

What the host has installed, and its apt's lists, stay as they are. Called by image, for programs that cannot be taken from the host.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from . import paths, ui

_TOP = paths.CACHE / "debian"


def _apt(arch: str) -> list[str | Path]:
    """apt-get with lists and states of its own for @arch; the host's sources.list says from where."""
    top = _TOP / arch
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (top / folder).mkdir(parents=True, exist_ok=True)
    status = top / "state/status"
    status.touch()
    settings = {"APT::Architecture": arch, "APT::Architectures": arch, "APT::Sandbox::User": "root",
                "Dir::State": top / "state", "Dir::State::status": status, "Dir::Cache": top / "cache"}
    return ["apt-get", "-q", *(word for key, value in settings.items() for word in ("-o", f"{key}={value}"))]


def fetch(package: str, arch: str) -> Path:
    """The folder that @package is unpacked in."""
    folder = _TOP / arch / package
    if folder.is_dir():
        return folder
    fresh = folder.with_name(f".{package}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    with ui.step(f"Fetch {package} for {arch}"):
        log = paths.LOGS / f"debian-{arch}.log"
        ui.run([*_apt(arch), "update"], what="apt-get update", log=log)
        ui.run([*_apt(arch), "download", package], what="apt-get download", log=log, cwd=fresh, append=True)
        archive, = fresh.glob("*.deb")
        ui.run(["dpkg-deb", "-x", archive, fresh], what="dpkg-deb", log=log, append=True)
        archive.unlink()
    fresh.rename(folder)
    return folder
