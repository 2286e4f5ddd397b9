"""The audit log: who did what, with what it was before and after. Rows are only added, and chained by hashes.

Each row's hash covers the one before, so that a row changed, put in or taken out is found (`verify`). How many rows
there are is kept beside them, so that rows cut off at the end are missed as well.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import IntegrityError

from ivr import db, log
from ivr.access import Who
from ivr.db import Database
from ivr.errors import DatabaseError

logger = log.logger(__name__)

COUNT = "audit"  # its row of snapshot_version
FIRST = "0" * 64
TRIES = 5
LONGEST = 20_000  # characters of `before` or `after`
AT_ONCE = 500


@dataclass(frozen=True)
class Entry:
    """One row: `who` did `what` to `subject`, which was `before` and is `after`."""

    n: int
    at: datetime
    who: str
    what: str
    subject: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    address: str
    previous: str
    hash: str


class Audit:
    """The audit table."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def note(
        self, who: Who, what: str, subject: str, before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
    ) -> None:  # fmt: skip
        """Add a row. what  such as `announcement.publish`, at most 40 characters. Raises DatabaseError."""
        assert len(what) <= 40, what
        row: dict[str, Any] = {
            "at": datetime.now(UTC), "who": _text(who.name, 100), "what": what, "subject": _text(subject, 100),
            "before": plain(before), "after": plain(after), "address": _text(who.address, 64),
        }  # fmt: skip
        for left in reversed(range(TRIES)):
            try:
                done = await self._add(row)
                break
            except DatabaseError as error:  # another process took the same number; not possible with SQLite
                if not (left and isinstance(error.__cause__, IntegrityError)):
                    raise
        if structlog.is_configured():  # a process with a log: kept elsewhere, its lines prove what the rows were
            logger.info("audit", n=done["n"], who=row["who"], what=what, subject=row["subject"], hash=done["hash"])

    async def _add(self, row: Mapping[str, Any]) -> dict[str, Any]:
        c = db.audit.c
        async with self.database.write() as connection:
            last = (await connection.execute(sa.select(c.n, c.hash).order_by(c.n.desc()).limit(1))).first()
            n = await db.bump(connection, COUNT)
            done = {**row, "n": max(n, last.n + 1 if last else 1), "previous": last.hash if last else FIRST}
            done["hash"] = chained(done)
            await connection.execute(sa.insert(db.audit).values(done))
        return done

    async def list(
        self, *, who: str = "", what: str = "", subject: str = "", since: datetime | None = None,
        before_n: int | None = None, most: int = 100,
    ) -> Sequence[Entry]:  # fmt: skip
        """Return rows, newest first. who, subject  contained in it.  what  its beginning.  before_n  to page on."""
        c, where = db.audit.c, []
        if who:
            where.append(c.who.icontains(who, autoescape=True))
        if what:
            where.append(c.what.startswith(what, autoescape=True))
        if subject:
            where.append(c.subject.icontains(subject, autoescape=True))
        if since:
            where.append(c.at >= since)
        if before_n is not None:
            where.append(c.n < before_n)
        query = sa.select(db.audit).where(*where).order_by(c.n.desc()).limit(min(most, AT_ONCE))
        async with self.database.read() as connection:
            return [Entry(*row) for row in await connection.execute(query)]

    async def verify(self) -> int | None:
        """Return the number of the first row that is not as it was written, or is missing; None: the chain holds."""
        c, n, previous = db.audit.c, 0, FIRST
        async with self.database.read() as connection:
            count = await db.version(connection, COUNT)
            rows = await connection.stream(sa.select(db.audit).order_by(c.n))
            async for row in rows:
                n += 1
                if row.n != n or row.previous != previous or row.hash != chained(row._asdict()):
                    return n
                previous = row.hash
        return None if n == count else n + 1

    async def head(self) -> tuple[int, str]:
        """Return number and hash of the last row: kept elsewhere, they prove that nothing before was rewritten."""
        c = db.audit.c
        async with self.database.read() as connection:
            row = (await connection.execute(sa.select(c.n, c.hash).order_by(c.n.desc()).limit(1))).first()
        return (row.n, row.hash) if row else (0, FIRST)


def chained(row: Mapping[str, Any]) -> str:
    """Return the hash of a row: SHA-256 over its other columns, `previous` among them, as canonical JSON."""
    known = {key: value for key, value in row.items() if key != "hash"}
    known["at"] = row["at"].astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.sha256(_canonical(known).encode()).hexdigest()


def plain(value: Mapping[str, object] | None) -> dict[str, Any]:
    """Return `value` as JSON can hold it; one that is too long becomes its hash and beginning."""
    text = _canonical(dict(value or {}))
    if len(text) > LONGEST:
        return {"too_long": len(text), "sha256": hashlib.sha256(text.encode()).hexdigest(), "begins": text[:1000]}
    found: dict[str, Any] = json.loads(text)
    return found


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=_odd)


def _odd(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    return list(value) if isinstance(value, tuple) else str(value)


def _text(text: str, most: int) -> str:
    return "".join(each if each.isprintable() else "?" for each in text[:most])
