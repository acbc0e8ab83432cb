# SPDX-License-Identifier: GPL-2.0-only
"""Tells a trend from noise in a counter that was sampled once a round."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Trend:
    """A line through samples: the slope a round, and the slope's standard error."""

    slope: float
    error: float

    def exceeds(self, limit: float) -> bool:
        """True if the slope is surely (three standard errors) beyond +-@limit."""
        return abs(self.slope) - 3 * self.error > limit

    def __str__(self) -> str:
        return f"{self.slope:+.1f} +- {self.error:.1f} a round"


def fit(samples: Sequence[float]) -> Trend:
    """The least-squares line; needs three samples or more."""
    rounds = range(len(samples))
    slope, intercept = statistics.linear_regression(rounds, samples)
    residue = sum((y - intercept - slope * x) ** 2 for x, y in zip(rounds, samples))
    middle = (len(samples) - 1) / 2
    spread = sum((x - middle) ** 2 for x in rounds)
    return Trend(slope, math.sqrt(residue / (len(samples) - 2) / spread))
