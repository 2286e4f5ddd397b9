"""One fault of the network, or of a process, at a time: what Router makes good by itself, and how soon.

The real Router and scripts on virtual time. Nobody looks for dead channels here: what comes right does so without.
"""

from __future__ import annotations

import asyncio

import pytest

from routing.errors import RouterUnavailable
from routing.model import AgentProfile, Need, Offer, Placement, Plan
from tests.support.routing_group import Group

NET = Plan(Need("internet"))


def agent(name: str, *, ring_s: float = 2) -> AgentProfile:
    return AgentProfile(name, f"phone-{name}", {"internet": 3}, ring_s, 0)


def offer_of(placement: Placement | None) -> Offer:
    assert placement is not None
    assert placement.offer is not None
    return placement.offer


@pytest.mark.parametrize("talks", [False, True], ids=["ringing", "talking"])
def test_an_end_that_could_not_be_told_is_told_when_redis_is_back(group: Group, talks: bool) -> None:
    async def story() -> None:
        it = group.start_controller().router
        await it.sign_in(agent("anna"))
        offer = offer_of(await it.enqueue("1.1", "net", NET))
        if talks:
            await it.accept(offer)
        group.faults.lost = 1.0
        await (it.complete if talks else it.abandon)("1.1")
        group.faults.stop()
        await group.pass_s(1)

        assert group.states() == {"anna": "ready"}

    group.run(story())


def test_an_end_not_told_yet_does_not_end_the_call_that_waits_again(group: Group) -> None:
    """He left one queue while Redis was away and is in the next one when it is back."""

    async def story() -> None:
        controller = group.start_controller()
        it = controller.router
        await it.enqueue("1.1", "net", NET)
        group.faults.away[controller.name] = group.loop.time() + 3
        await it.abandon("1.1")
        with pytest.raises(RouterUnavailable):
            await it.enqueue("1.1", "tv", NET)
        group.faults.stop()
        assert await it.enqueue("1.1", "tv", NET) is not None
        await group.pass_s(3)

        assert group.states() == {"1.1": "waiting"}

    group.run(story())


def test_an_offer_made_before_its_session_listens_waits_for_it(group: Group) -> None:
    async def story() -> None:
        it = group.start_controller().router
        await it.enqueue("1.1", "net", NET)
        await it.sign_in(agent("anna"))
        await group.pass_s(1)
        with it.waiting("1.1") as line:
            offer = await line.next_offer(0.5)
            assert offer is not None
            line.put_back(offer)
            again = await line.next_offer(0.5)

            assert again is not None, "one put back comes again"
            assert again.token == offer.token

    group.run(story())


def test_offers_come_again_after_the_connection_was_lost(group: Group) -> None:
    """The reader outlives it, and misses nothing that was written meanwhile."""

    async def story() -> None:
        controller, other = group.start_controller(), group.start_controller()
        it = controller.router
        await it.enqueue("1.1", "net", NET)
        group.faults.away[controller.name] = group.loop.time() + 2.5
        await group.pass_s(1)
        await other.router.sign_in(agent("anna"))
        with it.waiting("1.1") as line:
            assert await line.next_offer(3) is not None

    group.run(story())


def test_an_offer_that_could_not_be_taken_is_taken_when_redis_is_back(group: Group) -> None:
    """The session heard of it and was cut off: it asks again, long before the offer would go back."""

    async def story() -> None:
        controller = group.start_controller()
        it = controller.router
        await it.enqueue("1.1", "net", NET)
        group.faults.slow = {"offer_take": 60}
        await it.sign_in(agent("anna"))
        with it.waiting("1.1") as line:
            waiting = asyncio.ensure_future(line.next_offer(8))
            await group.pass_s(2)
            group.faults.stop()
            offer = await waiting

        assert offer is not None

    group.run(story())


def test_a_call_that_ends_while_it_is_put_back_is_not_left_in_line(group: Group) -> None:
    """Its end overtakes the request that puts it back: Redis has it again then, and has to be told once more."""

    async def story() -> None:
        controller = group.start_controller()
        await group.pass_s(0.5)
        it = controller.router
        await it.enqueue("1.1", "net", NET)
        group.server.lose_all()
        group.faults.slow = {"call_enqueue": 0.8}
        await group.pass_s(0.8)
        await it.abandon("1.1")
        await group.pass_s(2)

        assert group.rules.seen["waiting"] == 2, "it was put back"
        assert group.states() == {}

    group.run(story())


