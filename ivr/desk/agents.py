"""Agents: who may take calls, on which phone, with which skills. Rows in SQL; who is signed in is in Redis.

Called by the command line, `agent_codes.py` (PIN, profile), set-up (phones) and `agent_file.py` (import).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr import db
from ivr.call import LANGUAGE_SKILL
from ivr.db import Database
from ivr.desk.agent_values import LEVELS, check
from ivr.errors import InputError, nearest

if TYPE_CHECKING:
    from routing.model import AgentProfile

PIN_DIGITS = 6
SCRYPT = {"n": 2**14, "r": 8, "p": 1}  # about 50 ms: an agent enters three PINs a call at most

Guard = Callable[[Sequence["Agent"], Sequence["Agent"]], None]
"""Given all agents before and after a change, raises to refuse it."""


@dataclass(frozen=True)
class Agent:
    """One agent.

    endpoint  random name of his phone, its SIP user name as well.  skills  name -> level 1 to 10.  projects  client
    companies he works for.  languages  he speaks with callers, his own first.  roster  when he works, '' for any hour.
    """

    agent_id: str
    name: str
    endpoint: str
    sip_password: str
    pin_hash: str
    skills: Mapping[str, int]
    ring_s: int = 20
    wrap_up_s: int = 10
    projects: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    roster: str = ""

    @property
    def all_skills(self) -> dict[str, int]:
        """Return his skills with languages among them: `lang/pl`, at the best level unless given as a skill."""
        return {**{LANGUAGE_SKILL + language: LEVELS[1] for language in self.languages}, **self.skills}


@dataclass(frozen=True)
class Added:
    """A new agent and his PIN, which is kept nowhere else."""

    agent: Agent
    pin: str


@dataclass(frozen=True)
class Put:
    """What `put` did. same  agents that were so already."""

    added: tuple[Added, ...]
    changed: tuple[Agent, ...]
    same: int


@dataclass(frozen=True)
class Change:
    """What of an agent is to be replaced. None: stays as it is.  pin  '' stays as well."""

    name: str | None = None
    skills: Mapping[str, int] | None = None
    pin: str = ""
    ring_s: int | None = None
    wrap_up_s: int | None = None
    projects: tuple[str, ...] | None = None
    languages: tuple[str, ...] | None = None
    roster: str | None = None

    def of(self, agent: Agent) -> Agent:
        """Return `agent` with everything but the PIN replaced. Raises InputError for what an agent cannot have."""
        given = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "pin"}
        changed = replace(agent, **{name: value for name, value in given.items() if value is not None})
        check(changed, self.pin)
        return changed


class Agents:
    """The agent table."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def add(
        self, agent_id: str, *, name: str = "", skills: Mapping[str, int], pin: str = "",
        ring_s: int = 20, wrap_up_s: int = 10, projects: tuple[str, ...] = (), languages: tuple[str, ...] = (),
        roster: str = "",
    ) -> Added:  # fmt: skip
        """Add an agent with a phone of his own; a PIN is chosen when none is given.

        Raises InputError when a value is wrong or the id is taken.
        """
        change = Change(name.strip() or agent_id, skills, pin, ring_s, wrap_up_s, projects, languages, roster)
        change.of(Agent(agent_id, agent_id, "", "", "", {}))
        if any(each.agent_id == agent_id for each in await self.list()):
            raise InputError(f"there is an agent {agent_id!r} already; `ivr agent edit` changes him")
        return (await self.put({agent_id: change})).added[0]

    async def list(self) -> tuple[Agent, ...]:
        """Return all agents by id."""
        async with self.database.read() as connection:
            return await _all(connection)

    async def get(self, agent_id: str) -> Agent:
        """Return one agent. Raises InputError naming the nearest id."""
        return _named(agent_id, await self.list())

    async def by_endpoint(self, endpoint: str) -> Agent | None:
        """Return the agent whose phone this is."""
        async with self.database.read() as connection:
            found = await connection.execute(sa.select(db.agent).where(db.agent.c.endpoint == endpoint))
            row = found.first()
        return _agent(row) if row else None

    async def remove(self, agent_id: str, guard: Guard | None = None) -> Agent:
        """Remove an agent; return what he was. Raises InputError naming the nearest id."""
        async with self.database.write() as connection:
            before = await _all(connection)
            agent = _named(agent_id, before)
            if guard:
                guard(before, [each for each in before if each != agent])
            await connection.execute(sa.delete(db.agent).where(db.agent.c.agent_id == agent_id))
        return agent

    async def change(self, agent_id: str, change: Change, guard: Guard | None = None) -> Agent:
        """Replace some of what an agent has; return him.

        Raises InputError for a wrong value or id, or what `guard` raises.
        """
        await self.get(agent_id)
        await self.put({agent_id: change}, guard)
        return await self.get(agent_id)

    async def put(self, changes: Mapping[str, Change], guard: Guard | None = None) -> Put:
        """Add the agents that are new, change the others: all or nothing. Raises as `change`."""
        pins = await self._pins(changes)
        async with self.database.write() as connection:
            before = {each.agent_id: each for each in await _all(connection)}
            added, changed = [], []
            for agent_id, change in changes.items():
                pin, hashed = pins.get(agent_id, ("", ""))
                if agent_id not in before:
                    if not hashed:
                        raise InputError(f"agent {agent_id} was removed meanwhile; try again")
                    agent = change.of(Agent(agent_id, agent_id, *_phone(), hashed, {}))
                    added.append(Added(agent, pin))
                elif (agent := change.of(_with_pin(before[agent_id], hashed))) != before[agent_id]:
                    changed.append(agent)
            new = [each.agent for each in added]
            if guard:
                guard(tuple(before.values()), tuple({**before, **{a.agent_id: a for a in (*new, *changed)}}.values()))
            await _insert(connection, new)
            await _update(connection, changed)
        return Put(tuple(added), tuple(changed), len(changes) - len(added) - len(changed))

    async def _pins(self, changes: Mapping[str, Change]) -> dict[str, tuple[str, str]]:
        """Return by agent a new PIN and its hash: for new agents, and where it differs from the one he has."""
        known = {each.agent_id: each for each in await self.list()}

        def made(agent_id: str) -> tuple[str, str]:
            pin = changes[agent_id].pin
            if agent_id in known and (not pin or pin_matches(pin, known[agent_id].pin_hash)):
                return "", ""
            pin = pin or "".join(secrets.choice("0123456789") for _ in range(PIN_DIGITS))
            return pin, hash_pin(pin)

        found = await asyncio.gather(*(asyncio.to_thread(made, agent_id) for agent_id in changes))
        return dict(zip(changes, found, strict=True))

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
            agent_id=agent.agent_id, endpoint=agent.endpoint, skills=agent.all_skills, ring_s=agent.ring_s,
            wrap_up_s=agent.wrap_up_s, name=agent.name, language=next(iter(agent.languages), ""),
            projects=agent.projects,
        )  # fmt: skip


