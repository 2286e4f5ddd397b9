"""One call from entry to end, and one fault at each place in turn: at every step, and at every request to Redis.

Chance would find these too (test_interleavings.py); here none is left out. HOTLINE_EVERY  look at every so many only
(default 6; make test-routing looks at each).
"""

from __future__ import annotations

import logging
import os

import pytest

from routing.model import AgentProfile
from tests.routing.counts import add_counts
from tests.support.routing_life import PLANS, Desk, Life
from tests.support.routing_rules import Broken
from tests.support.routing_session import Caller

EVERY = int(os.environ.get("HOTLINE_EVERY", "6"))


class OneCall(Life):
    """Two controllers, an agent, a caller led by the first. `marks`: step and request when he came and left."""

    fates = ("answer",)

    def __init__(self, url: str) -> None:
        super().__init__(1, url, trouble=False)
        self.marks: list[tuple[int, int]] = []

    def die_at(self, step: int) -> None:
        """Let the first controller die before this step."""

        def before() -> None:
            if self.loop.steps == step:
                self.controllers["k1"].die()

        self.loop.before_step = before

    async def _live(self) -> None:
        first, other = self.start_controller(), self.start_controller()
        assert isinstance(first, Desk)
        await self.pass_s(0.5)
        await other.router.sign_in(AgentProfile("anna", "phone-anna", {"internet": 3}, 2, 0.5))
        self.callers["c1"] = caller = Caller("c1", PLANS[0], 0, 0.5)
        self._mark()
        first.lead(caller)
        await self.pass_s(12, until=lambda: bool(caller.outcome))
        self._mark()
        caller.gone.set()
        await self.pass_s(30, until=self.is_over)
        self.rules.over(self.server.dump)
        if not caller.outcome:
            raise Broken("15 the caller has no outcome")

    def _mark(self) -> None:
        self.marks.append((self.loop.steps, self.server.asked))


@pytest.fixture
def whole(redis_url: str, caplog: pytest.LogCaptureFixture) -> OneCall:
    """The call as it goes without a fault: it is answered."""
    caplog.set_level(logging.CRITICAL)
    life = OneCall(redis_url)
    life.live()
    assert life.callers["c1"].outcome == "talked"
    return life


@pytest.mark.timeout(600)
def test_a_death_at_any_step_leaves_nothing_behind(whole: OneCall, redis_url: str) -> None:
    """Whatever the controller was doing, the other one brings the call to an end and frees the agent."""
    (begin, _), (end, _) = whole.marks
    steps = range(begin, end + 1, EVERY)
    for step in steps:
        life = OneCall(redis_url)
        life.die_at(step)
        life.live()

    add_counts("deaths", interleavings=len(steps), violations=0)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", ["lost", "unheard"])
def test_a_request_or_reply_lost_anywhere_changes_nothing_in_the_end(
    whole: OneCall, redis_url: str, fault: str,
) -> None:
    """One try is lost, and the second comes through; then both are, and the router says so to whoever asked."""
    (_, begin), (_, end) = whole.marks
    requests = range(begin + 1, end + 1, EVERY)
    for request in requests:
        for lost in ([request], range(request, request + 12)):
            life = OneCall(redis_url)
            life.faults.nth = dict.fromkeys(lost, fault)
            life.live()

    add_counts(fault, interleavings=2 * len(requests), violations=0)
