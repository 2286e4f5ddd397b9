"""What is known of a call when a flow asks: the clock, the caller, his earlier calls, the queues.

Nothing here delays a call: the database and Redis have PATIENCE_S to answer, after that the fact is not known.
Called by `session.py`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

from ivr import log
from ivr.errors import PeerError
from ivr.flow.commands import Seen
from ivr.flow.facts import WEEKDAYS, Value
from routing.errors import RoutingError
from routing.model import Snapshot
from routing.outlook import Outlook, outlook
from routing.router import Router

if TYPE_CHECKING:
    from ivr.session import Session

logger = log.logger(__name__)

T = TypeVar("T")

PATIENCE_S = 0.3
FRESH_S = 1.0  # the queues are looked at so often, however many calls ask
LATE_MOST = 4  # questions that nobody waits for any more; beyond it a fact is not known at once
REPEAT = timedelta(hours=24)
QUEUES = ("waiting", "ewt_s", "agents")


class Questions:
    """Questions to the database and Redis, shared by all calls of a controller."""

    def __init__(self) -> None:
        self._late: set[asyncio.Task[Any]] = set()
        self._looking: asyncio.Task[Snapshot] | None = None
        self._seen: Snapshot | None = None
        self._seen_at = 0.0

    async def ask(self, question: Coroutine[Any, Any, T], what: str) -> T | None:
        """Return the answer, None when it does not come within PATIENCE_S; it is then left to end by itself."""
        if len(self._late) >= LATE_MOST:
            question.close()
            return None
        return await self._wait(asyncio.ensure_future(question), what)

    async def queues(self, router: Router) -> Snapshot | None:
        """Return what Redis holds, at most FRESH_S old; None when it does not answer."""
        if self._seen is not None and time.monotonic() - self._seen_at < FRESH_S:
            return self._seen
        if self._looking is None or self._looking.done():
            self._looking = asyncio.ensure_future(router.snapshot())
            self._looking.add_done_callback(self._looked)
        return await self._wait(self._looking, "the queues")

    def _looked(self, task: asyncio.Task[Snapshot]) -> None:
        if not task.cancelled() and task.exception() is None:
            self._seen, self._seen_at = task.result(), time.monotonic()

    async def _wait(self, task: asyncio.Task[T], what: str) -> T | None:
        await asyncio.wait((task,), timeout=PATIENCE_S)
        if not task.done():
            self._late.add(task)
            task.add_done_callback(self._forget)
            logger.warning("a fact is not known", fact=what, error="no answer in time")
            return None
        try:
            return task.result()
        except (PeerError, RoutingError) as error:
            logger.warning("a fact is not known", fact=what, error=str(error))
            return None

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._late.discard(task)
        if not task.cancelled():
            task.exception()


async def look(session: Session, facts: tuple[str, ...]) -> Seen:
    """Return what is known of `facts` (ivr/flow/facts.py)."""
    now = datetime.now(ZoneInfo(session.parts.settings.timezone))
    seen, repeat = await asyncio.gather(  # together: the call waits once
        _queues(session, any(fact.partition(".")[0] in QUEUES for fact in facts)),
        _repeat(session, "repeat" in facts),
    )
    values: dict[str, Value] = {}
    for fact in facts:
        name, _, queue = fact.partition(".")
        if name in QUEUES:
            values[fact] = _of_queue(session, seen, name, queue)
        else:
            values[fact] = repeat if name == "repeat" else plain_fact(session, name, now)
    return Seen(values)


def plain_fact(session: Session, name: str, now: datetime) -> Value:
    """Return a fact that nobody has to be asked for; None when it is not known."""
    customer = session.customer
    match name:
        case "time":
            return f"{now:%H:%M}"
        case "weekday":
            return WEEKDAYS[now.weekday()]
        case "date":
            return f"{now:%Y-%m-%d}"
        case "language":
            return session.language
        case "dialled":
            return session.call.dnis
        case "caller":
            return "known" if customer else "unknown" if session.caller else "withheld"
        case "class":
            return customer.class_ if customer else "normal"
        case "area":
            return customer.area or None if customer else None
        case "announced":
            return "yes" if session.log.record.announcements else "no"
    return None


async def _repeat(session: Session, asked_for: bool) -> int | None:
    """Return how often he called within REPEAT before; None for a withheld number, and when nobody asks."""
    if not asked_for or not session.caller:
        return None
    since = datetime.now(UTC) - REPEAT
    asked = session.parts.records.count(session.caller, since, but=session.call.call_id)
    return await session.parts.questions.ask(asked, "repeat")


async def _queues(session: Session, asked_for: bool) -> Snapshot | None:
    return await session.parts.questions.queues(session.parts.router) if asked_for else None


def _of_queue(session: Session, seen: Snapshot | None, name: str, queue: str) -> int | None:
    config = session.queue(queue)
    if seen is None or config is None:
        return None
    found: Outlook = outlook(
        seen, session.parts.router.measure, queue, config.plan(session.language),
        priority=config.priority, emergency=config.emergency,
    )  # fmt: skip
    if name == "ewt_s":
        return None if found.wait is None else round(found.wait.mean_s)
    return found.waiting if name == "waiting" else found.agents_in
