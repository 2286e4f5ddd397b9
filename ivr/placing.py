"""Put a caller in line as his queue wants it: plan, limits, resumption, the agent he knows, the minutes left.

Called by `waiting.py`.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ivr import log
from ivr.errors import PeerError
from ivr.flow.model import QueueConfig
from ivr.record import trace as t
from routing.errors import BudgetSpent
from routing.model import PRIORITY_MAX, Placement

if TYPE_CHECKING:
    from ivr.session import Session

logger = log.logger(__name__)

LAST_AGENT_S = 0.3  # no call waits longer than this for the database


async def place(session: Session, queue: QueueConfig, entered_ms: int | None, max_len: int | None) -> Placement | None:
    """Put the call in line, at its place when it was there before; None when the queue takes no more.

    entered_ms  his first entry, None for now.  max_len  None for a call that was in line before.
    Raises RoutingError.
    """
    try:
        return await session.parts.router.enqueue(
            session.call.call_id,
            queue.name,
            queue.plan(session.language),
            priority=min(PRIORITY_MAX, queue.priority + session.listening.raised),
            emergency=queue.emergency,
            entered_ms=entered_ms,
            max_len=max_len,
            caller=session.caller if queue.resume_min else "",
            resume_min=queue.resume_min,
            affinity=await last_agent(session) if queue.affinity else "",
            affinity_wait_s=queue.affinity_wait_s if queue.affinity else 0.0,
            wrap_up_s=queue.wrap_up_s,
            budget=budget(queue, datetime.now(ZoneInfo(session.parts.settings.timezone))),
            budget_min=queue.budget_min,
        )
    except BudgetSpent as error:
        session.log.add(t.OVERFLOW, session.step, queue=queue.name, why=str(error))
        return None


async def last_agent(session: Session) -> str:
    """Return the agent this caller talked to last, '' for none, or when the database does not say soon."""
    try:
        async with asyncio.timeout(LAST_AGENT_S):
            return await session.parts.records.last_agent(session.caller) if session.caller else ""
    except (TimeoutError, PeerError) as error:
        logger.warning("the last agent is not known", error=str(error) or "the database is slow")
        return ""


def budget(queue: QueueConfig, now: datetime) -> str:
    """Return the counter of this month's minutes, of the queue's project or its own; '' without a limit."""
    return f"{queue.project or queue.name}/{now:%Y-%m}" if queue.budget_min else ""
