"""Several controllers, a bad network, deaths at every await: whatever the order, the invariants hold.

HOTLINE_INTERLEAVINGS  how many seeds (default 24).  HOTLINE_INTERLEAVING  one seed to look at again.
HOTLINE_MODEL_COUNTS  a file that gets one line of counts.
"""

from __future__ import annotations

import logging
import os
import time

import pytest

from tests.routing.counts import add_counts
from tests.support.routing_life import Life
from tests.support.routing_rules import Broken

LIVES = int(os.environ.get("HOTLINE_INTERLEAVINGS", "24"))
FIRST = int(os.environ.get("HOTLINE_INTERLEAVINGS_FROM", "1"))
AGAIN = os.environ.get("HOTLINE_INTERLEAVING", "")
ENOUGH = 3  # broken lives, then the rest tells nothing new
SEEDS = [int(AGAIN)] if AGAIN else range(FIRST, FIRST + LIVES)


@pytest.mark.timeout(60 + 4 * LIVES)
def test_whatever_the_order_the_invariants_hold(redis_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Each seed is one order of everything, with its own faults; none breaks a rule, and all comes right after."""
    caplog.set_level(logging.CRITICAL)
    began, steps, requests, orders, broken = time.perf_counter(), 0, 0, set[int](), list[str]()
    for seed in SEEDS:
        life = Life(seed, redis_url)
        try:
            life.live()
        except Broken as rule:
            broken.append(str(rule))
        steps, requests = steps + life.loop.steps, requests + life.rules.steps
        orders.add(life.loop.told)
        if len(broken) == ENOUGH:
            break
    add_counts("interleavings", interleavings=len(orders), steps=steps, requests=requests, violations=len(broken),
               seconds=round(time.perf_counter() - began, 1))

    assert broken == [], "\n\n".join(broken)
    assert len(orders) == len(SEEDS), "two seeds went the same way"


def test_a_seed_is_the_same_life_each_time(redis_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Otherwise a failing seed could not be looked at again."""
    caplog.set_level(logging.CRITICAL)
    told = []
    for _ in range(2):
        life = Life(7, redis_url)
        life.live()
        told.append((life.loop.steps, life.rules.steps, life.loop.told))

    assert told[0] == told[1]


def test_a_life_without_trouble_loses_no_time(redis_url: str) -> None:
    """No fault, no loss: every reply comes, no request is made twice, no controller is taken for dead."""
    life = Life(3, redis_url, trouble=False)
    life.live()

    assert life.rules.seen["controller_dead"] == life.rules.seen["detached"] == 0
    assert life.rules.seen["bridged"] > 0
