"""Agents: who may take calls, on which phone, with which skills. Rows in SQL; who is signed in is in Redis.

Called by the command line, `agent_codes.py` (PIN, profile) and set-up (phones).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ivr import db
from ivr.db import Database
from ivr.errors import DatabaseError, InputError, nearest

if TYPE_CHECKING:
    from routing.model import AgentProfile

PIN_DIGITS = 6
PIN_LEAST, PIN_MOST = 4, 8
LEVELS = (1, 10)
SCRYPT = {"n": 2**14, "r": 8, "p": 1}  # about 50 ms: an agent enters three PINs a call at most


@dataclass(frozen=True)
class Agent:
    """One agent. endpoint  random name of his phone, its SIP user name as well.  skills  name -> level 1 to 10."""

    agent_id: str
    name: str
    endpoint: str
    sip_password: str
    pin_hash: str
    skills: Mapping[str, int]
    ring_s: int = 20
    wrap_up_s: int = 10


@dataclass(frozen=True)
class Added:
    """A new agent and his PIN, which is kept nowhere else."""

    agent: Agent
    pin: str


class Agents:
    """The agent table."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def add(
        self, agent_id: str, *, name: str = "", skills: Mapping[str, int], pin: str = "",
        ring_s: int = 20, wrap_up_s: int = 10,
    ) -> Added:  # fmt: skip
        """Add an agent with a phone of his own; a PIN is chosen when none is given.

        Raises InputError when a value is wrong or the id is taken.
        """
        check(agent_id, skills, pin, ring_s, wrap_up_s)
        pin = pin or "".join(secrets.choice("0123456789") for _ in range(PIN_DIGITS))
        hashed = await asyncio.to_thread(hash_pin, pin)
        agent = Agent(
            agent_id, name.strip() or agent_id, f"a{secrets.token_hex(6)}", secrets.token_urlsafe(24), hashed,
            dict(skills), ring_s, wrap_up_s,
        )  # fmt: skip
        try:
            async with self.database.write() as connection:
                await connection.execute(sa.insert(db.agent).values({**_row(agent), "added_at": datetime.now(UTC)}))
        except DatabaseError as error:
            if isinstance(error.__cause__, IntegrityError):
                raise InputError(f"there is an agent {agent_id!r} already") from error
            raise
        return Added(agent, pin)

    async def list(self) -> tuple[Agent, ...]:
        """Return all agents by id."""
        async with self.database.read() as connection:
            rows = (await connection.execute(sa.select(db.agent).order_by(db.agent.c.agent_id))).all()
        return tuple(_agent(row) for row in rows)

    async def get(self, agent_id: str) -> Agent:
        """Return one agent. Raises InputError naming the nearest id."""
        known = {agent.agent_id: agent for agent in await self.list()}
        if agent_id in known:
            return known[agent_id]
        near = nearest(agent_id, known)
        hint = f"; did you mean {near!r}?" if near else "; `ivr agent list` shows them"
        raise InputError(f"there is no agent {agent_id!r}{hint}")

    async def by_endpoint(self, endpoint: str) -> Agent | None:
        """Return the agent whose phone this is."""
        async with self.database.read() as connection:
            found = await connection.execute(sa.select(db.agent).where(db.agent.c.endpoint == endpoint))
            row = found.first()
        return _agent(row) if row else None

    async def remove(self, agent_id: str) -> Agent:
        """Remove an agent; return what he was. Raises InputError naming the nearest id."""
        agent = await self.get(agent_id)
        async with self.database.write() as connection:
            await connection.execute(sa.delete(db.agent).where(db.agent.c.agent_id == agent_id))
        return agent

    async def change(self, agent_id: str, *, skills: Mapping[str, int] | None = None, pin: str = "") -> Agent:
        """Replace an agent's skills, his PIN, or both."""
        agent = await self.get(agent_id)
        check(agent_id, skills if skills is not None else agent.skills, pin, agent.ring_s, agent.wrap_up_s)
        if pin:
            agent = replace(agent, pin_hash=await asyncio.to_thread(hash_pin, pin))
        agent = replace(agent, skills=dict(skills) if skills is not None else agent.skills)
        async with self.database.write() as connection:
            await connection.execute(sa.update(db.agent).where(db.agent.c.agent_id == agent_id).values(_row(agent)))
        return agent

    async def check_pin(self, agent_id: str, pin: str) -> bool:
        """Is it his PIN? Takes as long for an unknown agent."""
        async with self.database.read() as connection:
            stored = await connection.scalar(sa.select(db.agent.c.pin_hash).where(db.agent.c.agent_id == agent_id))
        right = await asyncio.to_thread(pin_matches, pin, stored or NO_PIN)
        return bool(stored) and right

    @staticmethod
    def profile(agent: Agent) -> AgentProfile:
        """Return how the router knows an agent."""
        from routing.model import AgentProfile

        return AgentProfile(
            agent_id=agent.agent_id, endpoint=agent.endpoint, skills=dict(agent.skills), ring_s=agent.ring_s,
            wrap_up_s=agent.wrap_up_s, name=agent.name,
        )  # fmt: skip


