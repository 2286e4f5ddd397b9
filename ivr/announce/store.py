"""Announcements in SQL: every version is a new row; the snapshot's version goes up in the same transaction.

Beside `audience` the only module of `announce` with SQL. Called by `publish` (writes), `live`, the command line and
the page (read).
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ivr import db
from ivr.announce.model import APPROVED, DRAFT, ENDED, HEARD, MACHINES, ClipRef, Target, Version
from ivr.db import Database
from ivr.errors import DatabaseError, InputError, nearest

SNAPSHOT = "announcements"
TABLE = db.announcement_version
NEWEST = (
    sa.select(TABLE.c.announcement_id, sa.func.max(TABLE.c.version).label("version"))
    .group_by(TABLE.c.announcement_id)
    .subquery()
)
OF_NEWEST = sa.and_(TABLE.c.announcement_id == NEWEST.c.announcement_id, TABLE.c.version == NEWEST.c.version)


def new_id() -> str:
    """Return an id short enough to be read out: four hex digits, the first a letter."""
    return secrets.choice("abcdef") + secrets.token_hex(2)[:3]


class Announcements:
    """Versions of announcements. folder  clips are stored relative to it, so that it can be moved."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder

    async def add(self, version: Version) -> int:
        """Store a new version and return the snapshot's new version, 0 when callers are not concerned.

        Raises InputError when somebody else changed the announcement meanwhile.
        """
        try:
            async with self.database.write() as connection:
                await connection.execute(sa.insert(TABLE).values(self._row(version)))
                return 0 if version.state in (DRAFT, APPROVED) else await db.bump(connection, SNAPSHOT)
        except DatabaseError as error:
            if isinstance(error.__cause__, IntegrityError):
                raise InputError(
                    f"announcement {version.announcement_id} was changed by somebody else meanwhile: "
                    f"look at it with `ivr announce show {version.announcement_id}` and try again"
                ) from error
            raise

    async def live(self, now: datetime) -> tuple[Version, ...]:
        """Return what callers may hear at `now`, newest first."""
        query = sa.select(TABLE).join(NEWEST, OF_NEWEST).where(TABLE.c.state.in_(HEARD), TABLE.c.until > now)
        return await self._versions(query.order_by(TABLE.c.at.desc(), TABLE.c.announcement_id))

    async def newest(self, *, ended: bool = False) -> tuple[Version, ...]:
        """Return the newest version of every announcement, newest first; ended ones only when asked."""
        query = sa.select(TABLE).join(NEWEST, OF_NEWEST).order_by(TABLE.c.at.desc(), TABLE.c.announcement_id)
        return await self._versions(query if ended else query.where(TABLE.c.state != ENDED))

    async def history(self, text: str) -> tuple[Version, ...]:
        """Return all versions, oldest first, of the announcement whose id is or begins with `text`.

        `last` is the one changed last. Raises InputError naming the nearest id, or those it could be.
        """
        announcement_id = await self._find(text.strip().lower())
        query = sa.select(TABLE).where(TABLE.c.announcement_id == announcement_id)
        return await self._versions(query.order_by(TABLE.c.version))

    async def last(self, text: str) -> Version:
        """Return the newest version of the announcement that `history` would find. Raises InputError."""
        return (await self.history(text))[-1]

    async def version(self) -> int:
        """Return the snapshot's version: it goes up with every change callers can hear."""
        async with self.database.read() as connection:
            return await db.version(connection, SNAPSHOT)

    async def unused_id(self) -> str:
        """Return an id no announcement has."""
        known = set(await self._ids())
        return next(each for each in iter(new_id, "") if each not in known)

    async def _find(self, text: str) -> str:
        known = await self._ids()
        if text == "last" and known:
            return next(iter(await self._ids(by_people=True)), known[0])
        hits = [each for each in known if text and each.startswith(text)]
        if text in hits or len(hits) == 1:
            return text if text in hits else hits[0]
        if hits:
            raise InputError(f"{text!r} could be announcement {', '.join(sorted(hits))}")
        near = nearest(text, known)
        raise InputError(
            f"there is no announcement {text!r}"
            + (f"; did you mean {near!r}?" if near else "; `ivr announce list --all` shows them")
        )

    async def _ids(self, *, by_people: bool = False) -> list[str]:
        """Return every id, the one changed last first. by_people  what machines drafted meanwhile does not count."""
        changed = sa.func.max(TABLE.c.at)
        query = sa.select(TABLE.c.announcement_id).group_by(TABLE.c.announcement_id).order_by(changed.desc())
        if by_people:
            query = query.where(sa.or_(TABLE.c.source.not_in(MACHINES), TABLE.c.author != TABLE.c.source))
        async with self.database.read() as connection:
            return list((await connection.scalars(query)).all())

    async def _versions(self, query: sa.Select[Any]) -> tuple[Version, ...]:
        async with self.database.read() as connection:
            return tuple([self._version(row) async for row in _stream(connection, query)])

    def _row(self, version: Version) -> dict[str, Any]:
        clips = {
            language: {which: self._clip_row(clip) for which, clip in variants.items()}
            for language, variants in version.clips.items()
        }
        return {
            "announcement_id": version.announcement_id, "version": version.version, "state": version.state,
            "author": version.author, "at": version.at, "target": asdict(version.target),
            "service": version.service, "texts": dict(version.texts), "eta": version.eta,
            "until": version.until, "clips": clips, "kind": version.kind, "starts": version.starts,
            "eta_from": version.eta_from, "as_of": version.as_of, "after": version.after, "source": version.source,
            "note": version.note, "recordings": dict(version.recordings),
        }  # fmt: skip

    def _clip_row(self, clip: ClipRef) -> dict[str, Any]:
        file = Path(clip.file)
        inside = file.relative_to(self.folder) if file.is_relative_to(self.folder) else file
        return {"file": str(inside), "seconds": clip.seconds, "voice": clip.voice}

    def _version(self, row: Any) -> Version:
        clips = {
            language: {
                which: replace(ClipRef(**clip), file=str(self.folder / clip["file"]))
                for which, clip in variants.items()
            }
            for language, variants in row.clips.items()
        }
        return Version(
            row.announcement_id, row.version, row.state, row.author, row.at, _target(row.target),
            row.service, row.texts, row.eta, row.until, clips, row.kind, row.starts, row.eta_from, row.as_of,
            row.after, row.source, row.note, row.recordings,
        )  # fmt: skip


def _target(kept: dict[str, Any]) -> Target:
    """Return a target as it was stored, also by a version that knew one area only."""
    area = kept.pop("area", "")
    areas = (area,) if area else ()
    return Target(**{**kept, "areas": tuple(kept.get("areas", areas)), "classes": tuple(kept.get("classes", ())),
                     "numbers": tuple(kept.get("numbers", ()))})  # fmt: skip


async def _stream(connection: Any, query: sa.Select[Any]) -> AsyncIterator[Any]:
    async for row in await connection.stream(query):
        yield row
