# SPDX-License-Identifier: GPL-2.0-only
"""patches/series.toml: reads it and works out what each patch of the series makes of the tree."""

from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from . import hooks, maintainers, paths, removal, ui
from .ui import Failure

# What stands at the top of this repository and is no part of a kernel tree.
OWN = {"harness", "tests", "patches", "build"}


@dataclass(frozen=True)
class File:
    """A file of the tree to be: its bytes and whether it may be executed."""

    data: bytes
    executable: bool = False


Changes = dict[str, File | None]    # path in the tree -> new content, None: deleted


@dataclass
class Patch:
    """One patch of the series, as series.toml has it."""

    subject: str
    message: str
    files: list[str] = field(default_factory=list)
    delete: list[str] = field(default_factory=list)
    hooks: list[str] = field(default_factory=list)
    remove: dict[str, list[str]] = field(default_factory=dict)
    maintainers: bool = False
    switch: bool = False
    claimed: list[str] = field(default_factory=list)    # our files that it lays over


@dataclass
class Series:
    title: str
    cover: str
    patches: list[Patch]


def our_files() -> list[str]:
    """Our files at their in-tree paths: all below top folders that the pristine tree has too."""
    listed = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others",
                             "--exclude-standard"], cwd=paths.ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        raise Failure("git ls-files failed", detail=listed.stderr)
    tops = {entry.name for entry in paths.PRISTINE.iterdir() if entry.is_dir()} - OWN
    names = {name for name in listed.stdout.split("\0") if "/" in name and name.split("/")[0] in tops}
    return sorted(name for name in names if (paths.ROOT / name).is_file())


def _parse() -> Series:
    source = paths.PATCHES / "series.toml"
    try:
        data = tomllib.loads(source.read_text())
        return Series(data["title"], data["cover"], [Patch(**entry) for entry in data["patch"]])
    except (OSError, KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        raise Failure(f"{source}: {error}") from error


def _claim(series: Series, names: list[str], strict: bool) -> None:
    """Gives each of our files to the one patch that names it."""
    owners: dict[str, list[str]] = {name: [] for name in names}
    idle: list[str] = []
    for patch in series.patches:
        for glob in patch.files:
            hits = [name for name in names if fnmatchcase(name, glob)]
            patch.claimed += [name for name in hits if name not in patch.claimed]
            idle += [] if hits else [glob]
        for name in patch.claimed:
            owners[name].append(patch.subject)
    if idle and strict:
        raise Failure("series.toml: these match no file", detail="\n".join(idle))
    if idle:
        ui.warn(f"series.toml: {len(idle)} of the globs match no file yet: " + " ".join(idle))
    none = [name for name, subjects in owners.items() if not subjects]
    if none and strict:
        raise Failure("no patch in patches/series.toml claims these files", detail="\n".join(none))
    if none:
        ui.warn("no patch in patches/series.toml claims, laid over all the same: " + " ".join(none))
        series.patches.append(Patch(subject="files of no patch", message="", claimed=none))
    for name, subjects in owners.items():
        if len(subjects) > 1:
            raise Failure(f"series.toml: {name} is claimed by: " + "; ".join(subjects))


def _check_hooks(series: Series, strict: bool) -> None:
    """Every diff in patches/ is one patch's."""
    used = [name for patch in series.patches for name in patch.hooks]
    stray = {path.name for path in paths.PATCHES.glob("*.diff")} - set(used)
    if stray and strict:
        raise Failure("no patch in patches/series.toml uses these hooks", detail="\n".join(sorted(stray)))
    if stray:
        ui.warn("no patch in patches/series.toml uses, not applied: " + " ".join(sorted(stray)))
    for name in used:
        if used.count(name) > 1:
            raise Failure(f"series.toml: hook {name} is used more than once")


def _check_message(patch: Patch) -> None:
    """What git am would take for something else, and lines that are too long."""
    if not patch.message.strip():
        raise Failure(f'series.toml: "{patch.subject}" has no message')
    for line in patch.message.splitlines():
        if line.startswith(("---", "diff ", "Index: ")) or len(line) > 75:
            raise Failure(f'series.toml: in the message of "{patch.subject}": {line}')


def load(strict: bool = False) -> Series:
    series = _parse()
    for patch in series.patches if strict else []:
        _check_message(patch)
    _claim(series, our_files(), strict)
    _check_hooks(series, strict)
    return series


class Tree:
    """The pristine tree with the changes of the patches so far."""

    def __init__(self) -> None:
        self.changes: Changes = {}

    def read(self, path: str) -> str:
        if path in self.changes:
            file = self.changes[path]
            if file is None:
                raise FileNotFoundError(path)
            return file.data.decode()
        return (paths.PRISTINE / path).read_text()

    def _executable(self, path: str) -> bool:
        if (file := self.changes.get(path)) is not None:
            return file.executable
        return bool((paths.PRISTINE / path).stat().st_mode & 0o100)

    def _write(self, path: str, text: str) -> None:
        self.changes[path] = File(text.encode(), self._executable(path))

    def apply(self, patch: Patch) -> list[str]:
        """Lays @patch over the tree and returns the paths that it touches."""
        touched: list[str] = []
        for path in patch.delete:
            if not (paths.PRISTINE / path).is_file():
                raise Failure(f'"{patch.subject}" deletes {path}, which is not in the tree')
            self.changes[path] = None
            touched.append(path)
        for path, names in patch.remove.items():
            self._write(path, removal.remove(path, self.read(path), names))
            touched.append(path)
        for hook in patch.hooks:
            for path, text in hooks.apply(paths.PATCHES / hook, self.read).items():
                self._write(path, text)
                touched.append(path)
        for path in patch.claimed:
            source = paths.ROOT / path
            self.changes[path] = File(source.read_bytes(), bool(source.stat().st_mode & 0o100))
            touched.append(path)
        if patch.maintainers:
            self._write("MAINTAINERS", maintainers.merge(self.read("MAINTAINERS"), (paths.ROOT / "MAINTAINERS").read_text()))
            touched.append("MAINTAINERS")
        return sorted(set(touched))


def steps(series: Series) -> Iterator[tuple[Patch, Tree, list[str]]]:
    """Each patch in order, with the tree that it leaves and the paths that it touched."""
    tree = Tree()
    for patch in series.patches:
        touched = tree.apply(patch)
        yield patch, tree, touched


def final(series: Series) -> Changes:
    """All that the whole series changes."""
    tree = Tree()
    for _, tree, _ in steps(series):
        pass
    return tree.changes
