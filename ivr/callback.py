"""A waiting caller wants to be called back: on which number? Then his place waits without him.

Pressing the key is the wish: who hangs up before he has confirmed is called on the number he called from, if that
can be called. Called by `queueing.py` for the queue's key and overflow `callback`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ivr import log
from ivr.call import CALLBACK_ID
from ivr.errors import CallerHungUp, DatabaseError
from ivr.flow.model import QueueConfig
from ivr.record import trace as t
from ivr.sound import Prompt, SayDigits

if TYPE_CHECKING:
    from ivr.callback_desk import CallBackDesk
    from ivr.session import Session

logger = log.logger(__name__)

TIMES = 3  # the number is asked for, and read back, so often
DIGITS_MOST = 15
DIGIT_S = 5.0
KEYS = "12*"


async def callback(session: Session, queue: QueueConfig, entered_ms: int | None) -> bool:
    """Offer a call-back at the place the caller has since `entered_ms`, None for now.

    Returns True when he is going to be called and has heard so, False when he prefers to wait, or it is not possible.
    Raises CallEnded when he left meanwhile; `session.disposition` is `callback` when it was booked all the same.
    """
    desk = session.parts.callbacks
    if desk is None or session.call.call_id.startswith(CALLBACK_ID):
        await session.play((Prompt("callback_impossible"),))
        return False
    asking = Asking(session, desk)
    entered_ms = int(time.time() * 1000) if entered_ms is None else entered_ms
    try:
        number = await asking.number()
    except CallerHungUp:
        if asking.known:
            await _book(session, desk, queue, asking.known, entered_ms)
        raise
    if not number:
        return False
    if not await _book(session, desk, queue, number, entered_ms):
        await session.play((Prompt("callback_impossible"),))
        return False
    await session.play((Prompt("callback_booked"),))
    return True


async def _book(session: Session, desk: CallBackDesk, queue: QueueConfig, number: str, entered_ms: int) -> bool:
    try:
        booked = await desk.book(session, queue, number, entered_ms)
    except DatabaseError as error:
        logger.error("call-back not booked", error=str(error))
        return False
    session.log.add(t.CALLED_BACK, session.step, what="booked", callback=booked.callback_id)
    session.disposition = "callback"
    return True


class Asking:
    """The dialogue about the number. known  the last one he can be called on, '' before there is one."""

    def __init__(self, session: Session, desk: CallBackDesk) -> None:
        self.session, self.desk = session, desk
        self.known = self._checked(session.caller)

    async def number(self) -> str:
        """Return the number he confirmed, '' when he prefers to wait."""
        for _ in range(TIMES):
            if not self.known:
                await self._enter()
                continue
            key = await self._read_back()
            if key == "*":
                return ""
            if key != "2":  # silence is no refusal: he asked to be called
                return self.known
            self.known = ""
            await self._enter()
        return self.known

    async def _read_back(self) -> str:
        national = self.known.removeprefix(f"+{self.session.parts.settings.country_code}")
        phrases = (Prompt("callback_number"), SayDigits(national), Prompt("callback_number_keys"))
        return await self.session.play(phrases, KEYS) or await self._key()

    async def _enter(self) -> None:
        digits = await self.session.play((Prompt("callback_enter"),), "0123456789#")
        while digits[-1:] != "#" and len(digits) < DIGITS_MOST and (key := await self._key()):
            digits += key
        self.known = self._checked(digits.rstrip("#*"))
        if not self.known:
            await self.session.play((Prompt("callback_refused"),))

    async def _key(self) -> str:
        await self.session.lease(DIGIT_S)
        return await self.session.channel.wait_for_digit(int(DIGIT_S * 1000))

    def _checked(self, number: str) -> str:
        try:
            return self.desk.number(number)
        except ValueError:
            return ""
