"""Find calls: by number, customer's account, how they ended, where they went, when. Called by the page and the API.

Goes through the newest first, a page at a time; the next page begins after the last call of this one, so that
new calls meanwhile move nothing.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ivr import db
from ivr.call import DISPOSITIONS
from ivr.db import Database
from ivr.errors import InputError, nearest
from ivr.number import normalise
from ivr.record.model import CallRecord
from ivr.record.store import record_of

PAGE, PAGE_MOST = 50, 200
LIVING = "up"  # instead of a disposition: calls whose end has not been seen


@dataclass(frozen=True)
class Wanted:
    """Which calls; what is '' or None does not matter.

    text  a telephone number, an account, or a call's id or part of it.  ended  a disposition, or `up`.
    before  the (started_at, call_id) of the last call of the page before.
    """

    text: str = ""
    ended: str = ""
    queue: str = ""
    agent: str = ""
    flow: str = ""
    dnis: str = ""
    announcement: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: tuple[datetime, str] | None = None


@dataclass(frozen=True)
class Found:
    """A page of calls, newest first. more  there are others after it."""

    calls: tuple[CallRecord, ...]
    more: bool


async def search(database: Database, wanted: Wanted, country_code: str, *, most: int = PAGE) -> Found:
    """Return the newest calls that are `wanted`. Raises InputError for a disposition there is not."""
    if wanted.ended and wanted.ended != LIVING and wanted.ended not in DISPOSITIONS:
        known = (*DISPOSITIONS, LIVING)
        near = nearest(wanted.ended, known)
        hint = f"did you mean {near!r}?" if near else f"expected one of {', '.join(known)}"
        raise InputError(f"calls do not end {wanted.ended!r}; {hint}")
    most = min(most, PAGE_MOST)
    column = db.call.c
    query = sa.select(db.call).where(*_conditions(wanted, country_code))
    query = query.order_by(column.started_at.desc(), column.call_id.desc()).limit(most + 1)
    async with database.read() as connection:
        rows = (await connection.execute(query)).all()
    return Found(tuple(record_of(row) for row in rows[:most]), len(rows) > most)


def _conditions(wanted: Wanted, country_code: str) -> list[sa.ColumnElement[bool]]:
    column = db.call.c
    same = {"queue": wanted.queue, "agent_id": wanted.agent, "flow": wanted.flow, "dnis": wanted.dnis}
    found: list[sa.ColumnElement[bool]] = [column[name] == value for name, value in same.items() if value]
    if wanted.ended:
        found.append(column.disposition == ("" if wanted.ended == LIVING else wanted.ended))
    if wanted.since:
        found.append(column.started_at >= wanted.since)
    if wanted.until:
        found.append(column.started_at < wanted.until)
    if wanted.announcement:  # a JSON list of `id version`
        found.append(sa.cast(column.announcements, sa.Text).contains(f'"{wanted.announcement} v', autoescape=True))
    if wanted.before:
        at, call_id = wanted.before
        found.append(sa.or_(column.started_at < at, sa.and_(column.started_at == at, column.call_id < call_id)))
    if text := wanted.text.strip():
        found.append(_by_text(text, country_code))
    return found


def _by_text(text: str, country_code: str) -> sa.ColumnElement[bool]:
    """Return the calls of this number, of the customer with this account, or with this in their id."""
    column, customer = db.call.c, db.customer.c
    numbers = sa.select(customer.number).where(customer.account == text)
    hits = [column.call_id.contains(text, autoescape=True), column.ani == text, column.ani.in_(numbers)]
    with contextlib.suppress(ValueError):
        hits.append(column.ani == normalise(text, country_code))
    return sa.or_(*hits)
