"""What is going on now: calls, queues, agents, announcements, today's figures, looked at once for everybody.

Called by the web process (`ivr/web/watching.py`). Reads Redis and the database, writes nothing; who looks is no
controller. What one of the two does not tell is left out, and since when it is silent is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from ivr import db
from ivr.announce.model import Version
from ivr.announce.publish import clip_folder
from ivr.announce.store import Announcements
from ivr.call import CALLBACK_ID, mask
from ivr.db import Database
from ivr.errors import ConfigError, DatabaseError, InputError
from ivr.flow.model import QueueConfig
from ivr.record.figures import AnnouncementFigures, Counts
from ivr.record.model import CallRecord
from ivr.record.quarter_hours import Quarter, QueueDay, bounds, quarter_hours, queue_days
from ivr.record.store import record_of
from ivr.settings import Settings
from ivr.versions.folder import in_force
from routing.errors import RoutingError
from routing.keys import class_name
from routing.measure import Wait
from routing.model import AgentView, Snapshot, WaitingCall
from routing.outlook import outlook
from routing.router import Router
from routing.rules import read_class, ring_met

TARGET_S = 20  # of a queue without one of its own
LIVING_H = 12  # a call that began earlier and has no end was lost
ENDS = 15
LIVING_MOST = 2000
MENU, WAITING, RINGING, TALKING, DETACHED = "menu", "waiting", "ringing", "talking", "detached"
STATES = {"waiting": WAITING, "offered": RINGING, "bridged": TALKING, "detached": DETACHED}
DAY_S, QUEUES_S, ANNOUNCEMENTS_S = 5.0, 15.0, 2.0  # these are asked for so often; calls at every look


@dataclass(frozen=True)
class CallNow:
    """A call that is up. state  menu, waiting, ringing, talking, detached (its controller is gone).

    caller  masked, '' when withheld.  place  in line, 0 when it does not wait.  since_ms  begin of its state.
    """

    call_id: str
    state: str
    since_ms: int
    caller: str = ""
    dialled: str = ""
    queue: str = ""
    entered_ms: int = 0
    place: int = 0
    priority: int = 0
    emergency: bool = False
    agent_id: str = ""
    called_back: bool = False


@dataclass(frozen=True)
class QueueNow:
    """A queue. longest_since_ms  when the caller who waits longest came, None for nobody.  ewt  of a new caller.

    ready, agents_in  who may take its calls.  target_s, percent  of its service level.  today  what came of callers.
    known  False: the call flows that are live name no such queue, so nobody can tell who may take its calls.
    """

    name: str
    title: str
    project: str
    waiting: int = 0
    longest_since_ms: int | None = None
    talking: int = 0
    ready: int = 0
    agents_in: int = 0
    ewt: Wait | None = None
    target_s: int = TARGET_S
    percent: int = 0
    today: QueueDay = field(default_factory=QueueDay)
    known: bool = True


@dataclass(frozen=True)
class AnnouncementNow:
    """An announcement callers hear, with who heard it."""

    version: Version
    counts: Counts = field(default_factory=Counts)


@dataclass(frozen=True)
class Floor:
    """Everything at one moment. redis_lost, database_lost  since when each is silent, None while it answers.

    today, yesterday  by quarter hours.
    """

    at: datetime
    calls: tuple[CallNow, ...] = ()
    queues: tuple[QueueNow, ...] = ()
    agents: tuple[AgentView, ...] = ()
    announcements: tuple[AnnouncementNow, ...] = ()
    ends: tuple[CallRecord, ...] = ()
    today: tuple[Quarter, ...] = ()
    yesterday: tuple[Quarter, ...] = ()
    redis_lost: datetime | None = None
    database_lost: datetime | None = None

    @property
    def lost(self) -> datetime | None:
        """Since when something of this is not told any more."""
        return min(filter(None, (self.redis_lost, self.database_lost)), default=None)

    def count(self, state: str) -> int:
        """Return how many calls are in this state; one whose controller is gone waits."""
        return sum(call.state == state or (state == WAITING and call.state == DETACHED) for call in self.calls)

    def doing(self, *states: str) -> int:
        """Return how many agents who are in do one of these."""
        return sum(each.status == "in" and each.state in states for each in self.agents)

    @property
    def paused(self) -> int:
        return sum(each.status == "paused" for each in self.agents)

    @property
    def total(self) -> QueueDay:
        """All queues' callers of today."""
        days = [queue.today for queue in self.queues]
        return QueueDay(*(sum(getattr(day, name) for day in days) for name in QueueDay.__dataclass_fields__))


