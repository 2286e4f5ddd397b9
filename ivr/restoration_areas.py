"""Where it is still out, by what those say who were called after a restoration. Pure.

One "no" is one household: a cable, a router that wants to be switched off and on. Some in one place are a fault that
was not found, or another one behind it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ivr.area import contains

NO_LEAST = 3  # who say no in one place
SHARE_LEAST = 0.2  # of the answers ...
ANSWERS_LEAST, NO_OF_FEW = 5, 2  # ... of so many at least, so many of them no: a place with few customers


@dataclass(frozen=True)
class StillOut:
    """An area in which it is still out. no  of so many answers; area '' for those whose area is not known."""

    area: str
    no: int
    answers: int


def still_out(answers: Iterable[tuple[str, bool]], within: tuple[str, ...] = ()) -> tuple[StillOut, ...]:
    """Return the smallest areas in which it is still out, in order.

    answers  area and whether it works.  within  areas that were restored: nothing above them is named.
    A customer's own area is out again when NO_LEAST of those who live in just that one say no, or SHARE_LEAST of
    ANSWERS_LEAST and more; one above it when both are true of all in it who are not in a smaller one already.
    """
    told = list(answers)
    found: list[StillOut] = []
    for area in _candidates((area for area, works in told if not works), within):
        here = [each for each in told if each[0] == area]
        below = [each for each in told if area and contains(area, each[0])]
        for inside, is_out in ((here, _is_out_here), (below, _is_out_above)):
            no = sum(not works for _, works in inside)
            if is_out(no, len(inside)):
                found.append(StillOut(area, no, len(inside)))
                told = [each for each in told if each not in inside]
                break
    return tuple(sorted(found, key=lambda each: each.area))


def _candidates(no: Iterable[str], within: tuple[str, ...]) -> list[str]:
    """Return the areas somebody says no in and those above them, deepest first."""
    found: Counter[str] = Counter()
    for area in no:
        parts = area.split("/")
        for depth in range(len(parts), 0, -1):
            path = "/".join(parts[:depth])
            if path == area or not within or any(contains(most, path) for most in within):
                found[path] = depth
    return sorted(found, key=lambda area: (-found[area], area))


def _is_out_here(no: int, answers: int) -> bool:
    few = answers >= ANSWERS_LEAST and no >= NO_OF_FEW and no >= SHARE_LEAST * answers
    return no >= NO_LEAST or few


def _is_out_above(no: int, answers: int) -> bool:
    return no >= NO_LEAST and no >= SHARE_LEAST * answers
