"""Versions of the call flows in SQL, and the history of which is live. Both only grow.

Called by `publish`, `live` and the command line.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ivr import db
from ivr.db import Database
from ivr.errors import DatabaseError, InputError, nearest
from ivr.versions.judge import Counts, total
from ivr.versions.model import Change, Content, Stored

VERSION, LIVE = db.dialplan_version, db.dialplan_live
NOTE_MOST, AUTHOR_MOST = 400, 100


class Superseded(InputError):
    """Somebody else changed what is live a moment before; nothing was changed."""


class Versions:
    """The versions and their history."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # -- what is live

    async def last(self) -> Change | None:
        """Return what holds now, None before anything was live."""
        query = sa.select(LIVE).order_by(LIVE.c.number.desc()).limit(1)
        async with self.database.read() as connection:
            row = (await connection.execute(query)).first()
        return _change(row) if row else None

    async def history(self) -> tuple[Change, ...]:
        """Return every change, oldest first."""
        async with self.database.read() as connection:
            rows = (await connection.execute(sa.select(LIVE).order_by(LIVE.c.number))).all()
        return tuple(_change(row) for row in rows)

    async def add(self, change: Change, content: Content | None = None, note: str = "") -> Change:
        """Store a change, and the version it brings, as one; return the change.

        Raises Superseded when another change has its number: who asks must look again at what holds.
        """
        try:
            async with self.database.write() as connection:
                if content is not None:
                    row = {"version": content.version, "at": change.at, "author": change.by[:AUTHOR_MOST],
                           "note": note[:NOTE_MOST], "content": _packed(content)}  # fmt: skip
                    await connection.execute(db.upsert(connection, VERSION, keep=True), [row])
                await connection.execute(sa.insert(LIVE).values(_row(change)))
        except DatabaseError as error:
            if isinstance(error.__cause__, IntegrityError):
                raise Superseded(
                    "somebody else changed what is live meanwhile: `ivr dialplan versions` shows it"
                ) from error
            raise
        return change

    # -- versions

    async def read(self, version: str) -> Content | None:
        """Return all of a version, None when there is no such one."""
        query = sa.select(VERSION.c.content).where(VERSION.c.version == version)
        async with self.database.read() as connection:
            packed = await connection.scalar(query)
        return None if packed is None else _unpacked(version, packed)

    async def list(self) -> tuple[Stored, ...]:
        """Return every version, newest first."""
        columns = (VERSION.c.version, VERSION.c.at, VERSION.c.author, VERSION.c.note)
        async with self.database.read() as connection:
            rows = (await connection.execute(sa.select(*columns).order_by(VERSION.c.at.desc()))).all()
        return tuple(Stored(row.version, row.at, row.author, row.note) for row in rows)

    async def find(self, text: str) -> str:
        """Return the version that is or begins with `text`.

        Raises InputError naming the nearest, or those it could be.
        """
        async with self.database.read() as connection:
            known: list[str] = list((await connection.scalars(sa.select(VERSION.c.version))).all())
        hits = [each for each in known if text and each.startswith(text.strip().lower())]
        if len(hits) == 1:
            return hits[0]
        if hits:
            raise InputError(f"{text!r} could be version {', '.join(sorted(hits))}")
        near = nearest(text, known)
        hint = f"did you mean {near!r}?" if near else "`ivr dialplan versions` shows them"
        raise InputError(f"there is no version {text!r}; {hint}")

    # -- how calls went

    async def counts(self, versions: Iterable[str], since: datetime | None = None, until: datetime | None = None,
                     ) -> dict[str, Counts]:  # fmt: skip
        """Return how the calls of these versions went that began from `since` to `until` (None: whenever)."""
        column = db.call.c
        wanted = list(versions)
        query = (
            sa.select(column.flow_version, column.disposition, sa.func.count().label("calls"))
            .where(column.flow_version.in_(wanted))
            .group_by(column.flow_version, column.disposition)
        )
        query = query if since is None else query.where(column.started_at >= since)
        query = query if until is None else query.where(column.started_at < until)
        async with self.database.read() as connection:
            rows = (await connection.execute(query)).all()
        return {
            version: total((row.disposition, row.calls) for row in rows if row.flow_version == version)
            for version in wanted
        }


def _row(change: Change) -> dict[str, Any]:
    return asdict(change) | {"by": change.by[:AUTHOR_MOST], "why": change.why[:NOTE_MOST]}


def _change(row: Any) -> Change:
    return Change(**row._mapping)


def _packed(content: Content) -> bytes:
    document = {"files": dict(content.files), "prompt_keys": list(content.prompt_keys)}
    return zlib.compress(json.dumps(document, ensure_ascii=False).encode(), 9)


def _unpacked(version: str, packed: bytes) -> Content:
    document = json.loads(zlib.decompress(packed))
    return Content(version, document["files"], tuple(document["prompt_keys"]))
