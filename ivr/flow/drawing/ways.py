"""How callers went through flows: counts by step and outcome, as `record/ways.py` finds them. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Place = tuple[str, str]
"""Flow and step."""


@dataclass(frozen=True)
class Ways:
    """What callers did in a period.

    calls  that began in it, by version of the dialplans.  entered  how often a step was.  left  how often it was
    left, by outcome.  dropped  calls whose caller hung up there before anybody helped.
    """

    period: str
    calls: Mapping[str, int] = field(default_factory=dict)
    entered: Mapping[Place, int] = field(default_factory=dict)
    left: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    dropped: Mapping[Place, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.calls.values())

    def taken(self, place: Place, outcomes: tuple[str, ...]) -> int:
        """Return how often the step was left by one of `outcomes`."""
        return sum(self.left.get((*place, outcome), 0) for outcome in outcomes)

    def share(self, place: Place, count: int) -> float:
        """Return which share of those who entered the step `count` is, 0 to 1."""
        return min(1.0, count / self.entered[place]) if self.entered.get(place) else 0.0
