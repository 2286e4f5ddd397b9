"""Storm radar: what is usual, what is not, which area explains it; false alarms and delay over months of calls."""

from __future__ import annotations

import math
import random
from collections import Counter, deque
from collections.abc import Iterator

import pytest

from ivr.announce.radar import Caller, Finding, Usual, Usuals, by_area, chance, look, parts

WINDOW_S = 180.0
HOUR, DAY, WEEK = 3600, 86400, 7 * 86400
WOLA = "pl/mazowieckie/warszawa/wola"
STREETS = [f"pl/{region}/{town}/{district}/street-{n}" for region in "ab" for town in "cd" for district in "efg"
           for n in range(20)]  # fmt: skip


def calls(area: str, number: int, at: float = 0.0) -> list[Caller]:
    """Return one call of each of `number` customers."""
    return [Caller(f"{area}#{n}", area, at + n) for n in range(number)]


def usuals(customers: dict[str, int], *weeks: dict[str, int]) -> Usuals:
    """Return what is usual after `weeks`, which tell calls of each leaf area."""
    counted = [by_area([each for area, n in week.items() for each in calls(area, n)]) for week in weeks]
    return Usuals(customers, counted, window_s=WINDOW_S, windows=HOUR / WINDOW_S)


OCHOTA = "pl/mazowieckie/warszawa/ochota"
CITY = {f"{WOLA}/node-{n}": 400 for n in range(10)} | {f"{OCHOTA}/node-{n}": 400 for n in range(30)}
QUIET = dict.fromkeys(CITY, 2)  # each week, in that hour


def test_a_storm_from_one_node_is_told_as_that_node() -> None:
    """The district and the city have too many callers as well; the node explains them."""
    (found,) = look(calls(f"{WOLA}/node-3", 14, 60.0), usuals(CITY, *[QUIET] * 6))

    assert (f"{WOLA}/node-3", 14, 60.0) == (found.area, found.callers, found.first)
    assert 0.05 <= found.usual < 0.2


def test_a_storm_from_everywhere_in_a_district_is_told_as_the_district() -> None:
    """Before any node is unusual by itself, and also when all of them are."""
    usual = usuals(CITY, *[QUIET] * 6)
    early = [each for n in range(10) for each in calls(f"{WOLA}/node-{n}", 2)]
    late = [each for n in range(10) for each in calls(f"{WOLA}/node-{n}", 12)]

    assert [WOLA] == [each.area for each in look(early, usual)]
    assert [WOLA] == [each.area for each in look(late, usual)]


def test_two_storms_are_told_apart() -> None:
    """Two nodes in two districts: not the city that holds both."""
    both = calls(f"{WOLA}/node-3", 20) + calls(f"{OCHOTA}/node-7", 15)
    found = look(both, usuals(CITY, *[QUIET] * 6))

    assert {f"{WOLA}/node-3", f"{OCHOTA}/node-7"} == {each.area for each in found}


def test_a_customer_who_calls_again_and_again_counts_once() -> None:
    """Thirty calls of one customer are no storm."""
    again = [Caller("A1", f"{WOLA}/node-3", n) for n in range(30)]

    assert () == look(again, usuals(CITY, *[QUIET] * 6))


def test_what_is_usual_depends_on_the_hour() -> None:
    """Forty callers are a storm at night and nothing in the hour when all call."""
    callers = [each for n in range(10) for each in calls(f"{WOLA}/node-{n}", 4)]
    busy = usuals(CITY, *[dict.fromkeys(CITY, 80)] * 6)

    assert [WOLA] == [each.area for each in look(callers, usuals(CITY, *[QUIET] * 6))]
    assert () == look(callers, busy)


def test_a_storm_of_a_past_week_does_not_hide_todays() -> None:
    """One week with 3,000 calls of the node is cut to what is ordinary."""
    stormy = QUIET | {f"{WOLA}/node-3": 3000}
    quiet, after = usuals(CITY, *[QUIET] * 6), usuals(CITY, *[QUIET] * 5, stormy)
    node = f"{WOLA}/node-3"

    assert after.of(node).mean < 2 * quiet.of(node).mean
    assert [node] == [each.area for each in look(calls(node, 12), after)]


def test_without_any_history_the_number_of_customers_tells() -> None:
    """A new hotline: a handful from one node is unusual, the same from the whole city is not."""
    new = usuals(CITY)
    spread = [each for area in list(CITY)[::3] for each in calls(area, 1)]

    assert [f"{WOLA}/node-3"] == [each.area for each in look(calls(f"{WOLA}/node-3", 12), new)]
    assert () == look(spread[:10], new)


def test_nobody_and_unknown_areas_are_nothing() -> None:
    """No callers, no customers: no finding and no error."""
    assert () == look([], usuals({}))
    assert [] == parts("")
    assert 0 == by_area([Caller("x", "", 0)]).total()


