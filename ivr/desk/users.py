"""Users of the page and the API: names, roles, passwords, and the PIN they publish with by phone. Rows in SQL.

Called by the page, `ivr user` and the phone. Nobody has a password that somebody else chose for longer than one login.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr import db
from ivr.access import ADMIN, ROLES, Who
from ivr.db import Database
from ivr.desk import passwords
from ivr.desk.agents import NO_PIN, hash_pin, pin_matches
from ivr.errors import InputError, nearest

NAME = re.compile(r"[a-z][a-z0-9._-]{1,39}")
FIRST = "admin"
PIN_DIGITS = 6
PIN_TRIES = 5
PIN_LOCK = timedelta(minutes=15)


@dataclass(frozen=True)
class User:
    """One user. must_change  his password was set by somebody else.  phone_id  '' when he cannot publish by phone."""

    name: str
    roles: tuple[str, ...]
    language: str
    agent_id: str
    must_change: bool
    phone_id: str
    created_at: datetime
    disabled_at: datetime | None

    def who(self, address: str = "", csrf: str = "") -> Who:
        """Return him as somebody who was recognised."""
        return Who(self.name, self.roles, address, csrf, self.language, self.agent_id)


@dataclass(frozen=True)
class Issued:
    """A user and the password he logs in with once; it is kept nowhere else."""

    user: User
    password: str


class Users:
    """The user table."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def first(self) -> Issued | None:
        """Add `admin` when nobody is admin; None when somebody is, or a user of that name was disabled."""
        async with self.database.read() as connection:
            if await _has_admin(connection):
                return None
        password = passwords.one_time()
        hashed = await passwords.hashed(password)
        async with self.database.write() as connection:
            taken = sa.select(db.user.c.name).where(db.user.c.name == FIRST)
            if await _has_admin(connection) or await connection.scalar(taken):
                return None
            await connection.execute(sa.insert(db.user).values(_new(FIRST, (ADMIN,), hashed)))
            return Issued(await _one(connection, FIRST), password)

    async def add(self, name: str, roles: Collection[str], *, language: str = "", agent_id: str = "") -> Issued:
        """Add a user with a one-time password. Raises InputError for a wrong or taken name, or an unknown role."""
        if not NAME.fullmatch(name):
            raise InputError(f"{name[:40]!r} is no user name; expected 2 to 40 of a-z, 0-9, . _ -, a letter first")
        wanted, password = known_roles(roles), passwords.one_time()
        hashed = await passwords.hashed(password)
        async with self.database.write() as connection:
            if await connection.scalar(sa.select(db.user.c.name).where(db.user.c.name == name)):
                raise InputError(f"there is a user {name!r} already")
            row = _new(name, wanted, hashed) | {"language": language, "agent_id": agent_id}
            await connection.execute(sa.insert(db.user).values(row))
            return Issued(await _one(connection, name), password)

    async def list(self) -> tuple[User, ...]:
        """Return all users by name."""
        async with self.database.read() as connection:
            rows = await connection.execute(sa.select(db.user).order_by(db.user.c.name))
            return tuple(_user(row) for row in rows)

    async def get(self, name: str) -> User:
        """Return one user. Raises InputError naming the nearest."""
        async with self.database.read() as connection:
            return await _one(connection, name)

    async def set_roles(self, name: str, roles: Collection[str]) -> User:
        """Give a user exactly these roles. Raises InputError for an unknown one, or when no admin would be left."""
        return await self._change(name, {"roles": list(known_roles(roles))})

    async def set_own(self, name: str, *, language: str | None = None, agent_id: str | None = None) -> User:
        """Set a user's language or which agent he is; None stays."""
        given: dict[str, object] = {"language": language, "agent_id": agent_id}
        return await self._change(name, {key: value for key, value in given.items() if value is not None})

    async def disable(self, name: str, now: datetime) -> User:
        """Let him in no more: his sessions end. Raises InputError when no admin would be left."""
        return await self._change(name, {"disabled_at": now}, end_sessions=True)

    async def enable(self, name: str) -> User:
        """Let him in again."""
        return await self._change(name, {"disabled_at": None})

    async def reset(self, name: str) -> str:
        """Return a new one-time password; his sessions end."""
        password = passwords.one_time()
        hashed = await passwords.hashed(password)
        await self._change(name, {"password_hash": hashed, "must_change": True}, end_sessions=True)
        return password

    async def check(self, name: str, password: str) -> User | None:
        """Return the user this password belongs to; takes as long for an unknown or disabled one."""
        stored, user = await self._stored(name)
        fine = user is not None and user.disabled_at is None
        right = await passwords.matches(password, stored if fine else "")
        if right and passwords.is_old(stored):
            await self._change(name, {"password_hash": await passwords.hashed(password)})
        return user if right else None

    async def change_password(self, name: str, old: str, new: str, *, keep: str = "") -> None:
        """Replace a user's own password; his other sessions end. keep  hash of the session's token that stays.

        Raises InputError when `old` is wrong or `new` will not do.
        """
        passwords.check_new(new, name)
        if await self.check(name, old) is None:
            raise InputError("the present password is wrong")
        if old == new:
            raise InputError("the new password is the old one; expected another")
        hashed = await passwords.hashed(new)
        await self._change(name, {"password_hash": hashed, "must_change": False}, end_sessions=True, keep=keep)

    async def set_phone(self, name: str, phone_id: str) -> str:
        """Let a user publish by phone as `phone_id`, his own digits; return the new PIN. '' takes it away.

        Raises InputError when the digits are wrong or somebody else's.
        """
        if phone_id and not re.fullmatch(r"[0-9]{3,10}", phone_id):
            raise InputError("a phone id has 3 to 10 digits")
        pin = "".join(secrets.choice("0123456789") for _ in range(PIN_DIGITS)) if phone_id else ""
        hashed = await asyncio.to_thread(hash_pin, pin) if phone_id else ""
        async with self.database.write() as connection:
            await _one(connection, name)
            c = db.user.c
            taken = sa.select(c.name).where(c.phone_id == phone_id, c.name != name)
            if phone_id and await connection.scalar(taken):
                raise InputError(f"phone id {phone_id} is somebody else's")
            values = {"phone_id": phone_id, "phone_pin_hash": hashed, "pin_failures": 0, "pin_locked_until": None}
            await connection.execute(sa.update(db.user).where(c.name == name).values(values))
        return pin

    async def check_pin(self, phone_id: str, pin: str, now: datetime) -> User | None:
        """Return the user who publishes by phone as `phone_id`, None when id or PIN is wrong.

        Five wrong ones in a row lock it for 15 minutes, during which the right one is wrong, too.
        """
        c = db.user.c
        async with self.database.read() as connection:
            row = (await connection.execute(sa.select(db.user).where(c.phone_id == phone_id, c.phone_id != ""))).first()
        right = await asyncio.to_thread(pin_matches, pin[:20], row.phone_pin_hash if row else NO_PIN)
        if row is None:
            return None
        async with self.database.write() as connection:
            mine = c.name == row.name
            now_row = (await connection.execute(sa.select(db.user).where(mine, c.phone_id == phone_id))).first()
            if now_row is None or now_row.disabled_at or (now_row.pin_locked_until or now) > now:
                return None
            failures = 0 if right else now_row.pin_failures + 1
            until = now + PIN_LOCK if failures >= PIN_TRIES else None
            values = {"pin_failures": 0 if until else failures, "pin_locked_until": until}
            await connection.execute(sa.update(db.user).where(mine).values(values))
            return _user(now_row) if right else None

    async def _stored(self, name: str) -> tuple[str, User | None]:
        """Return a user's password hash and him; '' and None for an unknown one."""
        if not NAME.fullmatch(name):
            return "", None
        async with self.database.read() as connection:
            row = (await connection.execute(sa.select(db.user).where(db.user.c.name == name))).first()
        return (row.password_hash, _user(row)) if row else ("", None)

    async def _change(
        self, name: str, values: Mapping[str, object], *, end_sessions: bool = False, keep: str = ""
    ) -> User:
        """Change a user's row; raises InputError when he is unknown or no admin would be left."""
        async with self.database.write() as connection:
            before = await _one(connection, name)
            if values:
                await connection.execute(sa.update(db.user).where(db.user.c.name == name).values(dict(values)))
            was_admin = ADMIN in before.roles and before.disabled_at is None
            if was_admin and not await _has_admin(connection):
                raise InputError(f"nobody would be {ADMIN} any more; make somebody else {ADMIN} first")
            if end_sessions:
                c = db.web_session.c
                await connection.execute(sa.delete(db.web_session).where(c.user == name, c.token_hash != keep))
            return await _one(connection, name)


