"""The canary's judge: exact chances, bad versions found after few calls, good ones hardly ever condemned."""

from __future__ import annotations

import random

import pytest
from scipy.stats import fisher_exact

from ivr.versions.judge import Counts, chance, judge, total

QUIET = Counts(1000, 2, 300)


@pytest.mark.parametrize("seed", range(5))
def test_the_chance_is_fishers(seed: int) -> None:
    """The same as another implementation of the exact test, for tables of every shape."""
    rng = random.Random(seed)
    for _ in range(100):
        of, of_there = rng.randint(1, 80), rng.randint(1, 400)
        here, there = rng.randint(0, of), rng.randint(0, of_there)
        other = fisher_exact([[here, of - here], [there, of_there - there]], alternative="greater")[1]

        assert other == pytest.approx(chance(here, of, there, of_there), abs=1e-9)


@pytest.mark.parametrize(
    ("canary", "live", "before", "condemned"),
    [
        (Counts(1, 1, 0), QUIET, Counts(), False),  # one failed call is chance
        (Counts(2, 2, 0), QUIET, Counts(), True),
        (Counts(2, 2, 0), Counts(9, 0, 0), QUIET, True),  # the hours before make up for few calls
        (Counts(2, 2, 0), Counts(), Counts(), False),  # a hotline without any history waits for a third
        (Counts(3, 3, 0), Counts(), Counts(), True),
        (Counts(400, 2, 100), QUIET, Counts(), False),
        (Counts(40, 12, 0), Counts(360, 110, 0), Counts(), False),  # everything fails: it is not the version
        (Counts(19, 0, 19), QUIET, Counts(), False),  # too few callers to say anything of hang-ups
        (Counts(20, 0, 20), QUIET, Counts(), True),
        (Counts(30, 0, 12), QUIET, Counts(), False),
        (Counts(100, 0, 60), QUIET, Counts(), True),
        (Counts(100, 0, 5), QUIET, Counts(), False),  # fewer hang-ups are welcome
    ],
)
def test_what_condemns_a_canary(canary: Counts, live: Counts, before: Counts, condemned: bool) -> None:
    """Failures from the second on, hang-ups from the twentieth call on, when chance cannot explain them."""

    assert condemned == bool(judge(canary, live, before))


def test_the_reason_is_told_in_words() -> None:
    """Numbers of both, and how likely chance is."""
    reason = judge(Counts(4, 3, 0), Counts(120, 1, 40), Counts())

    assert reason.startswith("3 of 4 calls failed, with the live version 1 of 120 (by chance: 1 in ")


def test_calls_are_counted_by_how_they_ended() -> None:
    """Calls that are up count as calls: a version under which nobody's call ends yet is not condemned by the first."""
    found = total([("agent", 5), ("failed", 2), ("hung_up", 3), ("abandoned", 1), ("", 4)])

    assert Counts(15, 2, 4) == found


def condemned_by_chance(rng: random.Random, calls: int, share: float, failing: float, leaving: float) -> bool:
    """Ask the judge after every call of a canary that is exactly as good as what is live."""
    canary, live, before = Counts(), Counts(), Counts(200, round(200 * failing), round(200 * leaving))
    for _ in range(calls):
        luck, tried = rng.random(), rng.random() < share
        one = Counts(1, int(luck < failing), int(failing <= luck < failing + leaving))
        if not tried:
            live += one
            continue
        canary += one
        if (one.failed or one.left) and judge(canary, live, before):
            return True
    return False


def test_a_good_canary_is_hardly_ever_rolled_back() -> None:
    """Asked after each of 2,000 calls, 200 of them the canary's, it condemns fewer than 4 of 100 good ones."""
    rng = random.Random(2026)
    alarms = sum(condemned_by_chance(rng, 2000, 0.1, 0.01, 0.35) for _ in range(100))

    assert alarms < 4
