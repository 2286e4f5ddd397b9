"""A caller wants to be called when a fault is over: on which number? Then he need not call again.

As with a call-back, pressing the key is the wish: who hangs up before he has confirmed is called on the number he
called from, if that can be called. Called by `session.py` and `queueing.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from ivr import log
from ivr.asking import Asking
from ivr.call import CALLBACK_ID
from ivr.desk.opt_ins import OptIns
from ivr.errors import CallerHungUp, DatabaseError
from ivr.sound import Prompt

if TYPE_CHECKING:
    from ivr.session import Session

logger = log.logger(__name__)


async def opt_in(session: Session, announcement_ids: Collection[str]) -> bool:
    """Arrange that he is called when these announcements are over.

    Returns True when he will be and has heard so, False when he does not want it after all, or it is not possible.
    Raises CallEnded when he left meanwhile; `session.disposition` is `announced` when it was arranged all the same.
    """
    if session.parts.callbacks is None or session.call.call_id.startswith(CALLBACK_ID):
        await session.play((Prompt("callback_impossible"),))
        return False
    desk = OptIns(session.parts.records.database)
    asking = Asking(session, desk.number, "opt_in_number_keys")
    try:
        number = await asking.number()
    except CallerHungUp:
        if asking.known:
            await _keep(session, desk, announcement_ids, asking.known)
        raise
    if not number:
        return False
    if not await _keep(session, desk, announcement_ids, number):
        await session.play((Prompt("callback_impossible"),))
        return False
    await session.play((Prompt("opt_in_booked"),))
    return True


async def _keep(session: Session, desk: OptIns, announcement_ids: Collection[str], number: str) -> bool:
    customer = session.customer
    try:
        for announcement_id in announcement_ids:
            await desk.add(
                announcement_id, number, account=customer.account if customer else "",
                area=customer.area if customer else "", language=session.language, dnis=session.call.dnis,
                call_id=session.call.call_id,
            )  # fmt: skip
    except (DatabaseError, ValueError) as error:
        logger.error("opt-in not kept", error=str(error))
        return False
    session.disposition = "announced"
    session.listening.opted_in(announcement_ids)
    return True
