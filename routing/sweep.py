"""What runs beside the calls: heartbeat, sweeper, and the ends that could not be told to Redis yet.

Each loop outlives a dead Redis and says so once. Called by `router`.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable

from routing.errors import RouterUnavailable
from routing.model import Policy
from routing.scripts import Scripts, Value

log = logging.getLogger(__name__)
BATCH = 50  # an item may free an agent: 50 keep a script under 5 ms
# After an outage accepts and ends that waited come first: an offer answered meanwhile must not expire.
SETTLE_S = 1.0


async def sweep(scripts: Scripts, policy: Policy, sweeper: str, *, batch: int = BATCH) -> tuple[int, int]:
    """Do once what is due. Returns (items done, milliseconds to the next due one or -1)."""
    reply = await scripts.run(
        "sweep_due",
        batch=batch,
        dead_after_ms=ms(policy.dead_after_s),
        lost_after_ms=ms(policy.lost_after_s),
        back_off_ms=ms(policy.back_off_s["no_answer"]),
        pause_after=policy.pause_after["no_answer"],
        sweeper=sweeper,
    )
    return int(reply["done"]), int(reply["next_ms"])


async def sweep_for_ever(scripts: Scripts, policy: Policy, sweeper: str) -> None:
    """Sweep when something is due, at least every `policy.sweep_s`; again at once while more is due."""
    while True:
        try:
            done, next_ms = await sweep(scripts, policy, sweeper)
        except RouterUnavailable:
            await asyncio.sleep(SETTLE_S)
            continue
        if done < BATCH and next_ms != 0:
            due_s = policy.sweep_s if next_ms < 0 else next_ms / 1000
            await asyncio.sleep(max(0.01, min(policy.sweep_s, due_s)))


async def beat_for_ever(beat: Callable[[], Awaitable[None]], policy: Policy) -> None:
    """Call `beat` every `policy.beat_s`; log once when Redis goes, once when it is back."""
    down = False
    while True:
        try:
            await beat()
            if down:
                log.warning("redis_back")
            down = False
        except RouterUnavailable as error:
            if not down:
                log.error("redis_down: %s", error)
            down = True
        await asyncio.sleep(policy.beat_s / 4 if down else policy.beat_s)


class Owed:
    """Ends of calls Redis has not heard of: repeated, under one request id, until it has."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._ends: dict[str, dict[str, Value]] = {}
        self._some = asyncio.Event()

    async def end(self, call_id: str, **values: Value) -> bool:
        """End a call now, or as soon as Redis is back. Returns whether a known call ended now."""
        request = {"request_id": uuid.uuid4().hex, **values}
        try:
            return await self._tell(call_id, request)
        except RouterUnavailable:
            self._ends[call_id] = request
            self._some.set()
            return False

    def withdraw(self, call_id: str) -> None:
        """The call is in a queue again: its earlier end must not end it now."""
        self._ends.pop(call_id, None)

    async def pay_for_ever(self) -> None:
        """Repeat what is owed until it is done."""
        while True:
            await self._some.wait()
            for call_id, request in list(self._ends.items()):
                try:
                    await self._tell(call_id, request)
                except RouterUnavailable:
                    break
                if self._ends.get(call_id) is request:
                    del self._ends[call_id]
            if self._ends:
                await asyncio.sleep(0.2)
            else:
                self._some.clear()

    async def _tell(self, call_id: str, request: dict[str, Value]) -> bool:
        return bool((await self._scripts.run("call_end", call_id=call_id, **request))["ended"])


def ms(seconds: float) -> int:
    """Return seconds as whole milliseconds."""
    return round(seconds * 1000)
