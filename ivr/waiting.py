"""Station 6 and 7 of a call: in line with music until an agent is found, then `ringing.py`.

Nothing is sent to the caller's channel but what he is told, and nothing asked of Redis while his line does not
move. Whatever refuses, he keeps his place. Called by `queueing.py`, once for each queue he waits in.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from ivr import log
from ivr.ami.watch import CallWatch
from ivr.errors import CallEnded
from ivr.flow.commands import Announcement, Queued
from ivr.flow.model import QueueConfig
from ivr.happenings import Happenings
from ivr.listening import trace_matches
from ivr.placing import place
from ivr.record import trace as t
from ivr.record.hearing import QUEUE, WAITING
from ivr.ringing import Ended, Ringing
from ivr.sound import Phrase, Prompt
from ivr.telling import Telling
from routing.errors import RoutingError, UnknownCall
from routing.measure import Wait
from routing.model import CAUSES, Cause, Offer, Placement
from routing.waiting import Waiting

if TYPE_CHECKING:
    from ivr.session import Session

logger = log.logger(__name__)

LEASE_S = 5.0  # the lease is re-armed this often, by the very loop that must be alive
OPT_IN = "opt_in"  # how waiting ended for who wants to be called when a fault is over
OPT_IN_KEY, CHOICE_S = "2", 5.0  # so long after the question the key means that
ROUTER_PATIENCE_S = 20.0  # so long may Redis be away before a waiting caller is handed to the ladder


class WaitForAgent:
    """Bring one caller to an agent of one queue.

    telling  what he was told in it before, when he comes back to it.  entered_ms  his first entry, None for now.
    untold  announcements published meanwhile he is to hear.  opt_in  ids of those he can be called about.
    """

    def __init__(self, session: Session, telling: Telling, entered_ms: int | None, *, first: bool) -> None:
        self.session, self.telling, self.entered_ms, self.first = session, telling, entered_ms, first
        self.call_id = session.call.call_id
        self.router, self.log = session.parts.router, session.log
        self.ringing: Ringing | None = None
        self.in_line = False
        self.music = False
        self.line_changes = 0
        self.to_say: tuple[Phrase, ...] = ()
        self.news = asyncio.Event()
        self.untold: tuple[Announcement, ...] = ()
        self.opt_in: tuple[str, ...] = ()
        self.choice_until = 0.0
        self.router_lost: float | None = None

    @property
    def queue(self) -> QueueConfig:
        """The queue he waits in; a supervisor may have moved him to it."""
        return self.telling.queue

    @property
    def talking(self) -> bool:
        return self.ringing is not None and self.ringing.talking

    async def run(self) -> Queued:
        """Wait, ring and talk; return how it ended. The router holds nothing of the call afterwards.

        Cancelled (this controller ends), the call keeps its place for the controller that takes it over.
        """
        try:
            with (
                self.session.parts.watch.follow(self.call_id) as watch,
                self.router.waiting(self.call_id) as line,
                self.session.parts.live.news.listen() as self.news,
            ):
                return await self._wait(watch, line)
        except asyncio.CancelledError:
            self.in_line = False
            raise
        except RoutingError as error:
            self.log.add(t.ROUTER_LOST, self.session.step, error=str(error))
            return Queued("failed")
        except CallEnded:
            self.session.disposition = "agent" if self.talking else "abandoned"
            raise
        finally:
            await self._leave()

    async def _wait(self, watch: CallWatch, line: Waiting) -> Queued:
        placement = await self._enqueue(self.queue.max_len if self.first else None)
        if placement is None:
            return Queued("full")
        if placement.agents_in == 0:
            return Queued("nobody")
        self.log.queued(self.queue.name, placement.position, self.session.step)
        offer = placement.offer
        if offer is None:
            wait = await self._expected_wait(asked=self.queue.ewt or bool(self.queue.max_ewt_s))
            if self.first and self.queue.max_ewt_s and wait and wait.mean_s > self.queue.max_ewt_s:
                return Queued("too_long")
            self.to_say = self._news(placement.position or 0, wait)
        while True:
            if offer is None:
                async with Happenings(self.session.channel, watch, line, self.news) as happenings:
                    found = await self._in_line(happenings)
                if found != Queued(OPT_IN):
                    self.session.listening.decided(WAITING)
                if isinstance(found, Queued):
                    return found
                offer = found
            if offer.queue not in (self.queue.name, ""):
                await self._move(offer.queue)
            self.music = False
            self.ringing = Ringing(self.session, self.queue, watch)
            ended = await self.ringing.ring(offer)
            if ended == "talked":
                return Queued("answered")
            offer = (await self._again(offer, ended)).offer

    # -- in line

    async def _enqueue(self, max_len: int | None) -> Placement | None:
        """Put the call in line, at its place when it was there before; None when the queue takes no more."""
        self.line_changes = self.router.changes(self.queue.name)
        self.in_line = True  # even without an answer: it may have been heard
        placement = await place(self.session, self.queue, self.entered_ms, max_len)
        if placement is None:
            self.in_line = False
        else:
            self.entered_ms = placement.entered_ms
        return placement

    async def _in_line(self, happenings: Happenings) -> Offer | Queued:
        """Return the offer that came, or how waiting ended without one."""
        while True:
            await self.session.lease(self.session.parts.settings.lease_s - LEASE_S)
            found: Offer | str | None = await self._hear_news(happenings) or await self._say(happenings)
            if not found:
                now_s = time.monotonic()
                found = await happenings.next(self.telling.next_s(now_s, now_s + LEASE_S) - now_s)
            if isinstance(found, Offer):
                return found
            if self._chooses(found):
                return Queued(OPT_IN)
            action = self.queue.keys.get(found or "")
            if found and action:
                self.log.add(t.PRESSED, self.session.step, key=found)
                if action.kind != "hear_again":
                    return Queued("key", found)
                self.to_say = ()
            look = await self._look_around(again=bool(action))
            if isinstance(look, Queued):
                return look
            self.to_say += look

    async def _look_around(self, *, again: bool) -> Queued | tuple[Phrase, ...]:
        """Return what to tell him now, or how waiting ended. again  he asked to hear it once more."""
        now_s = time.monotonic()
        if self.telling.waited_s(now_s) > self.queue.max_wait_s:
            return Queued("timeout")
        news = self.router.changed(self.queue.name, self.line_changes)
        if not again and not (news and self.telling.place_due(now_s)):
            return ()
        self.line_changes = self.router.changes(self.queue.name)
        try:
            position = await self.router.position(self.call_id)
            wait = await self._expected_wait(asked=self.queue.ewt)
        except RoutingError as error:
            return self._without_router(now_s, error)
        self.router_lost = None
        if position is None:  # Redis came back empty: in line again, with the first entry time
            await self._enqueue(None)
            return ()
        if position.queue != self.queue.name:
            moved = await self._move(position.queue)
            return (*moved, *self._news(position.position, wait))
        if position.agents_in == 0:
            return Queued("nobody")
        if again:
            return self.telling.again(now_s, position.position, wait)
        return self._news(position.position, wait)

    def _without_router(self, now_s: float, error: RoutingError) -> Queued | tuple[Phrase, ...]:
        """Go on with music while Redis is away, not for ever."""
        self.router_lost = self.router_lost or now_s
        logger.warning("router unavailable, music goes on", error=str(error))
        return Queued("failed") if now_s - self.router_lost > ROUTER_PATIENCE_S else ()

    async def _move(self, name: str) -> tuple[Phrase, ...]:
        """A supervisor moved him: that queue's music, messages and limits from now on; return what he is told."""
        queue = self.session.queue(name)
        if queue is None:
            return ()
        self.log.add(t.MOVED, self.session.step, queue=queue.name, by="supervisor")
        self.telling = Telling(queue, time.monotonic())
        self.music = False
        await self.session.remember_queue(queue.name)
        return (Prompt("queue_moved"),)

    async def _expected_wait(self, *, asked: bool) -> Wait | None:
        """Return how long he may wait; None when nobody asks, knows, or can tell just now."""
        try:
            return await self.router.expected_wait(self.call_id) if asked else None
        except RoutingError as error:
            logger.warning("the expected wait is not known", error=str(error))
            return None

    def _news(self, position: int, wait: Wait | None) -> tuple[Phrase, ...]:
        phrases = self.telling.news(time.monotonic(), position, wait)
        if phrases:
            minutes = self.telling.rung.minutes if self.telling.rung else None
            self.log.add(t.POSITION, self.session.step, position=self.telling.position, minutes=minutes)
        return phrases

    async def _hear_news(self, happenings: Happenings) -> str:
        """Let him hear what was published while he waits; return the key that stopped it.

        An offer comes first; what he has not heard then he hears if nothing came of it.
        """
        listening = self.session.listening
        if self.news.is_set() and not happenings.pending:
            self.news.clear()
            self.untold = () if self.queue.emergency else await listening.news()
            trace_matches(self.session, self.untold)
        key, told = "", self.untold
        can = [each.announcement_id for each in told if each.opt_in]
        keys = "".join({*self.queue.keys, *(OPT_IN_KEY if can else "")})
        while self.untold and not key and not happenings.pending:
            self.music = False
            announcement, *left = self.untold
            key = await listening.play(announcement, announcement.phrases, keys, QUEUE)
            self.untold = tuple(left)
        if told:
            await listening.remember()
        if can and (key or not self.untold):
            self.opt_in = tuple(can)
            if not key and not happenings.pending:
                key = await self.session.play((Prompt("waiting_opt_in"),), keys)
            self.choice_until = time.monotonic() + CHOICE_S
        return await happenings.heard(key) if key else ""

    def _chooses(self, found: str | None) -> bool:
        """Does he want to be called instead? Once the time to choose is over, he has decided to wait."""
        chosen = found == OPT_IN_KEY and bool(self.opt_in)
        if time.monotonic() < self.choice_until:
            return chosen
        self.opt_in = ()
        self.session.listening.decided(WAITING)
        return False

    async def _say(self, happenings: Happenings) -> str:
        """Tell him what is to be told, music afterwards; return the key that stopped it.

        An offer comes first: what is left is told if nothing came of it.
        """
        if not happenings.pending:
            self.to_say += self.telling.message(time.monotonic())
        while self.to_say and not happenings.pending:
            self.music = False
            phrase, *left = self.to_say
            if key := await self.session.play((phrase,), "".join(self.queue.keys)):
                self.to_say = ()
                return await happenings.heard(key)
            self.to_say = tuple(left)
        if not self.music and not happenings.pending:
            await self.session.channel.set_music(True, self.queue.moh)
            self.music = True
        return ""

    # -- after an offer

    async def _again(self, offer: Offer, ended: Ended) -> Placement:
        """Put him in line again after an agent who did not take him: the same place."""
        cause: Cause = next((each for each in CAUSES if each == ended), "no_answer")
        self.log.add(t.REFUSED, self.session.step, agent=offer.agent_id, cause=ended)
        try:
            if ended == "left":  # he was talking, for the router: that is over, and he rests
                await self.router.complete(self.call_id)
                raise UnknownCall(self.call_id)
            return await self.router.refuse(offer, cause)
        except UnknownCall:  # or Redis lost it meanwhile: in line again, with the first entry time
            placement = await self._enqueue(None)
            assert placement is not None, "no limit holds for a call that was in line before"
            return placement

    async def _leave(self) -> None:
        """Let the router forget the call: agent into wrap-up after a talk, else out of the line."""
        if not self.in_line:
            return
        try:
            if self.talking:
                await self.router.complete(self.call_id)
            else:
                await self.router.abandon(self.call_id)
        except RoutingError as error:  # the sweeper and reconciliation free what is left
            logger.warning("router unavailable while a call left", call_id=self.call_id, error=str(error))
