"""A busy floor for tests and pictures: agents, waiting calls and today's records, on a real Redis and a database."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from redis.asyncio import Redis

from ivr import db
from ivr.db import Database
from ivr.desk.agents import Agents, Change
from ivr.settings import Settings
from ivr.web.watching import end
from routing.model import AgentProfile, Need, Plan
from routing.router import Router

NAMES = ("Anna Nowak", "Bartek Wójcik", "Celina Dąb", "Dmitrij Iwanow", "Ewa Kos", "Filip Mazur", "Gosia Lis")
SKILLS = ("internet", "billing", "tv", "mobile", "sales")
LANGUAGES = (("pl",), ("pl", "en"), ("ru", "pl"))
ENDS = ("agent", "agent", "announced", "abandoned", "agent", "hung_up", "announced", "completed")
INTERNET, BILLING, NOBODY = Plan(Need("internet")), Plan(Need("billing>=3")), Plan(Need("wizardry"))


@contextlib.asynccontextmanager
async def controller(settings: Settings) -> AsyncIterator[Router]:
    """A router that runs, as a controller's does."""
    async with contextlib.aclosing(Redis.from_url(settings.redis_address, decode_responses=True)) as client:
        router = Router(client, controller_id="busy")
        await router.start()
        running = asyncio.create_task(router.run())
        try:
            yield router
        finally:
            await end([running])
            await router.close()


async def add_agents(database: Database, many: int) -> list[AgentProfile]:
    """Add agents a00, a01, ... with skills, languages and projects; return how the router knows them."""
    agents = Agents(database)
    changes = {
        f"a{n:02}": Change(
            name=f"{NAMES[n % len(NAMES)]} {n // len(NAMES) + 1}", languages=LANGUAGES[n % 3], pin="1234",
            skills={skill: 1 + (n * 3 + k * 2) % 10 for k, skill in enumerate(SKILLS) if k < 3 or (n + k) % 2},
            projects=("acme",) if n % 2 else ("acme", "provider"),
        ) for n in range(many)
    }  # fmt: skip
    await agents.put(changes)
    return [Agents.profile(agent) for agent in await agents.list()]


async def make_busy(router: Router, profiles: list[AgentProfile], waiting: int) -> None:
    """Sign all agents in: one in five rests, the others talk; `waiting` calls wait, two of them for nobody."""
    for n, profile in enumerate(profiles):
        await router.sign_in(profile)
        if n % 5 == 4:
            await router.pause(profile.agent_id, ("lunch", "training", "")[n % 3])
    talks = len(profiles)
    for n in range(talks):
        placed = await router.enqueue(f"1767.{n}", "internet", INTERNET)
        if placed and placed.offer and n % 6:
            await router.accept(placed.offer)
    for n in range(waiting):
        plan, queue = ((INTERNET, "internet"), (BILLING, "billing"), (INTERNET, "sales"))[n % 3]
        await router.enqueue(f"1768.{n}", queue, NOBODY if n < 2 else plan, priority=n % 4, emergency=n == 7)


async def add_records(database: Database, settings: Settings, living: list[str], now: datetime | None = None) -> None:
    """Add today's and yesterday's calls, ended in all ways, and those that are up: `living` and two in a menu."""
    now = now or datetime.now(UTC)
    rows = []
    for n in range(900):
        at = now - timedelta(minutes=3 * n + 2)
        end = ENDS[(n * 7) % len(ENDS)]
        if (n // 20) % 3 == 0 and n % 2:
            end = "announced"
        talked = end == "agent"
        queue = "internet" if n % 3 else "billing"
        rows.append(row(
            f"old.{n}", at, disposition=end, ended_at=at + timedelta(minutes=2),
            queue=queue if end in ("agent", "abandoned") else "", agent_id=f"a{n % 7:02}" if talked else "",
            wait_ms=(n * 1700) % 45_000 if end in ("agent", "abandoned") else None, talk_ms=95_000 if talked else None,
        ))  # fmt: skip
    rows += [row(call_id, now - timedelta(minutes=4), queue="internet") for call_id in living]
    rows += [row(f"menu.{n}", now - timedelta(seconds=20 * n + 5)) for n in range(2)]
    async with database.write() as connection:
        await connection.execute(sa.insert(db.call), rows)


def row(call_id: str, started_at: datetime, **values: object) -> dict[str, object]:
    """Return a row of the table `call`."""
    number = sum(map(ord, call_id)) * 7919 % 10**7
    return {
        "call_id": call_id, "ani": f"+4860{number:07}", "dnis": "100", "project": "", "flow": "main",
        "flow_version": "v1", "language": "pl", "started_at": started_at, "ended_at": None, "queue": "",
        "wait_ms": None, "agent_id": "", "offers": 0, "talk_ms": None, "announcements": [], "disposition": "",
        "end_reason": "", **values,
    }  # fmt: skip