@pytest.mark.parametrize("callers", [1, 3, 8, 40])
def test_chance_is_that_of_the_negative_binomial(callers: int) -> None:
    """Against the plain sum of its probabilities from zero."""
    usual = Usual(2.5, 4.0)
    p = usual.shape / (usual.shape + usual.mean)
    below = math.fsum(
        math.exp(math.lgamma(k + 4.0) - math.lgamma(4.0) - math.lgamma(k + 1)) * p**4.0 * (1 - p) ** k
        for k in range(callers)
    )

    assert 1 - below == pytest.approx(chance(callers, usual), rel=1e-7)


class Town:
    """12,000 customers in 240 streets who call 1,200 times a day: by hour and weekday, on some days more, and a fifth
    of them calls again soon. Nothing of it is an outage."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.streets = STREETS
        self.weight = [self.random.choice((20, 30, 50, 100)) for _ in self.streets]
        self.customers = dict(zip(self.streets, self.weight, strict=True))

    def day(self, number: int) -> Iterator[Caller]:
        """Give the calls of a day, in order."""
        chance, begins = self.random, number * DAY
        total = 1200 * (0.5 if number % 7 >= 5 else 1.0) * math.exp(chance.gauss(0, 0.15))
        hours = [0.2 if hour < 7 or hour > 21 else 1 + 0.5 * math.sin(hour / 2) for hour in range(24)]
        calls: list[Caller] = []
        for _ in range(round(total)):
            (street,) = chance.choices(self.streets, self.weight)
            (hour,) = chance.choices(range(24), hours)
            at = begins + hour * HOUR + chance.random() * HOUR
            who = f"{street}#{chance.randrange(self.customers[street])}"
            calls.append(Caller(who, street, at))
            if chance.random() < 0.2:
                calls.append(Caller(who, street, at + chance.expovariate(1 / 120)))
        yield from sorted(calls, key=lambda each: each.at)


class Radar:
    """Looks after every call, as often as anything can be found; learns what is usual from its own past weeks."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.counted: dict[int, Counter[str]] = {}  # half hour -> callers by area, windows summed
        self.seen: set[tuple[int, str]] = set()
        self.recent: deque[Caller] = deque()
        self.slot, self.usuals = -1, usuals(town.customers)

    def call(self, caller: Caller) -> tuple[Finding, ...]:
        """Take a call in; return what is found then."""
        slot = int(caller.at // 1800)
        if slot != self.slot:
            past = [slot - week * WEEK // 1800 for week in range(1, 7)]
            weeks = [self.counted.get(each, Counter()) + self.counted.get(each - 1, Counter()) for each in past]
            self.slot = slot
            self.usuals = Usuals(self.town.customers, weeks, window_s=WINDOW_S, windows=HOUR / WINDOW_S)
        if (window := (int(caller.at // WINDOW_S), caller.who)) not in self.seen:
            self.seen.add(window)
            self.counted.setdefault(slot, Counter()).update(parts(caller.area))
        self.recent.append(caller)
        while self.recent[0].at < caller.at - WINDOW_S:
            self.recent.popleft()
        return look(self.recent, self.usuals)


def test_false_alarms_are_about_one_a_month_at_most() -> None:
    """Twelve weeks of ordinary calls, the first without any history: at most three alarms; seeds are fixed."""
    alarms = 0
    for seed in (1, 2):
        town = Town(seed)
        radar, last = Radar(town), -WEEK
        for day in range(42):
            for caller in town.day(day):
                if radar.call(caller) and caller.at > last + HOUR:
                    alarms, last = alarms + 1, caller.at

    assert alarms <= 3


def test_a_storm_is_found_after_few_calls() -> None:
    """Storms of a street, a district and a town in ordinary traffic at noon: calls of it until it is found."""
    town = Town(3)
    radar = Radar(town)
    for day in range(35):
        for caller in town.day(day):
            radar.call(caller)
    needed: dict[str, int] = {}
    for n, area in enumerate(("pl/a/c/e/street-3", "pl/a/c/e", "pl/a/c"), 35):
        streets = [street for street in town.streets if street == area or street.startswith(area + "/")]
        storm = [
            Caller(f"storm#{k}", town.random.choice(streets), n * DAY + 12 * HOUR + k * 4.0) for k in range(60)
        ]
        both = sorted((*storm, *town.day(n)), key=lambda each: each.at)
        found = next(each for each in both if any(f.area == area for f in radar.call(each)))
        needed[area] = sum(each.who.startswith("storm#") and each.at <= found.at for each in both)

    assert needed["pl/a/c/e/street-3"] <= 8
    assert needed["pl/a/c/e"] <= 16
    assert needed["pl/a/c"] <= 24
