# SPDX-License-Identifier: GPL-2.0-only
"""Writes the series as git format-patch does, cover letter first, to build/series.

The scratch repository holds no more of the pristine tree than what the patches touch: the patches come out the same.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from . import assemble, base, gitrepo, packages, patchset, paths, ui
from .patchset import File, Patch, Tree

_SCRATCH = paths.CACHE / "series-git"


def _lay(top: Path, path: str, file: File | None) -> None:
    target = top / path
    if file is None:
        target.unlink(missing_ok=True)
    else:
        assemble.write(target, file)


def _commit(repo: gitrepo.Repo, subject: str, message: str) -> None:
    name, email = gitrepo.identity()
    text = f"{subject}\n\n{message.strip()}\n\nSigned-off-by: {name} <{email}>\n"
    repo.git("add", "-A", "-f")
    repo.git("commit", "-q", "--no-verify", "-F", "-", stdin=text)


def _base(repo: gitrepo.Repo, touched: Iterable[str]) -> None:
    """Commits the stock versions of @touched."""
    for path in touched:
        stock = paths.PRISTINE / path
        if stock.is_file():
            assemble.write(repo.top / path, File(stock.read_bytes(), bool(stock.stat().st_mode & 0o100)))
    repo.git("init", "-q")
    _commit(repo, "base", base.kernel_version())


def _cover(series: patchset.Series, folder: Path) -> None:
    letter = next(folder.glob("0000-*.patch"))
    text = letter.read_text().replace("*** SUBJECT HERE ***", series.title)
    body = f"{series.cover.strip()}\n\nThe series applies to Linux {base.kernel_version()}."
    letter.write_text(text.replace("*** BLURB HERE ***", body))


def write() -> list[Path]:
    """Writes the series and returns its patches, the cover letter left out."""
    series = patchset.load(strict=True)
    rows: list[tuple[Patch, dict[str, File | None]]] = []
    tree: Tree
    for patch, tree, touched in patchset.steps(series):
        rows.append((patch, {path: tree.changes[path] for path in touched}))
    shutil.rmtree(_SCRATCH, ignore_errors=True)
    _SCRATCH.mkdir(parents=True)
    repo = gitrepo.Repo(_SCRATCH)
    _base(repo, {path for _, changes in rows for path in changes})
    for patch, changes in rows:
        for path, file in changes.items():
            _lay(_SCRATCH, path, file)
        _commit(repo, patch.subject, patch.message)
    fresh = paths.SERIES.with_name("series.new")
    shutil.rmtree(fresh, ignore_errors=True)
    repo.git("format-patch", "-q", "--cover-letter", "--zero-commit", "--no-signature", "--no-renames",
             "--stat=80", "--abbrev=12", "-o", fresh, f"HEAD~{len(rows)}..HEAD")
    _cover(series, fresh)
    shutil.rmtree(paths.SERIES, ignore_errors=True)
    fresh.rename(paths.SERIES)
    return sorted(paths.SERIES.glob("0*.patch"))[1:]


def main() -> int:
    """make series."""
    packages.ensure(packages.TREE)
    with assemble.locked(assemble.LOCK, "the tree"):
        base.ensure()
        with ui.step("Write the series to build/series"):
            for patch in write():
                lines = patch.read_text(errors="replace").splitlines()
                ui.note(f"{patch.name}  ({len(lines)} lines)")
    return 0
