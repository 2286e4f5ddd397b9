"""Over a real Redis: a new version is at every controller at once, each of them answers, and Redis may be away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
from redis.asyncio import Redis

from ivr import hints
from ivr.answers import DIALPLANS
from ivr.settings import Settings
from ivr.versions import live as module
from ivr.versions.live import LiveDialplans
from ivr.versions.model import Content
from ivr.versions.publish import Publisher
from tests.support.desk import opened
from tests.support.redis import RealRedis, real_redis
from tests.support.versions import content, steps, versions_settings, write
from tests.support.wait import until

pytestmark = pytest.mark.real


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RealRedis]:
    async with real_redis(tmp_path) as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = versions_settings(tmp_path)
    write(settings)
    return settings


class Controllers:
    """Some controllers on one database and Redis, with a poll of ten seconds: only hints make them quick."""

    def __init__(self, settings: Settings, server: RealRedis, names: str) -> None:
        self.settings, self.server, self.names = settings, server, names
        self.stack = AsyncExitStack()
        self.running: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> tuple[Publisher, list[LiveDialplans]]:
        database = await self.stack.enter_async_context(opened(self.settings))
        client = await self.stack.enter_async_context(self.server.client(socket_timeout=6.0))
        found = []
        for name in self.names:
            own = await self.stack.enter_async_context(self.server.client(socket_timeout=1.0))
            live = LiveDialplans(database, own, self.settings, name)
            await live.start()
            self.running.append(asyncio.create_task(live.run()))
            found.append(live)
        await subscribed(client, len(self.names))
        return Publisher(database, client), found

    async def __aexit__(self, *_: object) -> None:
        for task in self.running:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self.stack.aclose()


async def subscribed(client: Redis, controllers: int) -> None:
    async with asyncio.timeout(5):
        while (await client.pubsub_numsub(DIALPLANS.hints))[0][1] < controllers:
            await asyncio.sleep(0.02)


async def test_every_controller_answers(
    server: RealRedis, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The publisher returns when all of them have it, in well under the poll's time."""
    monkeypatch.setattr(module, "POLL_S", 10.0)
    async with Controllers(settings, server, "ab") as (publisher, controllers):
        outcome = await publisher.publish(content(settings, "two"), "", author="anna")
        followed = [steps(each.edition("1.1", "100")) for each in controllers]

    assert [{"two"}, {"two"}] == followed
    assert (2, ["a", "b"], ()) == (outcome.heard.listening, sorted(outcome.heard.taken), outcome.heard.refused)
    assert outcome.heard.after_ms < 2000
    assert "" == outcome.heard.note


async def test_a_controller_that_refuses_is_named(
    server: RealRedis, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its reason."""
    monkeypatch.setattr(module, "POLL_S", 10.0)
    async with Controllers(settings, server, "a") as (publisher, _):
        made = content(settings, "two")
        flow = made.files["flows/main.toml"].replace('"say"', '"sing"')
        newer = Content("0123456789ab", {**made.files, "flows/main.toml": flow}, made.prompt_keys)
        outcome = await publisher.publish(newer, "", author="newer")

    ((name, why),) = outcome.heard.refused
    assert "a" == name
    assert "there is no kind 'sing'" in why
    assert () == outcome.heard.taken


async def test_without_redis_it_is_live_by_the_poll(
    server: RealRedis, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The publisher says that it could not ask."""
    monkeypatch.setattr(module, "POLL_S", 0.05)
    monkeypatch.setattr(hints, "BACK_OFF_S", (0.05, 0.1))
    async with Controllers(settings, server, "a") as (publisher, (live,)):
        await server.stop()
        outcome = await publisher.publish(content(settings, "two"), "", author="anna")
        await until(lambda: steps(live.edition("1.1", "100")) == {"two"})
        await server.start()

    assert "Redis" in outcome.heard.note


async def test_without_a_controller_nobody_answers(server: RealRedis, settings: Settings) -> None:
    """It is live all the same."""
    async with Controllers(settings, server, "") as (publisher, _):
        outcome = await publisher.publish(content(settings, "two"), "", author="anna")

    assert outcome.change is not None
    assert (0, ()) == (outcome.heard.listening, outcome.heard.taken)
