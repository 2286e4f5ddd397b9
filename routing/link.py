"""The connections a Router makes to Redis: commands with short time-outs, and one reader that may block.

Only the address and credentials of the client handed to Router are taken over: its time-outs and ten retries
never reach the call path. Called by every module that talks to Redis.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import redis.asyncio
from redis.asyncio.connection import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff, NoBackoff
from redis.exceptions import RedisError, ResponseError

from routing.errors import RouterUnavailable

Reply = TypeVar("Reply")

COMMAND_TIMEOUT_S = 1.0
# From the first try to giving up; far below the 30 s a reply is kept for its request (include/base.lua).
PATIENCE_S = 2.0
# XREAD waits this long on the server; the reader's socket waits longer than that.
BLOCK_MS = 2000
CONNECTIONS = 16

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


async def answer(asked: Awaitable[Reply], *, within_s: float | None = PATIENCE_S) -> Reply:
    """Wait for what was asked of Redis. Raises RouterUnavailable when it does not come `within_s`.

    ResponseError passes: Redis answered. A cancellation is never lost: redis-py sends under `asyncio.wait_for`,
    which in Python 3.11 swallows one that comes as the sending ends, and a task would run on for ever.
    """
    task = asyncio.current_task()
    cancelled_before = task.cancelling() if task else 0
    try:
        async with asyncio.timeout(within_s):
            reply = await asked
    except ResponseError:
        raise
    except (RedisError, OSError, TimeoutError) as error:
        raise RouterUnavailable(f"Redis does not answer ({error or type(error).__name__})") from error
    if task and task.cancelling() > cancelled_before:
        raise asyncio.CancelledError
    return reply


def command_client(given: redis.asyncio.Redis) -> redis.asyncio.Redis:
    """Return a client for commands to the same Redis: 1 s time-outs, one retry (request ids make it safe)."""
    return _client(given, CONNECTIONS, COMMAND_TIMEOUT_S, Retry(ConstantBackoff(0.05), 1))


def reader_client(given: redis.asyncio.Redis) -> redis.asyncio.Redis:
    """Return a client with one connection for blocking reads of up to BLOCK_MS."""
    return _client(given, 1, BLOCK_MS / 1000 + 1, Retry(NoBackoff(), 0))


def _client(given: redis.asyncio.Redis, connections: int, timeout_s: float, retry: Retry) -> redis.asyncio.Redis:
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
