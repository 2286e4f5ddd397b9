"""Router on a real Redis: the life of calls and agents as the controller sees it."""

from __future__ import annotations

import asyncio
import time

import pytest

from routing.errors import BadArgument, UnknownAgent
from routing.model import Need, Offer, Placement, Policy
from tests.support.redis import RealRedis
from tests.support.routers import NET, agent, is_in, router, states, wait_until


async def test_a_call_is_offered_at_once_answered_and_wrapped_up(redis: RealRedis) -> None:
    """From enqueue to the end of wrap-up, which comes by itself."""
    async with router(redis) as it:
        await it.sign_in(agent("anna", wrap_up_s=0.3))
        placement = await it.enqueue("1.1", "net", NET)

        assert placement is not None
        assert placement.position is None
        assert placement.agents_in == 1
        offer = placement.offer
        assert offer is not None
        assert (offer.agent_id, offer.endpoint, offer.name, offer.language) == ("anna", "phone-anna", "ANNA", "pl")
        assert offer.reason.startswith("longest idle of 1 ready agent with internet >= 1 (idle 0 s)")
        assert await states(it) == {"anna": "ringing", "1.1": "offered"}
        assert await it.accept(offer)
        assert await it.accept(offer), "accepting again is no error"
        assert await states(it) == {"anna": "talking", "1.1": "bridged"}
        await it.complete("1.1")
        assert await states(it) == {"anna": "wrap_up"}
        await wait_until(lambda: is_in(it, "anna", "ready"))


async def test_a_freed_agent_gets_the_first_in_line_within_milliseconds(redis: RealRedis) -> None:
    """The offer reaches the waiting session without polling; priority goes first, then entry time."""
    async with router(redis) as it:
        await it.sign_in(agent("anna"))
        first = await it.enqueue("1.1", "net", NET)
        await it.enqueue("1.2", "net", NET)
        vip = await it.enqueue("1.3", "net", NET, priority=1)

        assert first is not None
        assert first.offer is not None
        assert vip is not None
        assert vip.position == 1
        assert (await it.position("1.2")).position == 2  # type: ignore[union-attr]
        await it.accept(first.offer)
        with it.waiting("1.3") as line, it.waiting("1.2") as other:
            asked = asyncio.create_task(line.next_offer(2))
            await asyncio.sleep(0.05)
            began = time.monotonic()
            await it.complete("1.1")
            offer = await asked

            assert offer is not None
            assert offer.call_id == "1.3"
            assert time.monotonic() - began < 0.25
            assert await other.next_offer(0.05) is None


async def test_an_offer_made_before_the_session_listens_is_not_lost(redis: RealRedis) -> None:
    """A spoken position may delay the session; the offer waits, and one put back comes again."""
    async with router(redis) as it:
        await it.enqueue("1.1", "net", NET)
        await it.sign_in(agent("anna"))
        await asyncio.sleep(0.1)
        with it.waiting("1.1") as line:
            assert line.offered.is_set()
            offer = await line.next_offer(1)
            assert offer is not None
            line.put_back(offer)
            again = await line.next_offer(None)
            assert again is not None
            assert again.token == offer.token
        assert "first of 1 waiting for internet >= 1" in offer.reason


async def test_a_refusing_agent_is_passed_over_and_the_call_keeps_its_place(redis: RealRedis) -> None:
    """Next agent at once; then, in line, still before the younger call; the agent is paused after three in a row."""
    policy = Policy(back_off_s={"reject": 60, "busy": 60, "no_answer": 60, "unreachable": 60})
    async with router(redis, policy=policy) as it:
        await it.sign_in(agent("anna"))
        await it.sign_in(agent("bob"))
        one = await it.enqueue("1.1", "net", NET)
        assert one is not None
        assert one.offer is not None
        assert one.offer.agent_id == "anna"
        two = await it.refuse(one.offer, "no_answer")
        assert two.offer is not None
        assert two.offer.agent_id == "bob"
        await it.enqueue("1.2", "net", NET)
        three = await it.refuse(two.offer, "busy")

        assert (three.position, three.offer, three.entered_ms) == (1, None, one.entered_ms)
        assert not await it.accept(two.offer), "an old token changes nothing"
        again = await it.refuse(two.offer, "busy")
        assert again.position == 1
        assert await states(it) == {"anna": "back_off", "bob": "back_off", "1.1": "waiting", "1.2": "waiting"}


async def test_who_did_not_take_a_call_is_tried_after_all_others(redis: RealRedis) -> None:
    """Anna is ready again and idle longest, but cleo was not asked yet; then the one asked longest ago."""
    async with router(redis, runs=False) as it:
        await it.sign_in(agent("anna"))
        await it.sign_in(agent("bob"))
        placement = await it.enqueue("1.1", "net", NET)
        tried = [_agent(placement)]
        placement = await it.refuse(_offer(placement), "reject")
        tried.append(_agent(placement))
        await it.end_wrap_up("anna")
        await it.sign_in(agent("cleo"))
        placement = await it.refuse(_offer(placement), "reject")
        tried.append(_agent(placement))
        await it.end_wrap_up("bob")
        await it.pause("anna")
        await asyncio.sleep(0.01)
        await it.unpause("anna")
        placement = await it.refuse(_offer(placement), "reject")
        tried.append(_agent(placement))

        assert tried == ["anna", "bob", "cleo", "anna"], "anna before bob, who is idle longer"


