"""One opt-in that is due, from the claim to what came of it: one asyncio task of the controller that holds it.

A text message first, where a server sends them; else a call. Nobody answers, or he is busy: again later, a few times.
Made by `restoration.py`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from ivr import log
from ivr.agi.channel import Channel
from ivr.call import mask
from ivr.desk.opt_ins import REACHED, OptIn
from ivr.errors import DatabaseError
from ivr.placed_call import PlacedCall, write_down
from ivr.record.orphans import close_orphan
from ivr.restoration_call import ANSWERS, RestorationCall

if TYPE_CHECKING:
    from ivr.restoration import Restoration

logger = log.logger(__name__)

ATTEMPTS = 3
FINAL = (*REACHED, "refused")
CONTEXT = "restored"  # of dialplans/asterisk/restored.conf
OUTCOMES = {"not_answered": "no_answer", "hung_up": "no_answer"}  # before anybody came to the phone


class RestorationTask:
    """One opt-in that this controller holds. settling  what came of it is being written down."""

    def __init__(self, desk: Restoration, row: OptIn) -> None:
        self.desk, self.row = desk, row
        self.settling = False
        self.placed = PlacedCall(row.opt_in_id, desk.parts, desk.dialler, CONTEXT)

    async def run(self, *, fresh: bool) -> None:
        """Tell him. fresh  just claimed; else a controller that died had begun. Raises NotOurs."""
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(call_id=self.row.opt_in_id)
        outcome = await (self._tell() if fresh else self._take_over())
        await self._settle(OUTCOMES.get(outcome, outcome))

    async def lead(self, channel: Channel) -> None:
        """Talk to who answered: the FastAGI connection's own task."""
        await self.placed.lead(lambda: RestorationCall(channel, self.desk.parts, self.row, self._keep).run())

    async def _tell(self) -> str:
        if not self._may_be_called():
            return "refused"
        if await self.desk.sent(self.row):
            return "sms"
        logger.info("restoration call placed", number=mask(self.row.number), attempt=self.row.attempts)
        return await self.placed.place(self.row.number, self.row.dnis)

    def _may_be_called(self) -> bool:
        """Look at the number once more: the settings may have changed since it was kept."""
        try:
            return self.desk.store.number(self.row.number) == self.row.number
        except ValueError as error:
            logger.error("number may not be called", error=str(error).replace(self.row.number, mask(self.row.number)))
            return False

    async def _take_over(self) -> str:
        outcome, led = await self.placed.taken_over(lambda: self.desk.is_up(self.row.opt_in_id))
        if led:
            return outcome
        said = ""
        try:
            await close_orphan(self.desk.store.database, self.row.opt_in_id)
            found = await self.desk.store.find(self.row.opt_in_id)
            said = found.outcome if found else ""
        except DatabaseError as error:
            logger.warning("what he said before cannot be read", error=str(error))
        return said if said in ANSWERS.values() else outcome

    async def _keep(self, answer: str) -> None:
        try:
            await self.desk.store.answered(self.row.opt_in_id, answer)
        except DatabaseError as error:  # it is written when the call is over
            logger.warning("answer not written down yet", error=str(error))

    async def _settle(self, outcome: str) -> None:
        store, holder, now = self.desk.store, self.desk.holder, self.desk.clock()
        self.settling = True
        logger.info("restoration call over", outcome=outcome, attempt=self.row.attempts)
        if outcome not in FINAL and self.row.attempts < ATTEMPTS:
            due = now + timedelta(seconds=self.desk.parts.settings.callback_pause_s)
            await write_down(self.row.opt_in_id, lambda: store.again(self.row, holder, outcome, _ms(due)))
            return

        over: tuple[str, ...] = ()

        async def settle() -> bool:
            nonlocal over
            over = await store.settle(self.row, holder, outcome, now)
            return bool(over)

        await write_down(self.row.opt_in_id, settle)
        if outcome == "still_out":
            self.desk.look_at(*over)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
