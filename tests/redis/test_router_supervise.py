"""What supervisors do acts at once; what Router tells about waiting is true, and asks nothing of Redis in vain."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import re

import pytest

from routing.errors import BadArgument, BudgetSpent, UnknownAgent, UnknownCall
from routing.model import AgentProfile, Need, Offer, Placement, Plan, Policy, Step
from routing.router import Router
from routing.why import why
from tests.support.redis import RealRedis
from tests.support.routers import NET, agent, is_in, router, states, wait_until

pytestmark = pytest.mark.real
TV = Need("tv")
# A slow machine must not make a controller look dead.
CALM = Policy(beat_s=0.1, sweep_s=0.05)
SLOW = Policy(beat_s=60, sweep_s=60)


def offered(placement: Placement | None) -> Offer:
    assert placement is not None
    assert placement.offer is not None
    return placement.offer


async def answered(it: Router, call_id: str, plan: Plan | Need = NET, **options: object) -> Offer:
    """Enqueue a call an agent is ready for, and let him answer."""
    offer = offered(await it.enqueue(call_id, "net", plan, **options))  # type: ignore[arg-type]
    assert await it.accept(offer)
    return offer


async def test_a_changed_need_brings_the_agent_at_once(redis: RealRedis) -> None:
    """The call waits for a skill nobody has; asked for less, it is offered without waiting for anything."""
    async with router(redis, policy=CALM) as it:
        await it.sign_in(agent("anna"))
        before = await it.enqueue("1.1", "tv", TV)
        assert before is not None
        with it.waiting("1.1") as line:
            after = await it.change("1.1", queue="net", plan=Plan(NET))
            offer = await line.next_offer(2)

        assert offer is not None
        assert (after.position, after.entered_ms) == (None, before.entered_ms)
        assert offer.agent_id == "anna"
        assert {"net": 1} == (await it.snapshot()).queues


async def test_priority_and_emergency_overtake_at_once_and_back(redis: RealRedis) -> None:
    """Any router may do it, not only the one that holds the call; what is not given stays."""
    plan = Plan(NET, (Step(60, Need("tv")),), ageing=2)
    async with router(redis, "k1", runs=False) as it, router(redis, "cli", runs=False) as desk:
        for call_id in ("1.1", "1.2", "1.3"):
            await it.enqueue(call_id, "net", plan)
        raised = await desk.change("1.3", priority=5)
        urgent = await desk.change("1.2", emergency=True)
        kept = (await desk.snapshot()).calls[0]
        calm = await desk.change("1.2", emergency=False, priority=-1)

        assert [1, 1, 3] == [raised.position, urgent.position, calm.position]
        assert (kept.call_id, kept.emergency, kept.priority) == ("1.2", True, 0)
        assert ["1.3", "1.1", "1.2"] == [call.call_id for call in (await desk.snapshot()).calls]
        with pytest.raises(UnknownCall):
            await desk.change("9.9", priority=1)
        with pytest.raises(BadArgument, match="priority 101"):
            await desk.change("1.1", priority=101)


async def test_new_skills_of_an_agent_act_at_once_and_leave_his_pause(redis: RealRedis) -> None:
    async with router(redis, policy=CALM) as it:
        await it.sign_in(agent("anna"))
        await it.enqueue("1.1", "tv", TV)
        tv = AgentProfile("anna", "phone-anna", {"tv": 1})
        assert await it.update(tv)
        await wait_until(lambda: is_in(it, "1.1", "offered"))
        await it.abandon("1.1")
        await it.pause("anna", "lunch")
        assert await it.update(agent("anna"))
        view = (await it.snapshot()).agents[0]

        assert ("paused", "lunch", {"internet": 3}) == (view.status, view.reason, view.skills)
        assert not await it.update(agent("nobody"))
        assert ["anna"] == [each.agent_id for each in (await it.snapshot()).agents]


async def test_lending_opens_and_closes_a_step(redis: RealRedis) -> None:
    """Agents of the other project are let in while it lends, and only then."""
    plan = Plan(NET.of_project("a"), (Step(0.05, NET.of_project("b"), lend="b"),))
    async with router(redis, policy=CALM) as it:
        await it.sign_in(AgentProfile("bob", "phone-bob", {"internet": 2}, projects=("b",)))
        await it.enqueue("1.1", "net", plan)
        await asyncio.sleep(0.2)
        assert {"bob": "ready", "1.1": "waiting"} == await states(it)
        assert "project b lends no agents now" in why(await explained(it, "1.1"))[1]
        await it.lend("b", True)
        await wait_until(lambda: is_in(it, "1.1", "offered"))
        await it.abandon("1.1")
        await it.lend("b", False)
        placement = await it.enqueue("1.2", "net", plan)

        assert placement is not None
        assert (1, 0) == (placement.position, placement.agents_in)


async def explained(it: Router, call_id: str):  # type: ignore[no-untyped-def]
    found = await it.explain(call_id)
    assert found is not None
    return found


async def test_why_a_call_waits_is_told_from_what_redis_holds(redis: RealRedis) -> None:
    """Nobody has the skill; all busy; in back-off; a relax step; capped; and None for a call in no queue."""
    policy = Policy(back_off_s=dict.fromkeys(("reject", "busy", "no_answer", "unreachable"), 60))
    plan = Plan(NET.of_project("a"), (Step(60, NET, skip_if_nobody=False),))
    async with router(redis, policy=policy, runs=False) as it:
        anna = dataclasses.replace(agent("anna"), projects=("a",))
        await it.sign_in(anna)
        offer = await answered(it, "1.1", plan)
        told = []
        for call_id, need in (("1.2", Plan(TV)), ("1.3", plan)):
            await it.enqueue(call_id, "net", need)
            told.append(why(await explained(it, call_id))[1])
        await it.sign_out("anna")
        await it.complete("1.1", wrap_up=False)
        await it.sign_in(agent("bob"))
        told.append(why(await explained(it, "1.3"))[1])
        await it.sign_in(anna)
        for _ in range(3):
            rung = await it._take("1.3", int((await explained(it, "1.3")).call["token"]))
            await it.refuse(rung, "reject")
            told.append(why(await explained(it, "1.3"))[1])
            await it.end_wrap_up("anna")
        told.append(why(await explained(it, "1.3"))[1])

        assert offer.agent_id == "anna"
        assert [
            "why it waits: nobody signed in has what it asks for: no one has tv >= 1",
            "why it waits: the only agent who may take it now, anna (ANNA), is talking for N s",
            "why it waits: nobody signed in may take it yet; in N s a relax step lets in bob (BOB)",
            "why it waits: the only agent who may take it now, anna (ANNA), is in back-off, N s more",
            "why it waits: the only agent who may take it now, anna (ANNA), is in back-off, N s more",
            "why it waits: anna (ANNA) did not take it 3 times and will not be offered it again; nobody else may take "
            "it now",
            "why it waits: anna (ANNA) did not take it 3 times and will not be offered it again; nobody else may take "
            "it now",
        ] == [re.sub(r"\d+ s\b", "N s", line) for line in told]
        assert await it.explain("9.9") is None


async def test_wrap_up_of_the_queue_is_longer_or_none_and_may_be_extended(redis: RealRedis) -> None:
    async with router(redis, runs=False) as it:
        await it.sign_in(agent("anna", wrap_up_s=60))
        await answered(it, "1.1", wrap_up_s=0)
        await it.complete("1.1")
        assert {"anna": "ready"} == await states(it)
        await answered(it, "1.2", wrap_up_s=30)
        await it.complete("1.2")
        before = (await it.snapshot()).agents[0]
        await it.extend_wrap_up("anna", 45)
        after = (await it.snapshot()).agents[0]

        assert ("wrap_up", 30_000) == (before.state, before.until_ms - before.since_ms)
        assert 45_000 == after.until_ms - before.until_ms
        assert (2, "wrap_up") == (after.calls, after.state)
        with pytest.raises(UnknownAgent):
            await it.extend_wrap_up("nobody", 1)


async def test_a_spent_budget_takes_no_call_and_nothing_of_it_is_kept(redis: RealRedis) -> None:
    async with router(redis, runs=False) as it:
        await it.sign_in(agent("anna"))
        await answered(it, "1.1", budget="acme-2027-01", budget_min=0.0001)
        await asyncio.sleep(0.02)
        await it.complete("1.1")
        with pytest.raises(BudgetSpent):
            await it.enqueue("1.2", "net", NET, budget="acme-2027-01", budget_min=0.0001)

        assert {"anna": "ready"} == await states(it)
        assert {} == it._presence.calls


async def test_the_agent_asked_for_is_waited_for_and_named_in_the_reason(redis: RealRedis) -> None:
    async with router(redis, policy=CALM) as it:
        await it.sign_in(agent("anna"))
        await it.sign_in(agent("bob"))
        await answered(it, "1.1")
        held = await it.enqueue("1.2", "net", NET, affinity="anna", affinity_wait_s=30, talk_s=20)
        assert held is not None
        assert held.position == 1
        assert "it is held for anna (ANNA), whom it asks for" in why(await explained(it, "1.2"))[1]
        with it.waiting("1.2") as line:
            await it.complete("1.1")
            offer = await line.next_offer(2)

        assert offer is not None
        assert "anna" == offer.agent_id
        assert "the agent this call asks for; it was held for him (waited 0 s)" == offer.reason


async def test_who_calls_again_has_his_old_place_once(redis: RealRedis) -> None:
    async with router(redis, runs=False) as it:
        first = await it.enqueue("1.1", "net", NET, caller="+48600", resume_min=5)
        await it.enqueue("1.2", "net", NET)
        await it.abandon("1.1")
        again = await it.enqueue("1.3", "net", NET, caller="+48600", resume_min=5)

        assert first is not None
        assert again is not None
        assert (1, first.entered_ms) == (again.position, again.entered_ms)


async def test_a_call_back_without_a_channel_survives_reconciliation(redis: RealRedis) -> None:
    async with router(redis, runs=False) as it:
        await it.enqueue("cb-1", "net", NET, node="-")
        await it.enqueue("1.1", "net", NET)

        assert ("1.1",) == await it.reconcile([], grace_s=0)
        assert {"cb-1": "waiting"} == await states(it)


async def test_a_call_redis_lost_comes_back_as_what_it_was(redis: RealRedis) -> None:
    """Redis is emptied: plan, priority, changes by a supervisor, budget and wrap-up are as before, and the place."""
    plan = Plan(NET, (Step(60, TV),), order="fewest_calls")
    keep = ("queue", "class", "entered_ms", "node", "wrap_up_ms", "budget", "caller", "resume_ms", "controller")
    async with (router(redis, policy=CALM) as it, router(redis, "cli", runs=False) as desk,
                contextlib.aclosing(redis.client()) as client):  # fmt: skip

        async def record() -> dict[str, str]:
            fields = await client.hgetall("hotline:{main}:call:1.1")
            return {name: fields.get(name, "") for name in keep}

        await it.enqueue("1.1", "net", plan, priority=3, caller="+48600", resume_min=2, wrap_up_s=7, budget="b",
                         budget_min=9)
        await desk.change("1.1", queue="tv", emergency=True)
        before = await record()
        await wait_until(lambda: _learnt(it, before["class"]))
        await client.flushall()
        await wait_until(lambda: is_in(it, "1.1", "waiting"))

        assert before == await record()
        assert "@1:3:" in before["class"]
        assert all(before.values())


async def _learnt(it: Router, class_: str) -> bool:
    return it._presence.calls["1.1"].class_ == class_


async def test_nothing_is_asked_of_redis_while_a_line_stands_still(redis: RealRedis) -> None:
    """`changed` says so at once, for queues that share a line too; 10,000 questions cost no command."""
    async with router(redis, policy=SLOW) as it, contextlib.aclosing(redis.client()) as client:
        await it.enqueue("1.1", "net", NET)
        await it.enqueue("2.1", "other", NET)
        await it.enqueue("3.1", "tv", TV)
        await asyncio.sleep(0.4)
        since = {name: it.changes(name) for name in ("net", "other", "tv")}
        before = await client.info("commandstats")
        assert not any(it.changed(name, since[name]) for _ in range(3000) for name in since)
        after = await client.info("commandstats")
        asked = {name: after[name]["calls"] - before.get(name, {}).get("calls", 0) for name in after}
        assert {} == {name: n for name, n in asked.items() if n and name not in ("cmdstat_info", "cmdstat_xread")}

        await it.abandon("1.1")
        await wait_until(lambda: _changed(it, "net", since))
        assert it.changed("other", since["other"]), "its callers wait in the same line"
        assert not it.changed("tv", since["tv"])
        await it.sign_in(agent("anna"))
        await wait_until(lambda: _changed(it, "tv", since))


async def _changed(it: Router, queue: str, since: dict[str, int]) -> bool:
    return it.changed(queue, since[queue])


async def test_expected_wait_is_learnt_from_the_events(redis: RealRedis) -> None:
    """None before there were talks; then a range around what they took; a Router that came later knows as much."""
    async with router(redis, policy=CALM) as it:
        await it.sign_in(agent("anna"))
        await answered(it, "0.0")
        await it.enqueue("1.1", "net", NET)
        assert await it.expected_wait("1.1") is None
        await it.abandon("1.1")
        await it.complete("0.0")
        for n in range(6):
            await answered(it, f"2.{n}")
            await asyncio.sleep(0.02)
            await it.complete(f"2.{n}")
        await answered(it, "0.1")
        await it.enqueue("1.2", "net", NET)
        await wait_until(lambda: _knows(it, "1.2"))
        async with router(redis, "k2", policy=CALM) as later:
            await wait_until(lambda: _knows(later, "1.2"))
            wait = await later.expected_wait("1.2")

        assert wait is not None
        assert 0 <= wait.low_s < wait.mean_s < wait.high_s < 60
        assert await it.expected_wait("9.9") is None


async def _knows(it: Router, call_id: str) -> bool:
    return await it.expected_wait(call_id) is not None
