# SPDX-License-Identifier: GPL-2.0-only
"""Which kernels there are beside the one that is tested."""

from __future__ import annotations

import os

TESTED = os.environ.get("MHP_CONFIG", "debug")
# The same without its checks, for machines that need many boots, or all of their memory.
WITHOUT_CHECKS = TESTED.replace("debug", "plain")
