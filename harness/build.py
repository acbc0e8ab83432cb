# SPDX-License-Identifier: GPL-2.0-only
"""Builds kernels and their modules out of tree, in build/<config>."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from . import assemble, base, configure, packages, paths, ui
from .arch import ARCHES, HOST, Arch

_LOCK = paths.BUILD / ".lock-kbuild"
# Lines of a whole build's log, for the percentage of the first one; later ones are short and only count.
_WHOLE = {"plain": 1950, "debug": 1970, "stock": 1950}
# Objects that KASAN leaves alone: lockdep, and what its own stack traces are made with. A third of what a kernel with
# both executed was the one looking after the other. Not spinlock_debug: there a lock of freed memory shows. And the
# events of tracing, whose formats are searched for names of enums, letter by letter, at each boot.
_NOT_SANITIZED = ("lockdep", "unwind_frame", "extable", "trace_events")
# KASAN's checks are inline in functions with fewer accesses to memory than this: a call for each is most of what a guest
# executes, and inline in large functions they are most of what the compiler does.
_INLINE = 150
_LINE = re.compile(r"^  (?:[A-Z]+\d*(?: \[M\])?)\s+(\S+)")


def environment() -> dict[str, str]:
    """For kbuild: no make variables of ours, results of the compiler cached across checkouts.

    kbuild has the compiler list what it read, and ccache takes that list: what is new is preprocessed once, not twice.
    """
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "KBUILD_"))}
    env.update(CCACHE_BASEDIR=str(paths.BUILD), CCACHE_NOHASHDIR="1", CCACHE_DEPEND="1", LC_ALL="C",
               KBUILD_BUILD_USER="memhp", KBUILD_BUILD_HOST="memhp", KBUILD_BUILD_TIMESTAMP="0")
    return env


def jobs() -> int:
    return len(os.sched_getaffinity(0))


def kbuild(tree: Path, folder: Path, *targets: str, machine: Arch = ARCHES[HOST]) -> list[str | Path]:
    """The make command that builds @targets of @tree in @folder."""
    sparingly = [*(f"KASAN_SANITIZE_{name}.o=n" for name in _NOT_SANITIZED), f"call_threshold={_INLINE}"]
    return ["make", "-C", tree, f"O={folder}", *machine.words(), *sparingly, f"-j{jobs()}", *targets]


def make(tree: Path, folder: Path, targets: Sequence[str], *, what: str, log: Path, total: int = 0,
         append: bool = False, machine: Arch = ARCHES[HOST], lock: Path = _LOCK) -> None:
    """Runs kbuild with progress, one kbuild at a time under @lock."""
    progress = ui.Progress(what, total)

    def count(line: str) -> None:
        if match := _LINE.match(line):
            progress.update(text=match.group(1))

    with assemble.locked(lock, "another kernel build"):
        try:
            ui.run(kbuild(tree, folder, *targets, machine=machine), what=what, log=log, env=environment(), on_line=count, append=append)
        finally:
            progress.end()


def build(config: str) -> Path:
    """Builds @config and returns its bzImage; the modules are in build/<config>/mods."""
    packages.ensure(packages.KERNEL)
    if config == "stock":
        base.ensure()
    else:
        assemble.assemble()
    with ui.step(f"Build the {config} kernel"):
        tree, folder = configure.source(config), configure.out(config)
        fresh = not (folder / "vmlinux").exists()
        with assemble.locked(_LOCK, "another kernel build"):
            configure.configure(config)
        make(tree, folder, ["all"], what=f"{config} kernel", log=paths.LOGS / f"kernel-{config}.log",
             total=_WHOLE.get(config, _WHOLE["debug"]) if fresh else 0)
        make(tree, folder, ["modules_install", f"INSTALL_MOD_PATH={folder / 'mods'}", "INSTALL_MOD_STRIP=1"],
             what=f"{config} modules", log=paths.LOGS / f"modules-{config}.log")
    return folder / "arch/x86/boot/bzImage"


def main(config: str = "plain") -> int:
    """make kernel."""
    image = build(config)
    ui.note(f"{image.relative_to(paths.ROOT)}, {image.stat().st_size >> 20} MiB")
    return 0
