"""A real Redis Cluster of three nodes on loopback for one test: no replicas, all slots shared out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import redis.asyncio
from redis.asyncio.cluster import ClusterNode
from redis.exceptions import ResponseError

from tests.support.ports import free_port
from tests.support.redis import RealRedis, real_redis

NODES = 3
SLOTS = 16384
READY_S = 20.0


@dataclass
class RealCluster:
    """Three servers that know each other. `nodes` in the order of their slots; the others go on when one is lost."""

    nodes: Sequence[RealRedis]

    def client(self, **options: object) -> redis.asyncio.RedisCluster:
        """Return a client that is told of one node only; the caller closes it."""
        return redis.asyncio.RedisCluster(
            startup_nodes=[ClusterNode("127.0.0.1", self.nodes[-1].port)], require_full_coverage=False,
            **{"decode_responses": True, **options},  # type: ignore[arg-type]
        )

    async def owner(self, key: str) -> int:
        """Return which of `nodes` holds `key`."""
        async with contextlib.aclosing(self.nodes[0].client()) as client:
            slot = int(await client.execute_command("CLUSTER", "KEYSLOT", key))
        return next(n for n in range(NODES) if slot in _slots(n))

    async def hand_over(self, key: str, to: int) -> None:
        """Give the slot of `key` to another node, without what it holds."""
        async with contextlib.aclosing(self.nodes[to].client()) as client:
            slot = int(await client.execute_command("CLUSTER", "KEYSLOT", key))
            new_owner = await client.execute_command("CLUSTER", "MYID")
        for node in (self.nodes[to], *self.nodes):
            async with contextlib.aclosing(node.client()) as client:
                while not await _gives(client, slot, new_owner):
                    pass


async def _gives(client: redis.asyncio.Redis, slot: int, new_owner: str) -> bool:
    """Empty the slot and let it go; False when somebody wrote in between."""
    for name in await client.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 100):
        with contextlib.suppress(ResponseError):  # it has let go already
            await client.delete(name)
    try:
        await client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", new_owner)
    except ResponseError as error:
        if "still hold keys" in str(error):
            return False
        raise
    return True


def _slots(number: int) -> range:
    return range(SLOTS * number // NODES, SLOTS * (number + 1) // NODES)


@contextlib.asynccontextmanager
async def real_cluster(tmp_path: Path) -> AsyncIterator[RealCluster]:
    """Run a cluster of three redis-servers in folders below `tmp_path` until the block ends."""
    async with contextlib.AsyncExitStack() as stack:
        nodes = []
        buses = [free_port() for _ in range(NODES)]
        for bus in buses:
            options = ["--cluster-enabled", "yes", "--cluster-port", str(bus), "--cluster-node-timeout", "5000",
                       "--cluster-require-full-coverage", "no"]
            nodes.append(await stack.enter_async_context(real_redis(tmp_path, options=options)))
        for number, node in enumerate(nodes):
            slots = _slots(number)
            async with contextlib.aclosing(node.client()) as client:
                await client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
                await client.execute_command("CLUSTER", "ADDSLOTSRANGE", slots[0], slots[-1])
                if number:
                    await client.execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[0].port, buses[0])
        async with asyncio.timeout(READY_S):
            for node in nodes:
                while not await _ready(node):
                    await asyncio.sleep(0.05)
        yield RealCluster(nodes)


async def _ready(node: RealRedis) -> bool:
    async with contextlib.aclosing(node.client()) as client:
        info = await client.execute_command("CLUSTER", "INFO")
        text = info if isinstance(info, str) else " ".join(f"{name}:{value}" for name, value in info.items())
        nodes = await client.execute_command("CLUSTER", "NODES")
        known = nodes if isinstance(nodes, dict) else str(nodes).splitlines()
    return "cluster_state:ok" in text and f"cluster_known_nodes:{NODES}" in text and len(known) == NODES
