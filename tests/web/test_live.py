"""The page Live and its API over a real Redis: what is shown, how soon, to how many, and at what cost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fastapi import FastAPI

from ivr.settings import Settings
from ivr.web.event_stream import EventStream
from ivr.web.pieces import Pieces, Shown
from routing.model import AgentProfile
from routing.router import Router
from tests.support.desk import desk_settings, take_away
from tests.support.floor import INTERNET, NOBODY, add_agents, add_records, controller, make_busy
from tests.support.page_client import application, client_of
from tests.support.redis import RealRedis, real_redis

pytestmark = pytest.mark.real
DIALPLANS = Path(__file__).parents[2] / "dialplans"
ANNA = AgentProfile("anna", "p1", {"internet": 5}, name="Anna")


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RealRedis]:
    async with real_redis(tmp_path) as server:
        yield server


@pytest.fixture
def conf(redis: RealRedis, tmp_path: Path) -> Settings:
    return desk_settings(tmp_path, redis_url=redis.url, dialplans=DIALPLANS)


@pytest.fixture
async def app(conf: Settings) -> AsyncIterator[FastAPI]:
    async with application(conf) as app:
        yield app


@pytest.fixture
async def router(conf: Settings) -> AsyncIterator[Router]:
    async with controller(conf) as router:
        yield router


async def test_the_page_shows_calls_queues_agents_and_the_day(app: FastAPI, router: Router, conf: Settings) -> None:
    """Waiting, ringing, talking and menu calls are counted; numbers are masked; a queue nobody serves has an alarm."""
    await make_busy(router, await add_agents(app.state.parts.database, 10), 12)
    calls = [call.call_id for call in (await router.snapshot()).calls]
    await add_records(app.state.parts.database, conf, calls)
    async with client_of(app, ["ops"]) as client:
        page = (await client.get("/live")).text
        told = (await client.get("/api/v1/live")).json()

    states = [call["state"] for call in told["calls"]]
    for name in ("menu", "waiting", "ringing", "talking"):
        assert f'data-piece="n/{name}">{states.count(name)}<' in page
    assert {"menu": 2, "waiting": 14, "ringing": 2, "talking": 6} == {name: states.count(name) for name in set(states)}
    assert all("***" in call["caller"] for call in told["calls"])
    assert "+4860" not in page
    assert {"internet", "billing"} <= {queue["name"] for queue in told["queues"]}
    today = datetime.now(ZoneInfo(conf.timezone))
    assert page.count('<rect class="') >= (today.hour * 60 + today.minute) // 15  # a bar at least for each quarter hour
    assert "a00" in [agent["agent_id"] for agent in told["agents"]]
    assert 15 == len(told["ended"])


async def test_who_may_not_see_it_sees_nothing(app: FastAPI) -> None:
    async with client_of(app, ["agent"]) as client:
        answers = [await client.get(path) for path in ("/live", "/live/events", "/api/v1/live", "/api/v1/queues")]
    async with client_of(app, ["ops"]) as client:
        moved = await client.post("/api/v1/calls/1.1/move", json={"queue": "support"})

    assert [403] * 4 == [answer.status_code for answer in answers]
    assert 403 == moved.status_code


async def test_a_reader_gets_what_is_new_and_after_a_break_only_that(app: FastAPI, router: Router) -> None:
    """One change is a small message; who was away gets the difference; who comes from another process gets all."""
    pieces = _pieces(app)
    await router.enqueue("1.1", "internet", INTERNET)
    first = await pieces.now()
    events = pieces.events(pieces.name_of(first))
    await router.enqueue("1.2", "internet", INTERNET)
    change = await _next_change(events)
    await router.abandon("1.1")
    later = await _next_change(events)
    again = await _next_change(pieces.events(pieces.name_of(first)))
    whole = await _next_change(pieces.events("abcdef-1"))

    assert "call/1.2" in change["set"]
    assert "call/1.1" not in change["set"]
    assert ("call/1.2",) == tuple(later["lists"]["calls"])
    assert "call/1.2" in again["set"]
    assert "n/menu" not in again["set"]
    assert whole["set"].keys() == (await pieces.now()).pieces.keys()


async def test_a_change_in_redis_is_told_within_a_second_under_load(app: FastAPI, router: Router) -> None:
    """300 calls wait, 50 agents are in: a change is with 50 readers in less than 1 s, unless the machine stalls."""
    await make_busy(router, await add_agents(app.state.parts.database, 50), 300)
    pieces, clock = _pieces(app), asyncio.get_running_loop().time
    await pieces.now()
    took_s: list[float] = []
    async with contextlib.AsyncExitStack() as stack:
        readers = [pieces.events("") for _ in range(50)]
        for each in readers:
            await anext(each)
            stack.enter_context(app.state.parts.watching.seat())
        for n in range(6):
            began = clock()
            await router.enqueue(f"new.{n}", "internet", INTERNET, emergency=True)
            async with asyncio.timeout(5):
                await asyncio.gather(*(_until(each, f"call/new.{n}") for each in readers))
            took_s.append(clock() - began)
            await asyncio.sleep(0.13 * n)  # so that changes come at any time between two looks

    assert statistics.median(took_s) < 1.0, took_s


async def test_fifty_readers_cost_redis_no_more_than_one(app: FastAPI, router: Router, redis: RealRedis) -> None:
    """The commands of one look, however many watch; and none when nobody does."""
    await make_busy(router, await add_agents(app.state.parts.database, 10), 20)
    looks = []
    for many in (1, 50):
        async with _reading(app, many):
            looks.append(await _commands_per_look(app, redis))

    assert looks[1] <= looks[0] * 1.2, looks
    assert looks[0] < 3 * 50


async def test_without_redis_the_page_says_since_when_there_is_no_news(
    app: FastAPI, router: Router, redis: RealRedis
) -> None:
    """No stale numbers: dashes, and a banner with the time; when Redis is back the numbers are, too."""
    await router.sign_in(ANNA)
    pieces = _pieces(app)
    before = await pieces.now()
    await redis.stop()
    async with asyncio.timeout(20):
        lost = await _until_shown(pieces, lambda shown: "Redis" in shown.pieces["trouble"])
    await redis.start()
    await router.sign_in(ANNA)
    async with asyncio.timeout(20):
        back = await _until_shown(pieces, lambda shown: "Redis" not in shown.pieces["trouble"])

    assert ">1<" in before.pieces["n/ready"]
    assert ">–<" in lost.pieces["n/ready"]
    assert () == lost.lists["agents"]
    assert ">1<" in back.pieces["n/ready"]


async def test_without_a_database_calls_in_line_are_shown_all_the_same(
    app: FastAPI, router: Router, conf: Settings
) -> None:
    await router.enqueue("1.1", "internet", INTERNET)
    pieces = _pieces(app)
    await pieces.now()
    await app.state.parts.database.close()
    take_away(conf)
    shown = await _until_shown(pieces, lambda shown: "database" in shown.pieces["trouble"])

    assert ("call/1.1",) == shown.lists["calls"]
    assert ">1<" in shown.pieces["n/waiting"]
    assert ">–<" in shown.pieces["n/level"]


async def test_a_supervisor_moves_a_call_and_changes_its_priority(app: FastAPI, router: Router) -> None:
    """By page and API; the panel tells why it waits, and every change is in the audit log."""
    await router.enqueue("1.1", "internet", NOBODY)
    async with client_of(app, ["supervisor"]) as client:
        queues = [queue["name"] for queue in (await client.get("/api/v1/queues")).json()["queues"]]
        wanted = next(name for name in queues if name != "internet")
        panel = (await client.get("/live/calls/1.1", headers={"HX-Request": "true"})).text
        moved = await client.post("/live/calls/1.1/move", data={"queue": wanted}, headers={"HX-Request": "true"})
        raised = await client.post("/api/v1/calls/1.1/priority", json={"priority": 7, "emergency": True})
        refused = await client.post("/api/v1/calls/1.1/move", json={"queue": "nowhere"})
        gone = await client.post("/api/v1/calls/9.9/priority", json={"priority": 7})
        too_much = await client.post("/api/v1/calls/1.1/priority", json={"priority": 101})
        call = (await router.snapshot()).calls[0]
    entries = await app.state.parts.audit.list()

    assert "wizardry &gt;= 1" in panel
    assert 'action="/live/calls/1.1/move"' in panel
    assert f"waits in queue {wanted}, place 1" in moved.text
    assert {"call": "1.1", "place": 1} == raised.json()
    assert (wanted, 7, True) == (call.queue, call.priority, call.emergency)
    assert [422] * 3 == [answer.status_code for answer in (refused, gone, too_much)]
    assert {"call.move", "call.priority"} <= {entry.what for entry in entries}


async def test_who_looks_is_no_controller(app: FastAPI, router: Router, redis: RealRedis) -> None:
    """Nothing is written to Redis by looking."""
    await router.enqueue("1.1", "internet", INTERNET)
    async with contextlib.aclosing(redis.client()) as client:
        before = sorted([key async for key in client.scan_iter()])
        async with client_of(app, ["ops"]) as page:
            await page.get("/live")
            await page.get("/live/calls/1.1")
        await app.state.parts.watching.wait_newer(app.state.parts.watching.number + 1, 5)
        after = sorted([key async for key in client.scan_iter()])
        controllers = await client.zrange("hotline:{main}:controllers", 0, -1)

    assert before == [key for key in after if ":reply:" not in key or key in before]
    assert ["busy"] == controllers


async def test_a_reader_too_slow_is_dropped_and_one_too_many_is_refused(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ivr.web import event_stream, watching

    monkeypatch.setattr(event_stream, "SLOW_S", 0.05)
    pieces = _pieces(app)
    stuck = asyncio.Event()

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.body":
            await stuck.wait()

    async def receive() -> dict[str, str]:
        await stuck.wait()
        return {"type": "http.disconnect"}

    async with asyncio.timeout(10):
        await EventStream(app.state.parts.watching, pieces.events(""))({}, receive, send)  # type: ignore[arg-type]
    monkeypatch.setattr(watching, "WATCHERS_MOST", 0)
    async with client_of(app, ["ops"]) as client:
        refused = await client.get("/live/events")

    assert 0 == app.state.parts.watching.watchers
    assert 503 == refused.status_code


def test_what_is_new_is_all_that_is_sent() -> None:
    before = Shown(1, {"a": "1", "b": "2"}, {"rows": ("a", "b")})

    assert {"set": {"b": "3"}, "lists": {}} == json.loads(
        Shown(2, {"a": "1", "b": "3"}, {"rows": ("a", "b")}).since(before)
    )
    assert {"set": {}, "lists": {"rows": ["b"]}} == json.loads(Shown(2, {"b": "2"}, {"rows": ("b",)}).since(before))
    assert "" == Shown(3, before.pieces, before.lists).since(before)


# -- shared


def _pieces(app: FastAPI, language: str = "en") -> Pieces:
    from types import SimpleNamespace

    from ivr.web.watched_pages import pieces_of

    return pieces_of(SimpleNamespace(app=app), "live", language)  # type: ignore[arg-type]


async def _next_change(events: AsyncIterator[str]) -> dict[str, dict[str, object]]:
    async with asyncio.timeout(10):
        async for text in events:
            if "event: change" in text:
                found: dict[str, dict[str, object]] = json.loads(text.partition("data: ")[2])
                return found
    raise AssertionError("the events ended")


async def _until(events: AsyncIterator[str], name: str) -> None:
    while name not in (await _next_change(events))["set"]:
        pass


async def _until_shown(pieces: Pieces, right: object) -> Shown:
    while True:
        shown = await pieces.now()
        if right(shown):  # type: ignore[operator]
            return shown
        await pieces.watching.wait_newer(shown.number, 3)


@contextlib.asynccontextmanager
async def _reading(app: FastAPI, many: int) -> AsyncIterator[None]:
    pieces = _pieces(app)

    async def read() -> None:
        with app.state.parts.watching.seat():
            async for _ in pieces.events(""):
                pass

    tasks = [asyncio.create_task(read()) for _ in range(many)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _commands_per_look(app: FastAPI, redis: RealRedis) -> float:
    """Count what the page asks of Redis in four looks: reads only it makes (whole records)."""
    watching = app.state.parts.watching
    await watching.wait_newer(watching.number + 1, 5)
    async with contextlib.aclosing(redis.client()) as client:
        counted = []
        for _ in range(2):
            stats = await client.info("commandstats")
            asked = sum(each["calls"] for name, each in stats.items() if name.startswith("cmdstat_hgetall"))
            counted.append((watching.number, asked))
            for _ in range(4):
                await watching.wait_newer(watching.number, 5)
    (first, before), (last, after) = counted
    return float(after - before) / (last - first)
