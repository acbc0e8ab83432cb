# SPDX-License-Identifier: GPL-2.0-only
"""make fuzz: libFuzzer over the pure files, against their models; SECONDS for each of them."""

from __future__ import annotations

import os

from . import build, packages, paths, ui
from .test import UNITS

_SECONDS = "60"


def main() -> int:
    packages.ensure(packages.FUZZ)
    seconds = os.environ.get("SECONDS") or _SECONDS
    if not seconds.isdigit():
        raise ui.Failure(f"SECONDS={seconds} is no number")
    log = paths.LOGS / "fuzz.log"
    with ui.step(f"Fuzz the pure files, {seconds} s each"):
        ui.run(["make", "-C", paths.ROOT / UNITS, "fuzz", f"OUTPUT={paths.BUILD / 'units'}/", f"SECONDS={seconds}"],
               what="fuzz", log=log, env=build.environment())
    return 0
