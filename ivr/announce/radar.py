"""Storm radar: areas from which unusually many customers call, judged by what is usual there at that hour. Pure.

How often an area calls is estimated from the same hour of past weeks, few of them, so the estimate itself may be off:
the number of callers is taken as negative binomial (Poisson, its rate gamma distributed). An area is unusual when so
many callers had less than its share of ALARMS_A_MONTH as chance; there is no fixed number of calls.
Called by `radar_watch.py`.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import exp, lgamma, log, sqrt

from ivr.area import contains

ALARMS_A_MONTH = 0.5
MONTH_S = 30 * 86400
OVERLAP = 5  # windows that slide give as many chances as five times as many that do not
FLOOR = 0.05  # callers usual in any area and window: one house is never surer than that
FIRST = 1 / 600_000  # callers a second and customer before anything is known
FROM_DAY_TO_DAY = 0.25  # usual numbers vary by so much more than chance lets them
MAD = 1.4826  # median deviation -> standard deviation
OUTLIER = 3.0  # a past week further off than that was no ordinary one
MOST, HALF, FEW = 0.8, 0.5, 3


@dataclass(frozen=True)
class Caller:
    """A customer who called. who  account or number: one customer counts once.  at  epoch seconds."""

    who: str
    area: str
    at: float


@dataclass(frozen=True)
class Usual:
    """Callers of one area in one window. shape  of their negative binomial: small means little is known."""

    mean: float
    shape: float


@dataclass(frozen=True)
class Finding:
    """An area with unusually many callers. usual  how many there are otherwise.  first  epoch seconds."""

    area: str
    callers: int
    usual: float
    chance: float
    first: float

    @property
    def excess(self) -> float:
        return self.callers - self.usual


class Usuals:
    """What is usual at one hour.

    customers  area of a customer -> how many live there.  weeks  of each past week, callers by their area (`by_area`),
    summed over `windows` windows of `window_s` at that hour; weeks without any call are left out.
    """

    def __init__(
        self, customers: Mapping[str, int], weeks: Sequence[Mapping[str, int]], *, window_s: float, windows: float
    ) -> None:
        self.window_s, self.windows = window_s, windows
        self.customers: Counter[str] = Counter()
        for area, number in customers.items():
            for part in parts(area):
                self.customers[part] += number
        self.weeks = [week for week in weeks if week]
        self._usual: dict[str, Usual] = {}

    def of(self, area: str) -> Usual:
        """Return what is usual in `area`: what was, drawn towards its share of all customers."""
        if area not in self._usual:
            self._usual[area] = self._estimate(area)
        return self._usual[area]

    def share(self, area: str) -> float:
        """Return the chance below which `area` is unusual: its level's part, shared by the level's areas."""
        looks = MONTH_S / self.window_s * OVERLAP
        return ALARMS_A_MONTH / looks / len(self._levels) / max(1, self._levels.get(area.count("/"), 1))

    @cached_property
    def _levels(self) -> Counter[int]:
        return Counter(area.count("/") for area in self.customers) or Counter({0: 1})

    @cached_property
    def _each(self) -> float:
        """Callers of one customer in one window."""
        everybody = sum(number for area, number in self.customers.items() if "/" not in area)
        roots = {area for week in self.weeks for area in week if "/" not in area}
        heard = sum(_ordinary([week.get(root, 0) for week in self.weeks])[0] for root in roots)
        if not (heard and everybody):
            return FIRST * self.window_s
        return heard / (len(self.weeks) * self.windows) / everybody

    def _estimate(self, area: str) -> Usual:
        heard, spread = _ordinary([week.get(area, 0) for week in self.weeks])
        before = max(self._each * self.customers[area], FLOOR)  # a guess worth one caller
        seen = 1 / before + len(self.weeks) * self.windows
        shape = 1 / (1 / (1 + heard) + max(spread, FROM_DAY_TO_DAY**2))
        return Usual(max((1 + heard) / seen, FLOOR), shape)


def by_area(callers: Iterable[Caller]) -> Counter[str]:
    """Return how many customers called from each area; every area holds those below it."""
    counted: Counter[str] = Counter()
    for area, number in Counter(area for _, area in {(each.who, each.area) for each in callers}).items():
        for part in parts(area):
            counted[part] += number
    return counted


def look(callers: Sequence[Caller], usuals: Usuals) -> tuple[Finding, ...]:
    """Return the areas with unusually many of the last window's callers, the least likely first.

    Of areas within each other the most specific one that explains most of it: its own unusual parts are told instead
    when they are few, not most of it, and hold MOST of what is too much.
    """
    unusual: dict[str, Finding] = {}
    for area, number in by_area(callers).items():
        usual = usuals.of(area)
        if number <= usual.mean + 3 * sqrt(usual.mean):  # far from any share of chance; spares the sum
            continue
        odds = chance(number, usual)
        if odds < usuals.share(area):
            first = min(each.at for each in callers if contains(area, each.area))
            unusual[area] = Finding(area, number, usual.mean, odds, first)
    found = [each for top in _outermost(unusual) for each in _explained(top, unusual, usuals)]
    return tuple(sorted(found, key=lambda each: (each.chance, each.area)))


def chance(callers: int, usual: Usual) -> float:
    """Return the probability of at least so many callers."""
    grows = usual.mean / (usual.shape + usual.mean)
    term = exp(
        lgamma(callers + usual.shape) - lgamma(usual.shape) - lgamma(callers + 1)
        + usual.shape * log(1 - grows) + callers * log(grows)
    )  # fmt: skip
    total, n = 0.0, callers
    while term > total * 1e-9:
        total += term
        term *= (n + usual.shape) / (n + 1) * grows
        n += 1
    return min(total, 1.0)


def parts(area: str) -> list[str]:
    """Return `area` and every area that holds it, the widest first."""
    names = area.split("/")
    return ["/".join(names[: n + 1]) for n in range(len(names))] if area else []


def _explained(area: str, unusual: Mapping[str, Finding], usuals: Usuals) -> list[Finding]:
    """Return what explains `area`'s callers: its parts, and theirs, or itself."""
    inside = _outermost([each for each in unusual if each != area and contains(area, each)])
    most = sum(unusual[each].excess for each in inside) >= MOST * unusual[area].excess
    living = sum(usuals.customers[each] for each in inside)
    if not most or len(inside) > FEW or (len(inside) > 1 and living >= HALF * usuals.customers[area]):
        return [unusual[area]]
    return [found for each in inside for found in _explained(each, unusual, usuals)]


def _outermost(areas: Iterable[str]) -> list[str]:
    """Return those of `areas` that lie in no other of them."""
    known = set(areas)
    return [each for each in sorted(known) if not known.intersection(parts(each)[:-1])]


def _ordinary(weeks: Sequence[int]) -> tuple[float, float]:
    """Return the callers of all weeks, outliers cut to what is ordinary, and the square of how far they spread beyond
    chance, as a part of their median."""
    if not weeks:
        return 0.0, 0.0
    middle = statistics.median(weeks)
    deviation = MAD * statistics.median(abs(each - middle) for each in weeks)
    most = middle + OUTLIER * max(deviation, sqrt(max(middle, 1.0)))
    spread = (deviation**2 - middle) / middle**2 if middle else 0.0
    return sum(min(each, most) for each in weeks), min(max(spread, 0.0), 1.0)
