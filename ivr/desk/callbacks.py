"""Call-backs in SQL: who is to be called, at which place in line, and which controller sees to it.

A call-back has one holder at a time. He shows that he lives by counting `beat` on; whoever sees it stand still for
long enough by his own clock takes the call-back on (`take` lets only one of them win). Every other change asks for
the holder as well, so that a controller that was stopped and goes on cannot dial a second time. Called by
`callback_tasks.py` and the command line.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ivr import db
from ivr.call import CALLBACK_ID
from ivr.db import Database
from ivr.errors import InputError, nearest

WAITING, DIALLING, CONNECTED, CLOSED = "waiting", "dialling", "connected", "closed"
OUTCOMES = {
    "talked": "talked to an agent",
    "not_answered": "did not answer",
    "busy": "was busy",
    "unreachable": "could not be reached",
    "hung_up": "hung up before pressing 1",
    "unconfirmed": "nobody pressed 1: perhaps an answering machine",
    "declined": "no longer wants to be called",
    "left": "hung up before an agent answered",
    "no_agent": "nobody could take the call",
    "failed": "a fault of ours ended the attempt",
    "expired": "nobody became free within a day",
    "cancelled": "cancelled by hand",
}
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class CallBack:
    """One caller to be called back.

    callback_id  also his call's id in the router, and the channel's when he is dialled.  number  E.164.
    call_id  the call in which he asked for it.  entered_ms  first entry in the line, epoch ms.
    due_ms  not dialled before.  state  waiting (in line, or for `due_ms`), dialling, connected (he confirmed), closed.
    outcome  of the last attempt, a key of OUTCOMES.
    """

    callback_id: str
    number: str
    dnis: str
    queue: str
    language: str
    call_id: str
    entered_ms: int
    booked_at: datetime
    state: str = WAITING
    attempts: int = 0
    due_ms: int = 0
    tried_at: datetime | None = None
    holder: str = ""
    beat: int = 0
    outcome: str = ""
    closed_at: datetime | None = None


def fresh_id() -> str:
    """Return the id of a new call-back."""
    return CALLBACK_ID + secrets.token_hex(6)


class CallBacks:
    """Every call-back. Raises DatabaseError."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def book(self, wanted: CallBack) -> CallBack:
        """Keep a new call-back and return it; one for the same number and queue that still waits stays instead."""
        row = db.callback.c
        same = sa.select(db.callback).where(
            row.number == wanted.number, row.queue == wanted.queue, row.state == WAITING
        )
        async with self.database.write() as connection:
            found = (await connection.execute(same)).first()
            if found is not None:
                return _callback(found)
            await connection.execute(sa.insert(db.callback).values(_values(wanted)))
            return wanted

    async def open(self) -> tuple[CallBack, ...]:
        """Return all that are not closed, oldest place first."""
        return await self.list(everything=False)

    async def list(self, *, everything: bool = True, last: int | None = None) -> tuple[CallBack, ...]:
        """Return call-backs by place in line; the `last` booked ones when given."""
        query = sa.select(db.callback)
        if not everything:
            query = query.where(db.callback.c.state != CLOSED)
        if last is not None:
            query = query.order_by(db.callback.c.booked_at.desc()).limit(last)
        async with self.database.read() as connection:
            found = [_callback(row) for row in (await connection.execute(query)).all()]
        return tuple(sorted(found, key=lambda each: (each.entered_ms, each.callback_id)))

    async def beat(self, holder: str) -> None:
        """Show that `holder` lives."""
        row = db.callback.c
        async with self.database.write() as connection:
            await connection.execute(
                sa.update(db.callback).where(row.holder == holder, row.state != CLOSED).values(beat=row.beat + 1)
            )

    async def take(self, seen: CallBack, holder: str) -> bool:
        """Become the holder of a call-back that is still as `seen`; False when another one was quicker."""
        row = db.callback.c
        unchanged = (row.holder == seen.holder, row.beat == seen.beat, row.state == seen.state)
        return await self._update(seen.callback_id, *unchanged, holder=holder, beat=row.beat + 1)

    async def release(self, holder: str) -> None:
        """Hold nothing any more: others may take it on at once."""
        row = db.callback.c
        async with self.database.write() as connection:
            await connection.execute(
                sa.update(db.callback).where(row.holder == holder, row.state != CLOSED).values(holder="")
            )

    async def begin(self, callback_id: str, holder: str, now: datetime) -> bool:
        """Count an attempt, before anything is dialled; False when it is not `holder`'s to dial."""
        row = db.callback.c
        waits = (row.holder == holder, row.state == WAITING)
        return await self._update(callback_id, *waits, state=DIALLING, attempts=row.attempts + 1, tried_at=now)

    async def connected(self, callback_id: str, holder: str) -> bool:
        """He pressed 1: he is in line on the phone, or talks."""
        row = db.callback.c
        return await self._update(callback_id, row.holder == holder, row.state == DIALLING, state=CONNECTED)

    async def again(self, callback_id: str, holder: str, outcome: str, due_ms: int) -> bool:
        """The attempt came to nothing; the next one is due at `due_ms`."""
        mine = (db.callback.c.holder == holder, db.callback.c.state != CLOSED)
        return await self._update(callback_id, *mine, state=WAITING, outcome=outcome, due_ms=due_ms)

    async def close(self, callback_id: str, holder: str, outcome: str, now: datetime) -> bool:
        """It is over: talked, given up, or no longer wanted."""
        mine = (db.callback.c.holder == holder, db.callback.c.state != CLOSED)
        return await self._update(callback_id, *mine, state=CLOSED, outcome=outcome, closed_at=now)

    async def cancel(self, text: str, now: datetime) -> CallBack:
        """Close an open call-back by hand, by id or number. Raises InputError naming the nearest; not in a talk."""
        found = await self.open()
        wanted = [each for each in found if text in (each.callback_id, each.number)]
        if len(wanted) != 1:
            near = nearest(text, [name for each in found for name in (each.callback_id, each.number)])
            hint = f"did you mean {near!r}?" if near else "`ivr callback list` shows them"
            raise InputError(f"{len(wanted) or 'no'} open call-backs are {text!r}; {hint}")
        row = db.callback.c
        if not await self._update(
            wanted[0].callback_id, row.state == WAITING, state=CLOSED, outcome="cancelled", closed_at=now
        ):
            raise InputError(f"{text!r} is being called right now; try again in a minute")
        return wanted[0]

    async def dialled_lately(self, now: datetime) -> int:
        """Return how many attempts at most were made within the hour before `now`."""
        row = db.callback.c
        query = sa.select(sa.func.coalesce(sa.func.sum(row.attempts), 0)).where(row.tried_at > now - HOUR)
        async with self.database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def _update(self, callback_id: str, *conditions: sa.ColumnElement[bool], **values: Any) -> bool:
        query = sa.update(db.callback).where(db.callback.c.callback_id == callback_id, *conditions).values(**values)
        async with self.database.write() as connection:
            return bool((await connection.execute(query)).rowcount)


def now_utc() -> datetime:
    """Return the time rows are stamped with."""
    return datetime.now(UTC)


def _values(callback: CallBack) -> dict[str, Any]:
    return {each.name: getattr(callback, each.name) for each in fields(callback)}


def _callback(row: Any) -> CallBack:
    return CallBack(**row._mapping)
