"""The Lua scripts on a real Redis and the plain model do the same, whatever is asked of them in whatever order."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from routing import keys
from routing.errors import RouterUnavailable, RoutingError
from routing.match import Call, Model, fits
from routing.model import CAUSES, PRIORITY_CREDIT_MS, Need, Policy
from tests.support.redis import real_redis
from tests.support.routing import Dump, MovedRedis, as_agent, as_call, index_faults

AGENTS, CALLS, CONTROLLERS = ("a1", "a2", "a3", "a4"), ("c1", "c2", "c3", "c4", "c5", "c6"), ("k1", "k2")
POLICY = Policy(pause_after={"reject": 2, "busy": 0, "no_answer": 2, "unreachable": 3})
agent_ids, call_ids, controllers = (st.sampled_from(names) for names in (AGENTS, CALLS, CONTROLLERS))
skill_names, levels = st.sampled_from(["internet", "tv"]), st.integers(1, 3)
skill_sets = st.dictionaries(skill_names, levels)


class Scripts(RuleBasedStateMachine):
    """Each rule does one operation in Redis and in the model, then repeats it under the same request id."""

    def __init__(self, runner: asyncio.Runner, redis: MovedRedis) -> None:
        super().__init__()
        self.runner, self.redis = runner, redis
        self.model = Model(POLICY)
        self.requests = 0
        self.offered_before: set[int] = set()
        self.runner.run(redis.clear())
        self.dump = self.runner.run(redis.dump())

    def do(self, script: str, expected: Callable[[int], object], **values: Any) -> dict[str, Any] | None:
        """Run one operation on both sides; return Redis's reply, None when both refused it."""
        self.requests += 1
        values["request_id"] = f"r{self.requests}"
        before = copy.deepcopy((self.model.calls, self.model.agents))
        error = reply = None
        try:
            expected(self.redis.now)
        except RoutingError as e:
            error = type(e)
        if error:
            with pytest.raises(error):
                self.ask(script, values)
            dump = self.runner.run(self.redis.dump())

            assert dump.all == self.dump.all, "a script that answers an error wrote nothing"
            assert (self.model.calls, self.model.agents) == before
        else:
            reply = self.ask(script, values)
            dump = self.runner.run(self.redis.dump())
            again = self.ask(script, values)

            assert reply == again
            assert dump.all == self.runner.run(self.redis.dump()).all, "a repeated request changes nothing"
        self.dump = dump
        return reply

    def ask(self, script: str, values: dict[str, Any]) -> dict[str, Any]:
        """Run a script; on a machine that stands still for seconds again, as the request id allows."""
        for _ in range(5):
            try:
                return self.runner.run(self.redis.scripts.run(script, **values))
            except RouterUnavailable:
                continue
        raise AssertionError("Redis does not answer")

    @initialize(agents=st.lists(st.sampled_from([{"internet": 3}, {"internet": 3, "tv": 3}, {"tv": 2}]), max_size=4),
                calls=st.integers(0, 4))
    def begin(self, agents: list[dict[str, int]], calls: int) -> None:
        """Some agents of several groups, idle equally long, and some calls."""
        for agent, skills in zip(AGENTS, agents, strict=False):
            self.sign_in(agent, skills, 4000)
        for call in CALLS[:calls]:
            self.enqueue(call, "k1", "internet", 2, 0, 0, None, False)

    # Agents

    @rule(agent=agent_ids, skills=skill_sets, wrap_up_ms=st.sampled_from([0, 4000]))
    def sign_in(self, agent: str, skills: dict[str, int], wrap_up_ms: int) -> None:
        self.do("agent_sign_in", lambda now: self.model.agent_sign_in(now, agent, skills, 3000, wrap_up_ms),
                agent_id=agent, group=keys.group_name(skills), endpoint="e", name="n", language="pl", ring_ms=3000,
                wrap_up_ms=wrap_up_ms)

    @rule(agent=agent_ids)
    def sign_in_expert(self, agent: str) -> None:
        self.sign_in(agent, {"internet": 3, "tv": 3}, 4000)

    @rule(agent=agent_ids)
    def sign_out(self, agent: str) -> None:
        self.do("agent_sign_out", lambda now: self.model.agent_sign_out(now, agent), agent_id=agent)

    @rule(agent=agent_ids, wish=st.sampled_from(["pause", "unpause", "toggle"]))
    def pause(self, agent: str, wish: str) -> None:
        self.do("agent_pause", lambda now: self.model.agent_pause(now, agent, wish), agent_id=agent, wish=wish,
                pause_reason="lunch")

    @rule(agent=agent_ids)
    def ready(self, agent: str) -> None:
        self.do("agent_ready", lambda now: self.model.agent_ready(now, agent), agent_id=agent)

    # Calls

    @rule(call=call_ids, controller=controllers, skill=skill_names, level=levels, priority=st.integers(-1, 1),
          ago_ms=st.sampled_from([0, 0, 0, 700, 60_000, -5000]), max_len=st.sampled_from([None, None, 0, 2]),
          keep=st.booleans())
    def enqueue(self, call: str, controller: str, skill: str, level: int, priority: int, ago_ms: int,
                max_len: int | None, keep: bool) -> None:
        entered = self.redis.now - ago_ms
        new = Call(call, controller, f"node-{controller}", f"q-{skill}", skill, level, priority, entered, 0)
        before = self.model.calls.get(call)
        old = copy.deepcopy(before)
        reply = self.do(
            "call_enqueue", lambda now: self.model.call_enqueue(now, new, max_len, keep),
            call_id=call, controller=controller, node=new.node, queue=new.queue, need=str(Need(skill, level)),
            priority=priority, credit_ms=priority * PRIORITY_CREDIT_MS, entered_ms=entered if ago_ms else "",
            max_len="" if max_len is None else max_len, mode="keep" if keep else "renew")
        if reply is None:
            return
        now = self.model.calls[call]

        assert reply["state"] == now.state
        assert reply["agents_in"] == self.model.agents_in(now)
        assert reply.get("token", 0) == (now.token if now.state == "offered" else 0)
        assert reply.get("position") == (self.model.position(call) if now.state == "waiting" else None)
        assert old is None or now.entered_ms <= old.entered_ms, "queueing again never worsens a place"

    @rule(call=call_ids, outcome=st.sampled_from(["abandoned", "abandoned", "completed", "gone"]),
          controller=controllers, wrap_up=st.booleans(), ago_ms=st.sampled_from([None, 0, 2000]))
    def end(self, call: str, outcome: str, controller: str, wrap_up: bool, ago_ms: int | None) -> None:
        before = None if ago_ms is None else self.redis.now - ago_ms
        node = f"node-{controller}"
        ended: list[bool] = []
        reply = self.do(
            "call_end",
            lambda now: ended.append(self.model.call_end(now, call, outcome, wrap_up, controller, node, before)),
            call_id=call, outcome=outcome, wrap_up=int(wrap_up), controller=controller, node=node,
            attached_ms="" if before is None else before)

        assert reply is not None
        assert ended == [reply["ended"]]
        if reply["ended"]:
            assert not _mentions(self.dump, call), "nothing of an ended call is left"

    # Offers

    def _offer(self, n: int, old: int) -> tuple[str, int]:
        """One of the calls with an agent and its token, or one `old` older; some call when none has an agent."""
        paired = [(c.call_id, c.token - old) for _, c in sorted(self.model.calls.items()) if c.agent]
        return paired[n % len(paired)] if paired else (CALLS[0], self.model.token)

    @rule(n=st.integers(0, 5), old=st.sampled_from([0, 0, 0, 0, 0, 0, 1]))
    def take(self, n: int, old: int) -> None:
        call, token = self._offer(n, old)
        reply = self.do("offer_take", lambda now: self.model.offer_take(now, call, token), call_id=call, token=token,
                        margin_ms=round(POLICY.ring_margin_s * 1000))
        if reply:
            taken = self.model.calls[call]

            assert reply["agent_id"] == taken.agent
            assert reply["deadline_ms"] == taken.due_ms
            assert reply["waited_ms"] == self.redis.now - taken.entered_ms

    @rule(n=st.integers(0, 5), old=st.sampled_from([0, 0, 0, 0, 0, 0, 1]))
    def accept(self, n: int, old: int) -> None:
        call, token = self._offer(n, old)
        self.do("offer_accept", lambda now: self.model.offer_accept(now, call, token), call_id=call, token=token)

    @rule(n=st.integers(0, 5), old=st.sampled_from([0, 0, 0, 0, 0, 0, 1]), cause=st.sampled_from(CAUSES),
          rests=st.booleans())
    def refuse(self, n: int, old: int, cause: Any, rests: bool) -> None:
        call, token = self._offer(n, old)
        agent = self.model.calls[call].agent if call in self.model.calls else ""
        reply = self.do("offer_refuse", lambda now: self.model.offer_refuse(now, call, token, cause), call_id=call,
                        token=token, cause=cause, back_off_ms=round(POLICY.back_off_s[cause] * 1000),
                        pause_after=POLICY.pause_after[cause])
        if reply:
            now = self.model.calls[call]

            assert reply.get("position") == (self.model.position(call) if now.state == "waiting" else None)
        if not rests and agent:
            self.ready(agent)

    # Time

    @rule(by=st.sampled_from([1, 900, 4000, 5000, 10_000, 31_000]), alive=st.sets(controllers))
    def time_passes(self, by: int, alive: set[str]) -> None:
        self.runner.run(self.redis.move_ms(by))
        for controller in sorted(alive):
            self.beat(controller)
        self.sweep()

    def sweep(self) -> None:
        self.do("sweep_due", self.model.sweep_due, batch=1000, dead_after_ms=round(POLICY.dead_after_s * 1000),
                lost_after_ms=round(POLICY.lost_after_s * 1000),
                back_off_ms=round(POLICY.back_off_s["no_answer"] * 1000), pause_after=POLICY.pause_after["no_answer"])

    @rule(controller=controllers)
    def beat(self, controller: str) -> None:
        self.do("controller_beat", lambda now: self.model.controller_beat(now, controller), controller=controller,
                epoch="e1")

    @rule(controller=controllers)
    def leave(self, controller: str) -> None:
        self.do("controller_leave", lambda now: self.model.controller_leave(now, controller), controller=controller)

    # What always holds

    @invariant()
    def records_are_the_models(self) -> None:
        calls = {name: as_call(name, f) for name, f in self.dump.records("call").items()}
        agents = {name: as_agent(name, f) for name, f in self.dump.records("agent").items()}
        for call in self.model.calls.values():
            if call.state == "detached":  # Redis keeps this time in the index only
                calls[call.call_id].due_ms = self.dump.scores("due").get(f"lost {call.call_id}", -1)

        assert self.model.calls == calls
        assert self.model.agents == agents
        assert self.model.controllers == self.dump.scores("controllers")

    @invariant()
    def indexes_are_those_of_the_records(self) -> None:
        assert index_faults(self.dump) == []

    @invariant()
    def pairs_are_pairs(self) -> None:
        """A call with an agent is the agent's call, under one token; one call each, and only while it is live."""
        calls, agents = self.dump.records("call"), self.dump.records("agent")
        of_calls = {(name, f["agent"], f["token"]) for name, f in calls.items() if "agent" in f}
        of_agents = {(f["call"], name, f["token"]) for name, f in agents.items() if "call" in f}

        assert of_calls == of_agents
        assert len({agent for _, agent, _ in of_calls}) == len(of_calls)
        assert {n for n, f in calls.items() if f["state"] in ("offered", "bridged")} == {n for n, _, _ in of_calls}
        assert {n for n, f in agents.items() if f["state"] in ("reserved", "ringing", "talking")} \
            == {n for _, n, _ in of_calls}

    @invariant()
    def offers_fit(self) -> None:
        """At the time of its offer the agent met the need and wished for calls."""
        new = {c.token: c for c in self.model.calls.values() if c.state == "offered"}
        for token in new.keys() - self.offered_before:
            call, record = new[token], self.dump.records("agent")[new[token].agent]

            assert fits(call.skill, call.level, keys.group_skills(record["group"]))
            assert record["status"] == "in"
        self.offered_before |= new.keys()

    @invariant()
    def nobody_sits_beside(self) -> None:
        """A ready agent and a waiting call he fits never sit side by side."""
        for call in self.model.calls.values():
            assert call.state != "waiting" or self.model.ready(call) == []

    def teardown(self) -> None:
        """No key is left behind once every call ended, every agent left and every controller is gone."""
        for call in CALLS:
            self.do("call_end", lambda now, c=call: self.model.call_end(now, c, "completed", False, "k1", "n"),
                    call_id=call, outcome="completed", wrap_up=0, controller="k1", node="n", attached_ms="")
        for agent in AGENTS:
            self.sign_out(agent)
        self.runner.run(self.redis.move_ms(4_000_000))
        self.sweep()

        assert self.dump.names() == set()


