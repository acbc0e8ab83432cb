# SPDX-License-Identifier: GPL-2.0-only
"""Assembles, builds, boots and checks the kernel tree of this repository."""
