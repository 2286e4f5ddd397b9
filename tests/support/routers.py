"""What tests of Router on a real Redis share: routers that end as if killed, agents, states."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from routing.errors import RouterUnavailable
from routing.model import AgentProfile, Need, Policy
from routing.router import Router
from tests.support.redis import RealRedis

NET = Need("internet")
QUICK = Policy(back_off_s={"reject": 0.2, "busy": 0.2, "no_answer": 0.2, "unreachable": 0.2}, dead_after_s=0.4,
               lost_after_s=0.5, ring_margin_s=0.2, beat_s=0.1, sweep_s=0.05)


def agent(name: str, level: int = 3, *, wrap_up_s: float = 0, ring_s: float = 20) -> AgentProfile:
    return AgentProfile(name, f"phone-{name}", {"internet": level}, ring_s, wrap_up_s, name.upper(), "pl")


@contextlib.asynccontextmanager
async def router(redis: RealRedis, name: str = "k1", *, policy: Policy = QUICK, runs: bool = True,
                 ) -> AsyncIterator[Router]:
    """A started router; `runs` with heartbeat, sweep and reader. Ends as if killed: it does not leave."""
    async with contextlib.aclosing(redis.client()) as client:
        it = Router(client, controller_id=name, policy=policy)
        await it.start()
        running = asyncio.create_task(it.run()) if runs else None
        try:
            yield it
        finally:
            if running:
                running.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await running
            await it._client.aclose()
            await it._reader.aclose()


async def states(it: Router) -> dict[str, str]:
    """All agents and calls with their states."""
    seen = await it.snapshot()
    return {a.agent_id: a.state for a in seen.agents} | {c.call_id: c.state for c in seen.calls}


async def wait_until(what: Callable[[], Awaitable[bool]], *, within_s: float = 5) -> None:
    """Wait until `what` answers true, asked every 20 ms."""
    ends = time.monotonic() + within_s
    while not await what():
        assert time.monotonic() < ends, "it did not come"
        await asyncio.sleep(0.02)


async def is_in(it: Router, name: str, state: str) -> bool:
    return (await states(it)).get(name) == state


async def is_gone(it: Router, name: str) -> bool:
    return name not in await states(it)


async def are_only(it: Router, expected: dict[str, str]) -> bool:
    try:
        return await states(it) == expected
    except RouterUnavailable:
        return False
