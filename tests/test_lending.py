"""The guard of lent agents: a project lends only while its own callers are answered in time."""

from __future__ import annotations

import pytest

from ivr.flow.model import QueueConfig, Relax, ServiceLevel
from ivr.lending import Lending, guard, lenders
from routing.errors import RouterUnavailable
from routing.model import Need

OWN = QueueConfig(name="own", need=Need("a"), project="b", service_level=ServiceLevel(20, 80))
FREE = QueueConfig(name="free", need=Need("a"), project="b")
BORROWS = QueueConfig(name="borrows", need=Need("a"), project="c", relax=(Relax(60, lend="b"),))
QUEUES = {queue.name: queue for queue in (OWN, FREE, BORROWS)}


@pytest.mark.parametrize(
    ("reached", "lends", "expected"),
    [
        (None, True, True),
        (None, False, True),
        (0.80, True, True),
        (0.79, True, False),
        (0.82, False, False),
        (0.86, False, True),
    ],
)
def test_a_project_lends_while_its_level_holds(reached: float | None, lends: bool, expected: bool) -> None:
    """Below the target it stops at once, and begins again only clearly above; too few callers count as held."""
    assert guard("b", QUEUES, lambda queue, target_s: reached, lends=lends) is expected


def test_a_target_of_everybody_can_be_reached_again() -> None:
    """100 percent and a margin is not more than all."""
    queues = {"own": QueueConfig(name="own", need=Need("a"), project="b", service_level=ServiceLevel(20, 100))}

    assert guard("b", queues, lambda queue, target_s: 1.0, lends=False)


def test_only_its_own_queues_count() -> None:
    """The level of the borrowing project's queue does not hold back the lender."""
    asked = []

    def level(queue: str, target_s: float) -> float:
        asked.append((queue, target_s))
        return 1.0

    assert guard("b", QUEUES, level, lends=True)
    assert asked == [("own", 20)]


def test_lenders_are_those_some_queue_borrows_of() -> None:
    """Without such a step nothing is told to the router."""
    assert lenders(QUEUES) == {"b"}
    assert lenders({"own": OWN}) == frozenset()


class Router:
    """What `Lending` uses of a router; level  what it measures.  away  Redis is."""

    def __init__(self) -> None:
        self.level, self.away, self.told, self.measure = 1.0, False, list[tuple[str, bool]](), self

    def service_level(self, queue: str, target_s: float) -> float:
        return self.level

    async def lend(self, project: str, on: bool) -> None:
        if self.away:
            raise RouterUnavailable("gone")
        self.told.append((project, on))


async def test_the_router_is_told_once_and_again_after_a_failure() -> None:
    """What could not be told is told at the next look; what did not change is not repeated."""
    router = Router()
    lending = Lending(router)  # type: ignore[arg-type]
    await lending.look(QUEUES)
    await lending.look(QUEUES)
    router.level, router.away = 0.5, True
    await lending.look(QUEUES)
    router.away = False
    await lending.look(QUEUES)
    lending.forget()
    await lending.look(QUEUES)

    assert router.told == [("b", True), ("b", False), ("b", False)]
