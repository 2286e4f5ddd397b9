"""The connections a Router makes to Redis: commands with short time-outs, and one reader that may block.

Only the address and credentials of the client handed to Router are taken over: its time-outs and ten retries
never reach the call path. Called by `router`.
"""

from __future__ import annotations

import redis.asyncio
from redis.asyncio.connection import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff, NoBackoff

COMMAND_TIMEOUT_S = 1.0
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


def command_client(given: redis.asyncio.Redis) -> redis.asyncio.Redis:
    """Return a client for commands to the same Redis: 1 s time-outs, one retry (request ids make it safe)."""
    return _client(given, CONNECTIONS, COMMAND_TIMEOUT_S, Retry(ConstantBackoff(0.05), 1))


def reader_client(given: redis.asyncio.Redis) -> redis.asyncio.Redis:
    """Return a client with one connection for blocking reads of up to BLOCK_MS."""
    return _client(given, 1, BLOCK_MS / 1000 + 1, Retry(NoBackoff(), 0))


def _client(
    given: redis.asyncio.Redis, connections: int, timeout_s: float, retry: Retry
) -> redis.asyncio.Redis:
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
