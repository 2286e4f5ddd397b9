"""A waiting caller wants to be called back: on which number? Then his place waits without him.

Pressing the key is the wish: who hangs up before he has confirmed is called on the number he called from, if that
can be called. Called by `queueing.py` for the queue's key and overflow `callback`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ivr import log
from ivr.asking import Asking
from ivr.call import CALLBACK_ID
from ivr.errors import CallerHungUp, DatabaseError
from ivr.flow.model import QueueConfig
from ivr.record import trace as t
from ivr.sound import Prompt

if TYPE_CHECKING:
    from ivr.callback_desk import CallBackDesk
    from ivr.session import Session

logger = log.logger(__name__)


async def callback(session: Session, queue: QueueConfig, entered_ms: int | None) -> bool:
    """Offer a call-back at the place the caller has since `entered_ms`, None for now.

    Returns True when he is going to be called and has heard so, False when he prefers to wait, or it is not possible.
    Raises CallEnded when he left meanwhile; `session.disposition` is `callback` when it was booked all the same.
    """
    desk = session.parts.callbacks
    if desk is None or session.call.call_id.startswith(CALLBACK_ID):
        await session.play((Prompt("callback_impossible"),))
        return False
    asking = Asking(session, desk.number, "callback_number_keys")
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
