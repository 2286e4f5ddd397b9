"""Router on a real Redis Cluster of three nodes: every operation, offers and events, a moved slot, a lost node."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from routing import keys
from routing.errors import RouterUnavailable
from routing.model import AgentProfile, Policy
from routing.router import Router
from tests.support.redis_cluster import NODES, RealCluster, real_cluster
from tests.support.router_life import PLAN, live_through_everything

pytestmark = pytest.mark.real
QUICK = Policy(dead_after_s=2, beat_s=0.1, sweep_s=0.05)


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[RealCluster]:
    async with real_cluster(tmp_path) as servers:
        yield servers


@contextlib.asynccontextmanager
async def router(cluster: RealCluster, name: str = "k1", group: str = "main") -> AsyncIterator[Router]:
    """A running router of `group`, whose keys lie on whichever node that is."""
    async with contextlib.aclosing(cluster.client()) as client:
        it = Router(client, controller_id=name, group=group, policy=QUICK)
        await it.start()
        running = asyncio.create_task(it.run())
        try:
            yield it
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
            await it.close()


def agent(name: str, level: int = 3) -> AgentProfile:
    return AgentProfile(name, f"phone-{name}", {"internet": level}, wrap_up_s=0)


async def _groups(cluster: RealCluster) -> list[str]:
    """A group for each node."""
    found: dict[int, str] = {}
    for n in range(100):
        found.setdefault(await cluster.owner(keys.root(f"g{n}")), f"g{n}")
    return [found[node] for node in range(NODES)]


async def test_a_life_on_each_node(cluster: RealCluster) -> None:
    """Groups on three nodes beside each other, every operation; and all the while Redis looks like one and the same."""
    resets: list[str] = []

    async def reset() -> None:
        resets.append("redis looked restarted")

    for group in await _groups(cluster):
        async with router(cluster, group=group) as it:
            it.on_reset = reset
            await live_through_everything(it)
            await asyncio.sleep(5 * QUICK.beat_s)

            assert [] == resets


async def test_flushed_scripts_are_loaded_again_where_they_are_needed(cluster: RealCluster) -> None:
    async with router(cluster) as it:
        await it.enqueue("1.1", "net", PLAN)
        async with contextlib.aclosing(cluster.client()) as client:
            await client.script_flush()
        await it.abandon("1.1")

        assert () == (await it.snapshot()).calls


async def test_a_slot_handed_to_another_node_is_followed(cluster: RealCluster) -> None:
    """The slot of a group moves, without what it held: operations, offers and the beat go to the new node."""
    root = keys.root("main")
    async with router(cluster) as it:
        before = await cluster.owner(root)
        await it.sign_in(agent("anna"))
        await cluster.hand_over(root, (before + 1) % NODES)
        await it.sign_in(agent("bob"))
        busy = await it.enqueue("1.1", "net", PLAN)
        assert busy is not None
        assert busy.offer is not None
        await it.enqueue("1.2", "net", PLAN)
        await it.accept(busy.offer)
        with it.waiting("1.2") as line:
            asked = asyncio.create_task(line.next_offer(8))
            await it.complete("1.1")
            offer = await asked
        assert offer is not None
        async with contextlib.aclosing(cluster.nodes[(before + 1) % NODES].client()) as client:
            there = await client.keys("*")

        assert f"{root}:call:1.2" in there


async def test_a_lost_node_is_one_clear_error_for_its_groups_only(cluster: RealCluster) -> None:
    """Others go on; the lost group says RouterUnavailable within about 2 s, and abandon never raises."""
    groups = await _groups(cluster)
    async with router(cluster, group=groups[0]) as lost, router(cluster, group=groups[1]) as other:
        await other.sign_in(agent("anna"))
        await lost.enqueue("1.1", "net", PLAN)
        await cluster.nodes[0].stop()
        with pytest.raises(RouterUnavailable):
            await lost.enqueue("1.2", "net", PLAN)
        await lost.abandon("1.1")
        placement = await other.enqueue("2.1", "net", PLAN)

        assert placement is not None
        assert placement.offer is not None
