"""A taken offer can be kept longer: a call-back's caller is dialled before the agent's phone rings."""

from __future__ import annotations

import asyncio

from routing.model import Policy
from tests.support.redis import RealRedis
from tests.support.routers import NET, agent, is_in, router, states, wait_until

SHORT = Policy(ring_margin_s=0.1, sweep_s=0.05)


async def test_an_extended_offer_outlives_its_ring_time(redis: RealRedis) -> None:
    """It would have gone back after 0.2 s; extended by a second it is accepted after 0.6 s."""
    async with router(redis, policy=SHORT) as it:
        await it.sign_in(agent("anna", ring_s=0.1))
        placement = await it.enqueue("cb-1", "net", NET, node="-")
        assert placement
        assert placement.offer
        extended = await it.extend(placement.offer, 1.0)
        await asyncio.sleep(0.6)

        assert extended
        assert await it.accept(placement.offer)
        assert await states(it) == {"anna": "talking", "cb-1": "bridged"}


async def test_an_extended_offer_ends_as_well(redis: RealRedis) -> None:
    """The new deadline is one: the agent is free for others after it."""
    async with router(redis, policy=SHORT) as it:
        await it.sign_in(agent("anna", ring_s=30))
        placement = await it.enqueue("cb-1", "net", NET, node="-")
        assert placement
        assert placement.offer
        assert await it.extend(placement.offer, 0.2)
        await wait_until(lambda: is_in(it, "anna", "back_off"))

        assert not await it.accept(placement.offer)


async def test_an_offer_that_is_over_is_not_extended(redis: RealRedis) -> None:
    """Abandoned, refused, accepted: nothing changes, and he who asks is told."""
    async with router(redis) as it:
        await it.sign_in(agent("anna"))
        first = await it.enqueue("cb-1", "net", NET, node="-")
        assert first
        assert first.offer
        await it.abandon("cb-1")
        second = await it.enqueue("cb-2", "net", NET, node="-")
        assert second
        assert second.offer
        await it.accept(second.offer)

        assert not await it.extend(first.offer, 60)
        assert not await it.extend(second.offer, 60)
        assert await states(it) == {"anna": "talking", "cb-2": "bridged"}


async def test_a_call_back_waits_without_a_channel(redis: RealRedis) -> None:
    """Comparing the channels leaves it alone, and frees its agent without blame when nobody answers."""
    async with router(redis) as it:
        await it.enqueue("cb-1", "net", NET, node="-", entered_ms=1000)
        assert await it.reconcile((), grace_s=0) == ()
        with it.waiting("cb-1") as line:
            await it.sign_in(agent("anna"))
            offer = await line.next_offer(2)
        assert offer
        await it.abandon("cb-1")

        assert await states(it) == {"anna": "ready"}
        again = await it.enqueue("cb-1", "net", NET, node="-", entered_ms=1000)
        assert again
        assert again.entered_ms == 1000
        assert again.offer
