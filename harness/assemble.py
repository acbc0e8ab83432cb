# SPDX-License-Identifier: GPL-2.0-only
"""Assembles build/linux from build/pristine, our files and patches/.

What did not change keeps its mtime, so that kernel builds stay incremental; what does not belong there is deleted.
"""

from __future__ import annotations

import fcntl
import filecmp
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import base, packages, patchset, paths, ui
from .patchset import Changes, File

LOCK = paths.BUILD / ".lock-tree"


def _held_by_caller(path: Path) -> bool:
    """Whether we run below "flock PATH ...", which leaves us the open file: waiting for it would be for ever."""
    wanted = path.stat()
    for name in os.listdir("/proc/self/fd"):
        try:
            there = os.fstat(int(name))
        except OSError:
            continue
        if (there.st_dev, there.st_ino) == (wanted.st_dev, wanted.st_ino):
            return True
    return False


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Holds a lock file; tells when it has to wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    if _held_by_caller(path):
        yield
        return
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            ui.note(f"waiting: {what} is being done elsewhere")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def scan(top: Path) -> dict[str, os.stat_result]:
    """Every file and link below @top, by its path there."""
    found: dict[str, os.stat_result] = {}
    pending = [""]
    while pending:
        folder = pending.pop()
        with os.scandir(top / folder) as entries:
            for entry in entries:
                name = folder + entry.name
                if entry.is_dir(follow_symlinks=False):
                    pending.append(name + "/")
                else:
                    found[name] = entry.stat(follow_symlinks=False)
    return found


def write(path: Path, file: File) -> None:
    """Puts @file at @path in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(file.data)
    fresh.chmod(0o755 if file.executable else 0o644)
    fresh.replace(path)


def same(source: Path, target: Path, ours: os.stat_result, theirs: os.stat_result) -> bool:
    """Whether two files with these states have the same content and mode."""
    if ours.st_size != theirs.st_size or (ours.st_mode ^ theirs.st_mode) & ~0o077:
        return False
    if ours.st_mtime_ns == theirs.st_mtime_ns:
        return True
    if source.is_symlink():
        return target.readlink() == source.readlink()
    return filecmp.cmp(source, target, shallow=False)


def _restore(source: Path, target: Path) -> None:
    """Copies a stock file back, new in the eyes of make."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    shutil.copy2(source, target, follow_symlinks=False)
    os.utime(target, follow_symlinks=False)


def _prune_folders(top: Path, gone: list[str]) -> None:
    for name in gone:
        for folder in (top / name).parents:
            if folder == top or any(folder.iterdir()):
                break
            folder.rmdir()


def sync(tree: Path, changes: Changes) -> list[str]:
    """Makes @tree the pristine tree with @changes; returns the paths that it had to touch."""
    stock, there = scan(paths.PRISTINE), scan(tree)
    touched: list[str] = []
    wanted = (set(stock) - set(changes)) | {name for name, file in changes.items() if file is not None}
    gone = sorted(set(there) - wanted)
    for name in gone:
        (tree / name).unlink()
    _prune_folders(tree, gone)
    for name, status in stock.items():
        if name in changes:
            continue
        if name not in there or not same(paths.PRISTINE / name, tree / name, status, there[name]):
            _restore(paths.PRISTINE / name, tree / name)
            touched.append(name)
    for name, file in changes.items():
        if file is None:
            continue
        path = tree / name
        if name in there and not path.is_symlink() and path.read_bytes() == file.data:
            path.chmod(0o755 if file.executable else 0o644)
            continue
        write(path, file)
        touched.append(name)
    return gone + touched


def clone(tree: Path) -> None:
    """A first copy of the pristine tree, complete or not there."""
    fresh = tree.with_name(tree.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    stock = paths.PRISTINE.resolve()    # cp copies a link as a link
    ui.run(["cp", "-a", "--reflink=auto", stock, fresh], what="copy the tree", log=paths.LOGS / "copy.log")
    fresh.rename(tree)


def assemble() -> None:
    """make tree."""
    packages.ensure(packages.TREE)
    with locked(LOCK, "the tree"):
        base.ensure()
        with ui.step("Assemble build/linux"):
            changes = patchset.final(patchset.load())
            if not paths.LINUX.is_dir():
                clone(paths.LINUX)
            touched = sync(paths.LINUX, changes)
            ui.note(f"{len(changes)} files differ from {base.PACKAGE} {base.kernel_version()}, "
                    f"{len(touched)} brought up to date")
            for name in touched[:12]:
                ui.note(ui.coloured("  " + name, "grey"))
