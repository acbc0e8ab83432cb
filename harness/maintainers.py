# SPDX-License-Identifier: GPL-2.0-only
"""Merges the entries of our MAINTAINERS into the tree's."""

from __future__ import annotations

from .ui import Failure


def _entries(text: str) -> list[str]:
    return [block.strip("\n") for block in text.split("\n\n") if block.strip()]


def _title(entry: str) -> str:
    return entry.split("\n", 1)[0]


def _is_entry(block: str) -> bool:
    """An entry is a title and then lines like "M:	somebody"."""
    return "\n" in block and block.split("\n", 2)[1][1:3] == ":\t"


def merge(stock: str, ours: str) -> str:
    """@stock with each entry of @ours at its place in the alphabet, instead of an entry of the same title."""
    blocks = stock.rstrip("\n").split("\n\n")
    first = next((at for at, block in enumerate(blocks) if _title(block).startswith("3C59X")), None)
    if first is None:
        first = next((at for at, block in enumerate(blocks) if _is_entry(block)), None)
    if first is None:
        raise Failure("MAINTAINERS: no list of entries found")
    for entry in _entries(ours):
        titles = [_title(block) for block in blocks]
        if _title(entry) in titles[first:]:
            blocks[titles.index(_title(entry), first)] = entry
            continue
        after = (at for at in range(first, len(blocks)) if _is_entry(blocks[at]) and titles[at] > _title(entry))
        blocks.insert(next(after, len(blocks)), entry)
    return "\n\n".join(blocks) + "\n"
