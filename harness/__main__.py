# SPDX-License-Identifier: GPL-2.0-only
"""python3 -m harness COMMAND: what the Makefile calls."""

from __future__ import annotations

import argparse
import importlib
import sys

from . import configure, ui

# command -> (module, function, help); modules are imported only when asked for
COMMANDS = {
    "tree": ("assemble", "assemble", "assemble build/linux"),
    "kernel": ("build", "main", "build a kernel"),
    "run": ("run", "main", "plug, use and unplug a DIMM in a guest"),
    "shell": ("shell", "main", "the same guest, interactive"),
    "torture": ("torture.main", "main", "random operations on a guest's memory, and a judgement"),
    "bench": ("bench.main", "main", "what memory hotplug costs, the stock kernel's beside ours"),
    "test": ("test", "main", "every test that is not long"),
    "test-all": ("test", "everything", "every test, then the build matrix"),
    "fuzz": ("fuzz", "main", "fuzz the pure files in user space"),
    "matrix": ("matrix", "main", "other architectures, and each option off"),
    "series": ("series", "main", "write the patch series"),
    "check-series": ("check_series", "main", "prove that the series applies and builds"),
    "check": ("check", "main", "style, warnings, documentation, exports, likeness"),
}
TAKES_CONFIG = {"kernel", "shell", "torture"}


def _arguments(argv: list[str] | None) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(prog="python3 -m harness")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (_, _, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        if name in TAKES_CONFIG:
            command.add_argument("config", nargs="?", default="plain", help=", ".join(configure.FRAGMENTS))
    return parser.parse_known_args(argv)


def main(argv: list[str] | None = None) -> int:
    arguments, rest = _arguments(argv)
    module, function, _ = COMMANDS[arguments.command]
    try:
        entry = getattr(importlib.import_module(f"{__package__}.{module}"), function)
        words = [arguments.config] if arguments.command in TAKES_CONFIG else []
        return int(entry(*words, *rest) or 0)
    except ui.Failure as failure:
        ui.report(failure)
    except KeyboardInterrupt:
        ui.say(ui.coloured("interrupted", "red"))
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(main())