@dataclass
class _Known:
    """What was asked for last, and when by the loop's clock."""

    day_at: float = float("-inf")
    queues_at: float = float("-inf")
    announcements_at: float = float("-inf")
    days: Mapping[str, QueueDay] = field(default_factory=dict)
    today: tuple[Quarter, ...] = ()
    yesterday: tuple[Quarter, ...] = ()
    yesterday_of: object = None
    queues: Mapping[str, QueueConfig] = field(default_factory=dict)
    announcements: tuple[AnnouncementNow, ...] = ()
    living: tuple[CallRecord, ...] = ()
    ends: tuple[CallRecord, ...] = ()
    redis_at: datetime | None = None
    database_at: datetime | None = None


class Lookout:
    """Looks at the floor. One per process; a look asks Redis and the database side by side."""

    def __init__(self, settings: Settings, database: Database, router: Router) -> None:
        self.settings, self.database, self.router = settings, database, router
        self.zone = ZoneInfo(settings.timezone)
        self._known = _Known()
        self._announcements = Announcements(database, clip_folder(settings).parent)
        self._figures = AnnouncementFigures(database)

    async def look(self, now: datetime | None = None) -> Floor:
        """Return what is going on at this moment. Raises nothing a dead Redis or database would."""
        now = now or datetime.now(UTC)
        snapshot, told = await asyncio.gather(self._snapshot(), self._tell(now))
        known = self._known
        known.redis_at = now if snapshot else known.redis_at
        known.database_at = now if told else known.database_at
        seen = snapshot or Snapshot(int(now.timestamp() * 1000), {}, (), ())
        living = known.living if told else ()
        return Floor(
            now, calls_now(seen, living), self._queues(seen), seen.agents,
            known.announcements if told else (), known.ends if told else (), known.today, known.yesterday,
            None if snapshot else known.redis_at or now, None if told else known.database_at or now,
        )  # fmt: skip

    async def _snapshot(self) -> Snapshot | None:
        try:
            return await self.router.snapshot()
        except RoutingError:
            return None

    async def _tell(self, now: datetime) -> bool:
        """Ask the database for what is due; False when it does not answer."""
        known, clock = self._known, asyncio.get_running_loop().time()
        try:
            if clock - known.queues_at >= QUEUES_S:
                known.queues, known.queues_at = await self._configured(), clock
            known.living, known.ends = await calls_of(self.database, now)
            if clock - known.announcements_at >= ANNOUNCEMENTS_S:
                known.announcements, known.announcements_at = await self._announced(now), clock
            if clock - known.day_at >= DAY_S:
                await self._count_day(now)
                known.day_at = clock
        except DatabaseError:
            return False
        return True

    async def _configured(self) -> Mapping[str, QueueConfig]:
        try:
            return (await in_force(self.settings))[-1].queues
        except (ConfigError, InputError):
            return self._known.queues

    async def _announced(self, now: datetime) -> tuple[AnnouncementNow, ...]:
        versions = [each for each in await self._announcements.live(now) if each.is_live(now)]
        counts = await self._figures.counters([each.announcement_id for each in versions]) if versions else {}
        return tuple(AnnouncementNow(each, counts.get(each.announcement_id, Counts())) for each in versions)

    async def _count_day(self, now: datetime) -> None:
        known, today = self._known, now.astimezone(self.zone).date()
        targets = {name: target_of(queue) for name, queue in known.queues.items()}
        known.days = await queue_days(self.database, bounds(today, self.zone)[0], targets, TARGET_S)
        known.today = await quarter_hours(self.database, today, self.zone)
        if known.yesterday_of != today:
            known.yesterday = await quarter_hours(self.database, today - timedelta(days=1), self.zone)
            known.yesterday_of = today

    def _queues(self, seen: Snapshot) -> tuple[QueueNow, ...]:
        known = self._known
        names = sorted({*known.queues, *known.days, *(call.queue for call in seen.calls)})
        return tuple(self._queue(name, seen) for name in names)

    def _queue(self, name: str, seen: Snapshot) -> QueueNow:
        config, today = self._known.queues.get(name), self._known.days.get(name, QueueDay())
        calls = [call for call in seen.calls if call.queue == name]
        waiting = [call for call in calls if call.state != "bridged"]
        longest = min((call.entered_ms for call in waiting), default=None)
        counts = len(waiting), longest, len(calls) - len(waiting)
        if config is None:
            return QueueNow(name, name, "", *counts, today=today, known=False)
        plan = config.plan(self.settings.default_language)
        ahead = outlook(
            seen, self.router.measure, name, plan, priority=config.priority, emergency=config.emergency
        )  # fmt: skip
        asked = read_class(class_name(plan, config.priority, emergency=config.emergency))
        ready = sum(
            agent.status == "in" and agent.state == "ready" and ring_met(asked, agent.skills, ()) is not None
            for agent in seen.agents
        )
        level = config.service_level
        return QueueNow(
            name, config.title or name, config.project, *counts, ready, ahead.agents_in, ahead.wait,
            target_of(config), level.percent if level else 0, today,
        )  # fmt: skip


