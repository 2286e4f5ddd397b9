"""The way of one call-back, from its place in line to the talk: one asyncio task of the controller that holds it.

It waits in the router without a channel. When an agent is offered he is reserved first, then the caller is dialled:
there are never more call-backs in flight than agents reserved for them. Nobody answers: the agent is free again,
without blame, and the call-back is tried later at its old place, a few times. Made by `callback_desk.py`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from ivr import log
from ivr.agi.channel import Channel
from ivr.call import mask
from ivr.callback_call import ASKING_S, CONFIRMED, Arrival, CalledBack
from ivr.desk.callbacks import CONNECTED, DIALLING, WAITING, CallBack, now_utc
from ivr.errors import AsteriskError, DatabaseError
from ivr.flow.model import QueueConfig
from ivr.placed_call import AGAIN_S, DIAL_SLACK_S, NotOurs, PlacedCall, write_down
from ivr.record.orphans import close_orphan
from routing.errors import BudgetSpent, RoutingError
from routing.model import Offer

if TYPE_CHECKING:
    from ivr.callback_desk import CallBackDesk

logger = log.logger(__name__)

ATTEMPTS = 3
EXPIRES = timedelta(days=1)
CAP_S = 60.0  # too many were dialled within the hour: look again so much later
FINAL = ("talked", "declined", "left")


class CallBackTask:
    """One call-back that this controller holds."""

    def __init__(self, desk: CallBackDesk, row: CallBack, queue: QueueConfig) -> None:
        self.desk, self.parts, self.row, self.queue = desk, desk.parts, row, queue
        self.id = row.callback_id
        self.closed = False
        self._offer: Offer | None = None
        self.placed = PlacedCall(self.id, desk.parts, desk.dialler, "callback")

    async def run(self) -> None:
        """Bring the call-back to its end."""
        structlog.contextvars.clear_contextvars()  # those of the call it was booked in
        structlog.contextvars.bind_contextvars(call_id=self.id)
        if self.row.state != WAITING:
            await self._settle(await self._take_over())
        while not self.closed:
            await self._wait_due()
            offer = await self._wait_in_line()
            if offer is None:
                await self._close("expired")
            else:
                await self._attempt(offer)

    # -- in line, without a channel

    async def _wait_due(self) -> None:
        await asyncio.sleep(max(0.0, self.row.due_ms / 1000 - time.time()))

    async def _wait_in_line(self) -> Offer | None:
        """Return the agent offered, None when nobody became free for a day."""
        left_s = (self.row.booked_at + EXPIRES - now_utc()).total_seconds()
        with self.parts.router.waiting(self.id) as line:
            try:
                async with asyncio.timeout(max(0.0, left_s)):
                    return await self._enqueue() or await line.next_offer(None)
            except TimeoutError:
                await self.parts.router.abandon(self.id)
                return None

    async def _enqueue(self) -> Offer | None:
        queue = self.queue
        while True:
            try:
                placement = await self.parts.router.enqueue(
                    self.id,
                    queue.name,
                    queue.plan(self.row.language),
                    priority=queue.priority,
                    emergency=queue.emergency,
                    entered_ms=self.row.entered_ms,
                    wrap_up_s=queue.wrap_up_s,
                    node="-",
                )
            except BudgetSpent:
                await asyncio.sleep(CAP_S)
            except RoutingError as error:
                logger.warning("call-back cannot wait in line now", error=str(error))
                await asyncio.sleep(AGAIN_S)
            else:
                assert placement is not None, "no limit was given"
                return placement.offer

    # -- one attempt: the agent is reserved, the caller dialled

    async def _attempt(self, offer: Offer) -> None:
        lease_s = self.parts.settings.callback_ring_s + DIAL_SLACK_S + ASKING_S
        try:
            if not await self.parts.router.extend(offer, lease_s):
                return
            if not await self._may_dial():
                return
        except (RoutingError, DatabaseError) as error:  # nobody is dialled without its being written down first
            logger.warning("call-back put off", error=str(error))
            await self.parts.router.abandon(self.id)
            await asyncio.sleep(AGAIN_S)
            return
        self._offer = offer
        await self._settle(await self._dial())

    async def _may_dial(self) -> bool:
        """Write the attempt down; False when too many were dialled lately. Raises NotOurs."""
        store, now = self.desk.store, now_utc()
        if await store.dialled_lately(now) >= self.parts.settings.callback_per_hour:
            logger.error("call-backs wait: HOTLINE_CALLBACK_PER_HOUR is reached")
            await self.parts.router.abandon(self.id)
            self.row = replace(self.row, due_ms=int((time.time() + CAP_S) * 1000))
            return False
        if not await store.begin(self.id, self.desk.holder, now):
            await self.parts.router.abandon(self.id)
            raise NotOurs(self.id)
        self.row = replace(self.row, state=DIALLING, attempts=self.row.attempts + 1)
        return True

    async def _dial(self) -> str:
        """Let his phone ring; return the outcome of the attempt."""
        logger.info("call-back dialled", number=mask(self.row.number), attempt=self.row.attempts)
        return await self.placed.place(self.row.number, self.row.dnis)

    # -- on the phone

    @property
    def expecting(self) -> bool:
        """May somebody arrive on the phone for this call-back now?"""
        return self.placed.expecting

    async def lead(self, channel: Channel) -> None:
        """Talk to who answered: the FastAGI connection's own task."""
        await self.placed.lead(lambda: self._talk(channel))

    async def _talk(self, channel: Channel) -> str:
        headers = channel.headers
        arrival = Arrival(
            self.row,
            self.queue,
            self._offer,
            confirmed=headers.get("agi_arg_1", "") == CONFIRMED,
            talked=headers.get("agi_arg_2", "") == "ANSWER",
        )
        return await CalledBack(channel, self.parts, arrival, self._note_confirmed).run()

    async def _note_confirmed(self) -> None:
        await self._written(lambda: self.desk.store.connected(self.id, self.desk.holder), times=1)
        self.row = replace(self.row, state=CONNECTED)

    # -- afterwards

    async def _settle(self, outcome: str) -> None:
        """Free the agent, write down what came of the attempt, and when the next one is due."""
        self._offer = None
        if outcome == "talked":
            await self.parts.router.complete(self.id)
        else:
            await self.parts.router.abandon(self.id)
        if outcome in FINAL or self.row.attempts >= ATTEMPTS:
            await self._close(outcome)
            return
        due_ms = int((time.time() + self.parts.settings.callback_pause_s) * 1000)
        logger.info("call-back tried in vain", outcome=outcome, attempt=self.row.attempts)
        await self._written(lambda: self.desk.store.again(self.id, self.desk.holder, outcome, due_ms))
        self.row = replace(self.row, state=WAITING, outcome=outcome, due_ms=due_ms)

    async def _close(self, outcome: str) -> None:
        await self._written(lambda: self.desk.store.close(self.id, self.desk.holder, outcome, now_utc()))
        self.closed = True
        logger.info("call-back closed", outcome=outcome, attempts=self.row.attempts)

    async def _written(self, write: Callable[[], Awaitable[bool]], *, times: int | None = None) -> None:
        """Write until the database takes it, or so many times. Raises NotOurs when it is another's by now."""
        await write_down(self.id, write, times=times)

    # -- after a controller that died

    async def _take_over(self) -> str:
        """Return what becomes of an attempt another controller began."""
        talks = False

        async def is_up() -> bool:
            nonlocal talks
            living, talks = await self._stands()
            logger.info("call-back taken over", state=self.row.state, on_the_phone=living)
            return living

        outcome, led = await self.placed.taken_over(is_up)
        if led:
            return outcome
        await self._written(self._close_record, times=1)
        return "talked" if talks else outcome

    async def _stands(self) -> tuple[bool, bool]:
        """Return whether the caller is on the phone, or being dialled, and whether the router has him talk."""
        while True:
            try:
                living = {channel.get("Uniqueid") for channel in await self.parts.ami.action_list("Status")}
                calls = (await self.parts.router.snapshot()).calls
            except (AsteriskError, RoutingError) as error:
                logger.warning("call-back cannot be taken over now", error=str(error))
                await asyncio.sleep(AGAIN_S)
            else:
                return self.id in living, any(c.call_id == self.id and c.state == "bridged" for c in calls)

    async def _close_record(self) -> bool:
        await close_orphan(self.desk.store.database, self.id)
        return True