def check(agent_id: str, skills: Mapping[str, int], pin: str, ring_s: int, wrap_up_s: int) -> None:
    """Raise InputError for what an agent cannot have."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,39}", agent_id):
        raise InputError(
            f"agent id {agent_id!r}: expected up to 40 of a-z, 0-9, _ . -, beginning with a letter or digit"
        )
    if not skills:
        raise InputError(f"agent {agent_id} has no skill; expected --skill NAME:LEVEL, for example --skill internet:5")
    if pin and not (pin.isascii() and pin.isdigit() and PIN_LEAST <= len(pin) <= PIN_MOST):
        raise InputError(f"a PIN is entered on a phone: expected {PIN_LEAST} to {PIN_MOST} digits")
    if not 5 <= ring_s <= 120:
        raise InputError(f"ring time {ring_s} s; expected 5 to 120")
    if not 0 <= wrap_up_s <= 3600:
        raise InputError(f"wrap-up time {wrap_up_s} s; expected 0 to 3600")


def skill(text: str) -> tuple[str, int]:
    """Read `internet:5`, or `internet` for level 5. Raises InputError."""
    name, _, level = text.strip().lower().partition(":")
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,63}", name):
        raise InputError(f"skill {text!r}: expected NAME:LEVEL, the name of a-z, 0-9, _ . -")
    if level and not (level.isascii() and level.isdigit() and LEVELS[0] <= int(level) <= LEVELS[1]):
        raise InputError(f"skill {text!r}: level {level!r}; expected a number from {LEVELS[0]} to {LEVELS[1]}")
    return name, int(level or 5)


def hash_pin(pin: str) -> str:
    """Return a salted hash of `pin`; every call returns another."""
    salt = secrets.token_bytes(16)
    return f"scrypt${salt.hex()}${hashlib.scrypt(pin.encode(), salt=salt, **SCRYPT).hex()}"


def pin_matches(pin: str, stored: str) -> bool:
    """Is `stored` a hash of `pin`?"""
    _, salt, wanted = stored.split("$")
    found = hashlib.scrypt(pin.encode(), salt=bytes.fromhex(salt), **SCRYPT).hex()
    return hmac.compare_digest(found, wanted)


NO_PIN = f"scrypt${'00' * 16}${'00' * 64}"


def _row(agent: Agent) -> dict[str, Any]:
    return {
        "agent_id": agent.agent_id, "name": agent.name, "endpoint": agent.endpoint,
        "sip_password": agent.sip_password, "pin_hash": agent.pin_hash, "skills": dict(agent.skills),
        "ring_s": agent.ring_s, "wrap_up_s": agent.wrap_up_s,
    }  # fmt: skip


def _agent(row: Any) -> Agent:
    return Agent(row.agent_id, row.name, row.endpoint, row.sip_password, row.pin_hash, row.skills, row.ring_s,
                 row.wrap_up_s)  # fmt: skip
