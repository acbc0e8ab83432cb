# SPDX-License-Identifier: GPL-2.0-only
"""The architectures that kernels are built for, and the two that guests run on.

Used by build, configure and matrix (how to compile), image and machine (how to boot).
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass

HOST = "x86_64"


@dataclass(frozen=True)
class Arch:
    """What kbuild is told."""

    kbuild: str         # ARCH
    cross: str = ""     # prefix of the compiler's name, empty for the host's own

    def words(self) -> list[str]:
        """What make is told, with the compiler's results cached where ccache is there."""
        words = [] if self.kbuild == HOST else [f"ARCH={self.kbuild}"]
        if self.cross:
            words.append(f"CROSS_COMPILE={self.cross}")
        return [*words, f"CC=ccache {self.cross}gcc"] if shutil.which("ccache") else words


@dataclass(frozen=True)
class Board:
    """The machine that QEMU makes for a guest of an architecture."""

    qemu: str           # the program
    machine: str
    cpu: str            # under QEMU's own emulation
    console: str        # the serial port, as the guest calls it
    image: str          # the kernel, below its build folder
    emulated: tuple[str, ...] = ()      # for the kernel's command line under emulation


ARCHES = {
    HOST: Arch("x86_64"),
    "i386": Arch("i386"),
    "arm64": Arch("arm64", "aarch64-linux-gnu-"),
    "powerpc64le": Arch("powerpc", "powerpc64le-linux-gnu-"),
    "s390x": Arch("s390", "s390x-linux-gnu-"),
    "riscv64": Arch("riscv", "riscv64-linux-gnu-"),
}

BOARDS = {
    # String instructions are emulated byte by byte, and the check of the timer panics where the host is busy. Beside an
    # HPET the kernel checks the local timer too, finds it wanting on a busy host, and takes half as long again from then on.
    HOST: Board("qemu-system-x86_64", "q35,hpet=off,sata=off,usb=off,smbus=off,vmport=off,i8042=off",
                "max,la57=off,erms=off,fsrm=off", "ttyS0", "arch/x86/boot/bzImage", ("tsc=reliable", "no_timer_check", "clearcpuid=rep_good")),
    "arm64": Board("qemu-system-aarch64", "virt", "cortex-a72", "ttyAMA0", "arch/arm64/boot/Image"),
}