async def calls_of(database: Database, now: datetime) -> tuple[tuple[CallRecord, ...], tuple[CallRecord, ...]]:
    """Return the calls that are up as far as they are recorded, oldest first, and those that ended last."""
    call = db.call.c
    living = (
        sa.select(db.call)
        .where(call.ended_at.is_(None), call.disposition == "", call.started_at > now - timedelta(hours=LIVING_H))
        .order_by(call.started_at).limit(LIVING_MOST)
    )  # fmt: skip
    ends = sa.select(db.call).where(call.ended_at.is_not(None)).order_by(call.ended_at.desc()).limit(ENDS)
    async with database.read() as connection:
        first = (await connection.execute(living)).all()
        last = (await connection.execute(ends)).all()
    return tuple(map(record_of, first)), tuple(map(record_of, last))


def calls_now(snapshot: Snapshot, living: Iterable[CallRecord]) -> tuple[CallNow, ...]:
    """Return all calls that are up: in line order, then who talks, then who is in a menu or listens. Pure."""
    records = {record.call_id: record for record in living}
    line = [*snapshot.waiting, *(call for call in snapshot.calls if call.state == "bridged")]
    places = {call.call_id: n for n, call in enumerate(snapshot.waiting, 1)}
    queued = [_queued(call, places.get(call.call_id, 0), records.get(call.call_id)) for call in line]
    known = {call.call_id for call in queued}
    menu = [
        CallNow(each.call_id, MENU, _ms(each.started_at), mask(each.ani), each.dnis)
        for each in records.values() if each.call_id not in known
    ]  # fmt: skip
    return *queued, *menu


def target_of(queue: QueueConfig) -> int:
    """Return within how many seconds callers of a queue are to be answered."""
    return queue.service_level.target_s if queue.service_level else TARGET_S


def _queued(call: WaitingCall, place: int, record: CallRecord | None) -> CallNow:
    return CallNow(
        call.call_id, STATES[call.state], call.since_ms, mask(record.ani) if record else "",
        record.dnis if record else "", call.queue, call.entered_ms, place, call.priority, call.emergency,
        call.agent_id, call.call_id.startswith(CALLBACK_ID),
    )  # fmt: skip


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
