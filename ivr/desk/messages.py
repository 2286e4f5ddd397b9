"""Messages callers left: rows in SQL, sound files below VAR/messages. Called by `message.py` and the command line."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ivr import db
from ivr.db import Database
from ivr.errors import InputError, nearest

FOLDER = "messages"


@dataclass(frozen=True)
class Message:
    """One message. file  below the var folder.  number  '' when withheld.  done_at  None until somebody saw to it."""

    message_id: str
    call_id: str
    number: str
    queue: str
    language: str
    file: str
    length_ms: int
    left_at: datetime
    done_at: datetime | None = None


class Messages:
    """Every message. Raises DatabaseError."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.var = database.settings.var_dir

    def fresh_file(self, now: datetime) -> tuple[str, Path]:
        """Return an id and where its sound goes; the folder exists afterwards. Raises OSError."""
        message_id = secrets.token_hex(4)
        folder = self.var / FOLDER / f"{now:%Y-%m}"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return message_id, folder / f"{now:%d-%H%M%S}-{message_id}.wav"

    def path(self, message: Message) -> Path:
        """Return the sound file of a message."""
        return self.var / message.file

    async def add(self, message: Message) -> None:
        """Keep a message whose file is complete."""
        values = {each.name: getattr(message, each.name) for each in fields(message)}
        async with self.database.write() as connection:
            await connection.execute(sa.insert(db.message).values(values))

    async def list(self, *, everything: bool = False) -> tuple[Message, ...]:
        """Return messages, the oldest first; those done only when `everything`."""
        query = sa.select(db.message).order_by(db.message.c.left_at)
        if not everything:
            query = query.where(db.message.c.done_at.is_(None))
        async with self.database.read() as connection:
            return tuple(_message(row) for row in (await connection.execute(query)).all())

    async def find(self, text: str) -> Message:
        """Return the message whose id begins so, or the `last`. Raises InputError naming the nearest."""
        known = await self.list(everything=True)
        found = known[-1:] if text == "last" else tuple(each for each in known if each.message_id.startswith(text))
        if len(found) != 1:
            near = nearest(text, [each.message_id for each in known])
            hint = f"did you mean {near!r}?" if near else "`ivr message list --all` shows them"
            raise InputError(f"{len(found) or 'no'} messages are {text!r}; {hint}")
        return found[0]

    async def done(self, text: str) -> Message:
        """Note that somebody saw to a message. Raises InputError."""
        message = await self.find(text)
        async with self.database.write() as connection:
            await connection.execute(
                sa.update(db.message)
                .where(db.message.c.message_id == message.message_id, db.message.c.done_at.is_(None))
                .values(done_at=datetime.now(UTC))
            )
        return message


def _message(row: Any) -> Message:
    return Message(**row._mapping)
