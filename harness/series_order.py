# SPDX-License-Identifier: GPL-2.0-only
"""Finds what a step of the series calls before another step brings it, in a second; make check-series takes half an hour to.

Our files are linked from the next switch on. By then each function of ours that they call has to be there, if no file that
goes later has one of that name.

Called by check.
"""

from __future__ import annotations

import re

from . import patchset, paths
from .patchset import Patch

_DEFINITION = re.compile(r"^(?!static\b|typedef\b)[a-z_][\w \t*]*?[ \t*](\w+)\([^;{]*\)\s*\n\{", re.M)
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)


def _linked(patches: list[Patch]) -> list[int]:
    """For each patch the one from which on its files are in the kernel."""
    last = len(patches) - 1
    return [next((n for n in range(number, last) if patches[n].switch), last) for number in range(len(patches))]


def _code(name: str) -> str:
    return _COMMENT.sub("", (paths.ROOT / name).read_text())


def _of_the_tree(patches: list[Patch]) -> str:
    """Files of the pristine tree that go, or lose a part, on the way."""
    names = {name for patch in patches for name in [*patch.delete, *patch.remove]}
    return "\n".join((paths.PRISTINE / name).read_text() for name in sorted(names) if name.endswith(".c"))


def too_early(patches: list[Patch]) -> list[str]:
    """One line for each call of what is not there yet."""
    files = {name: number for number, patch in enumerate(patches) for name in patch.claimed
             if name.endswith(".c") and not name.startswith("tools/")}
    code = {name: _code(name) for name in files}
    brought = {function: name for name in files for function in _DEFINITION.findall(code[name])}
    before, linked = set(re.findall(r"\b(\w+)\(", _of_the_tree(patches))), _linked(patches)
    found = []
    for name, number in files.items():
        for function in sorted(set(re.findall(r"\b(\w+)\(", code[name])) & set(brought) - before):
            home = brought[function]
            if files[home] > linked[number]:
                found.append(f"{name}: {function}() is linked in step {linked[number] + 1}, {home} comes in step {files[home] + 1}")
    return found
