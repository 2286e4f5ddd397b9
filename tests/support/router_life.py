"""One life of a routing group through every operation of Router, the same on every kind of server."""

from __future__ import annotations

import asyncio

from routing.model import AgentProfile, Need, Plan, Step
from routing.router import Router

PLAN = Plan(Need("internet>=2"), (Step(600, Need("internet"), skip_if_nobody=False),))


async def live_through_everything(it: Router) -> None:
    """Take calls from entry to end on a running router; nothing of them is left, and anna is signed in."""
    anna = AgentProfile("anna", "phone-anna", {"internet": 3}, wrap_up_s=0)
    await it.sign_in(anna)
    first = await it.enqueue("1.1", "net", PLAN)
    assert first is not None
    assert first.offer is not None
    assert await it.accept(first.offer)
    second = await it.enqueue("1.2", "net", PLAN, caller="+48600100200", resume_min=5, wrap_up_s=3)
    assert second is not None
    position = await it.position("1.2")
    assert position is not None
    assert (position.position, position.queue) == (1, "net")
    assert await it.update(AgentProfile("anna", "phone-anna", {"internet": 5}, wrap_up_s=0))
    assert await it.explain("1.2") is not None
    await it.change("1.2", priority=3)
    await it.lend("acme", True)
    await it.pause("anna", "lunch")
    assert not await it.toggle_pause("anna")
    with it.waiting("1.2") as line:
        asked = asyncio.create_task(line.next_offer(8))
        await it.complete("1.1")
        offer = await asked
    assert offer is not None
    assert await it.extend(offer, 30)
    placement = await it.refuse(offer, "reject")
    assert placement.position == 1
    since = it.changes("net")
    await it.abandon("1.2")
    async with asyncio.timeout(5):
        while not it.changed("net", since):
            await asyncio.sleep(0.02)
    assert await it.reconcile([], grace_s=0) == ()
    seen = await it.snapshot()
    assert ([], ["anna"]) == ([*seen.calls], [agent.agent_id for agent in seen.agents])
