"""Count how callers went through the flows: how often each step was entered, left by which outcome, given up.

The database counts; what comes back is one row for each flow, step and outcome, so that memory does not grow with
the calls. Called by `ivr dialplan draw`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ivr import db
from ivr.db import Database
from ivr.flow.drawing.ways import Ways
from ivr.record import trace as t
from ivr.record.period import Period

GIVEN_UP = ("hung_up", "abandoned")
"""Dispositions of callers who left before anybody helped."""
ROWS_MOST = 200_000  # of one answer: 200 flows of 500 steps have fewer outcomes in use

_entry, _call = db.call_trace.c, db.call.c


async def ways(database: Database, period: Period, versions: Collection[str] = ()) -> Ways:
    """Return what callers did whose calls began in `period`.

    versions  only calls that followed one of these versions of the dialplans, () for all.
    Raises DatabaseError.
    """
    wanted = _wanted(period.begin, period.end, versions)
    async with database.read() as connection:
        calls = (await connection.execute(
            sa.select(_call.flow_version, sa.func.count()).where(*wanted).group_by(_call.flow_version)
            .order_by(sa.func.min(_call.started_at))
        )).all()  # fmt: skip
        steps = (await connection.execute(_steps(wanted))).all()
        dropped = (await connection.execute(_dropped(wanted))).all()
    entered: Counter[tuple[str, str]] = Counter()
    left: Counter[tuple[str, str, str]] = Counter()
    for flow, step, event, outcome, count in steps:
        if event == t.ENTERED:
            entered[flow, step] += count
        else:
            left[flow, step, outcome or ""] += count
    return Ways(
        period.name, {row[0]: row[1] for row in calls}, entered, left,
        {(flow, step): count for flow, step, count in dropped},
    )  # fmt: skip


def _wanted(begin: datetime, end: datetime, versions: Collection[str]) -> list[sa.ColumnElement[bool]]:
    found = [_call.started_at >= begin, _call.started_at < end]
    return [*found, _call.flow_version.in_(list(versions))] if versions else found


def _steps(wanted: list[sa.ColumnElement[bool]]) -> sa.Select[Any]:
    """Count entries and leaves."""
    outcome = _entry.detail["outcome"].as_string().label("outcome")
    rows = (
        sa.select(_flow(), _entry.step.label("step"), _entry.event.label("event"), outcome)
        .select_from(db.call.join(db.call_trace, _entry.call_id == _call.call_id))
        .where(*wanted, _entry.event.in_((t.ENTERED, t.LEFT)))
        .subquery()
    )
    return sa.select(rows, sa.func.count()).group_by(*rows.c).order_by(*rows.c).limit(ROWS_MOST)


def _dropped(wanted: list[sa.ColumnElement[bool]]) -> sa.Select[Any]:
    """Count calls given up, by the flow and step entered last."""
    later = db.call_trace.alias("later").c
    is_last = ~sa.exists().where(
        later.call_id == _entry.call_id, later.event == t.ENTERED,
        sa.tuple_(later.part, later.n) > sa.tuple_(_entry.part, _entry.n),
    )  # fmt: skip
    rows = (
        sa.select(_flow(), _entry.step.label("step"))
        .select_from(db.call.join(db.call_trace, _entry.call_id == _call.call_id))
        .where(*wanted, _call.disposition.in_(GIVEN_UP), _entry.event == t.ENTERED, is_last)
        .subquery()
    )
    return sa.select(rows, sa.func.count()).group_by(*rows.c).order_by(*rows.c).limit(ROWS_MOST)


def _flow() -> sa.Label[str]:
    """Return the flow an entry belongs to. One that does not tell is an old one: the flow of the number then."""
    told = sa.func.nullif(_entry.detail["flow"].as_string(), "")
    return sa.func.coalesce(told, _call.flow).label("flow")
