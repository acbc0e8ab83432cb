# SPDX-License-Identifier: GPL-2.0-only
"""make matrix: builds the tree for other architectures and with each option off that our files depend on.

A build passes when the whole kernel links, with every in-tree caller in it, and nothing warns: neither anything at the
tree's own level of warnings, nor our files at W=1. Configurations are harness/config/matrix/common.config, then the
architecture's, then what the build adds. ONLY=name,name builds just those; the kernels are in build/matrix/NAME.

Called by __main__, and by test for make test-all.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import assemble, build, configure, packages, patchset, paths, ui
from .arch import ARCHES, HOST

_CONFIGS = paths.CONFIGS / "matrix"
_OUT = paths.BUILD / "matrix"
_LOCK = paths.BUILD / ".lock-matrix"        # its builds are long: others need not wait for them
_COMPLAINT = re.compile(r"warning: ", re.I)
_UNDEFINE = "undefine.h"


@dataclass(frozen=True)
class Build:
    """One kernel of the matrix.

    fragments come after the architecture's. changes are symbols with another value than those give them; what depends
    on one that is off goes with it. undefined is for a symbol that the tree's Kconfig lets nobody choose. targets
    are make's.
    """

    name: str
    arch: str = HOST
    fragments: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    undefined: str = ""
    targets: tuple[str, ...] = ("vmlinux",)

    @property
    def folder(self) -> Path:
        return _OUT / self.name

    @property
    def log(self) -> Path:
        return paths.LOGS / f"matrix-{self.name}.log"


def _off(*symbols: str) -> tuple[str, ...]:
    return tuple(f"CONFIG_{symbol}=n" for symbol in symbols)


def _online_type(word: str) -> Build:
    return Build("default-" + word.lower().replace("_", "-"), changes=(f"CONFIG_MHP_DEFAULT_ONLINE_TYPE_{word}=y",),
                 targets=("mm/hotplug/",))


BUILDS = (
    Build("x86-64", fragments=("clients",)),
    Build("arm64", "arm64", targets=("Image",)),
    Build("powerpc64le", "powerpc64le"),
    Build("s390x", "s390x"),
    Build("riscv64", "riscv64"),
    Build("i386", "i386"),
    Build("no-hotplug", changes=_off("MEMORY_HOTPLUG")),
    Build("no-hotremove", changes=_off("MEMORY_HOTREMOVE")),
    Build("no-vmemmap", changes=_off("SPARSEMEM_VMEMMAP")),
    Build("no-numa", changes=_off("NUMA")),
    Build("no-memory-failure", changes=_off("MEMORY_FAILURE")),
    Build("no-cma", changes=_off("CMA")),
    Build("no-hugetlb", changes=_off("HUGETLBFS")),
    Build("no-memmap-on-memory", undefined="CONFIG_MHP_MEMMAP_ON_MEMORY"),
    Build("no-isolation", changes=_off("MEMORY_HOTPLUG", "CMA", "MEMORY_FAILURE")),
    _online_type("ONLINE_AUTO"),
    _online_type("ONLINE_KERNEL"),
    _online_type("ONLINE_MOVABLE"),
)


def kernel(name: str) -> Path:
    """Builds one kernel of the matrix by name, for a scenario that boots it; returns its build folder."""
    one = next(b for b in BUILDS if b.name == name)
    packages.ensure(packages.KERNEL + _compilers([one]))
    assemble.assemble()
    with ui.step(f"Build the {name} kernel of the matrix"):
        _configure(one)
        _make(one, one.targets)
    return one.folder


def _compilers(builds: Sequence[Build]) -> list[str]:
    return sorted({name for b in builds for name in packages.CROSS.get(b.arch, [])})


def _configure(one: Build) -> None:
    """Writes its .config. Each symbol of the fragments must be there, but for what went with a change."""
    text = "".join((_CONFIGS / f"{name}.config").read_text() for name in ("common", one.arch, *one.fragments))
    missed = configure.generate(text + "\n".join(one.changes) + "\n", paths.LINUX, one.folder, one.log,
                                ARCHES[one.arch])
    asked = {word.partition("=")[0] for word in one.changes}
    wrong = [line for line in missed if not one.changes or line.partition("=")[0] in asked]
    if wrong:
        raise ui.Failure(f"{one.name}: wanted " + "; ".join(wrong), one.log)
    if one.undefined:
        (one.folder / _UNDEFINE).write_text(f"#undef {one.undefined}\n")


def _make(one: Build, targets: Sequence[str]) -> None:
    words = ["HOSTCC=ccache gcc", "-k", *targets]
    if one.undefined:
        words.append(f"KCFLAGS=-include {one.folder / _UNDEFINE}")
    build.make(paths.LINUX, one.folder, words, what=one.name, log=one.log, append=True, machine=ARCHES[one.arch],
               lock=_LOCK)


def _our_objects(one: Build) -> list[str]:
    """Objects of our files that this build holds."""
    names = [name[:-2] + ".o" for name in patchset.our_files() if name.endswith(".c")]
    return [name for name in names if (one.folder / name).exists()]


def _complaints(one: Build) -> list[str]:
    with one.log.open(errors="replace") as log:
        return [line.strip() for line in log if _COMPLAINT.search(line) and "reassigning to symbol" not in line]


def _verify(one: Build) -> None:
    """One build of the matrix. CONFIG_WERROR makes of every warning an error, so that it comes again each time."""
    _configure(one)
    _make(one, one.targets)
    objects = _our_objects(one)
    if objects:
        _make(one, ["W=1", *objects])
    if found := _complaints(one):
        raise ui.Failure(f"{one.name}: {len(found)} warnings", one.log, "\n".join(found[:20]))


def _chosen(only: str) -> list[Build]:
    """The builds that @only names, all of them where it is empty."""
    names = [name for name in only.replace(",", " ").split() if name]
    unknown = set(names) - {b.name for b in BUILDS}
    if unknown:
        raise ui.Failure(f"no build {' '.join(sorted(unknown))}: there are " + ", ".join(b.name for b in BUILDS))
    return [b for b in BUILDS if not names or b.name in names]


def run(tally: Counter[str], only: str = "") -> None:
    """Builds the matrix and counts each build as passed or failed."""
    chosen = _chosen(only)
    packages.ensure(packages.TREE + packages.KERNEL + _compilers(chosen))
    assemble.assemble()
    for one in chosen:
        try:
            with ui.step(f"Build {one.name}"):
                _verify(one)
        except ui.Failure as failure:
            ui.report(failure)
            tally["failed"] += 1
            continue
        ui.note(ui.coloured(f"PASSED {one.name}", "green"))
        tally["passed"] += 1


def main() -> int:
    """make matrix."""
    tally: Counter[str] = Counter()
    run(tally, os.environ.get("ONLY", ""))
    ui.say(f"{tally['passed']} passed, {tally['failed']} failed")
    return 1 if tally["failed"] else 0
