"""What a new caller of a queue would meet."""

from __future__ import annotations

import pytest

from routing.keys import class_name
from routing.measure import TALKS_MIN, Measure
from routing.model import AgentState, AgentView, Need, Plan, Snapshot, Status, Step
from routing.outlook import AT_ONCE, outlook

PLAN = Plan(Need("internet>=3"), (Step(60, Need("internet")),))


def agent(name: str, level: int, status: Status = "in", state: AgentState = "ready") -> AgentView:
    return AgentView(name, name, name, {"internet": level}, status, state, 0)


def learnt(queue: str = "support") -> Measure:
    """Return what is known after some talks of a minute each."""
    measure, line = Measure(), class_name(PLAN)
    for n in range(2 * TALKS_MIN):
        at = n * 60_000
        for event in (
            {"type": "waiting", "call": f"c{n}", "queue": queue, "class": line, "at_ms": at},
            {"type": "offered", "call": f"c{n}", "agent": "anna", "at_ms": at},
            {"type": "bridged", "call": f"c{n}", "agent": "anna", "at_ms": at, "waited_ms": 0},
            {"type": "ended", "call": f"c{n}", "agent": "anna", "state": "bridged", "at_ms": at + 59_000},
            {"type": "agent_ready", "agent": "anna", "at_ms": at + 60_000},
        ):
            measure.feed({key: str(value) for key, value in event.items()})
    return measure


@pytest.mark.parametrize(
    ("agents", "able"),
    [
        ((), 0),
        ((agent("anna", 5), agent("boris", 1)), 2),
        ((agent("anna", 5, "paused"), agent("boris", 1, "in", "talking")), 1),
        ((AgentView("eva", "", "", {"billing": 5}, "in", "ready", 0),), 0),
    ],
)
def test_agents_who_could_answer(agents: tuple[AgentView, ...], able: int) -> None:
    """At once or after a relax step, busy or not, but not paused."""

    assert able == outlook(Snapshot(0, {}, (), agents), Measure(), "support", PLAN).agents_in


def test_an_agent_who_is_ready_means_no_wait() -> None:
    """Unless others wait in the queue already."""
    ready, busy = agent("anna", 5), agent("anna", 5, state="talking")

    assert AT_ONCE == outlook(Snapshot(0, {}, (), (ready,)), Measure(), "support", PLAN).wait
    assert outlook(Snapshot(0, {"support": 2}, (), (ready,)), Measure(), "support", PLAN).wait is None
    assert outlook(Snapshot(0, {}, (), (busy,)), Measure(), "support", PLAN).wait is None


def test_the_wait_of_the_last_in_line() -> None:
    """Behind two callers, one agent, a minute a call: about three minutes; nobody in: not known."""
    busy = agent("anna", 5, state="talking")
    seen = outlook(Snapshot(0, {"support": 2}, (), (busy,)), learnt(), "support", PLAN)
    nobody = outlook(Snapshot(0, {"support": 2}, (), ()), learnt(), "support", PLAN)

    assert seen.waiting == 2
    assert seen.wait is not None
    assert 120 < seen.wait.mean_s < 200
    assert nobody.wait is None
