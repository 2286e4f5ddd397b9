"""Tell controllers that something changed, and hear when each of them has it. Over Redis; nobody depends on it.

Called by `publish` (asks) and `live` (answers); controllers that cannot hear it look by themselves.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError

HINTS = "hotline:dialplans"  # published: the number of the change
ANSWERS = "hotline:dialplans:live"  # published by each controller that took it, or would not: JSON
ANSWER_S = 5.0
REDIS_S = 2.0


@dataclass(frozen=True)
class Heard:
    """Who has the change. listening  controllers that run.  refused  controller -> why it keeps what it had.

    after_ms  until the last one had it.  note  '' or what went wrong.
    """

    listening: int = 0
    taken: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    after_ms: int = 0
    note: str = ""


class Answers:
    """One question to all controllers: `open` before the change is stored, `wait` after it."""

    def __init__(self, redis: Redis | None) -> None:
        self.redis = redis
        self.pubsub = redis.pubsub(ignore_subscribe_messages=True) if redis else None
        self.note = ""

    async def open(self) -> None:
        """Listen for answers; a Redis that is away is noted."""
        try:
            if self.pubsub:
                async with asyncio.timeout(REDIS_S):
                    await self.pubsub.subscribe(ANSWERS)
        except (RedisError, OSError, TimeoutError):
            await self.close()
            self.note = "Redis cannot be reached: running controllers notice by themselves within a second"

    async def wait(self, number: int) -> Heard:
        """Send the hint for change `number` and wait until every controller that heard it has answered."""
        if not (self.redis and self.pubsub):
            return Heard(note=self.note)
        began, listening = time.monotonic(), 0
        taken: dict[str, str] = {}
        note = ""
        try:
            async with asyncio.timeout(ANSWER_S):
                listening = int(await self.redis.publish(HINTS, str(number)))
                while len(taken) < listening:
                    message = await self.pubsub.get_message(timeout=ANSWER_S)
                    answer = json.loads(message["data"]) if message else {"number": 0}
                    if answer["number"] >= number:
                        taken[str(answer["controller"])] = str(answer["refused"])
        except TimeoutError:
            note = f"{listening - len(taken)} of {listening} controllers have not answered: they take it when they can"
        except (RedisError, OSError, ValueError, KeyError) as error:
            note = f"Redis failed ({error}): running controllers notice by themselves within a second"
        return Heard(
            listening, tuple(name for name, why in taken.items() if not why),
            tuple((name, why) for name, why in taken.items() if why), int((time.monotonic() - began) * 1000), note,
        )  # fmt: skip

    async def close(self) -> None:
        """Stop listening."""
        pubsub, self.pubsub = self.pubsub, None
        if pubsub:
            try:
                await pubsub.aclose()  # type: ignore[no-untyped-call]
            except (RedisError, OSError):
                return


async def hint(redis: Redis | None, number: int) -> None:
    """Tell controllers of a change without waiting."""
    await _send(redis, HINTS, str(number))


async def answer(redis: Redis | None, number: int, controller: str, refused: str) -> None:
    """Tell whoever asked that this controller has the change, or why it keeps what it had."""
    await _send(redis, ANSWERS, json.dumps({"number": number, "controller": controller, "refused": refused}))


async def _send(redis: Redis | None, channel: str, text: str) -> None:
    if redis is not None:
        try:
            async with asyncio.timeout(1.0):
                await redis.publish(channel, text)
        except (RedisError, OSError, TimeoutError):
            return
