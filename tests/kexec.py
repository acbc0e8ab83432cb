# SPDX-License-Identifier: GPL-2.0-only
"""Puts the kernel that a guest runs, and its initramfs, where the guest's kexec finds them, and loads them."""

from __future__ import annotations

import shlex

from harness import image
from harness.machine import Machine

KERNEL, INITRD = "/tmp/kernel", "/tmp/initrd"
EXTRA = image.KEXEC      # what such a guest has, and the one that follows it
LOADED = "/sys/kernel/kexec_loaded"


def drives(kernel: str, extra: tuple[str, ...] = EXTRA) -> tuple[str, ...]:
    """QEMU's arguments for a guest whose first disk is that kernel, and the second its initramfs."""
    out: list[str] = []
    for name, path in (("kernel", image.bzimage(kernel)), ("initrd", image.build(kernel, extra=extra))):
        out += ["-drive", f"file={path},if=none,id={name},format=raw,readonly=on",
                "-device", f"virtio-blk-pci,drive={name}"]
    return tuple(out)


def fetch(machine: Machine) -> None:
    """Makes files of the disks: kexec wants files, and these without what fills up a disk's last sector."""
    for disk, path, size in (("vda", KERNEL, image.bzimage(machine.config.kernel).stat().st_size),
                             ("vdb", INITRD, image.build(machine.config.kernel, extra=machine.config.extra).stat().st_size)):
        machine.sh(f"head -c {size} /dev/{disk} > {path} && [ $(stat -c %s {path}) = {size} ]", 60)


def load(machine: Machine, *flags: str, without: tuple[str, ...] = (), extra: tuple[str, ...] = ()) -> None:
    """Loads the kernel with the command line of the one that runs, but for words that begin as @without says."""
    words = [w for w in machine.read("/proc/cmdline").split() if not w.startswith(without or "\0")]
    line = " ".join([*words, *extra])
    machine.sh(f"kexec {' '.join(flags)} {KERNEL} --initrd={INITRD} --command-line={shlex.quote(line)}", 120)
