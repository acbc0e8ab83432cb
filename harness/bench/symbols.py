# SPDX-License-Identifier: GPL-2.0-only
"""A kernel's functions by address: read out of System.map, and out of its disassembly where a call returns to."""

from __future__ import annotations

import bisect
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from .. import ui

USER = "(user)"             # below the kernel's half of the addresses
UNKNOWN = "(elsewhere)"     # modules, and what was patched in
_KERNEL_HALF = 1 << 63
# What the compiler appends to a part or a variant of a function.
_VARIANT = re.compile(r"\.(?:isra|constprop|part|cold|llvm)\b.*$")


def plain(name: str) -> str:
    """The function as the source calls it."""
    return _VARIANT.sub("", name)


class Symbols:
    """Where functions begin; a parse of System.map."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._by_name: dict[str, int] = {}
        self._by_address: dict[int, str] = {}
        for line in lines:
            address, kind, name = line.split()
            if kind in "tTwW" and not name.startswith(("__pfx_", ".L")):
                self._by_name.setdefault(name, int(address, 16))
                self._by_address.setdefault(int(address, 16), name)
        self._addresses = sorted(self._by_address)

    def function(self, address: int) -> str:
        """The function that @address lies in."""
        if address < _KERNEL_HALF:
            return USER
        at = bisect.bisect_right(self._addresses, address) - 1
        if at < 0 or at + 1 == len(self._addresses):
            return UNKNOWN
        return plain(self._by_address[self._addresses[at]])

    def entry(self, address: int) -> str | None:
        """The function that begins at @address."""
        name = self._by_address.get(address)
        return plain(name) if name and ".cold" not in name else None

    def address(self, name: str) -> int:
        """Where the function @name begins."""
        if name not in self._by_name:
            raise ui.Failure(f"this kernel has no {name}()")
        return self._by_name[name]


def load(folder: Path) -> Symbols:
    """Those of the kernel that was built in @folder."""
    with (folder / "System.map").open() as lines:
        return Symbols(lines)


def _disassemble(folder: Path, function: str) -> str:
    return subprocess.run(["objdump", "-d", "--no-show-raw-insn", f"--disassemble={function}", folder / "vmlinux"],
                          capture_output=True, text=True, check=True).stdout


def after_call(disassembly: str, callee: str) -> int:
    """The address that the first call of @callee in there returns to."""
    lines = [line for line in disassembly.splitlines() if re.match(r"\s*[0-9a-f]+:\t", line)]
    for line, following in zip(lines, lines[1:]):
        if re.search(rf"\bcall\b.*<{re.escape(callee)}>", line):
            return int(following.split(":")[0], 16)
    raise ui.Failure(f"no call of {callee}() where one was expected")


def only_return(disassembly: str) -> int:
    """The address of the only instruction in there that returns."""
    found = re.findall(r"^\s*([0-9a-f]+):\t(?:ret\b|jmp +\S+ <__x86_return_thunk>)", disassembly, re.M)
    if len(found) != 1:
        raise ui.Failure(f"{len(found)} returns where one was expected")
    return int(found[0], 16)


def end_of(folder: Path, function: str) -> int:
    """Where @function returns."""
    return only_return(_disassemble(folder, function))


def return_of(folder: Path, caller: str, callee: str) -> int:
    """Where the call of @callee in @caller returns to."""
    return after_call(_disassemble(folder, caller), callee)
