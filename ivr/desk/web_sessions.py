"""Sessions of the page and tokens of the API: who comes with which secret. Only hashes are stored."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ivr import db
from ivr.access import Who, rights_of
from ivr.db import Database
from ivr.desk.users import known_roles
from ivr.errors import InputError

IDLE, LONGEST = timedelta(hours=8), timedelta(hours=24)
SEEN_EVERY = timedelta(minutes=1)  # how exactly `seen_at` is kept: not every request writes
SESSIONS_MOST = 20  # of one user; the oldest end
TOKEN_DAYS, TOKEN_DAYS_MOST = 90, 366


@dataclass(frozen=True)
class Session:
    """Somebody with a session. must_change  he has to choose a password before anything else."""

    who: Who
    token_hash: str
    must_change: bool


@dataclass(frozen=True)
class ApiToken:
    """A token of a program; the token itself is known to the program only."""

    token_id: str
    name: str
    roles: tuple[str, ...]
    created_by: str
    created_at: datetime
    used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None

    def works(self, now: datetime) -> bool:
        """Is it neither revoked nor too old?"""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


class WebSessions:
    """Tables web_session and api_token."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def open(self, user: str, address: str, now: datetime) -> str:
        """Begin a session; return the secret its cookie holds. Old sessions, and those over 20, are forgotten."""
        token, c = secrets.token_urlsafe(32), db.web_session.c
        row = {"token_hash": hash_of(token), "user": user, "csrf": secrets.token_urlsafe(24), "address": address[:64],
               "created_at": now, "seen_at": now, "expires_at": now + LONGEST}  # fmt: skip
        mine = sa.select(c.token_hash).where(c.user == user).order_by(c.created_at.desc()).offset(SESSIONS_MOST - 1)
        async with self.database.write() as connection:
            await connection.execute(sa.delete(db.web_session).where((c.expires_at <= now) | (c.seen_at <= now - IDLE)))
            old = [each.token_hash for each in await connection.execute(mine)]
            await connection.execute(sa.delete(db.web_session).where(c.token_hash.in_(old)))
            await connection.execute(sa.insert(db.web_session).values(row))
        return token

    async def find(self, token: str, address: str, now: datetime) -> Session | None:
        """Return who comes with this secret; None when it is unknown, too old, idle too long, or he is disabled."""
        c, u = db.web_session.c, db.user.c
        query = sa.select(db.web_session, u.roles, u.language, u.agent_id, u.must_change, u.disabled_at)
        query = query.join_from(db.web_session, db.user, c.user == u.name).where(c.token_hash == hash_of(token))
        async with self.database.read() as connection:
            row = (await connection.execute(query)).first()
        if row is None or row.expires_at <= now or row.seen_at <= now - IDLE or row.disabled_at:
            return None
        if row.seen_at <= now - SEEN_EVERY:
            async with self.database.write() as connection:
                update = sa.update(db.web_session).where(c.token_hash == row.token_hash)
                await connection.execute(update.values(seen_at=now))
        who = Who(row.user, tuple(row.roles), address, row.csrf, row.language, row.agent_id)
        return Session(who, row.token_hash, row.must_change)

    async def close(self, token: str) -> None:
        """End one session."""
        async with self.database.write() as connection:
            await connection.execute(sa.delete(db.web_session).where(db.web_session.c.token_hash == hash_of(token)))

    async def add_token(
        self, name: str, roles: Collection[str], by: Who, now: datetime, *, days: int = TOKEN_DAYS
    ) -> tuple[ApiToken, str]:
        """Add a token; return it and its secret, which is shown once.

        Raises InputError for a wrong name, roles that have rights `by` has not, or a time of over a year.
        """
        wanted = known_roles(roles)
        if not 1 <= len(name.strip()) <= 100 or not name.isprintable():
            raise InputError("a token has a name of 1 to 100 characters: what uses it")
        if rights_of(wanted) - rights_of(by.roles):
            raise InputError("a token cannot do more than who makes it")
        if not 1 <= days <= TOKEN_DAYS_MOST:
            raise InputError(f"a token lasts 1 to {TOKEN_DAYS_MOST} days")
        token = f"hotline_{secrets.token_urlsafe(32)}"
        expires = now + timedelta(days=days)
        made = ApiToken(secrets.token_hex(4), name.strip(), wanted, by.name[:40], now, None, expires, None)
        row = {**vars(made), "roles": list(wanted), "token_hash": hash_of(token)}
        async with self.database.write() as connection:
            await connection.execute(sa.insert(db.api_token).values(row))
        return made, token

    async def tokens(self) -> tuple[ApiToken, ...]:
        """Return all tokens, newest first."""
        async with self.database.read() as connection:
            rows = await connection.execute(sa.select(db.api_token).order_by(db.api_token.c.created_at.desc()))
            return tuple(_token(row) for row in rows)

    async def revoke(self, token_id: str, now: datetime) -> ApiToken:
        """End a token at once. Raises InputError for an unknown one."""
        c = db.api_token.c
        async with self.database.write() as connection:
            where = (c.token_id == token_id) & c.revoked_at.is_(None)
            await connection.execute(sa.update(db.api_token).where(where).values(revoked_at=now))
            row = (await connection.execute(sa.select(db.api_token).where(c.token_id == token_id))).first()
        if row is None:
            raise InputError(f"there is no token {token_id[:16]!r}")
        return _token(row)

    async def of_token(self, token: str, address: str, now: datetime) -> Who | None:
        """Return the program that comes with this token; None when it is unknown, revoked or too old.

        It may never do more than who made it: when he is disabled or loses roles, so does it.
        """
        c, u = db.api_token.c, db.user.c
        query = sa.select(db.api_token, u.roles.label("makers"), u.disabled_at)
        query = query.join_from(db.api_token, db.user, c.created_by == u.name).where(c.token_hash == hash_of(token))
        async with self.database.read() as connection:
            row = (await connection.execute(query)).first()
        if row is None or row.disabled_at or not _token(row).works(now):
            return None
        if row.used_at is None or row.used_at <= now - SEEN_EVERY:
            async with self.database.write() as connection:
                update = sa.update(db.api_token).where(c.token_id == row.token_id)
                await connection.execute(update.values(used_at=now))
        rights = rights_of(row.makers)
        return Who(f"token:{row.name}"[:100], tuple(r for r in row.roles if rights_of([r]) <= rights), address)


def hash_of(token: str) -> str:
    """Return what is stored of a secret of 256 random bits; needs no salt and no slowness."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _token(row: Any) -> ApiToken:
    return ApiToken(row.token_id, row.name, tuple(row.roles), row.created_by, row.created_at, row.used_at,
                    row.expires_at, row.revoked_at)  # fmt: skip
