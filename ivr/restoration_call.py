"""The call to somebody who wanted to be told that it works again: does it?

He is asked at most ASKED_TIMES; whatever he says is kept before he hears thanks for it, so that nobody is asked twice.
Who says no may press 0 and goes on as if he had called us. Runs in the task of the FastAGI connection; called by
`restoration_task.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from ivr import log
from ivr.agi.channel import Channel
from ivr.call import Call, mask
from ivr.desk.opt_ins import OptIn
from ivr.errors import AsteriskError, CallEnded, CallerHungUp
from ivr.flow.model import Number
from ivr.record import trace as t
from ivr.session import Parts, Session
from ivr.sound import Prompt

logger = log.logger(__name__)

STEP = "restored"
ASKED_TIMES = 2
KEY_S = 4.0
GONE_S = 2.0  # for Asterisk to take the channel down
ANSWERS = {"1": "works", "2": "still_out"}
AGENT_KEY = "0"


class RestorationCall:
    """One answered call. on_answer  awaited with `works` or `still_out` as soon as he has said it."""

    def __init__(
        self, channel: Channel, parts: Parts, row: OptIn, on_answer: Callable[[str], Awaitable[object]]
    ) -> None:
        self.channel, self.parts, self.row, self.on_answer = channel, parts, row, on_answer
        call = Call(row.opt_in_id, row.number, row.dnis, channel.headers.get("agi_channel", ""))
        self.known_number = parts.dialplans.numbers.get(row.dnis)
        number = self.known_number or Number(row.dnis, "", row.language, "", "")
        self.session = Session(channel, parts, call, number, resume=f"{STEP}|{row.language}", was_talking=False)
        given = channel.headers.get("agi_arg_1", "")
        self.goes_on = False
        self.answer = given if given in ANSWERS.values() else ""  # said to a controller that died meanwhile

    async def run(self) -> str:
        """Lead the call to its end; return its outcome, a word of desk/opt_ins.py. Cancelled: he stays on the phone."""
        with self.parts.watch.follow(self.session.call.call_id) as watch:
            outcome = await self._lead()
            if not self.goes_on:  # the next call is placed when this one's line is free
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(watch.hung_up.wait(), GONE_S)
        return outcome

    async def _lead(self) -> str:
        session, outcome = self.session, "failed"
        structlog.contextvars.bind_contextvars(call_id=session.call.call_id)
        self.parts.calls[session.call.call_id] = session
        try:
            outcome = await self._talk()
        except CallEnded as end:
            outcome = self.answer or ("declined" if isinstance(end, CallerHungUp) else "failed")
            session.log.add(t.HUNG_UP, STEP, by=type(end).__name__)
        except AsteriskError as error:
            outcome, self.goes_on = self.answer or "failed", True
            logger.error("restoration call failed", error=str(error))
            session.log.add(t.LADDER, STEP, why=str(error))
            with contextlib.suppress(CallEnded, AsteriskError):
                await self.channel.set_variable("HOTLINE_DONE", "ladder")
        finally:
            del self.parts.calls[session.call.call_id]
            session.log.finish({"declined": "hung_up", "failed": "failed"}.get(outcome, "completed"))
            logger.info("restoration call ended", number=mask(self.row.number), outcome=outcome)
        return outcome

    async def _talk(self) -> str:
        if self.answer:
            self.session.log.add(t.REATTACHED, STEP)
        else:
            self.answer = await self._ask()
            self.session.log.add(t.RESTORED, STEP, announcement=self.row.announcement_id, answer=self.answer)
        if self.answer:
            await self.channel.set_variable("HOTLINE_STEP", self.answer)
            await self.on_answer(self.answer)
        if self.answer == "still_out" and await self._wants_an_agent():
            await self._to_the_menu()
        else:
            if self.answer == "works":
                await self.session.play((Prompt("restored_thanks"),))
            await self.channel.hangup()
        return self.answer or "no_key"

    async def _ask(self) -> str:
        """Return works, still_out, or '' when he presses neither key."""
        for _ in range(ASKED_TIMES):
            phrases = (Prompt("restored_hello"), Prompt("restored_keys"))
            key = await self._key(phrases, "".join(ANSWERS))
            if key:
                return ANSWERS[key]
            self.session.log.add(t.SILENT, STEP)
        return ""

    async def _wants_an_agent(self) -> bool:
        """Say that it is noted; return whether he wants to speak to somebody, where his number still leads."""
        if self.known_number is None:
            await self.session.play((Prompt("restored_noted"),))
            return False
        return await self._key((Prompt("restored_noted"), Prompt("restored_agent_key")), AGENT_KEY) == AGENT_KEY

    async def _key(self, phrases: tuple[Prompt, ...], keys: str) -> str:
        key = await self.session.play(phrases, keys)
        if not key:
            await self.session.lease(KEY_S)
            key = await self.channel.wait_for_digit(int(KEY_S * 1000))
        if key:
            self.session.log.add(t.PRESSED, STEP, key=key)
        return key if key and key in keys else ""

    async def _to_the_menu(self) -> None:
        """Let Asterisk lead him into the number he had called ([entry] of dialplans/asterisk/entry.conf)."""
        await self.channel.set_variable("HOTLINE_DNIS", self.row.dnis)
        await self.channel.set_variable("HOTLINE_ANI", self.row.number)
        await self.channel.set_variable("HOTLINE_DONE", "menu")
        self.goes_on = True
