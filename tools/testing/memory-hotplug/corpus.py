#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""corpus.py unpack|pack FILE FOLDER, corpus.py add FILE INPUT: inputs as lines in hexadecimal, or as files for a fuzzer."""

import hashlib
import sys
from pathlib import Path


def read(file: Path) -> set[bytes]:
    return {bytes.fromhex(line) for line in file.read_text().splitlines()} if file.exists() else set()


def write(file: Path, inputs: set[bytes]) -> None:
    """The short ones first; an empty input is an empty line."""
    file.write_text("".join(data.hex() + "\n" for data in sorted(inputs, key=lambda data: (len(data), data))))


def unpack(file: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for data in read(file):
        (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def pack(file: Path, folder: Path) -> None:
    write(file, {path.read_bytes() for path in folder.iterdir()})


def add(file: Path, new: Path) -> None:
    write(file, read(file) | {new.read_bytes()})


if __name__ == "__main__":
    {"unpack": unpack, "pack": pack, "add": add}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
