# SPDX-License-Identifier: GPL-2.0-only
"""One operation, measured. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from .profile import Profile, spent_in


@dataclass(frozen=True)
class Sample:
    """What an operation took: virtual time, in instructions, waiting with it; what was executed, and where."""

    time: int
    profile: Profile        # function -> instructions
    entered: Profile        # function -> how often
    notes: Mapping[str, float] = field(default_factory=dict)

    @property
    def instructions(self) -> int:
        return sum(self.profile.values())

    @property
    def waited(self) -> int:
        """Time that passed without an instruction."""
        return max(0, self.time - self.instructions)

    def spent_in(self, names: Collection[str]) -> int:
        return spent_in(self.profile, names)


def median(samples: Sequence[Sample]) -> Sample:
    """The one whose time is in the middle."""
    middle = statistics.median_low(sample.time for sample in samples)
    return next(sample for sample in samples if sample.time == middle)
