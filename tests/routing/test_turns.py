"""Whose turn it is, and when, on virtual time: states random lives seldom reach, reached on purpose."""

from __future__ import annotations

import pytest

from routing.errors import BudgetSpent
from routing.model import AgentProfile, Need, Offer, Placement, Plan, Step
from routing.router import Router
from tests.support.routing_group import Group

NET = Plan(Need("internet"))


def agent(name: str, *skills: str, wrap_up_s: float = 0) -> AgentProfile:
    return AgentProfile(name, f"phone-{name}", dict.fromkeys(skills or ("internet",), 3), 2, wrap_up_s)


def offer_of(placement: Placement | None) -> Offer:
    """The offer a call got at once."""
    assert placement is not None
    assert placement.offer is not None
    return placement.offer


async def talk(it: Router, call_id: str, talk_s: float, group: Group, **options: float) -> None:
    """Enqueue a call somebody is ready for, talk so long, and end it."""
    await it.accept(offer_of(await it.enqueue(call_id, "net", NET, **options)))  # type: ignore[arg-type]
    await group.pass_s(talk_s)
    await it.complete(call_id)


def test_who_did_not_take_a_call_is_tried_after_all_others(group: Group) -> None:
    """He is ready again, and idle longest, and still comes after somebody it was not offered to."""

    async def story() -> None:
        it = group.start_controller().router
        await it.sign_in(agent("anna"))
        first = offer_of(await it.enqueue("1.1", "net", NET))
        await it.sign_in(agent("bob"))
        second = offer_of(await it.refuse(first, "reject"))
        await it.end_wrap_up("anna")
        await group.pass_s(1)
        await it.sign_in(agent("carol"))
        third = offer_of(await it.refuse(second, "reject"))
        fourth = offer_of(await it.refuse(third, "reject"))

        assert [offer.agent_id for offer in (first, second, third, fourth)] == ["anna", "bob", "carol", "anna"]

    group.run(story())


def test_who_lets_three_calls_ring_is_paused_and_an_answer_counts_anew(group: Group) -> None:
    """In a row, and not before the third: a call taken in between forgives."""

    async def story() -> None:
        it = group.start_controller().router
        await it.sign_in(agent("anna"))
        seen = []
        for n, answers in enumerate((False, False, True, False, False, False)):
            offer = offer_of(await it.enqueue(f"1.{n}", "net", NET))
            if answers:
                await it.accept(offer)
                await it.complete(offer.call_id)
            else:
                await it.refuse(offer, "no_answer")
                await it.abandon(offer.call_id)
                await it.end_wrap_up("anna")
            seen.append(group.server.dump.records("agent")["anna"]["status"])

        assert seen == ["in"] * 5 + ["paused"]
        assert group.server.dump.records("agent")["anna"]["pause_reason"] == "auto: no_answer"

    group.run(story())


def test_nobody_gets_the_same_call_a_fourth_time(group: Group) -> None:
    """The only agent rejects it three times: it waits for another one, and he gets the next."""

    async def story() -> None:
        it = group.start_controller().router
        await it.sign_in(agent("anna"))
        placement = await it.enqueue("1.1", "net", NET)
        for _ in range(3):
            placement = await it.refuse(offer_of(placement), "reject")
            await it.end_wrap_up("anna")
            await group.pass_s(0.5)
            with it.waiting("1.1") as line:
                offer = await line.next_offer(0.5)
            placement = Placement(None, offer, 1, 0)

        assert placement.offer is None
        assert offer_of(await it.enqueue("1.2", "net", NET)).agent_id == "anna"
        assert group.states() == {"anna": "ringing", "1.1": "waiting", "1.2": "offered"}

    group.run(story())


def test_a_relax_step_lets_others_in_at_its_time_and_not_before(group: Group) -> None:
    """The wider agent is ready all along, and again when he was freed in between: he gets the call after 4 s."""

    async def story() -> None:
        it = group.start_controller().router
        await it.sign_in(agent("expert", "internet", "tv"))
        await it.pause("expert")
        await it.sign_in(agent("wide", "tv"))
        plan = Plan(Need("internet"), (Step(4, Need("tv"), skip_if_nobody=False),))
        began = group.loop.time()
        placement = await it.enqueue("1.1", "net", plan)
        assert placement is not None
        assert placement.offer is None
        await group.pass_s(2)
        await it.pause("wide")
        await it.unpause("wide")
        assert group.states()["wide"] == "ready"
        with it.waiting("1.1") as line:
            offer = await line.next_offer(6)

        assert offer is not None
        assert offer.agent_id == "wide"
        assert 4 <= group.loop.time() - began < 5

    group.run(story())


