# SPDX-License-Identifier: GPL-2.0-only
"""Makes kernel configurations of the fragments in harness/config: nothing but what they ask for."""

from __future__ import annotations

from pathlib import Path

from . import paths, ui
from .arch import ARCHES, HOST, Arch

FRAGMENTS = {"plain": ["base", "lockdown", "faults"], "debug": ["base", "faults", "kunit", "debug"],
             "stock": ["base", "lockdown"], "lean": ["base", "lockdown"], "check": ["base", "faults", "kunit"],
             "torture": ["base", "faults", "torture"], "kcsan": ["base", "faults", "kcsan"],
             # Built again and again: nothing in it that is not ours or calls us.
             "series": ["matrix/common", "matrix/x86_64", "matrix/clients", "faults", "kunit", "series"]}


def source(config: str) -> Path:
    return paths.PRISTINE if config == "stock" else paths.LINUX


def out(config: str) -> Path:
    return paths.BUILD / config


def _wanted(text: str) -> dict[str, str]:
    """Symbol -> value; the last word counts."""
    wanted: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("CONFIG_"):
            name, _, value = line.split("#")[0].strip().partition("=")
            wanted[name] = value
    return wanted


def _missed(wanted: dict[str, str], config: Path) -> list[str]:
    """What did not come out as asked: "NAME=wanted, has value"."""
    there = _wanted(config.read_text())
    return [f"{name}={value}, has {there.get(name, 'n')}" for name, value in wanted.items()
            if there.get(name, "n") != value]


def generate(text: str, tree: Path, folder: Path, log: Path, machine: Arch = ARCHES[HOST]) -> list[str]:
    """Writes a .config of what @text asks for, and returns what did not come out so."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "all.config").write_text(text)
    ui.run(["make", "-s", "-C", tree, f"O={folder}", *machine.words(), f"KCONFIG_ALLCONFIG={folder / 'all.config'}",
            "allnoconfig"], what="allnoconfig", log=log)
    return _missed(_wanted(text), folder / ".config")


def configure(config: str, tree: Path | None = None, folder: Path | None = None, partial: bool = False) -> Path:
    """Writes the .config of @config and returns its build folder; a @partial tree may lack what is asked for."""
    if config not in FRAGMENTS:
        raise ui.Failure(f"no configuration {config}: there are " + ", ".join(FRAGMENTS))
    folder = folder or out(config)
    text = "".join((paths.CONFIGS / f"{name}.config").read_text() for name in FRAGMENTS[config])
    missed = generate(text, tree or source(config), folder, paths.LOGS / f"config-{config}.log")
    for line in [] if partial else missed:
        ui.warn(f"{config}: wanted {line}")
    return folder
