"""The call to somebody who is called back: is it him, and does he still want to? Then an agent.

He must press 1, so that no answering machine ever gets an agent. The agent reserved for him is rung with the very
offer; should he not answer, the caller is on the phone now and waits for the next one at his old place. Runs in the
task of the FastAGI connection; called by `callback_task.py`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from ivr import log
from ivr.agi.channel import Channel
from ivr.call import Call, mask
from ivr.desk.callbacks import CallBack
from ivr.errors import AsteriskError, CallEnded, CallerHungUp
from ivr.flow.commands import Queued
from ivr.flow.model import Number, QueueConfig
from ivr.record import trace as t
from ivr.ringing import Ringing
from ivr.session import Parts, Session
from ivr.sound import Prompt
from ivr.telling import Telling
from ivr.waiting import WaitForAgent
from routing.errors import RoutingError, UnknownCall
from routing.model import Offer

logger = log.logger(__name__)

STEP = "callback"
CONFIRMED = "confirmed"
ASKED_TIMES = 3
KEY_S = 4.0
ASKING_S = 45.0  # ASKED_TIMES the question and KEY_S, at most: so long the agent is kept for him
RING_MARGIN_S = 10.0  # from the end of the agent's ringing until the offer goes back
DISPOSITIONS = {"talked": "agent", "no_agent": "no_agent", "left": "abandoned", "failed": "failed"}


@dataclass(frozen=True)
class Arrival:
    """Somebody who was dialled is on the phone.

    offer  the agent reserved for him, None when the controller that reserved one died.
    confirmed  pressed 1 before that.  talked  his talk is over, it outlived its controller.
    """

    row: CallBack
    queue: QueueConfig
    offer: Offer | None
    confirmed: bool = False
    talked: bool = False


class CalledBack:
    """One answered call-back. on_confirmed  awaited when he pressed 1, before an agent is rung."""

    def __init__(
        self, channel: Channel, parts: Parts, arrival: Arrival, on_confirmed: Callable[[], Awaitable[object]]
    ) -> None:
        row = arrival.row
        self.channel, self.parts, self.arrival, self.on_confirmed = channel, parts, arrival, on_confirmed
        call = Call(row.callback_id, row.number, row.dnis, channel.headers.get("agi_channel", ""))
        number = parts.dialplans.numbers.get(row.dnis) or Number(row.dnis, "", row.language, arrival.queue.project, "")
        self.session = Session(
            channel, parts, call, number, resume=f"{STEP}|{row.language}", was_talking=arrival.talked
        )
        self.confirmed = arrival.confirmed
        self.talking = arrival.talked

    async def run(self) -> str:
        """Lead the call to its end; return its outcome, a word of desk/callbacks.py. Cancelled: he stays."""
        session, outcome = self.session, "failed"
        structlog.contextvars.bind_contextvars(call_id=session.call.call_id)
        self.parts.calls[session.call.call_id] = session
        try:
            outcome = await self._talk()
            await self.channel.hangup()
        except CallEnded as end:
            outcome = self._how_it_ended(end)
            session.log.add(t.HUNG_UP, STEP, by=type(end).__name__)
        except (RoutingError, AsteriskError) as error:
            logger.error("call-back failed", error=str(error))
            session.log.add(t.LADDER, STEP, why=str(error))
            await self._say_sorry()
        finally:
            del self.parts.calls[session.call.call_id]
            session.log.finish(DISPOSITIONS.get(outcome, "hung_up"))
            logger.info("call-back ended", number=mask(session.call.ani), outcome=outcome, ms=session.log.now_ms())
        return outcome

    def _how_it_ended(self, end: CallEnded) -> str:
        if self.talking:
            return "talked"
        if not isinstance(end, CallerHungUp):
            return "failed"
        return "left" if self.confirmed else "hung_up"

    async def _talk(self) -> str:
        if self.arrival.talked:
            self.session.log.add(t.REATTACHED, STEP, talk=True)
            return "talked"
        if not self.confirmed:
            answer = await self._ask()
            if answer != "1":
                return "declined" if answer == "2" else "unconfirmed"
            self.confirmed = True
            await self.channel.set_variable("HOTLINE_STEP", CONFIRMED)
        await self.on_confirmed()
        self.session.log.add(t.CALLED_BACK, STEP, what=CONFIRMED)
        return await self._to_an_agent()

    async def _ask(self) -> str:
        """Return 1 (yes, it is me), 2 (no longer wanted) or '' (nobody presses a key)."""
        for _ in range(ASKED_TIMES):
            key = await self.session.play((Prompt("callback_hello"), Prompt("callback_hello_keys")), "12")
            if not key:
                await self.session.lease(KEY_S)
                key = await self.channel.wait_for_digit(int(KEY_S * 1000))
            if key in ("1", "2"):
                self.session.log.add(t.PRESSED, STEP, key=key)
                return key
        return ""

    # -- to an agent

    async def _to_an_agent(self) -> str:
        offer, queue = self.arrival.offer, self.arrival.queue
        router = self.parts.router
        if offer and await router.extend(offer, offer.ring_s + RING_MARGIN_S) and await self._ring(offer):
            return "talked"
        waiting = WaitForAgent(self.session, Telling(queue, time.monotonic()), self.arrival.row.entered_ms, first=False)
        try:
            return await self._outcome(queue, await waiting.run())
        finally:
            self.talking = waiting.talking

    async def _ring(self, offer: Offer) -> bool:
        """Ring the reserved agent; True when they have talked. Else the call is in line again, as if never rung."""
        session, router = self.session, self.parts.router
        session.log.queued(self.arrival.queue.name, None, STEP)
        with self.parts.watch.follow(session.call.call_id) as watch:
            ringing = Ringing(session, self.arrival.queue, watch)
            try:
                ended = await ringing.ring(offer)
            finally:
                self.talking = ringing.talking
        if ended == "talked":
            return True
        self.talking = False
        session.log.add(t.REFUSED, STEP, agent=offer.agent_id, cause=ended)
        if ended == "left":  # the agent hung up while he was whispered to: for the router he talked, and rests
            await router.complete(session.call.call_id)
            return False
        with contextlib.suppress(UnknownCall):  # Redis lost it meanwhile: `WaitForAgent` puts it in line again
            await router.refuse(offer, "no_answer" if ended == "taken_back" else ended)
        return False

    async def _outcome(self, queue: QueueConfig, queued: Queued) -> str:
        if queued.outcome == "answered":
            return "talked"
        if queued.outcome == "key" and queue.keys[queued.key].kind == "leave":
            return "left"
        await self.session.play((Prompt("callback_again"),))
        return "no_agent"

    async def _say_sorry(self) -> None:
        """Let Asterisk tell him that it did not work this time."""
        try:
            await self.channel.set_variable("HOTLINE_DONE", "ladder")
        except (CallEnded, AsteriskError):
            return
