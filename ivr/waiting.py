"""Station 6 to 9 of a call: in line, ring, talk.

The caller hears music while nothing is sent to his channel; offers come from the router, keys and answers
from AMI. Whatever refuses, the caller keeps his place. Called by `session.py` for a queue step.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

from ivr import log
from ivr.ami.watch import CallWatch
from ivr.errors import AsteriskError, CallEnded
from ivr.flow.commands import Queued
from ivr.flow.load import QueueConfig
from ivr.record import trace as t
from ivr.sound import Prompt
from routing.errors import RoutingError, UnknownCall
from routing.model import Cause, Need, Offer, Placement
from routing.waiting import Waiting

if TYPE_CHECKING:
    from ivr.session import Session

logger = log.logger(__name__)

LEASE_S = 5.0  # the lease is re-armed this often, by the very loop that must be alive
ROUTER_PATIENCE_S = 20.0  # so long may Redis be away before a waiting caller is handed to the ladder
CAUSES: dict[str, Cause] = {
    "BUSY": "busy",
    "NOANSWER": "no_answer",
    "CHANUNAVAIL": "unreachable",
    "CONGESTION": "unreachable",
}


class WaitForAgent:
    """Bring one caller to an agent of one queue."""

    def __init__(self, session: Session, queue: QueueConfig) -> None:
        self.session, self.queue = session, queue
        self.call_id = session.call.call_id
        self.router, self.log = session.parts.router, session.log
        self.in_line = False
        self.talking = False
        self.status = ""
        self.taken_back = False
        self.entered_ms: int | None = None
        self.began = time.monotonic()
        self.last_position = 0
        self.next_position = 0.0
        self.router_lost: float | None = None

    async def run(self) -> Queued:
        """Wait, ring and talk; return how it ended. The router holds nothing of the call afterwards."""
        try:
            with self.session.parts.watch.follow(self.call_id) as watch, self.router.waiting(self.call_id) as line:
                return await self._wait(watch, line)
        except RoutingError as error:
            self.log.add(t.ROUTER_LOST, self.session.step, error=str(error))
            return Queued("failed")
        except CallEnded:
            self.session.disposition = "agent" if self.talking else "abandoned"
            raise
        finally:
            await self._leave()

    async def _wait(self, watch: CallWatch, line: Waiting) -> Queued:
        placement = await self._enqueue()
        if placement is None:
            return Queued("full")
        if placement.agents_in == 0:
            return Queued("nobody")
        self.log.queued(self.queue.name, placement.position)
        offer = placement.offer
        while True:
            if offer is None:
                await self.session.lease(self.session.parts.settings.lease_s - LEASE_S)
                await self._speak_position(placement)
                await self.session.channel.set_music(True, self.queue.moh)
                found = await self._offer_or_key(watch, line)
                if isinstance(found, Queued):
                    return found
                offer = found
            answered = await self._ring(offer, watch)
            if answered:
                return Queued("answered")
            placement = await self._refuse(offer)
            offer = placement.offer

    async def _enqueue(self) -> Placement | None:
        need = Need(self.queue.need_skill, self.queue.need_level)
        placement = await self.router.enqueue(
            self.call_id,
            self.queue.name,
            need,
            priority=self.queue.priority,
            entered_ms=self.entered_ms,
            max_len=None if self.entered_ms else self.queue.max_len,
        )
        if placement:
            self.entered_ms = placement.entered_ms
        self.in_line = True
        return placement

    # -- in line

    async def _offer_or_key(self, watch: CallWatch, line: Waiting) -> Offer | Queued:
        """Return the offer that came, or how waiting ended without one."""
        hung_up = asyncio.ensure_future(self.session.channel.wait_hung_up())
        key = asyncio.ensure_future(watch.keys.get())
        offer = asyncio.ensure_future(line.next_offer(None))
        taken: Offer | None = None
        tasks: set[asyncio.Future[Any]] = {hung_up, key, offer}
        try:
            while True:
                await asyncio.wait(tasks, timeout=LEASE_S, return_when=asyncio.FIRST_COMPLETED)
                if hung_up.done():
                    hung_up.result()
                if (taken := _result(offer)) is not None:
                    return taken
                if key.done():
                    if key.result() in self.queue.keys:
                        self.log.add(t.PRESSED, self.session.step, key=key.result())
                        return Queued("key", key.result())
                    tasks.discard(key)
                    key = asyncio.ensure_future(watch.keys.get())
                    tasks.add(key)
                await self.session.lease(self.session.parts.settings.lease_s - LEASE_S)
                if self.waited_s() > self.queue.max_wait_s:
                    return Queued("timeout")
                if time.monotonic() >= self.next_position and (ended := await self._look_up()):
                    return ended
        finally:
            for task in tasks:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, CallEnded):
                    await task
            if (late := _result(offer)) is not None and late is not taken:
                line.put_back(late)

    async def _look_up(self) -> Queued | None:
        """Ask the router how the line stands, speak it when it got better; return an end when nobody is left."""
        self.next_position = time.monotonic() + self.queue.position_every_s
        try:
            position = await self.router.position(self.call_id)
        except RoutingError as error:
            self.router_lost = self.router_lost or time.monotonic()
            logger.warning("router unavailable, music goes on", error=str(error))
            return Queued("failed") if time.monotonic() - self.router_lost > ROUTER_PATIENCE_S else None
        self.router_lost = None
        if position is None:  # Redis came back empty: in line again, with the first entry time
            await self._enqueue()
            return None
        if position.agents_in == 0:
            return Queued("nobody")
        if position.position and position.position < (self.last_position or 1_000_000):
            await self._say_position(position.position)
            await self.session.channel.set_music(True, self.queue.moh)
        return None

    async def _speak_position(self, placement: Placement) -> None:
        if self.last_position == 0 and placement.position:
            self.next_position = time.monotonic() + self.queue.position_every_s
            await self._say_position(placement.position)

    async def _say_position(self, position: int) -> None:
        self.last_position = position
        self.log.add(t.POSITION, self.session.step, position=position)
        await self.session.play((Prompt("queue_position", position),))

    def waited_s(self) -> float:
        """Seconds in this queue."""
        return time.monotonic() - self.began

    # -- ring and talk

    async def _ring(self, offer: Offer, watch: CallWatch) -> bool:
        """Ring the offered agent and, if he answers, stay until the talk is over; False when he does not."""
        session = self.session
        self.log.add(
            t.OFFERED,
            session.step,
            agent=offer.agent_id,
            why=offer.reason,
            token=offer.token,
            waited_ms=offer.waited_ms,
        )
        await session.no_lease()
        accepting = asyncio.ensure_future(self._accept_when_answered(offer, watch))
        self.taken_back = False
        began = time.monotonic()
        try:
            await session.channel.gosub(
                "dial-agent", "s", "1", offer.endpoint, str(self.ring_s(offer)), session.call.ani, self.queue.moh, ""
            )
            self.status = await session.channel.get_variable("HOTLINE_DIALSTATUS") or ""
        finally:
            accepting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await accepting
            if self.talking or watch.answered.is_set():
                self.talking = True
                self.log.talked(offer.agent_id, time.monotonic() - began)
        session.take_lease_back()
        if self.status == "ANSWER" and not self.talking:  # AMI missed the answer: the talk was, all the same
            self.talking = True
            self.log.talked(offer.agent_id, time.monotonic() - began)
        if self.taken_back:  # the agent was given away in the same moment: the caller waits again
            self.talking, self.status = False, ""
            await session.channel.set_variable("HOTLINE_DIALSTATUS", "")
        return self.talking

    def ring_s(self, offer: Offer) -> int:
        """Seconds to ring: the shorter of the queue's and the agent's, so never past the offer's lease."""
        return max(1, min(self.queue.ring_s, int(offer.ring_s)))

    async def _accept_when_answered(self, offer: Offer, watch: CallWatch) -> None:
        await watch.answered.wait()
        self.talking = True
        self.log.add(t.ANSWERED, self.session.step, agent=offer.agent_id)
        if not await self._accept(offer):
            self.taken_back = True
            with contextlib.suppress(AsteriskError):
                await self.session.parts.ami.action("Hangup", Channel=watch.answered_by)

    async def _accept(self, offer: Offer) -> bool:
        """Tell the router that the agent answered, until it hears; False when the offer was over by then."""
        while True:
            try:
                return await self.router.accept(offer)
            except RoutingError as error:  # the talk goes on meanwhile
                logger.warning("agent answered while the router was away", agent=offer.agent_id, error=str(error))
                await asyncio.sleep(1)

    async def _refuse(self, offer: Offer) -> Placement:
        cause = CAUSES.get(self.status, "no_answer")
        self.log.add(t.REFUSED, self.session.step, agent=offer.agent_id, cause=cause)
        try:
            return await self.router.refuse(offer, cause)
        except UnknownCall:  # Redis lost it meanwhile: in line again, with the first entry time
            placement = await self._enqueue()
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


def _result(offer: asyncio.Future[Offer | None]) -> Offer | None:
    """Return the offer that came, None when none did (yet)."""
    return offer.result() if offer.done() and not offer.cancelled() else None
