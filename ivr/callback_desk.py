"""All call-backs this controller holds: books new ones, takes on those of controllers that died.

Each is a `CallBackTask`. Who holds it is in SQL (`desk/callbacks.py`); a holder shows every BEAT_S that he lives,
and who does not for HELD_S, by our own clock, has lost it. Built and run by `app.py`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from ivr import log
from ivr.agi.channel import Channel
from ivr.callback_task import CallBackTask
from ivr.db import Database
from ivr.desk.callbacks import CallBack, CallBacks, fresh_id, now_utc
from ivr.dialler import Dialler
from ivr.errors import DatabaseError
from ivr.flow.model import QueueConfig
from ivr.number import to_call_back
from ivr.placed_call import NotOurs
from ivr.session import Parts, Session

logger = log.logger(__name__)

BEAT_S = 2.0
HELD_S = 8.0  # below the 30 s after which the router drops a call no controller holds


class CallBackDesk:
    """The call-backs of one controller. holder  its name, unlike that of any other."""

    def __init__(self, parts: Parts, database: Database, dialler: Dialler, holder: str) -> None:
        self.parts, self.dialler, self.holder = parts, dialler, holder
        self.store = CallBacks(database)
        self.tasks: dict[str, CallBackTask] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._seen: dict[str, tuple[str, int, float]] = {}  # id -> holder, beat, since when by our clock

    def number(self, text: str) -> str:
        """Return a number as it may be called back. Raises ValueError saying why not."""
        settings = self.parts.settings
        return to_call_back(text, settings.country_code, filter(None, settings.callback_prefixes.split(",")))

    async def book(self, session: Session, queue: QueueConfig, number: str, entered_ms: int) -> CallBack:
        """Promise to call `number` back at its place in line. Raises DatabaseError: then nothing was promised."""
        wanted = CallBack(
            callback_id=fresh_id(),
            number=self.number(number),
            dnis=session.call.dnis,
            queue=queue.name,
            language=session.language,
            call_id=session.call.call_id,
            entered_ms=entered_ms,
            booked_at=now_utc(),
            holder=self.holder,
        )
        booked = await self.store.book(wanted)
        if booked is wanted:
            self._start(booked)
        return booked

    async def handle(self, channel: Channel) -> None:
        """Lead the FastAGI connection of somebody who is called back; `unknown` when we do not hold his call-back."""
        task = self.tasks.get(channel.headers.get("agi_uniqueid", ""))
        if task is None or not task.expecting:
            await channel.set_variable("HOTLINE_DONE", "unknown")
        else:
            await task.lead(channel)

    async def run(self) -> None:
        """Show that we live, and take on what nobody holds, for ever."""
        down = False
        while True:
            try:
                await self._look_round()
                down = False
            except DatabaseError as error:
                if not down:
                    logger.error("call-backs are not looked after", error=str(error))
                down = True
            await asyncio.sleep(BEAT_S)

    async def close(self) -> None:
        """Let go of everything: other controllers take it on at once."""
        running = list(self._running.values())
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        try:
            await self.store.release(self.holder)
        except DatabaseError as error:
            logger.warning("call-backs not released", error=str(error))

    async def _look_round(self) -> None:
        before = set(self.tasks)  # one booked meanwhile is not in the list
        rows = await self.store.open()
        mine = {row.callback_id: row for row in rows if row.holder == self.holder}
        if mine:
            await self.store.beat(self.holder)
        for gone in before & self.tasks.keys() - mine.keys():
            await self._let_go(gone)
        for row in mine.values():
            if row.callback_id not in self.tasks:
                self._start(row)
        await self._take_on([row for row in rows if row.holder != self.holder])

    async def _take_on(self, rows: Iterable[CallBack]) -> None:
        now, before, self._seen = time.monotonic(), self._seen, {}
        for row in rows:
            holder, beat, since = before.get(row.callback_id, ("", -1, now))
            if (holder, beat) != (row.holder, row.beat):
                since = now
            self._seen[row.callback_id] = (row.holder, row.beat, since)
            if (not row.holder or now - since >= HELD_S) and await self.store.take(row, self.holder):
                logger.info("call-back taken on", callback_id=row.callback_id, before=row.holder)
                self._start(row)

    async def _let_go(self, callback_id: str) -> None:
        """Cancelled by hand, or another controller's by now: not in line for us any more, not dialled."""
        running = self._running.get(callback_id)
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)  # what it was asking the router for has been answered
            await self.parts.router.abandon(callback_id)

    def _start(self, row: CallBack) -> None:
        queue = self.parts.dialplans.queues.get(row.queue)
        if queue is None:
            logger.error("call-back for a queue that is no more", callback_id=row.callback_id, queue=row.queue)
            return
        task = CallBackTask(self, row, queue)
        self.tasks[row.callback_id] = task
        running = self._running[row.callback_id] = asyncio.create_task(task.run())
        running.add_done_callback(lambda done: self._ended(row.callback_id, done))

    def _ended(self, callback_id: str, done: asyncio.Task[None]) -> None:
        self.tasks.pop(callback_id, None)
        self._running.pop(callback_id, None)
        if done.cancelled() or isinstance(error := done.exception(), NotOurs):
            return
        if error is not None:  # a bug ends this one; the next look round begins it again
            logger.error("call-back broke", callback_id=callback_id, error=repr(error))
