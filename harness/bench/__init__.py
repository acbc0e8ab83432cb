# SPDX-License-Identifier: GPL-2.0-only
"""make bench: what memory hotplug costs, the stock kernel's beside ours, in instructions of an emulated machine."""
