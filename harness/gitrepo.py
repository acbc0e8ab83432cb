# SPDX-License-Identifier: GPL-2.0-only
"""Git for the scratch repositories of the series: nobody's configuration, our identity."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import paths
from .ui import Failure

_NOBODY = ("memhp developers", "memhp@localhost")


def identity() -> tuple[str, str]:
    """Name and address of who works in this checkout."""
    words = []
    for key, other in zip(("user.name", "user.email"), _NOBODY):
        query = subprocess.run(["git", "config", key], cwd=paths.ROOT, capture_output=True, text=True, check=False)
        words.append(query.stdout.strip() or other)
    return words[0], words[1]


def _date() -> str:
    """When this checkout was last committed to, so that the same inputs give the same series."""
    query = subprocess.run(["git", "-c", "safe.directory=*", "log", "-1", "--format=%cI"], cwd=paths.ROOT,
                           capture_output=True, text=True, check=False)
    return query.stdout.strip() or "2026-01-01T00:00:00Z"


@dataclass(frozen=True)
class Repo:
    """A scratch repository."""

    top: Path

    def git(self, *words: str | Path, stdin: str | None = None) -> str:
        name, email = identity()
        date = _date()
        keep = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        env = {**keep, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "GIT_AUTHOR_NAME": name,
               "GIT_AUTHOR_EMAIL": email, "GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": email,
               "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date, "LC_ALL": "C.UTF-8"}
        argv = ["git", "-c", "safe.directory=*", "-c", "core.looseCompression=0", "-c", "gc.auto=0", "-C", str(self.top),
                *map(str, words)]
        run = subprocess.run(argv, env=env, input=stdin, capture_output=True, text=True, errors="replace", check=False)
        if run.returncode:
            raise Failure(f"git {words[0]} in {self.top}: exit status {run.returncode}",
                          detail="\n".join((run.stdout + run.stderr).splitlines()[-30:]))
        return run.stdout
