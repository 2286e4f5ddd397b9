"""Calls that have been, as `flow/replay.py` leads them through a draft: read from records and traces.

Called by `ivr dialplan replay`. Reads a day's calls in portions, so that memory does not grow with the day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ivr import db
from ivr.call import TraceEntry
from ivr.db import Database
from ivr.flow import commands as c
from ivr.flow.heard import BRIEF
from ivr.flow.replay import Act, Past, Visit, end_of
from ivr.flow.world import Who
from ivr.record import trace as t
from ivr.record.model import CallRecord
from ivr.record.store import entry_of, record_of
from ivr.sound import Clip, Prompt

CALLS_AT_ONCE = 200
LEFT_THEMSELVES = ("hung_up", "abandoned")


async def read_pasts(database: Database, since: datetime, until: datetime, *, most: int) -> AsyncIterator[Past]:
    """Yield the ended calls that began from `since` until before `until`, oldest first, at most `most`."""
    column = db.call.c
    query = (
        sa.select(db.call)
        .where(column.started_at >= since, column.started_at < until, column.disposition != "")
        .order_by(column.started_at, column.call_id).limit(most)
    )  # fmt: skip
    async with database.read() as connection:
        rows = (await connection.execute(query)).all()
    for start in range(0, len(rows), CALLS_AT_ONCE):
        records = [record_of(row) for row in rows[start : start + CALLS_AT_ONCE]]
        traces = await _traces(database, records)
        customers = await _customers(database, records)
        for record in records:
            yield past_of(record, traces[record.call_id], customers.get(record.ani))


async def count_calls(database: Database, since: datetime, until: datetime, number: str = "") -> int:
    """Return how many calls `read_pasts` would yield, of those that dialled `number` when one is given."""
    column = db.call.c
    query = (
        sa.select(sa.func.count())
        .select_from(db.call)
        .where(column.started_at >= since, column.started_at < until, column.disposition != "")
    )
    query = query.where(column.dnis == number) if number else query
    async with database.read() as connection:
        return await connection.scalar(query) or 0


async def _traces(database: Database, records: Sequence[CallRecord]) -> dict[str, list[TraceEntry]]:
    column = db.call_trace.c
    ids = [record.call_id for record in records]
    query = sa.select(db.call_trace).where(column.call_id.in_(ids)).order_by(column.call_id, column.part, column.n)
    began = {record.call_id: int(record.started_at.timestamp() * 1000) for record in records}
    found: dict[str, list[TraceEntry]] = defaultdict(list)
    async with database.read() as connection:
        for row in (await connection.execute(query)).all():
            found[row.call_id].append(entry_of(row, began[row.call_id]))
    return found


async def _customers(database: Database, records: Sequence[CallRecord]) -> dict[str, Who]:
    numbers = {record.ani for record in records if record.ani}
    column = db.customer.c
    query = sa.select(column.number, column.area, column["class"], column.language).where(column.number.in_(numbers))
    async with database.read() as connection:
        rows = (await connection.execute(query)).all()
    return {row[0]: Who(row[1], row[2], row[3]) for row in rows}


def past_of(record: CallRecord, trace: Sequence[TraceEntry], who: Who | None = None) -> Past:
    """Return a call as it can be replayed."""
    left = record.disposition in LEFT_THEMSELVES
    return Past(
        call_id=record.call_id,
        dialled=record.dnis,
        at=record.started_at,
        language=_first_language(record, trace),
        visits=tuple(_visits(record, trace)),
        end=end_of(record.disposition, record.queue),
        left=left,
        known=_announcements(trace),
        waits=_waits(record, trace),
        transfers={
            str(each.detail["target"]): str(each.detail["outcome"]) for each in trace if each.event == t.TRANSFERRED
        },
        who=who,
        caller=record.ani,
    )


def _visits(record: CallRecord, trace: Sequence[TraceEntry]) -> list[Visit]:
    found: list[Visit] = []
    acts: list[Act] = []
    during = ""
    at: tuple[str, str, str] | None = None
    for entry in trace:
        if entry.event == t.ENTERED:
            if at:
                found.append(Visit(*at, tuple(acts)))
            kind = str(entry.detail.get("kind", ""))
            at, acts, during = (str(entry.detail.get("flow") or record.flow), entry.step, kind), [], ""
        elif entry.event == t.INTERRUPTED:
            during = _prompt(entry)
        elif entry.event in (t.PRESSED, t.SILENT):
            acts.append(Act(_keys(entry), during))
            during = ""
        elif entry.event == t.LEFT and at:
            left = (str(entry.detail.get("flow") or record.flow), entry.step)
            found.append(Visit(*at, tuple(acts), str(entry.detail["outcome"]) if left == at[:2] else ""))
            at, acts = None, []
    if at:
        found.append(Visit(*at, tuple(acts)))
    return found


def _keys(entry: TraceEntry) -> str:
    count = entry.detail.get("keys")
    return "0" * count if isinstance(count, int) else str(entry.detail.get("key") or "")


def _prompt(entry: TraceEntry) -> str:
    """Return the prompt's key without its language, or an announcement's name."""
    name = str(entry.detail.get("prompt", ""))
    return name if name.startswith("announcement:") else name.partition("/")[2].partition(" ")[0]


def _first_language(record: CallRecord, trace: Sequence[TraceEntry]) -> str:
    """Return the language the call began in: the record holds the last one."""
    spoken = next((_language(each) for each in trace if _language(each)), "")
    return spoken or record.language


def _language(entry: TraceEntry) -> str:
    name = str(entry.detail.get("prompt", "")) if entry.event in (t.PLAYED, t.INTERRUPTED) else ""
    return name.partition("/")[0] if "/" in name and not name.startswith("clip/") else ""


def _announcements(trace: Sequence[TraceEntry]) -> tuple[c.Announcement, ...]:
    found: dict[tuple[str, int], c.Announcement] = {}
    ended = any(each.event == t.LEFT and each.detail.get("outcome") == "ended" for each in trace)
    for each in trace:
        if each.event == t.MATCHED:
            detail: dict[str, Any] = each.detail
            key = (str(detail["announcement"]), int(detail["version"]))
            phrases = (Clip("", f"announcement:{key[0]} v{key[1]}"),)
            certain, may_end = bool(detail.get("certain", ended)), bool(detail.get("may_end", ended))
            nth, lately = int(detail.get("nth", 1)), int(detail.get("lately", 0))
            found[key] = c.Announcement(
                *key, phrases, certain, may_end, str(detail.get("why", "")), after=str(detail.get("after", "end")),
                opt_in=bool(detail.get("opt_in", False)), nth=nth, lately=lately,
                known_version=key[1] if detail.get("brief") else 0,
                brief=tuple(map(Prompt, BRIEF)) if detail.get("brief") else (),
            )  # fmt: skip
    return tuple(found.values())


def _waits(record: CallRecord, trace: Sequence[TraceEntry]) -> dict[str, tuple[c.Queued, ...]]:
    """Return how each wait ended, by the queue it began in. One the caller hung up in has no end."""
    found: dict[str, list[c.Queued]] = defaultdict(list)
    queue = ""
    for each in trace:
        if each.event in (t.QUEUED, t.OVERFLOW):
            queue = queue or str(each.detail["queue"])
        elif each.event == t.LEFT and queue:
            outcome = str(each.detail["outcome"])
            found[queue].append(c.Queued("key", outcome) if len(outcome) == 1 else c.Queued(outcome))
            queue = ""
    if queue and record.disposition == "agent":
        found[queue].append(c.Queued("answered"))
    return {name: tuple(ends) for name, ends in found.items()}
