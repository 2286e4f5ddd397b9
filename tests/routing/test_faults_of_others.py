"""Faults other systems had, held off here: each test is one of the list at the end of design/routing.md.

Router's real code and the real scripts, on virtual time; every invariant is looked at after every request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from routing.model import AgentProfile, Need, Offer, Placement, Plan
from routing.router import Router
from tests.support.routing_group import Controller, Group

NET, TV, CHESS = Plan(Need("internet")), Plan(Need("tv")), Plan(Need("chess>=9"))


def agent(name: str, *skills: str, wrap_up_s: float = 0, ring_s: float = 2) -> AgentProfile:
    return AgentProfile(name, f"phone-{name}", dict.fromkeys(skills or ("internet",), 3), ring_s, wrap_up_s)


def offer_of(placement: Placement | None) -> Offer:
    """The offer a call got at once."""
    assert placement is not None
    assert placement.offer is not None
    return placement.offer


async def next_offer(router: Router, call_id: str, within_s: float) -> Offer:
    with router.waiting(call_id) as line:
        offer = await line.next_offer(within_s)
        assert offer is not None, f"no offer for {call_id} within {within_s} s"
        return offer


def ended(group: Group, call_id: str) -> list[str]:
    """The outcomes told of a call."""
    events = group.server.client.xrange("hotline:{test}:events")
    return [fields["outcome"] for _, fields in events  # type: ignore[union-attr]
            if fields["type"] == "ended" and fields["call"] == call_id]


# A caller nobody can serve blocks those behind him; idle agents starve a light queue (Asterisk app_queue #1561)


def test_a_call_nobody_can_serve_does_not_block_those_behind(group: Group) -> None:
    """It came first, has the highest priority, and waits alone; the others are answered."""

    async def story() -> None:
        it = group.start_controller().router
        hopeless = await it.enqueue("1.1", "chess", CHESS, priority=100)
        behind = await it.enqueue("1.2", "net", NET)
        assert hopeless is not None
        assert behind is not None
        assert (hopeless.position, hopeless.agents_in) == (1, 0)
        await it.sign_in(agent("anna"))
        offer = await next_offer(it, "1.2", 0.5)
        assert await it.accept(offer)

        assert group.states() == {"anna": "talking", "1.1": "waiting", "1.2": "bridged"}

    group.run(story())


def test_a_light_queue_does_not_starve_beside_a_heavy_one_held_by_others_skills(group: Group) -> None:
    """Fifty calls wait for tv, whose agent is busy; the idle agent of internet takes his at once, each time."""

    async def story() -> None:
        it = group.start_controller().router
        await it.sign_in(agent("anna", "tv"))
        await it.sign_in(agent("bob", "internet"))
        for n in range(50):
            await it.enqueue(f"tv.{n}", "tv", TV, priority=50)
        for n in range(5):
            offer = offer_of(await it.enqueue(f"net.{n}", "net", NET))
            assert offer.agent_id == "bob"
            await it.accept(offer)
            await it.complete(offer.call_id)

        assert group.states()["bob"] == "ready"
        assert sum(state == "waiting" for state in group.states().values()) == 49

    group.run(story())


# Agent stuck "reserved" or "in call" until a restart (FreeSWITCH #1641, #1973, #2540; OpenSIPS #2530, #3123)


async def _controller_dies(group: Group, controller: Controller, offer: Offer) -> None:
    controller.die()


async def _controller_leaves(group: Group, controller: Controller, offer: Offer) -> None:
    await controller.router.close()
    controller.die()


async def _caller_hangs_up(group: Group, controller: Controller, offer: Offer) -> None:
    await controller.router.abandon(offer.call_id)


async def _nobody_answers(group: Group, controller: Controller, offer: Offer) -> None:
    """The session says nothing more; the ring time and its margin pass."""


async def _agent_refuses(group: Group, controller: Controller, offer: Offer) -> None:
    await controller.router.refuse(offer, "reject")
    await controller.router.abandon(offer.call_id)


async def _reply_to_the_end_is_lost(group: Group, controller: Controller, offer: Offer) -> None:
    group.faults.unheard = 1.0
    await controller.router.abandon(offer.call_id)
    group.faults.stop()


async def _end_does_not_arrive(group: Group, controller: Controller, offer: Offer) -> None:
    group.faults.lost = 1.0
    await controller.router.complete(offer.call_id)
    group.faults.stop()


Way = Callable[[Group, Controller, Offer], Awaitable[None]]
BOTH: list[Way] = [_controller_dies, _controller_leaves, _caller_hangs_up, _reply_to_the_end_is_lost,
                   _end_does_not_arrive]
RINGING: list[Way] = [_nobody_answers, _agent_refuses]


def _name(value: object) -> str:
    return getattr(value, "__name__", "talking" if value else "ringing").strip("_")


@pytest.mark.parametrize(("way", "answered"), [(way, answered) for way in BOTH for answered in (False, True)]
                         + [(way, False) for way in RINGING],
                         ids=_name)
def test_no_agent_stays_reserved_or_in_a_call(group: Group, way: Way, answered: bool) -> None:
    """However ringing or talking ends, he is ready for the next call soon, by itself."""
    async def story() -> None:
        controller, other = group.start_controller(), group.start_controller()
        await controller.router.sign_in(agent("anna", wrap_up_s=1))
        offer = offer_of(await controller.router.enqueue("1.1", "net", NET))
        if answered:
            assert await controller.router.accept(offer)
        await way(group, controller, offer)
        await group.pass_s(12)
        await other.router.reconcile([])
        await group.pass_s(4)

        assert group.states() == {"anna": "ready"}
        assert offer_of(await other.router.enqueue("1.2", "net", NET)).agent_id == "anna"

    group.run(story())


# Zombie call to an agent after the caller left (FreeSWITCH #2529)


def test_no_phone_rings_for_a_caller_who_left(group: Group) -> None:
    """He hangs up between the offer and the ringing, or while it rings: the offer can be neither taken nor accepted."""

    async def story() -> None:
        it = group.start_controller().router
        await it.enqueue("1.1", "net", NET)
        await it.sign_in(agent("anna"))
        await it.abandon("1.1")
        with it.waiting("1.1") as line:
            assert await line.next_offer(1) is None
        ringing = offer_of(await it.enqueue("1.2", "net", NET))
        await it.abandon("1.2")

        assert not await it.accept(ringing), "the agent who picks up now is hung up on"
        assert group.states() == {"anna": "ready"}
        assert ended(group, "1.1") == ended(group, "1.2") == ["abandoned"]

    group.run(story())


def test_a_hang_up_that_overtakes_its_own_entry_leaves_no_call(group: Group) -> None:
    """The entry hangs in the network, the caller leaves meanwhile: what arrives late is found and ended."""

    async def story() -> None:
        it = group.start_controller().router
        await it.sign_in(agent("anna"))
        group.faults.late = 1.0
        entering = asyncio.ensure_future(it.enqueue("1.1", "net", NET))
        await group.pass_s(0.2)
        group.faults.stop()
        await it.abandon("1.1")
        await asyncio.gather(entering, return_exceptions=True)
        await group.pass_s(9)
        await it.reconcile([])
        await group.pass_s(1)

        assert group.states() == {"anna": "ready"}

    group.run(story())


# One call answered by two agents (Asterisk #176)


def test_one_call_is_answered_by_one_agent(group: Group) -> None:
    """The first answers in the moment the offer has gone on to the second: exactly one has the call."""

    async def story() -> None:
        it = group.start_controller().router
        await it.sign_in(agent("anna"))
        await it.sign_in(agent("bob"))
        first = offer_of(await it.enqueue("1.1", "net", NET))
        second = await next_offer(it, "1.1", 5)
        assert second.agent_id != first.agent_id
        answers = await asyncio.gather(it.accept(first), it.accept(second), it.accept(first))

        assert answers == [False, True, False]
        assert group.states() == {first.agent_id: "back_off", second.agent_id: "talking", "1.1": "bridged"}

    group.run(story())


def test_two_controllers_cannot_both_connect_a_call(group: Group) -> None:
    """One stands still while it rings, another takes the call on and connects it: the late answer is void."""

    async def story() -> None:
        slow, heir = group.start_controller(), group.start_controller()
        await slow.router.sign_in(agent("anna"))
        await slow.router.sign_in(agent("bob"))
        first = offer_of(await slow.router.enqueue("1.1", "net", NET))
        group.loop.stop_owner(slow.name, 6)
        await group.pass_s(5)
        second = offer_of(await heir.router.enqueue("1.1", "net", NET))
        assert await heir.router.accept(second)
        await group.pass_s(2)

        assert not await slow.router.accept(first)
        await slow.router.abandon("1.1")
        assert group.states()["1.1"] == "bridged"
        assert group.states()[second.agent_id] == "talking"

    group.run(story())


# Call-backs overtake people who held, and more are dialled than agents exist (FreePBX #621)


def test_a_call_back_keeps_its_place_and_overtakes_nobody(group: Group) -> None:
    """It waits by the time its caller came, without a channel; who held from before is first, who came later is not."""

    async def story() -> None:
        it = group.start_controller().router
        await it.enqueue("1.1", "net", NET)
        await group.pass_s(1)
        holding = await it.enqueue("1.2", "net", NET)
        assert holding is not None
        await it.abandon("1.2")
        await group.pass_s(1)
        await it.enqueue("1.3", "net", NET)
        back = await it.enqueue("back.2", "net", NET, entered_ms=holding.entered_ms, node="-")
        assert back is not None
        assert back.position == 2
        served = []
        await it.sign_in(agent("anna"))
        for call_id in ("1.1", "back.2", "1.3"):
            offer = await next_offer(it, call_id, 0.5)
            await it.accept(offer)
            await it.complete(call_id)
            served.append(call_id)

        assert served == ["1.1", "back.2", "1.3"]

    group.run(story())


def test_no_more_call_backs_are_dialled_than_agents_are_reserved(group: Group) -> None:
    """Ten call-backs, two agents: two offers, whatever the network repeats; looking for dead channels spares them."""

    async def story() -> None:
        it = group.start_controller().router
        for n in range(10):
            await it.enqueue(f"back.{n}", "net", NET, node="-")
        group.faults.unheard = 0.3
        for name in ("anna", "bob"):
            while name not in group.states():
                await asyncio.gather(it.sign_in(agent(name)), return_exceptions=True)
        group.faults.stop()
        await group.pass_s(3)
        await it.reconcile([], grace_s=0)
        calls = [state for name, state in group.states().items() if name.startswith("back")]

        assert len(calls) == 10
        assert calls.count("offered") == 2

    group.run(story())


# Rejecting a call throws the caller out (mikopbx #1043)


@pytest.mark.parametrize("cause", ["reject", "busy", "no_answer", "unreachable"])
def test_a_rejected_caller_stays_first(group: Group, cause: str) -> None:
    """He keeps entry time and place, goes to the next agent before all others, and nothing ended."""

    async def story() -> None:
        it = group.start_controller().router
        await it.sign_in(agent("anna"))
        offer = offer_of(await it.enqueue("1.1", "net", NET))
        entered = group.server.dump.records("call")["1.1"]["entered_ms"]
        await group.pass_s(1)
        await it.enqueue("1.2", "net", NET)
        placement = await it.refuse(offer, cause)  # type: ignore[arg-type]

        assert (placement.position, str(placement.entered_ms), placement.offer) == (1, entered, None)
        await it.sign_in(agent("bob"))
        assert (await next_offer(it, "1.1", 0.5)).agent_id == "bob"
        assert ended(group, "1.1") == []

    group.run(story())


# All wrap-ups end only when the last agent's does (OpenSIPS #2679)


def test_each_wrap_up_ends_by_its_own_clock(group: Group) -> None:
    """Ten, four and one second: each is ready after his own, whatever the others and their queues do."""

    async def story() -> None:
        it = group.start_controller().router
        rests = {"anna": 10, "bob": 4, "carol": 1}
        for n, (name, wrap_up_s) in enumerate(rests.items()):
            await it.sign_in(agent(name, f"skill{n}", wrap_up_s=wrap_up_s))
            await it.accept(offer_of(await it.enqueue(f"1.{n}", f"q{n}", Plan(Need(f"skill{n}")))))
        for n in range(3):
            await it.complete(f"1.{n}")
        began = group.loop.time()
        ready: dict[str, float] = {}
        while len(ready) < 3 and group.loop.time() < began + 20:
            await group.pass_s(0.1)
            for name, state in group.states().items():
                if state == "ready":
                    ready.setdefault(name, group.loop.time() - began)

        assert {name: round(after_s) for name, after_s in ready.items()} == rests

    group.run(story())


# Queued callers marked abandoned after an unclean restart (FreeSWITCH)


def test_a_controller_killed_loses_no_caller_and_no_place(group: Group) -> None:
    """Its callers wait on where they were and are led by another one; nobody's wait is told to have ended."""

    async def story() -> None:
        dead, heir = group.start_controller(), group.start_controller()
        entered = {}
        for n in range(4):
            placement = await dead.router.enqueue(f"1.{n}", "net", NET)
            assert placement is not None
            entered[f"1.{n}"] = placement.entered_ms
            await group.pass_s(0.5)
        dead.die()
        await group.pass_s(6)
        assert set(group.states().values()) == {"detached"}
        await heir.router.enqueue("2.1", "net", NET)
        for call_id in ("1.3", "1.0", "1.2", "1.1"):
            placement = await heir.router.enqueue(call_id, "net", NET)
            assert placement is not None
            assert placement.entered_ms == entered[call_id]
        await heir.router.sign_in(agent("anna"))
        served = []
        for call_id in ("1.0", "1.1", "1.2", "1.3", "2.1"):
            await heir.router.accept(await next_offer(heir.router, call_id, 0.5))
            served.append(call_id)
            assert ended(group, call_id) == []
            await heir.router.complete(call_id)

        assert served == ["1.0", "1.1", "1.2", "1.3", "2.1"]

    group.run(story())
