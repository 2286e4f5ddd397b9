"""A call we place: let a phone ring, know whether he comes to it, and wait for what comes of the talk to him.

The channel answers over FastAGI in a task of its own (`lead`), while the task that placed the call waits (`place`,
`taken_over`). Made by `callback_task.py` and `restoration_task.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

from ivr import log
from ivr.ami.watch import CallWatch
from ivr.errors import AsteriskError, DatabaseError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from ivr.session import Parts

logger = log.logger(__name__)

DIAL_SLACK_S = 5.0  # Asterisk ends the ringing itself; without a word from it we give up so much later
CAUSE_S = 1.0  # the cause of a hang-up and the failure of the dialling come over two connections
AGAIN_S = 2.0  # after the database was away
CAUSES = {16: "hung_up", 17: "busy", 18: "not_answered", 19: "not_answered", 21: "busy"}


class NotOurs(Exception):
    """Another controller took this call on, or somebody cancelled it."""


class Dials(Protocol):
    """What places calls: `ivr.dialler.Dialler`."""

    def failing(self, call_id: str, /) -> AbstractContextManager[asyncio.Event]: ...

    async def dial(self, call_id: str, number: str, shown: str, context: str = ..., /) -> None: ...


class PlacedCall:
    """One call of ours. call_id  the channel's Uniqueid, given by us.  context  of the dialplan, where he gets to."""

    def __init__(self, call_id: str, parts: Parts, dialler: Dials, context: str) -> None:
        self.id, self.parts, self.dialler, self.context = call_id, parts, dialler, context
        self.expecting = False  # may somebody arrive on the phone now?
        self._arrived, self._free = asyncio.Event(), asyncio.Event()
        self._outcome: asyncio.Future[str] | None = None

    async def place(self, number: str, shown: str) -> str:
        """Let the phone ring; return what came of it: what `lead` gives, or why he did not come to the phone."""
        self._expect()
        with self.dialler.failing(self.id) as failed, self.parts.watch.follow(self.id) as watch:
            try:
                await self.dialler.dial(self.id, number, shown, self.context)
            except AsteriskError as error:
                logger.error("call could not be placed", context=self.context, error=str(error))
                self.expecting = False
                return "failed"
            missed = await self._missed(watch, failed, self.parts.settings.callback_ring_s + DIAL_SLACK_S)
        return missed or await self._led()

    async def taken_over(self, is_up: Callable[[], Awaitable[bool]]) -> tuple[str, bool]:
        """Go on with a call another controller placed; return what came of it, and whether it was led to an end here.

        is_up  tells whether the channel lives; asked while its end is listened for.
        """
        self._expect()
        with self.parts.watch.follow(self.id) as watch:
            missed = await self._missed(watch, asyncio.Event(), None) if await is_up() else "failed"
        self.expecting = self.expecting and not missed
        return (missed, False) if missed else (await self._led(), True)

    async def lead(self, talk: Callable[[], Awaitable[str]]) -> None:
        """Talk to who answered: the FastAGI connection's own task. talk  gives the outcome."""
        assert self._outcome is not None
        self.expecting = False
        self._arrived.set()
        await self._free.wait()
        outcome = "failed"
        try:
            outcome = await talk()
        except asyncio.CancelledError:  # this controller stops: he stays on the phone, another one goes on
            self._outcome.cancel()
            raise
        except Exception as error:
            logger.exception("placed call broke", error=str(error))
        if not self._outcome.done():
            self._outcome.set_result(outcome)

    def _expect(self) -> None:
        self._arrived.clear()
        self._free.clear()
        self._outcome = asyncio.get_running_loop().create_future()
        self.expecting = True

    async def _missed(self, watch: CallWatch, failed: asyncio.Event, within_s: float | None) -> str:
        """Wait until he is on the phone ('') or it is sure that he will not be: why."""
        waits = [asyncio.ensure_future(event.wait()) for event in (self._arrived, watch.hung_up, failed)]
        try:
            await asyncio.wait(waits, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
            if failed.is_set() and not self._arrived.is_set():
                await asyncio.wait(waits[:2], timeout=CAUSE_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
        if self._arrived.is_set():
            return ""
        self.expecting = False
        if watch.hung_up.is_set() and watch.cause is not None:
            return CAUSES.get(watch.cause, "unreachable")
        return "unreachable" if failed.is_set() else "not_answered"

    async def _led(self) -> str:
        """Nobody else follows the channel any more: let `lead` do its work, and wait for what comes of it."""
        assert self._outcome is not None
        self._free.set()
        return await self._outcome


async def write_down(call_id: str, write: Callable[[], Awaitable[object]], *, times: int | None = None) -> None:
    """Write until the database takes it, or so many times. Raises NotOurs when `write` finds it is another's by now."""
    while times is None or times > 0:
        try:
            if not await write():
                raise NotOurs(call_id)
            return
        except DatabaseError as error:
            logger.warning("what came of a placed call is not written down yet", error=str(error))
            times = times and times - 1
            if times != 0:
                await asyncio.sleep(AGAIN_S)
