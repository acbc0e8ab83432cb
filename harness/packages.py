# SPDX-License-Identifier: GPL-2.0-only
"""Installs the Debian packages that are missing."""

from __future__ import annotations

import os
import shutil
import subprocess

from . import paths, ui

TREE = ["xz-utils", "coccinelle", "git", "rsync"]
KERNEL = ["build-essential", "flex", "bison", "bc", "libelf-dev", "libssl-dev", "ccache", "kmod", "lz4"]
GUEST = ["qemu-system-x86", "busybox-static", "cpio", "util-linux", "stress-ng", "numactl", "daxctl", "ndctl",
         "kexec-tools", "makedumpfile", "udev"]
TEST = ["python3", "python3-pytest", "python3-pytest-xdist"]
CHECK = ["sparse", "perl"]
BENCH = ["python3-matplotlib"]
FUZZ = ["build-essential", "clang", "libclang-rt-14-dev"]
CROSS = {"arm64": ["gcc-aarch64-linux-gnu"], "powerpc64le": ["gcc-powerpc64le-linux-gnu"],
         "s390x": ["gcc-s390x-linux-gnu"], "riscv64": ["gcc-riscv64-linux-gnu"]}      # compilers, by architecture
ARM64_GUEST = [*CROSS["arm64"], "libc6-dev-arm64-cross", "qemu-system-arm"]
ALL = TREE + KERNEL + GUEST + TEST + CHECK


def missing(names: list[str]) -> list[str]:
    """Those of @names that dpkg does not have installed."""
    query = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *names],
                           capture_output=True, text=True, check=False)
    there = {line.split()[0] for line in query.stdout.splitlines() if line.endswith(" installed")}
    return [name for name in names if name not in there]


def _apt(*words: str) -> None:
    argv = ["apt-get", "-q", "-y", *words]
    if os.geteuid() != 0:
        if shutil.which("sudo") is None:
            raise ui.Failure("not root and no sudo: install by hand: " + " ".join(words[1:]))
        argv = ["sudo", "env", "DEBIAN_FRONTEND=noninteractive", *argv]
    ui.run(argv, what="apt-get " + words[0], log=paths.LOGS / "apt.log", append=True,
           env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def install(specs: list[str]) -> None:
    """Installs @specs (name or name=version), refreshing apt's lists only when that is needed."""
    words = ["install", "--no-install-recommends", *specs]
    try:
        _apt(*words)
    except ui.Failure:
        _apt("update")
        _apt(*words)


def ensure(names: list[str]) -> None:
    absent = missing(names)
    if not absent:
        return
    if shutil.which("apt-get") is None:
        raise ui.Failure("missing, and this is no Debian: " + " ".join(absent))
    with ui.step("Install " + " ".join(absent)):
        install(absent)
