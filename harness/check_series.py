# SPDX-License-Identifier: GPL-2.0-only
"""Proves the series: git am takes it on the pristine tree, the result equals build/linux, every step builds.

build/series-check/linux is a git checkout of the pristine tree, build/series-check/kernel its kernel: one of memory management
and all who call memory hotplug, for each switch changes a header that everything includes.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from . import assemble, base, build, configure, gitrepo, packages, patchset, paths, series, ui
from .patchset import Patch

_TOP = paths.BUILD / "series-check"
_TREE = _TOP / "linux"
_OUT = _TOP / "kernel"
_STAMP = _TOP / "base-version"      # written last: without it the checkout is not trusted
_LOG = paths.LOGS / "check-series.log"


def _checkout() -> gitrepo.Repo:
    """The pristine tree under git, at its one commit."""
    repo = gitrepo.Repo(_TREE)
    version = base.ensure()
    if _STAMP.exists() and _STAMP.read_text().strip() == version:
        repo.git("am", "--abort") if (_TREE / ".git/rebase-apply").exists() else None
        (_TREE / ".git/index.lock").unlink(missing_ok=True)
        repo.git("reset", "-q", "--hard", "pristine")
        repo.git("clean", "-q", "-fdx")
        return repo
    with ui.step("Put the pristine tree under git"):
        _STAMP.unlink(missing_ok=True)
        shutil.rmtree(_TREE, ignore_errors=True)
        _TOP.mkdir(parents=True, exist_ok=True)
        assemble.clone(_TREE)
        repo.git("init", "-q")
        repo.git("add", "-A", "-f")
        repo.git("commit", "-q", "-m", f"{base.PACKAGE} {version}")
        repo.git("tag", "pristine")
        _STAMP.write_text(version + "\n")
    return repo


def _make(what: str, *targets: str) -> None:
    build.make(_TREE, _OUT, targets, what=what, log=_LOG, append=True)


def _objects(repo: gitrepo.Repo) -> tuple[list[str], list[str]]:
    """Objects of the .c files that the last commit touched: those its configuration builds, and those asleep."""
    names = [name for name in repo.git("diff", "--name-only", "--diff-filter=AM", "HEAD~1").split() if
             name.endswith(".c") and not name.startswith("tools/")]
    awake = [name for name in names if _reachable(Path(name))]
    return [name[:-2] + ".o" for name in awake], [name for name in names if name not in awake]


def _reachable(name: Path) -> bool:
    """Whether the makefile beside @name mentions its object, and the makefiles above lead there."""
    makefile = _TREE / name.parent / "Makefile"
    if not makefile.exists() or not re.search(rf"(?<![\w-]){name.stem}\.o", makefile.read_text()):
        return False
    parent = _TREE / name.parent.parent / "Makefile"
    return name.parent.parent != Path("mm") or f"{name.parent.name}/" in parent.read_text()


def _step(repo: gitrepo.Repo, number: int, patch: Patch, letter: Path, whole: bool) -> None:
    with ui.step(f"{number:2}. {patch.subject}"):
        repo.git("am", "-q", "--whitespace=nowarn", letter)
        if whole:
            configure.configure("series", _TREE, _OUT, partial=True)
            _make("whole kernel", "all")
            return
        objects, asleep = _objects(repo)
        if objects:
            configure.configure("series", _TREE, _OUT, partial=True)
            _make("objects", *objects)
        ui.note(f"{len(objects)} objects compiled, {len(asleep)} files not built yet")


def _same(tree: Path, other: Path) -> None:
    """Both trees hold the same files, or a failure that names the first that differ."""
    ours, theirs = assemble.scan(tree), assemble.scan(other)
    names = {name for name in ours if not name.startswith(".git/")}
    odd = sorted(names ^ set(theirs))
    odd += [name for name in sorted(names & set(theirs))
            if not assemble.same(tree / name, other / name, ours[name], theirs[name])]
    if odd:
        raise ui.Failure(f"{tree} and {other} differ in {len(odd)} files", detail="\n".join(odd[:20]))
    ui.note(f"{len(names)} files, all the same")


def main() -> int:
    """make check-series."""
    packages.ensure(packages.TREE + packages.KERNEL)
    assemble.assemble()
    with assemble.locked(_TOP.with_name(".lock-series"), "the series"):
        with ui.step("Write the series"):
            letters = series.write()
            patches = patchset.load(strict=True).patches
        repo = _checkout()
        _LOG.unlink(missing_ok=True)
        for number, (patch, letter) in enumerate(zip(patches, letters, strict=True), 1):
            _step(repo, number, patch, letter, whole=patch.switch or number == len(patches))
        with ui.step("Compare the result with build/linux"):
            _same(_TREE, paths.LINUX)
    ui.say(f"{len(letters)} patches apply, build and give build/linux")
    return 0
