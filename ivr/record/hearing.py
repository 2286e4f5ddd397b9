"""What callers heard of announcements: a row for each announcement a call reached. Called by calls and by figures.

`store.py` writes the rows with the call's record.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ivr import db
from ivr.db import Database

ENDED, OTHER, AGENT, OPTED_IN, CONTINUE = "ended", "other", "agent", "opted_in", "continue"
NO_INPUT, HUNG_UP, WAITING = "no_input", "hung_up", "waiting"
OUTCOMES = {
    ENDED: "heard it, then the goodbye",
    OTHER: "has a different problem",
    AGENT: "wanted an agent",
    OPTED_IN: "is called when it is over",
    CONTINUE: "the call went on",
    NO_INPUT: "was asked, and made no choice",
    HUNG_UP: "hung up while he heard it, or at the choices",
    WAITING: "heard it in a queue, and waited on",
}
MENU, QUEUE = "menu", "queue"  # where it was heard
ROWS_MOST = 500  # of one caller


@dataclass(frozen=True)
class Hearing:
    """One announcement reached on one call.

    caller  E.164 number, '' when withheld.  where  menu or queue.  heard_ms of length_ms  how much of it was played.
    key  that stopped it, ''.  outcome  one of OUTCOMES.  nth  of his calls about it, whatever the version.
    """

    call_id: str
    announcement_id: str
    version: int
    caller: str
    account: str
    area: str
    at: datetime
    where: str
    length_ms: int
    heard_ms: int
    key: str
    outcome: str
    nth: int

    @property
    def percent(self) -> int:
        """How much of it was played."""
        return min(100, 100 * self.heard_ms // self.length_ms) if self.length_ms > 0 else 0


@dataclass(frozen=True)
class Before:
    """What one caller heard of one announcement on earlier calls.

    calls  in which he reached it.  lately  those of a short time ago.  version  the newest he knows, 0 for none.
    """

    calls: int
    lately: int
    version: int


class Hearings:
    """Every row. Raises DatabaseError."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def of(self, announcement_id: str, *, last: int = 1000) -> tuple[Hearing, ...]:
        """Return who heard an announcement, the newest first."""
        table = db.hearing.c
        query = sa.select(db.hearing).where(table.announcement_id == announcement_id)
        return await self._read(query.order_by(table.at.desc(), table.call_id).limit(last))

    async def before(
        self, caller: str, account: str, ids: Collection[str], since: datetime, *, but: str = ""
    ) -> tuple[Hearing, ...]:
        """Return what a customer heard of these announcements since then, the newest first.

        He is known by his account, also from calls of his number in which nobody knew it; without one by his number.
        but  a call that does not count.
        """
        table = db.hearing.c
        by_number = table.caller == caller
        who = by_number
        if account:
            unknown = sa.and_(by_number, table.account == "")
            who = sa.or_(table.account == account, unknown) if caller else table.account == account
        if not ids or not (caller or account):
            return ()
        query = sa.select(db.hearing).where(
            who, table.announcement_id.in_(list(ids)), table.at >= since, table.call_id != but
        )  # fmt: skip
        return await self._read(query.order_by(table.at.desc()).limit(ROWS_MOST))

    async def _read(self, query: sa.Select[Any]) -> tuple[Hearing, ...]:
        async with self.database.read() as connection:
            rows = (await connection.execute(query)).all()
        return tuple(hearing_of(row) for row in rows)


def remembered(
    rows: Collection[Hearing], now: datetime, lately: timedelta, enough: float
) -> Mapping[str, Before]:
    """Return what `rows` of one caller come to, by announcement. enough  share of it after which he knows a version."""
    found: dict[str, Before] = {}
    for announcement_id in {row.announcement_id for row in rows}:
        own = [row for row in rows if row.announcement_id == announcement_id]
        known = [row.version for row in own if row.percent >= 100 * enough]
        found[announcement_id] = Before(
            len({row.call_id for row in own}),
            len({row.call_id for row in own if row.at > now - lately}),
            max(known, default=0),
        )
    return found


def hearing_of(row: Any) -> Hearing:
    """Return a row of the table `hearing`."""
    values = dict(row._mapping)
    del values["part"], values["n"]
    return Hearing(**values)