def _phone() -> tuple[str, str]:
    """Return a new phone: a random name nobody can guess, and its password."""
    return f"a{secrets.token_hex(6)}", secrets.token_urlsafe(24)


def _with_pin(agent: Agent, hashed: str) -> Agent:
    return replace(agent, pin_hash=hashed) if hashed else agent


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


async def _all(connection: AsyncConnection) -> tuple[Agent, ...]:
    rows = (await connection.execute(sa.select(db.agent).order_by(db.agent.c.agent_id))).all()
    return tuple(_agent(row) for row in rows)


def _named(agent_id: str, agents: Sequence[Agent]) -> Agent:
    known = {agent.agent_id: agent for agent in agents}
    if agent_id in known:
        return known[agent_id]
    near = nearest(agent_id, known)
    hint = f"; did you mean {near!r}?" if near else "; `ivr agent list` shows them"
    raise InputError(f"there is no agent {agent_id!r}{hint}")


async def _insert(connection: AsyncConnection, agents: Sequence[Agent]) -> None:
    if agents:
        now = datetime.now(UTC)
        await connection.execute(sa.insert(db.agent), [{**_row(agent), "added_at": now} for agent in agents])


async def _update(connection: AsyncConnection, agents: Sequence[Agent]) -> None:
    for agent in agents:
        where = db.agent.c.agent_id == agent.agent_id
        await connection.execute(sa.update(db.agent).where(where).values(_row(agent)))


def _row(agent: Agent) -> dict[str, Any]:
    row = {each.name: getattr(agent, each.name) for each in fields(agent)}
    return {**row, "skills": dict(agent.skills), "projects": list(agent.projects), "languages": list(agent.languages)}


def _agent(row: Any) -> Agent:
    return Agent(row.agent_id, row.name, row.endpoint, row.sip_password, row.pin_hash, row.skills, row.ring_s,
                 row.wrap_up_s, tuple(row.projects), tuple(row.languages), row.roster)  # fmt: skip
