"""The Lua scripts on a real Redis and the plain model do the same, whatever is asked of them in whatever order.

HOTLINE_MODEL_LIVES and HOTLINE_MODEL_STEPS say how many random lives of how many steps; HOTLINE_MODEL_COUNTS names a
file that gets a line "steps seconds" at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from routing import keys
from routing.errors import RoutingError
from routing.match import Call
from routing.model import CAUSES, Need, Plan, Policy, Step
from routing.reference import Model
from routing.rules import meets
from tests.support.redis import real_redis
from tests.support.routing import Dump, PlainRedis, as_agent, as_call, index_faults

LIVES = int(os.environ.get("HOTLINE_MODEL_LIVES", "420"))
STEPS = int(os.environ.get("HOTLINE_MODEL_STEPS", "50"))
AGENTS, CALLS, CONTROLLERS = ("a1", "a2", "a3", "a4"), ("c1", "c2", "c3", "c4", "c5", "c6"), ("k1", "k2")
POLICY = Policy(pause_after={"reject": 2, "busy": 0, "no_answer": 2, "unreachable": 3})
agent_ids, call_ids, controllers = (st.sampled_from(names) for names in (AGENTS, CALLS, CONTROLLERS))
skill_sets = st.dictionaries(st.sampled_from(["net", "tv", "project/a"]), st.integers(1, 3))
NET, TV = Need("net>=2"), Need("tv")
PLANS = (
    Plan(NET),
    Plan(NET),
    Plan(Need("net>=2&tv"), order="most_skilled"),
    Plan(Need("net<=2"), order="least_skilled"),
    Plan(TV, order="fewest_calls", ageing=0),
    Plan(TV, prefer=Need("net"), order="least_talk", ageing=5),
    Plan(NET, order="weighted", weight_s=2),
    Plan(NET, (Step(3, Need("net")), Step(8, TV, NET, 7))),
    Plan(NET, (Step(3, Need("net"), skip_if_nobody=False), Step(6, priority=30), Step(12, TV, skip_if_nobody=False))),
    Plan(NET.of_project("a"), (Step(4, NET, lend="b"),)),
)
plans = st.sampled_from(PLANS)
often = st.sampled_from


class Scripts(RuleBasedStateMachine):
    """Each rule does one operation in Redis and in the model, then repeats it under the same request id."""

    steps = 0

    def __init__(self, redis: PlainRedis) -> None:
        super().__init__()
        self.redis = redis
        self.model = Model(POLICY)
        self.requests = 0
        self.offered_before: set[int] = set()
        self.redis.clear()
        self.dump = self.redis.dump()

    def do(self, script: str, expected: Callable[[int], object], **values: Any) -> dict[str, Any] | None:
        """Run one operation on both sides; return Redis's reply, None when both refused it."""
        type(self).steps += 1
        self.requests += 1
        values["request_id"] = f"r{self.requests}"
        before = copy.deepcopy((self.model.calls, self.model.agents)) if self.requests % 8 == 0 else None
        error = reply = None
        try:
            expected(self.redis.now)
        except RoutingError as e:
            error = type(e)
        if error:
            with pytest.raises(error):
                self.redis.run(script, **values)

            assert before is None or (self.model.calls, self.model.agents) == before
        else:
            reply, self.dump = self.redis.run(script, **values)
        return reply

    @initialize(agents=st.lists(often([{"net": 3}, {"net": 3, "tv": 3}, {"tv": 2}]), max_size=4),
                calls=st.integers(0, 4))
    def begin(self, agents: list[dict[str, int]], calls: int) -> None:
        """Some agents of several groups, idle equally long, and some calls."""
        for agent, skills in zip(AGENTS, agents, strict=False):
            self.sign_in(agent, skills, 4000, "sign_in")
        for call in CALLS[:calls]:
            self.enqueue(call, "k1", PLANS[0], 0, False, 0, None, False, "", "", "", None)

    # Agents

    @rule(agent=agent_ids, skills=skill_sets, wrap_up_ms=often([0, 4000]), mode=often(["sign_in", "update"]))
    def sign_in(self, agent: str, skills: dict[str, int], wrap_up_ms: int, mode: str) -> None:
        group = keys.group_name(skills)
        self.do("agent_sign_in", lambda now: self.model.agent_sign_in(now, agent, group, 3000, wrap_up_ms, mode),
                agent_id=agent, group=group, endpoint="e", name="n", language="pl", ring_ms=3000,
                wrap_up_ms=wrap_up_ms, mode=mode)

    @rule(agent=agent_ids)
    def sign_in_expert(self, agent: str) -> None:
        self.sign_in(agent, {"net": 3, "tv": 3}, 4000, "sign_in")

    @rule(agent=agent_ids)
    def sign_out(self, agent: str) -> None:
        self.do("agent_sign_out", lambda now: self.model.agent_sign_out(now, agent), agent_id=agent)

    @rule(agent=agent_ids, wish=often(["pause", "unpause", "toggle"]))
    def pause(self, agent: str, wish: str) -> None:
        self.do("agent_pause", lambda now: self.model.agent_pause(now, agent, wish), agent_id=agent, wish=wish,
                pause_reason="lunch")

    @rule(agent=agent_ids)
    def ready(self, agent: str) -> None:
        self.do("agent_ready", lambda now: self.model.agent_ready(now, agent), agent_id=agent)

    @rule(agent=agent_ids, extra_ms=often([1000, 9000]))
    def extend(self, agent: str, extra_ms: int) -> None:
        self.do("agent_extend", lambda now: self.model.agent_extend(now, agent, extra_ms), agent_id=agent,
                extra_ms=extra_ms)

    @rule(on=st.booleans())
    def lend(self, on: bool) -> None:
        self.do("project_lend", lambda now: self.model.project_lend(now, "b", on), project="b", on=int(on))

    # Calls

    @rule(call=call_ids, controller=controllers, plan=plans, priority=often([0, 0, 0, 5, 99]),
          emergency=often([False] * 7 + [True]), ago_ms=often([0, 0, 0, 700, 60_000, -5000]),
          max_len=often([None, None, 0, 2]), keep=st.booleans(), caller=often(["", "", "p1", "p2"]),
          affinity=often(["", "", *AGENTS]), budget=often(["", "", "b1"]), wrap_up_ms=often([None, None, 0, 7000]))
    def enqueue(self, call: str, controller: str, plan: Plan, priority: int, emergency: bool, ago_ms: int,
                max_len: int | None, keep: bool, caller: str, affinity: str, budget: str,
                wrap_up_ms: int | None) -> None:
        name = keys.class_name(plan, priority, emergency=emergency)
        entered, queue = self.redis.now - ago_ms, f"q-{plan.need.terms[0][0]}"
        new = Call(call, controller, f"node-{controller}", queue, name, entered, caller=caller,
                   resume_ms=20_000 if caller else 0, wrap_up_ms=wrap_up_ms, budget=budget)
        old = copy.deepcopy(self.model.calls.get(call))
        reply = self.do(
            "call_enqueue",
            lambda now: self.model.call_enqueue(now, new, max_len, keep, affinity, 6000, 5000, 8000),
            call_id=call, controller=controller, node=new.node, queue=queue, **{"class": name},
            entered_ms=entered if ago_ms else "", max_len="" if max_len is None else max_len,
            mode="keep" if keep else "renew", caller=caller, resume_ms=new.resume_ms, affinity=affinity,
            affinity_ms=6000, talk_ms=5000, wrap_up_ms="" if wrap_up_ms is None else wrap_up_ms, budget=budget,
            budget_ms=8000)
        if reply is None:
            return
        self.check_placement(call, reply)
        assert old is None or self.model.calls[call].entered_ms <= old.entered_ms, "never a worse place"

    def check_placement(self, call: str, reply: dict[str, Any]) -> None:
        now = self.model.calls[call]

        assert reply["state"] == now.state
        assert reply["agents_in"] == self.model.agents_in(now)
        assert reply.get("token", 0) == (now.token if now.state == "offered" else 0)
        waiting = now.state == "waiting"
        assert reply.get("position") == (self.model.position(call, self.redis.now) if waiting else None)

    @rule(call=call_ids, plan=plans, priority=often([0, 5, 99]))
    def change(self, call: str, plan: Plan, priority: int) -> None:
        name, queue = keys.class_name(plan, priority), f"q-{plan.need.terms[0][0]}"
        reply = self.do("call_change", lambda now: self.model.call_change(now, call, queue, name), call_id=call,
                        queue=queue, **{"class": name})
        if reply:
            self.check_placement(call, reply)

    @rule(call=call_ids, outcome=often(["abandoned", "abandoned", "completed", "gone"]),
          controller=controllers, wrap_up=st.booleans(), ago_ms=often([None, 0, 2000]))
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

    @rule(n=st.integers(0, 5), old=often([0, 0, 0, 0, 0, 0, 1]))
    def take(self, n: int, old: int) -> None:
        call, token = self._offer(n, old)
        reply = self.do("offer_take", lambda now: self.model.offer_take(now, call, token), call_id=call, token=token,
                        margin_ms=round(POLICY.ring_margin_s * 1000))
        if reply:
            taken = self.model.calls[call]

            assert reply["agent_id"] == taken.agent
            assert reply["deadline_ms"] == taken.due_ms
            assert reply["waited_ms"] == self.redis.now - taken.entered_ms

    @rule(n=st.integers(0, 5), old=often([0, 0, 0, 0, 0, 0, 1]), lease_ms=often([2000, 40_000]))
    def extend_offer(self, n: int, old: int, lease_ms: int) -> None:
        call, token = self._offer(n, old)
        self.do("offer_extend", lambda now: self.model.offer_extend(now, call, token, lease_ms), call_id=call,
                token=token, lease_ms=lease_ms)

    @rule(n=st.integers(0, 5), old=often([0, 0, 0, 0, 0, 0, 1]))
    def accept(self, n: int, old: int) -> None:
        call, token = self._offer(n, old)
        self.do("offer_accept", lambda now: self.model.offer_accept(now, call, token), call_id=call, token=token)

    @rule(n=st.integers(0, 5), old=often([0, 0, 0, 0, 0, 0, 1]), cause=often(CAUSES), rests=st.booleans())
    def refuse(self, n: int, old: int, cause: Any, rests: bool) -> None:
        call, token = self._offer(n, old)
        agent = self.model.calls[call].agent if call in self.model.calls else ""
        reply = self.do("offer_refuse", lambda now: self.model.offer_refuse(now, call, token, cause), call_id=call,
                        token=token, cause=cause, back_off_ms=round(POLICY.back_off_s[cause] * 1000),
                        pause_after=POLICY.pause_after[cause])
        if reply:
            self.check_placement(call, reply)
        if not rests and agent:
            self.ready(agent)

    def _in_state(self, state: str, n: int) -> Call | None:
        found = [c for _, c in sorted(self.model.calls.items()) if c.state == state]
        return found[n % len(found)] if found else None

    @rule(n=st.integers(0, 5))
    def ring_and_answer(self, n: int) -> None:
        if call := self._in_state("offered", n):
            self.do("offer_take", lambda now: self.model.offer_take(now, call.call_id, call.token), token=call.token,
                    call_id=call.call_id, margin_ms=round(POLICY.ring_margin_s * 1000))
            self.do("offer_accept", lambda now: self.model.offer_accept(now, call.call_id, call.token),
                    call_id=call.call_id, token=call.token)

    @rule(n=st.integers(0, 5))
    def talk_ends(self, n: int) -> None:
        if call := self._in_state("bridged", n):
            self.end(call.call_id, "completed", "k1", True, None)

    @rule(n=st.integers(0, 5), again=st.booleans())
    def nobody_answers(self, n: int, again: bool) -> None:
        """He refuses; `again`: and rests no longer, so that the same call may come back to him."""
        if call := self._in_state("offered", n):
            agent = call.agent
            self.do("offer_refuse", lambda now: self.model.offer_refuse(now, call.call_id, call.token, "busy"),
                    call_id=call.call_id, token=call.token, cause="busy",
                    back_off_ms=round(POLICY.back_off_s["busy"] * 1000), pause_after=POLICY.pause_after["busy"])
            if again and agent in self.model.agents:
                self.ready(agent)

    # Time

    @rule(by=often([1, 900, 3000, 4000, 5000, 10_000, 31_000]), alive=st.sets(controllers))
    def time_passes(self, by: int, alive: set[str]) -> None:
        self.redis.move_ms(by)
        for controller in sorted(alive):
            self.beat(controller)
        self.sweep()

    @rule(by=often([500, 3000, 6000]))
    def time_passes_unswept(self, by: int) -> None:
        self.redis.move_ms(by)

    @rule(sweeper=often(["", "", "k1"]))
    def sweep_by(self, sweeper: str) -> None:
        self.sweep(sweeper)

    def sweep(self, sweeper: str = "") -> None:
        self.do("sweep_due", lambda now: self.model.sweep_due(now, sweeper), sweeper=sweeper, batch=1000,
                dead_after_ms=round(POLICY.dead_after_s * 1000), lost_after_ms=round(POLICY.lost_after_s * 1000),
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
        due = self.dump.scores("due")
        for name, call in calls.items():  # Redis keeps these times in the index only
            call.due_ms = due.get(f"lost {name}" if call.state == "detached" else f"hold {name}", call.due_ms)

        assert self.model.calls == calls
        assert self.model.agents == agents
        assert self.model.controllers == self.dump.scores("controllers")
        assert self.model._due() == due

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
        """At the time of its offer the agent met one of the needs and wished for calls."""
        new = {c.token: c for c in self.model.calls.values() if c.state == "offered"}
        for token in new.keys() - self.offered_before:
            call, record = new[token], self.dump.records("agent")[new[token].agent]
            needs = [Need(part.split(":")[1].split("?")[0]) for part in call.name.split("@")[0].split("|")]

            assert any(meets(need, keys.group_skills(record["group"])) for need in needs)
            assert record["status"] == "in"
        self.offered_before |= new.keys()

    @invariant()
    def nobody_sits_beside(self) -> None:
        """A ready agent and a waiting call he may take never sit side by side, but until the sweep that is due."""
        for call in self.model.calls.values():
            if call.state == "waiting" and not call.held and self.model.rings.get(call.name, 1 << 60) > self.redis.now:
                assert self.model.able(call, self.redis.now) == []

    def teardown(self) -> None:
        """No key is left behind once every call ended, every agent left and every controller is gone."""
        for call in CALLS:
            self.do("call_end", lambda now, c=call: self.model.call_end(now, c, "completed", False, "k1", "n"),
                    call_id=call, outcome="completed", wrap_up=0, controller="k1", node="n", attached_ms="")
        for agent in AGENTS:
            self.sign_out(agent)
        self.redis.move_ms(4_000_000)
        self.sweep()

        assert self.dump.names() == set()


def _mentions(dump: Dump, call: str) -> list[str]:
    """Keys but the streams that still know `call`."""
    return [name for name, flat in dump.all.items()
            if name == f"call:{call}" or {call, f"offer {call}", f"lost {call}", f"hold {call}"} & set(flat)]


@contextlib.contextmanager
def plain_redis(tmp_path: Path) -> Iterator[PlainRedis]:
    """A real Redis of the test's own, for scripts without an event loop."""
    with asyncio.Runner() as runner:
        server = real_redis(tmp_path)
        real = runner.run(server.__aenter__())
        address = real.client().connection_pool.connection_kwargs
        client = redis.Redis(host=address["host"], port=address["port"], decode_responses=True)
        try:
            yield PlainRedis(client)
        finally:
            client.close()
            runner.run(server.__aexit__(None, None, None))


@pytest.mark.timeout(0)
def test_scripts_agree_with_the_model(tmp_path: Path) -> None:
    """Random lives: records, indexes, replies and errors are the model's after every step."""
    began = time.monotonic()
    with plain_redis(tmp_path) as real:
        run_state_machine_as_test(
            lambda: Scripts(real),
            settings=settings(max_examples=LIVES, stateful_step_count=STEPS, deadline=None, database=None,
                              phases=[Phase.generate],  # shrinking takes minutes: add Phase.shrink by hand
                              suppress_health_check=list(HealthCheck)))
    if counts := os.environ.get("HOTLINE_MODEL_COUNTS"):
        with Path(counts).open("a", encoding="utf-8") as file:
            file.write(f"{Scripts.steps} {time.monotonic() - began:.1f}\n")
    assert Scripts.steps >= LIVES


def test_an_offer_its_agent_cannot_take_any_more_goes_to_another(tmp_path: Path) -> None:
    """He paused before his controller took the offer: at its end the call goes to somebody ready, at once."""
    with plain_redis(tmp_path) as real:
        life = Scripts(real)
        for agent in ("a1", "a2"):
            life.sign_in(agent, {"net": 2}, 0, "sign_in")
        life.enqueue("c1", "k1", PLANS[0], 0, False, 0, None, False, "", "", "", None)
        first = life.model.calls["c1"].agent
        life.pause(first, "pause")
        life.time_passes(10_000, {"k1"})

        assert {life.model.calls["c1"].agent} == {"a1", "a2"} - {first}
        life.records_are_the_models()


def test_who_signs_in_while_a_call_waits_gets_it_when_its_relax_step_comes(tmp_path: Path) -> None:
    """Nobody was there for the step when the call came: its time is set when somebody signs in."""
    with plain_redis(tmp_path) as real:
        life = Scripts(real)
        life.enqueue("c1", "k1", PLANS[8], 0, False, 0, None, False, "", "", "", None)
        life.sign_in("a1", {"net": 1}, 0, "sign_in")
        life.beat("k1")
        life.sweep()

        assert life.model.calls["c1"].state == "waiting"
        life.time_passes(3000, {"k1"})
        assert life.model.calls["c1"].agent == "a1"
        life.records_are_the_models()