def known_roles(roles: Collection[str]) -> tuple[str, ...]:
    """Return `roles` in their usual order. Raises InputError for none and for unknown ones."""
    for role in roles:
        if role not in ROLES:
            near = nearest(role[:40], ROLES)
            hint = f"; did you mean {near!r}?" if near else ""
            raise InputError(f"there is no role {role[:40]!r}; expected some of {', '.join(ROLES)}{hint}")
    if not roles:
        raise InputError(f"no role was given; expected some of {', '.join(ROLES)}")
    return tuple(role for role in ROLES if role in roles)


def _new(name: str, roles: Collection[str], password_hash: str) -> dict[str, Any]:
    return {
        "name": name, "password_hash": password_hash, "roles": list(roles), "language": "", "agent_id": "",
        "must_change": True, "phone_id": "", "phone_pin_hash": "", "pin_failures": 0, "pin_locked_until": None,
        "created_at": datetime.now(UTC), "disabled_at": None,
    }  # fmt: skip


async def _has_admin(connection: AsyncConnection) -> bool:
    """Is anybody admin who is not disabled?"""
    rows = await connection.execute(sa.select(db.user.c.roles).where(db.user.c.disabled_at.is_(None)))
    return any(ADMIN in row.roles for row in rows)


async def _one(connection: AsyncConnection, name: str) -> User:
    row = (await connection.execute(sa.select(db.user).where(db.user.c.name == name))).first()
    if row:
        return _user(row)
    names = [each.name for each in await connection.execute(sa.select(db.user.c.name))]
    near = nearest(name[:40], names)
    raise InputError(f"there is no user {name[:40]!r}" + (f"; did you mean {near!r}?" if near else ""))


def _user(row: Any) -> User:
    return User(row.name, tuple(row.roles), row.language, row.agent_id, row.must_change, row.phone_id,
                row.created_at, row.disabled_at)  # fmt: skip
