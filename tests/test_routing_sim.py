"""The simulations of routing: the same seed gives the same run, the judge of offers sees faults, estimates are good."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import routing_sim
from bench.simulation.clock import Event, Life, Simulation
from bench.simulation.engines import FirstCome, Skilled, class_of
from bench.simulation.load import Caller, Load, mixed, storm
from bench.simulation.order import Order, capped_after_ms, points
from bench.simulation.report import holds_g14
from bench.simulation.scripted import Scripted, plain_redis
from bench.simulation.waits import LES, RUNNING, Waits
from routing.measure import Measure

SMALL = {"agents": 20, "calls": 150}


class Recorder:
    """Keeps the events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def event(self, event: Event) -> None:
        self.events.append(event)

    def waits(self, now: int, life: Life, position: int, agents_in: int) -> None:
        """Nothing."""


def judged(load: Load, engine: Skilled) -> Order:
    simulation = Simulation(load, engine)
    order = Order(load, simulation.lives)
    simulation.watchers = (order,)
    simulation.run()
    return order


def test_a_seed_is_a_run() -> None:
    """Twice the same seed: every call has the same fate; another seed, another."""
    load = mixed(3, **SMALL)
    first = Simulation(load, Skilled(load)).run().fates

    assert load == mixed(3, **SMALL)
    assert first == Simulation(load, Skilled(load)).run().fates
    assert load.callers != mixed(4, **SMALL).callers


def test_every_call_gets_an_able_agent_or_leaves() -> None:
    """Nobody is lost, nobody reaches a wrong agent, no offer passes a better call by."""
    load = mixed(3, **SMALL)
    simulation = Simulation(load, Skilled(load))
    order = Order(load, simulation.lives)
    simulation.watchers = (order,)
    lives = simulation.run().lives.values()

    assert len(load.callers) == sum(life.helped_ms is not None or life.left_ms is not None for life in lives)
    assert not any(life.wrong for life in lives)
    assert order.offers == sum(life.offers for life in lives)
    assert ([], [], []) == (order.not_able, order.not_best, order.overtaken)


def test_without_skills_the_same_queue_is_first_come_first_served() -> None:
    """One queue, one skill: the model and the plain queue do the same to every call."""
    load = storm(5, agents=6, times=5, calm_min=10)

    assert Simulation(load, Skilled(load)).run().fates == Simulation(load, FirstCome(load)).run().fates


def test_first_come_first_served_sends_callers_to_agents_who_cannot_help() -> None:
    """The comparison means something: with mixed skills many calls are transferred."""
    load = mixed(3, **SMALL)
    run = Simulation(load, FirstCome(load), skilled=False).run()

    assert sum(life.wrong > 0 for life in run.lives.values()) > len(load.callers) / 4


class Unfair(Skilled):
    """Takes the youngest call of a class first: its calls say they came at the end of time."""

    def enqueue(self, now: int, caller: Caller, entered_ms: int) -> None:
        super().enqueue(now, caller, 2 * now - entered_ms)
        call = self._model.calls[caller.call_id]
        if call.state == "waiting":
            call.entered_ms = 3_600_000_000_000 - now


def test_the_judge_sees_who_is_passed_by() -> None:
    """An engine that serves the youngest first is found out."""
    load = mixed(3, **SMALL)

    assert judged(load, Unfair(load)).not_best


def test_the_judge_sees_agents_without_the_skill() -> None:
    """An engine that offers to anybody is found out."""
    load = mixed(3, **SMALL)
    order = Order(load, Simulation(load, Skilled(load)).lives)
    cannot = next(c for c in load.callers if order._delay_of(c.plan, "a005") is None)
    for kind in ("waiting", "offered"):
        order.event({"type": kind, "at_ms": str(cannot.at_ms), "call": cannot.call_id, "agent": "a005"})

    assert [(cannot.call_id, "a005")] == order.not_able


def test_a_call_at_the_cap_may_not_be_overtaken() -> None:
    """The starvation bound: a younger call taken by an agent whom the capped one may have is a fault."""
    load = mixed(3, **SMALL)
    order = Order(load, Simulation(load, Skilled(load)).lives)
    old = next(c for c in load.callers if c.line.name == "bank")
    young = next(c for c in load.callers if c.line.name == "bank" and c.call_id != old.call_id)
    agent = next(a for a in load.skills if order._delay_of(old.plan, a) == 0)
    late = old.at_ms + capped_after_ms(old)
    order.event({"type": "waiting", "at_ms": str(old.at_ms), "call": old.call_id})
    order.event({"type": "waiting", "at_ms": str(young.at_ms), "call": young.call_id})
    order.event({"type": "offered", "at_ms": str(late), "call": young.call_id, "agent": agent})

    assert 100 == points(old, capped_after_ms(old)) > points(old, capped_after_ms(old) - 1)
    assert {old.call_id} == order.capped
    assert [(old.call_id, young.call_id)] == order.overtaken


def test_the_estimate_holds_the_goal_in_a_storm() -> None:
    """G14 in a storm of 40 agents: RMSE <= 15 % of the mean, >= 90 % near, 2 x LES, 4 x the running mean."""
    load = storm(1, agents=40)
    errors = routing_sim.by_way(routing_sim.told_in_storm(load))

    assert errors["QLm"].calls > 300
    assert holds_g14(errors), (errors["QLm"], errors[LES].rmse_s, errors[RUNNING].rmse_s)
    assert errors["QLm"].in_range is not None
    assert errors["QLm"].in_range >= 0.9


def test_the_table_is_printed_and_the_goals_decide(capsys: pytest.CaptureFixture[str],
                                                   monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """A small input from the command line: seed named, no fault, exit 0."""
    monkeypatch.setattr("sys.argv", ["routing_sim", "mixed", "--seed", "3", "--agents", "20", "--calls", "150"])
    with pytest.raises(SystemExit) as ended:
        routing_sim.main()
    printed = capsys.readouterr().out

    assert 0 == ended.value.code
    assert "seed 3" in printed
    assert "20 agents, 150 calls" in printed
    assert "goals held" in printed


def test_the_scripts_treat_every_call_as_the_model_does(tmp_path: Path) -> None:
    """The same load over the scripts on a real Redis: the same fate for every call, and the same estimates from
    the real events as from those the simulation says."""
    load = mixed(3, **SMALL)
    expected = Simulation(load, Skilled(load)).run()
    with plain_redis(tmp_path) as real:
        engine = Scripted(load, real)
        said, waits = Recorder(), Waits()
        found = Simulation(load, engine, (said, waits)).run()
        entries = real.client.xrange("hotline:{test}:events")
    measure = Measure()
    for _, event in entries:  # type: ignore[union-attr]
        measure.feed(event)  # type: ignore[arg-type]

    assert expected.fates == found.fates
    for caller in {caller.line.name: caller for caller in load.callers}.values():
        line = class_of(caller).partition("@")[0]
        ours, theirs = (m.expected_wait(caller.line.name, 3, 4, 10, line) for m in (measure, waits.measure))
        assert (ours is None) == (theirs is None)
        assert ours is None or theirs is None or ours.mean_s == pytest.approx(theirs.mean_s, rel=0.02)
