"""Calls of a day by quarter hours, and what came of each queue's callers. The database counts.

Called by the page, the API and `ivr call quarters`. A day has 96 quarter hours, 92 or 100 where clocks change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from ivr import db
from ivr.db import Database

QUARTER_S = 900
ANNOUNCED, ANSWERED, ABANDONED = "announced", "agent", "abandoned"  # dispositions of ivr/call.py
KINDS = ("offered", "announced", "answered", "abandoned")

_call = db.call.c


@dataclass(frozen=True)
class Quarter:
    """Calls that began in the quarter hour from `at`, which has the hotline's zone.

    offered  all of them.  announced  ended by an announcement.  answered  by an agent.  abandoned  left the queue.
    """

    at: datetime
    offered: int = 0
    announced: int = 0
    answered: int = 0
    abandoned: int = 0

    @property
    def others(self) -> int:
        """Those that ended otherwise, or are still up."""
        return self.offered - self.announced - self.answered - self.abandoned


@dataclass(frozen=True)
class QueueDay:
    """What came of a queue's callers. in_target  answered within the target.  late  waited longer, or left later."""

    answered: int = 0
    abandoned: int = 0
    in_target: int = 0
    late: int = 0

    @property
    def level(self) -> float | None:
        """Return the service level, 0 to 1: who left before the target does not count. None before the first call."""
        counted = self.in_target + self.late
        return self.in_target / counted if counted else None


async def quarter_hours(database: Database, day: date, zone: ZoneInfo) -> tuple[Quarter, ...]:
    """Return every quarter hour of `day` in `zone`, those without a call as well. Raises DatabaseError."""
    begin, end = bounds(day, zone)
    async with database.read() as connection:
        n = _number(connection.dialect.name, begin)
        counted = (
            sa.select(n, _call.disposition, sa.func.count())
            .where(_call.started_at >= begin, _call.started_at < end)
            .group_by(n, _call.disposition)
        )
        rows = (await connection.execute(counted)).all()
    found: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for number, disposition, many in rows:
        found[int(number)][disposition] = many
    return tuple(_quarter(at, found.get(number, {})) for number, at in enumerate(_starts(begin, end, zone)))


async def queue_days(
    database: Database, begin: datetime, targets: Mapping[str, float], default_s: float
) -> dict[str, QueueDay]:
    """Return what came of the callers of each queue whose calls began since `begin`. Raises DatabaseError.

    targets  queue -> seconds within which its callers are to be answered.  default_s  for queues not named there.
    """
    target_ms = sa.case(
        *((_call.queue == name, int(target_s * 1000)) for name, target_s in targets.items()),
        else_=int(default_s * 1000),
    ) if targets else sa.literal(int(default_s * 1000))  # fmt: skip
    answered, gone = _call.agent_id != "", sa.and_(_call.agent_id == "", _call.disposition == ABANDONED)
    in_time = _call.wait_ms <= target_ms
    query = (
        sa.select(
            _call.queue, _many(answered), _many(gone), _many(sa.and_(answered, in_time)),
            _many(sa.and_(sa.or_(answered, gone), sa.not_(in_time))),
        )
        .where(_call.started_at >= begin, _call.queue != "", _call.wait_ms.is_not(None))
        .group_by(_call.queue)
    )  # fmt: skip
    async with database.read() as connection:
        rows = (await connection.execute(query)).all()
    return {name: QueueDay(*(int(each or 0) for each in numbers)) for name, *numbers in rows}


def bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return when `day` begins in `zone` and when the next one does, as UTC."""
    days = day, day + timedelta(days=1)
    begin, end = (datetime.combine(each, time(), zone).astimezone(UTC) for each in days)
    return begin, end


def _number(dialect: str, begin: datetime) -> sa.ColumnElement[Any]:
    """Return how many quarter hours after `begin` a call began."""
    if dialect == "sqlite":
        epoch = sa.cast(sa.func.strftime("%s", _call.started_at, type_=sa.Text), sa.Integer)
    else:
        epoch = sa.cast(sa.func.floor(sa.extract("epoch", _call.started_at)), sa.BigInteger)
    # Written out: a bound value would make the same expression differ between SELECT and GROUP BY on PostgreSQL.
    since = sa.literal_column(str(int(begin.timestamp())), sa.Integer)
    return (epoch - since) // sa.literal_column(str(QUARTER_S), sa.Integer)


def _starts(begin: datetime, end: datetime, zone: ZoneInfo) -> list[datetime]:
    """Return when each quarter hour begins; steps are taken in UTC, where no hour is missing or comes twice."""
    many = -(-int((end - begin).total_seconds()) // QUARTER_S)
    return [(begin + timedelta(seconds=n * QUARTER_S)).astimezone(zone) for n in range(many)]


def _quarter(at: datetime, by: Mapping[str, int]) -> Quarter:
    return Quarter(at, sum(by.values()), by.get(ANNOUNCED, 0), by.get(ANSWERED, 0), by.get(ABANDONED, 0))


def _many(which: sa.ColumnElement[bool]) -> sa.ColumnElement[Any]:
    return sa.func.sum(sa.case((which, 1), else_=0))
