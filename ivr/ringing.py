"""Station 8 and 9 of a call: ring the offered agent, whisper to him, stay until the talk is over.

The dialplan context [dial-agent] rings and connects; AMI tells when he answered. Called by `waiting.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Literal

from ivr import log
from ivr.ami.watch import CallWatch
from ivr.errors import AsteriskError
from ivr.flow.model import QueueConfig
from ivr.record import trace as t
from ivr.whisper import CallerNews, whisper, whisper_files
from routing.errors import RoutingError
from routing.model import Cause, Offer

if TYPE_CHECKING:
    from ivr.session import Session

logger = log.logger(__name__)

CAUSES: dict[str, Cause] = {
    "BUSY": "busy",
    "NOANSWER": "no_answer",
    "CHANUNAVAIL": "unreachable",
    "CONGESTION": "unreachable",
}
REJECTED = "21"  # Q.850 call rejected: declined by hand, SIP 603
ACCEPT_AGAIN_S = 1.0

Ended = Literal["talked", "left", "taken_back", "reject", "busy", "no_answer", "unreachable"]
"""How ringing ended. left  he hung up while he was whispered to.  taken_back  the offer was over when he answered."""


class Ringing:
    """One offered agent and one caller. talking  the agent answered; the router may still have to hear of it."""

    def __init__(self, session: Session, queue: QueueConfig, watch: CallWatch) -> None:
        self.session, self.queue, self.watch = session, queue, watch
        self.talking = False

    async def ring(self, offer: Offer) -> Ended:
        """Ring, connect, and return once the talk is over or there will be none."""
        session = self.session
        self._note_offer(offer)
        whispered = self._whisper(offer)
        await session.no_lease()
        self.talking, taken_back, began = False, asyncio.Event(), time.monotonic()
        self.watch.answered.clear()  # of an agent rung before
        accepting = asyncio.ensure_future(self._accept_when_answered(offer, taken_back))
        status = ""
        try:
            await session.channel.gosub(
                "dial-agent", "s", "1", offer.endpoint, str(self._ring_s(offer)), session.call.ani, self.queue.moh,
                whispered,
            )  # fmt: skip
            status = await session.channel.get_variable("HOTLINE_DIALSTATUS") or ""
        finally:
            accepting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await accepting
            # AMI may have missed the answer: the talk was, all the same
            self.talking = self.talking or self.watch.answered.is_set() or status == "ANSWER"
            if self.talking and not taken_back.is_set() and status in ("ANSWER", ""):
                session.log.talked(offer.agent_id, time.monotonic() - began, session.step)
        session.take_lease_back()
        return await self._ended(status, taken_back.is_set())

    async def _ended(self, status: str, taken_back: bool) -> Ended:
        """Tell what came of it; the caller's channel is ours again."""
        if taken_back:  # the agent was given away in the same moment: the caller waits again
            self.talking = False
            await self.session.channel.set_variable("HOTLINE_DIALSTATUS", "")
            return "taken_back"
        if self.talking:
            return "talked" if status == "ANSWER" else "left"
        if await self.session.channel.get_variable("HOTLINE_DIALCAUSE") == REJECTED:
            return "reject"
        return CAUSES.get(status, "no_answer")

    def _note_offer(self, offer: Offer) -> None:
        self.session.log.add(
            t.OFFERED,
            self.session.step,
            agent=offer.agent_id,
            why=offer.reason,
            token=offer.token,
            waited_ms=offer.waited_ms,
        )

    def _whisper(self, offer: Offer) -> str:
        """Return the files the agent hears before the caller."""
        session = self.session
        language = offer.language or session.parts.settings.default_language
        listening = session.listening
        news = CallerNews(
            self.queue, offer.waited_ms / 1000, session.language,
            announced=listening.anything or bool(session.log.record.announcements),
            services=tuple(listening.services), again=bool(listening.raised),
        )  # fmt: skip
        phrases = whisper(news, session.dialplans.queues.values(), language)
        return whisper_files(phrases, session.prompts, language)

    def _ring_s(self, offer: Offer) -> int:
        """Seconds to ring: the shorter of the queue's and the agent's, so never past the offer's lease."""
        return max(1, min(self.queue.ring_s, int(offer.ring_s)))

    async def _accept_when_answered(self, offer: Offer, taken_back: asyncio.Event) -> None:
        await self.watch.answered.wait()
        self.talking = True
        self.session.log.add(t.ANSWERED, self.session.step, agent=offer.agent_id)
        if not await self._accept(offer):
            taken_back.set()
            with contextlib.suppress(AsteriskError):
                await self.session.parts.ami.action("Hangup", Channel=self.watch.answered_by)

    async def _accept(self, offer: Offer) -> bool:
        """Tell the router that the agent answered, until it hears; False when the offer was over by then."""
        while True:
            try:
                return await self.session.parts.router.accept(offer)
            except RoutingError as error:  # the talk goes on meanwhile
                logger.warning("agent answered while the router was away", agent=offer.agent_id, error=str(error))
                await asyncio.sleep(ACCEPT_AGAIN_S)
