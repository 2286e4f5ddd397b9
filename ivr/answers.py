"""Tell controllers that something changed, and hear when they have it. Over Redis; nobody depends on it.

Called by whoever publishes announcements or dialplans (asks) and by controllers (answer); a controller that cannot
hear it looks by itself.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError

from routing.link import cancellable

REDIS_S = 2.0
AWAY = "Redis cannot be reached: running controllers notice by themselves within a second"


@dataclass(frozen=True)
class Topic:
    """What can change. hints  channel of changes.  answers  of controllers that took one, or would not.

    patience_s  for answers.
    """

    hints: str
    answers: str
    patience_s: float


ANNOUNCEMENTS = Topic("hotline:announcements", "hotline:announcements:live", 2.0)
DIALPLANS = Topic("hotline:dialplans", "hotline:dialplans:live", 5.0)


@dataclass(frozen=True)
class Heard:
    """Who has the change. listening  who heard the hint.  refused  controller -> why it keeps what it had.

    after_ms  until the last one of them had it.  note  '' or what went wrong.
    """

    listening: int = 0
    taken: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    after_ms: int = 0
    note: str = ""


class Answers:
    """One question to controllers: `open` before the change is stored, `wait` or `wait_first` after it."""

    def __init__(self, redis: Redis | None, topic: Topic) -> None:
        self.redis, self.topic = redis, topic
        self.pubsub = redis.pubsub(ignore_subscribe_messages=True) if redis else None
        self.note = ""

    async def open(self) -> None:
        """Listen for answers; a Redis that is away is noted."""
        try:
            if self.pubsub:
                async with asyncio.timeout(REDIS_S):
                    await self.pubsub.subscribe(self.topic.answers)
        except (RedisError, OSError, TimeoutError):
            await self.close()
            self.note = AWAY

    async def wait(self, number: int) -> Heard:
        """Send the hint for change `number` and wait until everybody who heard it has answered."""
        return await self._wait(number, first=False)

    async def wait_first(self, number: int) -> Heard:
        """Send the hint for change `number` and wait until one controller has it."""
        return await self._wait(number, first=True)

    async def _wait(self, number: int, *, first: bool) -> Heard:
        if not (self.redis and self.pubsub):
            return Heard(note=self.note)
        began, listening = time.monotonic(), 0
        taken: dict[str, str] = {}
        note = ""
        try:
            async with asyncio.timeout(self.topic.patience_s):
                listening = int(await self.redis.publish(self.topic.hints, str(number)))
                while len(taken) < (1 if first else listening):
                    message = await self.pubsub.get_message(timeout=self.topic.patience_s)
                    answer = json.loads(message["data"]) if message else {"number": 0}
                    if answer["number"] >= number:
                        taken[str(answer["controller"])] = str(answer["refused"])
        except TimeoutError:
            late = f"{listening - len(taken)} of {listening} controllers have not answered: they take it when they can"
            note = "no running controller has answered: callers hear it as soon as one runs" if first else late
        except (RedisError, OSError, ValueError, KeyError, TypeError) as error:
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


async def hint(redis: Redis | None, topic: Topic, number: int) -> None:
    """Tell controllers of a change without waiting."""
    await _send(redis, topic.hints, str(number))


async def answer(redis: Redis | None, topic: Topic, number: int, controller: str = "", refused: str = "") -> None:
    """Tell whoever asked that this controller has the change, or why it keeps what it had."""
    await _send(redis, topic.answers, json.dumps({"number": number, "controller": controller, "refused": refused}))


async def _send(redis: Redis | None, channel: str, text: str) -> None:
    if redis is not None:
        try:
            with cancellable():
                async with asyncio.timeout(1.0):
                    await redis.publish(channel, text)
        except (RedisError, OSError, TimeoutError):
            return
