"""Hear hints over Redis that something changed. A hint only makes a poll quicker: without Redis the poll goes on.

Called by `announce/live.py` and `versions/live.py`.
"""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from ivr import log
from routing.link import cancellable

logger = log.logger(__name__)

BACK_OFF_S = (0.5, 5.0)  # between attempts to listen, first and longest


async def listen(redis: Redis, channel: str, wake: asyncio.Event) -> None:
    """Set `wake` on every hint of `channel`, for ever; come back to a lost Redis, more slowly each time."""
    pause = BACK_OFF_S[0]
    while True:
        try:
            with cancellable():
                async with redis.pubsub(ignore_subscribe_messages=True) as pubsub:
                    await pubsub.subscribe(channel)
                    pause = BACK_OFF_S[0]
                    await _hear(pubsub, wake)
        except (RedisError, OSError) as error:
            logger.debug("no hints from Redis, the poll goes on", channel=channel, error=str(error))
        await asyncio.sleep(pause)
        pause = min(pause * 2, BACK_OFF_S[1])


async def _hear(pubsub: PubSub, wake: asyncio.Event) -> None:
    while True:
        with cancellable():
            if await pubsub.get_message(timeout=1.0):
                wake.set()
