"""Who may answer whom, and who comes first: the rules of routing, each said once, plainly. Pure.

The scripts do the same with indexes (scripts/include/class.lua, fit.lua, choose.lua); tests hold both together.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import cast

from routing.model import PROJECT, Need, Order

POINT_MS = 60_000  # a point of priority, and a minute of waiting at ageing 1

_RING = re.compile(r"(\d+)(!?)(?:\^([^:|]*))?:([^|?]*)\??([^|]*)")
_WORTH = re.compile(r"(\d+):(-?\d+):(\d+):(\d+):([\d+,]*)/([a-z_]+)(\d*)")


@dataclass(frozen=True)
class Ring:
    """Who is let in from a wait on: the first need, then each relax step with a need."""

    after_ms: int
    skip: bool
    lend: str
    need: Need
    prefer: Need | None


@dataclass(frozen=True)
class Class:
    """A class of calls, read from its name (routing/keys.py). bonuses  (after_ms, points in all)."""

    line: str
    rings: tuple[Ring, ...]
    tier: int
    priority: int
    cap: int
    ageing: int
    bonuses: tuple[tuple[int, int], ...]
    order: Order
    weight_ms: int

    def value(self, waited_ms: int) -> tuple[int, int]:
        """Return what a call is worth: tier, then points x POINT_MS. Waiting never lowers it."""
        points = self.priority + max((more for after, more in self.bonuses if waited_ms >= after), default=0)
        return self.tier, min(self.cap * POINT_MS, points * POINT_MS + self.ageing * waited_ms)


@dataclass(frozen=True)
class Opening:
    """How a group fits a class: from which wait on, and its place in the order. ring  0 is the first need."""

    delay_ms: int
    ring: int
    rank: int
    offset_ms: int


@cache
def read_class(name: str) -> Class:
    """Return what a class name says."""
    line, _, rest = name.partition("@")
    worth = _WORTH.fullmatch(rest)
    assert worth, f"{name} is not a class"
    rings = tuple(Ring(int(r[1]), bool(r[2]), r[3] or "", Need(r[4]), Need(r[5]) if r[5] else None)
                  for r in map(_RING.fullmatch, line.split("|")) if r)  # fmt: skip
    bonuses = tuple((int(a), int(p)) for a, _, p in (b.partition("+") for b in worth[5].split(",") if b))
    tier, priority, cap, ageing = (int(worth[n]) for n in range(1, 5))
    return Class(line, rings, tier, priority, cap, ageing, bonuses, cast(Order, worth[6]), int(worth[7] or 0))


def meets(need: Need, skills: Mapping[str, int]) -> bool | None:
    """Tell whether the skills meet a need: False if a term is not met, else None if a skill is absent, else True.

    Absent is unknown, not 0; only True is a match.
    """
    found = [None if skill not in skills else skills[skill] >= level if op == ">=" else skills[skill] <= level
             for skill, op, level in need.terms]  # fmt: skip
    return False if False in found else None if None in found else True


def ring_met(cls: Class, skills: Mapping[str, int], lending: Collection[str]) -> int | None:
    """Return the first ring these skills meet. lending  projects that lend their agents now."""
    for k, ring in enumerate(cls.rings):
        if (not ring.lend or ring.lend in lending) and meets(ring.need, skills):
            return k
    return None


def openings(cls: Class, groups: Mapping[str, Mapping[str, int]], lending: Collection[str]) -> dict[str, Opening]:
    """Return the groups that fit a class. groups  name -> skills, of everybody signed in.

    A ring that may be skipped to opens at once while nobody signed in meets an earlier one.
    """
    met = {group: k for group, skills in groups.items() if (k := ring_met(cls, skills, lending)) is not None}
    least = min(met.values(), default=len(cls.rings))
    found = {}
    for group, k in met.items():
        ring = cls.rings[k]
        delay_ms = 0 if ring.skip and k > 0 and least >= k else ring.after_ms
        found[group] = Opening(delay_ms, k, *_rank(cls, ring, groups[group]))
    return found


def _rank(cls: Class, ring: Ring, skills: Mapping[str, int]) -> tuple[int, int]:
    """Return rank (less is first) and the idle time a group's levels are worth."""
    levels = sum(skills[skill] for skill, op, _ in ring.need.terms if op == ">=" and not skill.startswith(PROJECT))
    rank = 0
    if cls.order == "most_skilled":
        rank = 10_000 - levels
    elif cls.order == "least_skilled":
        rank = levels * 100 + sum(not skill.startswith(PROJECT) for skill in skills)
    if ring.prefer and not meets(ring.prefer, skills):
        rank += 1_000_000
    return rank, cls.weight_ms * levels
