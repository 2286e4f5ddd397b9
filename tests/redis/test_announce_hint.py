"""Over a real Redis: a published announcement is on the phones at once, and Redis may come and go."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from ivr import hints
from ivr.announce import live as module
from ivr.announce.live import Live
from ivr.announce.model import Target
from ivr.announce.publish import Draft, Publisher
from ivr.db import Database
from tests.support.desk import NOW, FakeMaker, desk_settings, opened
from tests.support.redis import RealRedis, real_redis
from tests.support.wait import until

pytestmark = pytest.mark.real
OUTAGE = Draft(Target(), {"pl": "Awaria."})


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RealRedis]:
    async with real_redis(tmp_path) as running:
        yield running


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(desk_settings(tmp_path)) as database:
        yield database


async def test_the_hint_is_quicker_than_the_poll(
    server: RealRedis, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a poll of ten seconds, posting returns after the controller has it, in well under two."""
    monkeypatch.setattr(module, "POLL_S", 10.0)
    async with server.client(socket_timeout=1.0) as mine, server.client(socket_timeout=1.0) as its:
        live = Live(database, its, database.settings, clock=lambda: NOW)
        running = asyncio.create_task(live.run())
        await live.wait_loaded()
        await until(lambda: live.snapshot.version == 0)
        await subscribed(mine)
        began = time.monotonic()
        outcome = await Publisher(database, database.settings, mine, FakeMaker()).post(OUTAGE, "ops", NOW)
        took = time.monotonic() - began
        await end(running)

    assert 1 == len(live.snapshot.announcements)
    assert outcome.heard_after_s is not None
    assert took < 1.5
    assert not [warning for warning in outcome.warnings if "Redis" in warning or "controller" in warning]


async def test_without_a_controller_it_is_said(server: RealRedis, database: Database) -> None:
    """The announcement is live all the same."""
    async with server.client() as client:
        outcome = await Publisher(database, database.settings, client, FakeMaker()).post(OUTAGE, "ops", NOW)

    assert outcome.heard_after_s is None
    assert "no running controller has answered: callers hear it as soon as one runs" in outcome.warnings


async def test_redis_may_die_and_come_back(
    server: RealRedis, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile the poll carries on; afterwards hints are heard again."""
    monkeypatch.setattr(module, "POLL_S", 0.05)
    monkeypatch.setattr(hints, "BACK_OFF_S", (0.05, 0.1))
    async with server.client(socket_timeout=0.5, socket_connect_timeout=0.5) as client:
        live = Live(database, client, database.settings, clock=lambda: NOW)
        running = asyncio.create_task(live.run())
        await live.wait_loaded()
        await server.stop()
        outcome = await Publisher(database, database.settings, client, FakeMaker()).post(OUTAGE, "ops", NOW)
        await until(lambda: live.snapshot.announcements)
        await server.start()
        await subscribed(client)
        await end(running)

    assert any("Redis" in warning for warning in outcome.warnings)


async def subscribed(client: object) -> None:
    """Wait until a controller listens for hints."""
    async with asyncio.timeout(5):
        while True:
            with suppress(RedisError):  # a connection from before the restart
                if (await client.pubsub_numsub("hotline:announcements"))[0][1]:  # type: ignore[attr-defined]
                    return
            await asyncio.sleep(0.02)


async def end(running: asyncio.Task[None]) -> None:
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