def test_a_call_is_held_for_the_agent_it_asks_for_only_when_he_is_free_in_time(group: Group) -> None:
    """He talks for a minute: with a minute's patience it waits for him, with a second's it goes to another at once."""

    async def story() -> None:
        it = group.start_controller().router
        await it.sign_in(agent("anna"))
        await it.accept(offer_of(await it.enqueue("1.0", "net", NET)))
        await it.sign_in(agent("bob"))
        impatient = await it.enqueue("1.1", "net", NET, affinity="anna", affinity_wait_s=1, talk_s=60)
        assert offer_of(impatient).agent_id == "bob"
        await it.abandon("1.1")
        patient = await it.enqueue("1.2", "net", NET, affinity="anna", affinity_wait_s=90, talk_s=60)
        assert patient is not None
        assert patient.offer is None
        await it.complete("1.0")
        with it.waiting("1.2") as line:
            offer = await line.next_offer(1)

        assert offer is not None
        assert offer.agent_id == "anna"

    group.run(story())


def test_a_wrap_up_is_the_queues_where_it_has_one_and_can_be_made_longer(group: Group) -> None:
    """Five seconds of his own, two by the queue, two and three more when he asks for them."""

    async def story() -> None:
        it = group.start_controller().router
        await it.sign_in(agent("anna", wrap_up_s=5))
        rests = []
        for n, (queue_s, more_s) in enumerate(((None, 0), (2, 0), (2, 3))):
            await talk(it, f"1.{n}", 0.5, group, **({} if queue_s is None else {"wrap_up_s": queue_s}))
            ended = group.loop.time()
            if more_s:
                await it.extend_wrap_up("anna", more_s)
            await group.pass_s(10, until=lambda: group.states() == {"anna": "ready"})
            rests.append(round(group.loop.time() - ended))

        assert rests == [5, 2, 5]

    group.run(story())


def test_new_skills_act_at_once_and_leave_a_pause_alone(group: Group) -> None:
    """The call he fits from now on is his; one who is paused stays so."""

    async def story() -> None:
        it = group.start_controller().router
        await it.sign_in(agent("anna", "tv"))
        await it.sign_in(agent("bob", "tv"))
        await it.pause("bob")
        await it.enqueue("1.1", "net", NET)
        assert await it.update(agent("bob"))
        assert group.server.dump.records("agent")["bob"]["status"] == "paused"
        assert await it.update(agent("anna"))

        assert group.states() == {"anna": "reserved", "bob": "ready", "1.1": "offered"}
        assert not await it.update(agent("carol")), "she is not signed in"

    group.run(story())


def test_who_lets_it_ring_to_the_deadline_backs_off(group: Group) -> None:
    """His session says nothing: the sweep blames him, and somebody else has the call."""

    async def story() -> None:
        it = group.start_controller().router
        await it.sign_in(agent("anna"))
        assert offer_of(await it.enqueue("1.1", "net", NET)).agent_id == "anna"
        await it.sign_in(agent("bob"))
        await group.pass_s(3.6)

        assert group.states() == {"anna": "back_off", "bob": "reserved", "1.1": "offered"}

    group.run(story())


def test_a_relax_step_is_skipped_to_while_nobody_meets_an_earlier_need(group: Group) -> None:
    """Nobody signed in has internet: the wider agent gets the call at once, not after a minute."""

    async def story() -> None:
        it = group.start_controller().router
        await it.sign_in(agent("wide", "tv"))
        plan = Plan(Need("internet"), (Step(60, Need("tv")),))

        assert offer_of(await it.enqueue("1.1", "net", plan)).agent_id == "wide"

    group.run(story())


