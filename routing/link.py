"""The connections a Router makes to Redis: commands with short time-outs, and readers that may block.

Only the address and credentials of the client handed to Router are taken over: its time-outs and ten retries
never reach the call path. Redis, Valkey, or a cluster of either: all keys of a group lie on one node. Called by
every module that talks to Redis.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Iterator
from typing import Any, TypeVar

import redis.asyncio
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import BlockingConnectionPool, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff, NoBackoff
from redis.exceptions import ClusterError, RedisClusterException, RedisError, ResponseError

from routing.errors import RouterUnavailable

Client = redis.asyncio.Redis | redis.asyncio.RedisCluster
Reply = TypeVar("Reply")

COMMAND_TIMEOUT_S = 1.0
# From the first try to giving up; far below the 30 s a reply is kept for its request (include/base.lua).
PATIENCE_S = 2.0
# XREAD waits this long on the server; the reader's socket waits longer than that.
BLOCK_MS = 2000
CONNECTIONS = 16
# A node of a cluster refuses instead of waiting for a free connection; more than calls ever ask at once.
CLUSTER_CONNECTIONS = 1000

_OWN = (
    "retry",
    "retry_on_timeout",
    "retry_on_error",
    "socket_timeout",
    "socket_connect_timeout",
    "decode_responses",
    "event_dispatcher",
    "health_check_interval",
    "maint_notifications_config",
    "maint_notifications_pool_handler",
    "orig_host_address",
    "orig_socket_timeout",
    "orig_socket_connect_timeout",
    "oss_cluster_maint_notifications_handler",
    "himport_registry",
)
_CLUSTER_OWN = (*_OWN, "connection_class", "max_connections", "response_callbacks", "redis_connect_func")


@contextlib.contextmanager
def cancellable() -> Iterator[None]:
    """Raise a cancellation that came inside the block, also one the block swallowed or made an error of.

    redis-py sends under `asyncio.wait_for`, which in Python 3.11 loses one that comes as the sending ends: a task
    would run on for ever.
    """
    task = asyncio.current_task()
    cancelled_before = task.cancelling() if task else 0
    try:
        yield
    finally:
        if task and task.cancelling() > cancelled_before:
            raise asyncio.CancelledError


async def answer(asked: Awaitable[Reply], *, within_s: float | None = PATIENCE_S) -> Reply:
    """Wait for what was asked of Redis. Raises RouterUnavailable when it does not come `within_s`.

    ResponseError passes: Redis answered. A cancellation is never lost.
    """
    with cancellable():
        return await _translated(asked, within_s)


async def _translated(asked: Awaitable[Reply], within_s: float | None) -> Reply:
    try:
        async with asyncio.timeout(within_s):
            return await asked
    except (ClusterError, RedisClusterException) as error:
        raise RouterUnavailable(f"the Redis cluster cannot do it now ({error})") from error
    except ResponseError:
        raise
    except (RedisError, OSError, TimeoutError) as error:
        raise RouterUnavailable(f"Redis does not answer ({error or type(error).__name__})") from error


def command_client(given: Client) -> Client:
    """Return a client for commands to the same Redis: 1 s time-outs, one retry (request ids make it safe)."""
    return _client(given, CONNECTIONS, COMMAND_TIMEOUT_S, Retry(ConstantBackoff(0.05), 1))


def reader_client(given: Client) -> Client:
    """Return a client with a connection for each of two blocking reads of up to BLOCK_MS."""
    return _client(given, 2, BLOCK_MS / 1000 + 1, Retry(NoBackoff(), 0))


async def close(client: Client) -> None:
    """Close every connection. A cluster's client leaves some open after it lost a node."""
    await client.aclose()
    if isinstance(client, redis.asyncio.RedisCluster):
        for kind in ("nodes_cache", "startup_nodes"):
            await client.nodes_manager.aclose(kind)


async def node_of(client: Client, key: str) -> dict[str, Any]:
    """Return the option that sends a command without a key to where `key` lies; {} without a cluster."""
    if not isinstance(client, redis.asyncio.RedisCluster):
        return {}
    await client.initialize()
    return {"target_nodes": client.get_node_from_key(key)}


def _client(given: Client, connections: int, timeout_s: float, retry: Retry) -> Client:
    if isinstance(given, redis.asyncio.RedisCluster):
        return _cluster_client(given, timeout_s, retry)
    pool = given.connection_pool
    address = {name: value for name, value in pool.connection_kwargs.items() if name not in _OWN}
    return redis.asyncio.Redis.from_pool(
        BlockingConnectionPool(
            connections,
            timeout_s,
            connection_class=pool.connection_class,
            socket_timeout=timeout_s,
            socket_connect_timeout=COMMAND_TIMEOUT_S,
            retry=retry,
            decode_responses=True,
            **address,
        )
    )


def _cluster_client(given: redis.asyncio.RedisCluster, timeout_s: float, retry: Retry) -> redis.asyncio.RedisCluster:
    settings = given.connection_kwargs
    address = {name: value for name, value in settings.items() if name not in _CLUSTER_OWN}
    return redis.asyncio.RedisCluster(
        startup_nodes=[ClusterNode(node.host, node.port) for node in given.startup_nodes],
        ssl=issubclass(settings["connection_class"], SSLConnection),
        address_remap=given.nodes_manager.address_remap,
        socket_timeout=timeout_s,
        socket_connect_timeout=COMMAND_TIMEOUT_S,
        max_connections=CLUSTER_CONNECTIONS,
        require_full_coverage=given.nodes_manager.require_full_coverage,
        retry=retry,
        decode_responses=True,
        **address,
    )
