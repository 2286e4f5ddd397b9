"""Router on a real Redis when very many callers ask at once."""

from __future__ import annotations

import asyncio

from routing.model import Need, Plan, Step
from tests.support.redis import RealRedis
from tests.support.routers import NET, agent, are_only, router, wait_until


async def test_three_hundred_at_once_are_all_served_in_turn(redis: RealRedis) -> None:
    """More callers than connections: nobody is told that Redis is away, and the heartbeat gets through."""
    async with router(redis) as it:
        placed = await asyncio.gather(*(it.enqueue(f"1.{n}", "net", NET) for n in range(300)))

        assert all(placement is not None for placement in placed)
        await asyncio.gather(*(it.abandon(f"1.{n}") for n in range(300)))
        await wait_until(lambda: are_only(it, {}))


async def test_a_relaxed_crowd_reaches_its_agents_at_once(redis: RealRedis) -> None:
    """A step lets sixty agents in for sixty calls: all are offered in the sweep that follows, in several goes."""
    plan = Plan(Need("internet>=5"), (Step(0.2, Need("internet"), skip_if_nobody=False),))
    async with router(redis) as it:
        for n in range(60):
            await it.sign_in(agent(f"a{n:02}"))
        await asyncio.gather(*(it.enqueue(f"1.{n}", "net", plan) for n in range(60)))

        async def all_offered() -> bool:
            return all(call.state == "offered" for call in (await it.snapshot()).calls)

        await wait_until(all_offered, within_s=3)