def test_times_are_kept_again_after_the_connection_was_lost(group: Group) -> None:
    """The only sweeper outlives it: a wrap-up that began since ends by itself."""

    async def story() -> None:
        controller = group.start_controller()
        it = controller.router
        await it.sign_in(AgentProfile("anna", "phone-anna", {"internet": 3}, 2, 1))
        await it.accept(offer_of(await it.enqueue("1.1", "net", NET)))
        group.faults.away[controller.name] = group.loop.time() + 2.5
        await group.pass_s(4)
        await it.complete("1.1")
        assert group.states() == {"anna": "wrap_up"}
        await group.pass_s(2)

        assert group.states() == {"anna": "ready"}

    group.run(story())


def test_a_process_that_stood_still_takes_its_calls_back(group: Group) -> None:
    """The others had given it up for dead; when it goes on its calls are in line again, where they were."""

    async def story() -> None:
        slow, other = group.start_controller(), group.start_controller()
        await group.pass_s(0.5)
        first = await slow.router.enqueue("1.1", "net", NET)
        assert first is not None
        group.loop.stop_owner(slow.name, 6)
        await group.pass_s(5)
        assert group.states() == {"1.1": "detached"}
        behind = await other.router.enqueue("1.2", "net", NET)
        assert behind is not None
        await group.pass_s(2.5)

        assert group.states() == {"1.1": "waiting", "1.2": "waiting"}
        again = await slow.router.position("1.1")
        assert again is not None
        assert again.position == 1

    group.run(story())


def test_a_process_that_was_cut_off_leaves_its_offers_as_they_are(group: Group) -> None:
    """It asks for its calls to be in line again; the phone that rings meanwhile rings on, under the same token."""

    async def story() -> None:
        controller = group.start_controller()
        await controller.router.sign_in(agent("anna", ring_s=20))
        offer = offer_of(await controller.router.enqueue("1.1", "net", NET))
        group.faults.away[controller.name] = group.loop.time() + 4
        await group.pass_s(6)

        assert await controller.router.accept(offer)

    group.run(story())


def test_a_redis_that_comes_back_empty_gets_the_callers_back_but_not_the_talks(group: Group) -> None:
    """Same order, same entry times; who talks goes on talking and is not put in line."""

    async def story() -> None:
        it = group.start_controller().router
        await it.sign_in(agent("anna"))
        await it.accept(offer_of(await it.enqueue("1.1", "net", NET)))
        entered = {}
        for call_id in ("1.2", "1.3"):
            placement = await it.enqueue(call_id, "net", NET)
            assert placement is not None
            entered[call_id] = placement.entered_ms
            await group.pass_s(0.5)
        group.server.lose_all()
        await group.pass_s(2)
        calls = group.server.dump.records("call")

        assert {name: int(call["entered_ms"]) for name, call in calls.items()} == entered
        await it.complete("1.1")

    group.run(story())


def test_a_refusal_that_comes_too_late_leaves_the_caller_in_line(group: Group) -> None:
    """The offer came to its deadline meanwhile: the session learns where its caller stands now."""

    async def story() -> None:
        it = group.start_controller().router
        await it.sign_in(agent("anna"))
        offer = offer_of(await it.enqueue("1.1", "net", NET))
        await group.pass_s(3.5)
        placement = await it.refuse(offer, "no_answer")

        assert (placement.position, placement.offer) == (1, None)
        assert group.states() == {"anna": "back_off", "1.1": "waiting"}

    group.run(story())


def test_a_call_younger_than_the_list_of_channels_is_left_alone(group: Group) -> None:
    """Its channel came after the list was made; older ones without a channel end."""

    async def story() -> None:
        it = group.start_controller().router
        await it.enqueue("1.1", "net", NET)
        await group.pass_s(3)
        await it.enqueue("1.2", "net", NET)

        assert await it.reconcile([]) == ("1.1",)
        assert group.states() == {"1.2": "waiting"}

    group.run(story())


def test_a_lost_reply_is_asked_for_again_and_nothing_is_done_twice(group: Group) -> None:
    """Every first reply is lost: each request is made twice under one id, and done once."""

    async def story() -> None:
        it = group.start_controller().router
        await it.sign_in(agent("anna"))
        group.faults.unheard = 0.5
        for n in range(20):
            while True:
                try:
                    placement = await it.enqueue(f"1.{n}", "net", NET)
                    break
                except RouterUnavailable:
                    continue
            assert placement is not None
            await asyncio.gather(it.abandon(f"1.{n}"))
        group.faults.stop()
        await group.pass_s(2)

        assert group.states() == {"anna": "ready"}
        assert group.rules.seen["waiting"] <= 2 * group.rules.seen["ended"]

    group.run(story())
