# SPDX-License-Identifier: GPL-2.0-only
"""Unpacks the tree that everything here is laid over into build/pristine."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from . import packages, paths, ui

PACKAGE = "linux-source-6.12"
VERSION = "6.12.117-1~deb12u1"
TARBALL = Path("/usr/src") / f"{PACKAGE}.tar.xz"
STAMP = paths.BUILD / ".pristine-version"     # written last: without it the tree is not trusted


def _installed() -> str | None:
    query = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", PACKAGE],
                           capture_output=True, text=True, check=False)
    words = query.stdout.split()
    return words[1] if words[:1] == ["installed"] else None


def _obtain() -> str:
    """Has the package installed, pinned where the registry still serves that, and returns its version."""
    version = _installed()
    if version and TARBALL.exists():
        return version
    try:
        packages.install([f"{PACKAGE}={VERSION}"])
    except ui.Failure:
        ui.warn(f"{PACKAGE} {VERSION} is not served any more: taking the newest 6.12")
        packages.install([PACKAGE])
    version = _installed()
    if not version:
        raise ui.Failure(f"{PACKAGE} did not install")
    return version


def _kernel_version(tree: Path) -> str:
    """VERSION.PATCHLEVEL.SUBLEVEL of a tree's Makefile."""
    fields: dict[str, str] = {}
    for line in (tree / "Makefile").read_text().splitlines()[:10]:
        name, _, value = line.partition("=")
        fields[name.strip()] = value.strip()
    return ".".join(fields[key] for key in ("VERSION", "PATCHLEVEL", "SUBLEVEL"))


def _unpack(version: str) -> None:
    fresh = paths.BUILD / "pristine.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    ui.run(["tar", "-xJf", TARBALL, "--strip-components=1", "-C", fresh], what=f"unpack {TARBALL}",
           log=paths.LOGS / "unpack.log")
    STAMP.unlink(missing_ok=True)
    shutil.rmtree(paths.PRISTINE, ignore_errors=True)
    fresh.rename(paths.PRISTINE)
    STAMP.write_text(version + "\n")


def ensure() -> str:
    """Has build/pristine complete and returns the package version that it is made of."""
    if STAMP.exists() and paths.PRISTINE.is_dir():
        version = STAMP.read_text().strip()
    else:
        with ui.step(f"Unpack {PACKAGE}"):
            version = _obtain()
            _unpack(version)
    if version != VERSION:
        ui.warn(f"the base is {version}, hooks were written for {VERSION}")
    return version


def kernel_version() -> str:
    return _kernel_version(paths.PRISTINE)
