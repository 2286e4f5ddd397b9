"""Close the records of calls that ended while no controller held them. Called by `app.py` after comparing
channels, and by `callback_task.py`.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from ivr import db
from ivr.db import Database
from ivr.record import trace as t

OLDEST = timedelta(days=2)  # a record left open longer is from another life of the hotline
REASON = "the end was seen by comparing channels: no controller held the call"


async def close_orphans(database: Database, node: str, living: Collection[str]) -> tuple[str, ...]:
    """Close every open record of `node` whose channel is not among `living`; return their call ids.

    The disposition follows from what the record says: talked to an agent, stood in a queue, or neither.
    Raises DatabaseError.
    """
    return await _close(database, db.call.c.call_id.startswith(f"{node}-", autoescape=True), living)


async def close_orphan(database: Database, call_id: str) -> None:
    """Close the record of one call whose channel is known to be gone. Raises DatabaseError."""
    await _close(database, db.call.c.call_id == call_id, ())


async def _close(database: Database, which: sa.ColumnElement[bool], living: Collection[str]) -> tuple[str, ...]:
    now = datetime.now(UTC)
    query = sa.select(db.call.c.call_id, db.call.c.started_at, db.call.c.agent_id, db.call.c.queue).where(
        db.call.c.ended_at.is_(None), db.call.c.started_at > now - OLDEST, which
    )
    async with database.read() as connection:
        lost = [row for row in (await connection.execute(query)).all() if row.call_id not in living]
    if not lost:
        return ()
    async with database.write() as connection:
        for row in lost:
            disposition = "agent" if row.agent_id else "abandoned" if row.queue else "hung_up"
            await connection.execute(
                sa.update(db.call)
                .where(db.call.c.call_id == row.call_id, db.call.c.ended_at.is_(None))
                .values(ended_at=now, disposition=disposition, end_reason=REASON)
            )
            await connection.execute(
                sa.insert(db.call_trace).values(
                    call_id=row.call_id,
                    part=time.time_ns() // 1_000_000,
                    n=0,
                    at_ms=0,
                    step="",
                    event=t.ENDED,
                    detail={"disposition": disposition},
                )
            )
    return tuple(row.call_id for row in lost)
