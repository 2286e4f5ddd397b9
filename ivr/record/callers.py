"""Who called when: the bare columns of call records that the storm radar counts. Called by `radar_watch.py`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ivr import db
from ivr.db import Database

MOST = 20_000  # rows of one look; more are left out, the oldest stay


@dataclass(frozen=True)
class Called:
    """One call. number  in E.164 where it was understood, '' when withheld."""

    call_id: str
    number: str
    dnis: str
    at: datetime


class Callers:
    """Calls of a short time."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def between(self, begins: datetime, ends: datetime) -> list[Called]:
        """Return the calls that began then, oldest first. Raises DatabaseError."""
        column = db.call.c
        query = (
            sa.select(column.call_id, column.ani, column.dnis, column.started_at)
            .where(column.started_at >= begins, column.started_at < ends).order_by(column.started_at).limit(MOST)
        )  # fmt: skip
        async with self.database.read() as connection:
            return [Called(*row) for row in (await connection.execute(query)).all()]
