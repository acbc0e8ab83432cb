# SPDX-License-Identifier: GPL-2.0-only
"""Where things are."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
PRISTINE = BUILD / "pristine"
LINUX = BUILD / "linux"
LOGS = BUILD / "logs"
CACHE = BUILD / "cache"
SERIES = BUILD / "series"
PATCHES = ROOT / "patches"
CONFIGS = ROOT / "harness" / "config"
