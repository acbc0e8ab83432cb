# SPDX-License-Identifier: GPL-2.0-only
"""Takes functions out of a file by name: Coccinelle the functions, Python what belonged to them."""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
from pathlib import Path

from . import paths
from .ui import Failure

_EXPORTS = r"EXPORT_SYMBOL(?:_GPL|_NS|_NS_GPL)?|early_param|__setup|core_param"
_VERSION = "3"      # of the rules below: part of the cache's key


def _definitions(text: str, name: str) -> list[int]:
    """Offsets of the definitions of function @name: its name, parentheses, then a brace."""
    found = []
    for match in re.finditer(rf"(?m)^(?:[A-Za-z_][^;{{}}()#=]*?[\s*])?{re.escape(name)}\s*\(", text):
        depth, at = 1, match.end()
        while at < len(text) and depth:
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            at += 1
        if text[at:].lstrip().startswith("{"):
            found.append(match.start())
    return found


def _spatch(path: str, text: str, names: list[str]) -> str:
    rule = "@r@\nidentifier f = {" + ", ".join(names) + "};\n@@\n- f(...) { ... }\n"
    with tempfile.TemporaryDirectory() as scratch:
        cocci, source, out = Path(scratch, "remove.cocci"), Path(scratch, Path(path).name), Path(scratch, "out.c")
        cocci.write_text(rule)
        source.write_text(text)
        run = subprocess.run(["spatch", "--very-quiet", "--no-includes", "--sp-file", cocci, source, "-o", out],
                             capture_output=True, text=True, check=False)
        if run.returncode or not out.exists():
            raise Failure(f"spatch on {path}: status {run.returncode}", detail=run.stderr[-2000:])
        return out.read_text()


def _strip_mentions(text: str, names: list[str]) -> str:
    """Drops EXPORT_SYMBOL, early_param and the like of removed functions, and kernel-doc that lost its function."""
    group = "|".join(map(re.escape, names))
    text = re.sub(rf"(?m)^(?:{_EXPORTS})\s*\((?:[^()\n]*,\s*)?(?:{group})\s*(?:,[^()\n]*)?\);\n", "", text)
    return re.sub(rf"/\*\*\n \* (?:{group})(?:\(\))?\s*-(?:(?!\*/)[\s\S])*\*/\n*", "", text)


def _strip_empty_blocks(text: str, before: str) -> str:
    """Drops #if ... #endif with nothing inside, and the comment right above such a block, that @before did not have."""
    pattern = re.compile(r"(?m)^(?:/\*(?:(?!\*/)[\s\S])*\*/\n)?#if(?:n?def)?\b[^\n]*\n\s*#endif[^\n]*\n")
    while match := next((m for m in pattern.finditer(text) if m.group(0) not in before), None):
        text = text[:match.start()] + text[match.end():].lstrip("\n")
    return text


def _squeeze(text: str, before: str) -> str:
    """One empty line where a removal left several."""
    return re.sub(r"[^\n]*\n{3,}[^\n]*", lambda m: m[0] if m[0] in before else re.sub(r"\n{3,}", "\n\n", m[0]), text)


def remove(path: str, text: str, names: list[str]) -> str:
    """@text without the functions @names, in all their variants; each must be there before and gone after."""
    for name in names:
        if not _definitions(text, name):
            raise Failure(f"remove from {path}: {name}() is not defined there")
    key = hashlib.sha256("\0".join([_VERSION, path, *names, text]).encode()).hexdigest()[:32]
    cached = paths.CACHE / "removal" / key
    if cached.exists():
        return cached.read_text()
    result = _spatch(path, text, names)
    for name in names:
        if _definitions(result, name):
            raise Failure(f"remove from {path}: Coccinelle left {name}() where it is")
    result = _squeeze(_strip_empty_blocks(_strip_mentions(result, names), text), text)
    cached.parent.mkdir(parents=True, exist_ok=True)
    fresh = cached.with_suffix(".new")
    fresh.write_text(result)
    fresh.rename(cached)
    return result
