"""Router on a real Redis Cluster of three nodes: every operation, offers and events, a moved slot, a lost node."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from routing import keys
from routing.errors import RouterUnavailable
from routing.model import AgentProfile, Need, Plan, Policy, Step
from routing.router import Router
from tests.support.redis_cluster import NODES, RealCluster, real_cluster

pytestmark = pytest.mark.real
NET = Plan(Need("internet>=2"), (Step(600, Need("internet"), skip_if_nobody=False),))
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
    """Groups on three nodes beside each other: offers by stream, events, every operation, nothing left of the calls."""
    for group in await _groups(cluster):
        async with router(cluster, group=group) as it:
            await it.sign_in(agent("anna"))
            first = await it.enqueue("1.1", "net", NET)
            assert first is not None
            assert first.offer is not None
            assert await it.accept(first.offer)
            second = await it.enqueue("1.2", "net", NET, caller="+48600100200", resume_min=5)
            assert second is not None
            assert (await it.position("1.2")).queue == "net"  # type: ignore[union-attr]
            assert await it.update(agent("anna", 5))
            assert await it.explain("1.2") is not None
            await it.change("1.2", priority=3)
            await it.lend("acme", True)
            with it.waiting("1.2") as line:
                asked = asyncio.create_task(line.next_offer(5))
                await it.complete("1.1")
                offer = await asked
            assert offer is not None
            placement = await it.refuse(offer, "reject")
            assert placement.position == 1
            since = it.changes("net")
            await it.abandon("1.2")
            async with asyncio.timeout(5):
                while not it.changed("net", since):
                    await asyncio.sleep(0.02)
            assert await it.reconcile([], grace_s=0) == ()
            seen = await it.snapshot()

            assert ([], ["anna"]) == ([*seen.calls], [a.agent_id for a in seen.agents])


async def test_flushed_scripts_are_loaded_again_where_they_are_needed(cluster: RealCluster) -> None:
    async with router(cluster) as it:
        await it.enqueue("1.1", "net", NET)
        async with contextlib.aclosing(cluster.client()) as client:
            await client.script_flush()
        await it.abandon("1.1")

        assert () == (await it.snapshot()).calls


async def test_a_slot_handed_to_another_node_is_followed(cluster: RealCluster) -> None:
    """The empty slot of a group moves: the next operations, the stream of offers and the beat go to the new node."""
    root = keys.root("main")
    async with router(cluster) as it:
        before = await cluster.owner(root)
        await it.sign_in(agent("anna"))
        async with contextlib.aclosing(cluster.nodes[before].client()) as client:
            names = await client.keys("*")
            await client.delete(*names)
        await cluster.hand_over(root, (before + 1) % NODES)
        await it.sign_in(agent("bob"))
        busy = await it.enqueue("1.1", "net", NET)
        assert busy is not None
        assert busy.offer is not None
        await it.enqueue("1.2", "net", NET)
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
        await lost.enqueue("1.1", "net", NET)
        await cluster.nodes[0].stop()
        with pytest.raises(RouterUnavailable):
            await lost.enqueue("1.2", "net", NET)
        await lost.abandon("1.1")
        placement = await other.enqueue("2.1", "net", NET)

        assert placement is not None
        assert placement.offer is not None