def _offer(placement: Placement | None) -> Offer:
    assert placement is not None
    assert placement.offer is not None
    return placement.offer


def _agent(placement: Placement | None) -> str:
    return _offer(placement).agent_id


async def test_three_unanswered_in_a_row_pause_the_agent(redis: RealRedis) -> None:
    """He is shown as paused with the cause; unpausing lets him in again."""
    async with router(redis, runs=False) as it:
        await it.sign_in(agent("anna"))
        placement = await it.enqueue("1.1", "net", NET)
        for _ in range(3):
            if placement is None or placement.offer is None:
                await it.end_wrap_up("anna")
                placement = await it.enqueue("1.1", "net", NET)
            assert placement is not None
            assert placement.offer is not None
            placement = await it.refuse(placement.offer, "no_answer")

        view = (await it.snapshot()).agents[0]
        assert (view.status, view.reason) == ("paused", "auto: no_answer")
        assert placement is not None
        assert placement.agents_in == 0
        await it.end_wrap_up("anna")
        assert not await it.toggle_pause("anna")
        assert await states(it) == {"anna": "ready", "1.1": "waiting"}, "three offers of one call are enough"
        assert (await it.enqueue("1.2", "net", NET)).offer is not None  # type: ignore[union-attr]


async def test_a_call_nobody_can_serve_does_not_block_the_next(redis: RealRedis) -> None:
    """An absent skill never matches; the call behind gets its agent."""
    async with router(redis) as it:
        nobody = await it.enqueue("1.1", "tv", Need("tv"))
        await it.sign_in(agent("anna", 2))
        high = await it.enqueue("1.2", "net", Need("internet>=3"))
        served = await it.enqueue("1.3", "net", Need("internet>=2"))

        assert nobody is not None
        assert (nobody.position, nobody.agents_in) == (1, 0)
        assert high is not None
        assert (high.position, high.agents_in) == (1, 0)
        assert served is not None
        assert served.offer is not None


async def test_a_full_queue_takes_no_call_but_keeps_those_it_has(redis: RealRedis) -> None:
    async with router(redis, runs=False) as it:
        await it.enqueue("1.1", "net", NET, max_len=1)

        assert await it.enqueue("1.2", "net", NET, max_len=1) is None
        assert await it.enqueue("1.1", "net", NET, max_len=1) is not None
        await it.sign_in(agent("anna"))
        await it.sign_in(agent("bob"))
        assert await it.enqueue("1.3", "net", NET, max_len=0) is not None, "an agent is free"


async def test_pause_and_sign_out_spare_the_talk(redis: RealRedis) -> None:
    async with router(redis, runs=False) as it:
        await it.sign_in(agent("anna"))
        placement = await it.enqueue("1.1", "net", NET)
        assert placement is not None
        assert placement.offer is not None
        await it.pause("anna", "lunch")
        await it.sign_out("anna")
        assert await it.accept(placement.offer)
        assert await states(it) == {"anna": "talking", "1.1": "bridged"}
        await it.complete("1.1")
        assert await states(it) == {}
        with pytest.raises(UnknownAgent):
            await it.pause("anna", "lunch")


async def test_hanging_up_while_ringing_frees_the_agent_for_the_next(redis: RealRedis) -> None:
    async with router(redis, runs=False) as it:
        await it.sign_in(agent("anna"))
        first = await it.enqueue("1.1", "net", NET)
        await it.enqueue("1.2", "net", NET)
        await it.abandon("1.1")

        assert first is not None
        assert first.offer is not None
        assert not await it.accept(first.offer)
        assert await states(it) == {"anna": "reserved", "1.2": "offered"}
        assert await it.position("1.1") is None


async def test_wrong_names_and_numbers_are_refused_before_redis_hears_of_them(redis: RealRedis) -> None:
    async with router(redis, runs=False) as it:
        for level in (0, 11, 99):
            with pytest.raises(BadArgument, match="level"):
                Need(f"internet>={level}")
        for need in ("", "Internet", "a=b", "a b", "a>=1@9", "a>=1.5", "a>3", "a&", "a|b", "a:b", "a?b",
                     "&".join("abcdefghi")):
            with pytest.raises(BadArgument, match="need"):
                Need(need)
        with pytest.raises(BadArgument, match="call_id"):
            await it.enqueue("1 1", "net", NET)
        with pytest.raises(BadArgument, match="priority"):
            await it.enqueue("1.1", "net", NET, priority=10**9)
        with pytest.raises(BadArgument, match="expected one of reject, busy, no_answer, unreachable"):
            await it.refuse(None, "tired")  # type: ignore[arg-type]
        assert await states(it) == {}