def test_of_equal_calls_of_two_queues_the_older_is_first(group: Group) -> None:
    """Waiting is worth nothing in either, so both are worth the same: entry time decides, not the queue."""

    async def story() -> None:
        it = group.start_controller().router
        await it.enqueue("2.1", "tv", Plan(Need("tv"), ageing=0))
        await group.pass_s(0.5)
        await it.enqueue("1.1", "net", Plan(Need("internet"), ageing=0))
        await it.sign_in(agent("anna", "internet", "tv"))
        assert group.states() == {"anna": "reserved", "1.1": "waiting", "2.1": "offered"}
        await it.abandon("2.1")
        await group.pass_s(0.5)
        await it.enqueue("2.2", "tv", Plan(Need("tv"), ageing=0))
        await it.abandon("1.1")

        assert group.states() == {"anna": "reserved", "2.2": "offered"}

    group.run(story())


def test_priority_outweighs_so_many_minutes_and_no_more(group: Group) -> None:
    """A minute of waiting is worth a point: five points beat one minute, six minutes beat five points."""

    async def story() -> None:
        it = group.start_controller().router
        now = group.server.now_ms
        await it.enqueue("1.1", "net", NET, entered_ms=now - 60_000)
        await it.enqueue("1.2", "net", NET, priority=5)
        await it.enqueue("1.3", "net", NET, entered_ms=now - 360_000)
        await it.sign_in(agent("anna"))
        served = []
        while waiting := {name for name, state in group.states().items() if name != "anna"}:
            offered = next(name for name in waiting if group.states()[name] == "offered")
            served.append(offered)
            await it.abandon(offered)

        assert served == ["1.3", "1.2", "1.1"]

    group.run(story())


def test_who_calls_again_soon_has_his_place_once(group: Group) -> None:
    """The second time he comes anew, and so does who calls from another number."""

    async def story() -> None:
        it = group.start_controller().router
        entered = []
        for n, number in enumerate(("p1", "p1", "p2", "p1")):
            placement = await it.enqueue(f"1.{n}", "net", NET, caller=number, resume_min=1 if n == 0 else 0)
            assert placement is not None
            entered.append(placement.entered_ms)
            await it.abandon(f"1.{n}")
            await group.pass_s(1)

        assert entered[1] == entered[0]
        assert entered[0] < entered[2] < entered[3]

    group.run(story())


def test_a_budget_of_minutes_is_spent_by_talking(group: Group) -> None:
    """Two talks of 40 s fit in a minute that has begun; the third caller is told that it is spent."""

    async def story() -> None:
        it = group.start_controller().router
        await it.sign_in(agent("anna"))
        for n in range(2):
            offer = offer_of(await it.enqueue(f"1.{n}", "net", NET, budget="acme-11", budget_min=1))
            await it.accept(offer)
            await group.pass_s(40)
            await it.complete(f"1.{n}")
        with pytest.raises(BudgetSpent):
            await it.enqueue("1.2", "net", NET, budget="acme-11", budget_min=1)

        assert group.states() == {"anna": "ready"}

    group.run(story())


def test_a_call_held_for_an_agent_who_pauses_goes_to_another_at_once(group: Group) -> None:
    """It waits for him it asks for while he talks; when he pauses, whoever is ready gets it."""

    async def story() -> None:
        it = group.start_controller().router
        await it.sign_in(agent("anna"))
        await it.accept(offer_of(await it.enqueue("1.1", "net", NET)))
        await it.sign_in(agent("bob"))
        held = await it.enqueue("1.2", "net", NET, affinity="anna", affinity_wait_s=60, talk_s=10)

        assert held is not None
        assert held.offer is None
        await it.pause("anna")
        assert group.server.dump.records("call")["1.2"]["agent"] == "bob"

    group.run(story())


def test_an_emergency_comes_before_whatever_waits(group: Group) -> None:
    """Later, and of the least priority: the agent who becomes free gets it first."""

    async def story() -> None:
        it = group.start_controller().router
        await it.sign_in(agent("anna"))
        await it.accept(offer_of(await it.enqueue("1.1", "net", NET)))
        await it.enqueue("1.2", "net", NET, priority=50)
        await group.pass_s(1)
        await it.enqueue("1.3", "net", NET, emergency=True)
        await it.complete("1.1")

        assert group.server.dump.records("agent")["anna"]["call"] == "1.3"

    group.run(story())