def _mentions(dump: Dump, call: str) -> list[str]:
    """Keys but the streams that still know `call`."""
    return [name for name, flat in dump.all.items()
            if name == f"call:{call}" or call in flat or f"offer {call}" in flat or f"lost {call}" in flat]


def test_scripts_agree_with_the_model(tmp_path: Path) -> None:
    """Eighty random lives of forty operations: records, indexes, replies and errors are the model's."""
    with asyncio.Runner() as runner:
        server = real_redis(tmp_path)
        redis = runner.run(server.__aenter__())
        client = redis.client()
        try:
            run_state_machine_as_test(
                lambda: Scripts(runner, MovedRedis(client)),
                settings=settings(max_examples=80, stateful_step_count=40, deadline=None, database=None,
                                  phases=[Phase.generate],  # shrinking takes minutes: add Phase.shrink by hand

                                  suppress_health_check=list(HealthCheck)))
        finally:
            runner.run(client.aclose())
            runner.run(server.__aexit__(None, None, None))


def test_an_offer_its_agent_cannot_take_any_more_goes_to_another(tmp_path: Path) -> None:
    """He paused before his controller took the offer: at its end the call goes to somebody ready, at once."""
    with asyncio.Runner() as runner:
        server = real_redis(tmp_path)
        redis = runner.run(server.__aenter__())
        client = redis.client()
        try:
            life = Scripts(runner, MovedRedis(client))
            life.begin(agents=[{"internet": 3}, {"internet": 3}], calls=1)
            first = life.model.calls["c1"].agent
            life.pause(agent=first, wish="pause")
            for _ in range(3):
                life.time_passes(by=4000, alive={"k1"})
            call = life.model.calls["c1"]

            assert ("offered", True) == (call.state, call.agent not in ("", first))
            life.records_are_the_models()
            life.nobody_sits_beside()
            life.teardown()
        finally:
            runner.run(client.aclose())
            runner.run(server.__aexit__(None, None, None))
