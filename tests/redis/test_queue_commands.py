"""The queue commands over a real Redis and a database: what a supervisor sees, is told, and changes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.call import Call
from ivr.cli import agent as agent_commands
from ivr.cli import queue
from ivr.record import trace as t
from ivr.record.store import Records
from ivr.settings import Settings
from routing.model import AgentProfile, Need, Plan, Policy, Step
from routing.router import Router
from tests.support.desk import NOW, desk_settings, opened
from tests.support.redis import RealRedis
from tests.support.routers import router

pytestmark = pytest.mark.real
DIALPLANS = Path(__file__).parents[2] / "dialplans"
NET = Plan(Need("internet>=3").of_project("provider"), (Step(600, Need("internet"), skip_if_nobody=False),))
Ivr = Callable[..., Awaitable[str]]


@pytest.fixture
def conf(redis: RealRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    conf = desk_settings(tmp_path, redis_url=redis.url, dialplans=DIALPLANS)
    monkeypatch.setattr(queue, "settings", lambda: conf)
    monkeypatch.setattr(agent_commands, "settings", lambda: conf)
    return conf


@pytest.fixture
def ivr(conf: Settings) -> Ivr:
    async def run(*words: str) -> str:
        group = {"queue": queue.command, "agent": agent_commands.command}[words[0]]
        result = await asyncio.to_thread(CliRunner().invoke, group, list(words[1:]))
        return str(result.exception) if result.exception else result.stdout

    return run


@pytest.fixture
async def it(redis: RealRedis) -> AsyncIterator[Router]:
    """A router with anna, who talks to 1.1; 1.2 waits for her, 1.3 for a skill nobody has."""
    async with router(redis, policy=Policy()) as it:
        await it.sign_in(AgentProfile("anna", "p1", {"internet": 4, "lang/pl": 1}, name="Anna", projects=("provider",)))
        first = await it.enqueue("1767.1", "support", NET)
        assert first is not None
        assert first.offer is not None
        await it.accept(first.offer)
        await it.enqueue("1767.2", "support", NET, priority=2)
        await it.enqueue("1767.3", "tv", Plan(Need("tv")))
        yield it


async def test_show_prints_queues_calls_and_agents_for_programs(it: Router, ivr: Ivr) -> None:
    """Off a terminal: tables of tab separated cells, also with --watch, which then ends by itself."""
    lines = (await ivr("queue", "show")).splitlines()
    rows = [line.split("\t") for line in lines]

    assert ["queue", "waiting", "longest", "talking"] == rows[0]
    assert [["support", "1", "1"], ["tv", "1", "0"]] == [[*row[:2], row[3]] for row in rows[1:3]]
    calls = {row[1]: row for row in rows if len(row) == 8}
    assert ["1", "1767.2", "support", "internet >= 3 and project provider", "2", "waiting"] == calls["1767.2"][:6]
    assert ["", "1767.1", "support", "internet >= 3 and project provider", "0", "talking"] == calls["1767.1"][:6]
    assert "anna" == calls["1767.1"][7]
    anna = next(row for row in rows if row[0] == "anna")
    assert ["anna", "Anna", "talking"] == anna[:3]
    assert ["internet 4, lang/pl 1", "provider", "1"] == anna[4:7]
    assert "anna\tAnna\ttalking" in await ivr("agent", "list", "--watch")
    assert len(lines) == len((await ivr("queue", "show", "--watch")).splitlines())


async def test_why_tells_of_calls_that_wait_talk_and_are_unknown(it: Router, ivr: Ivr) -> None:
    """Ids may be cut short at either end; `last` is the youngest; a wrong one names the nearest."""
    async def why(call: str) -> str:
        return re.sub(r"\d+ s\b", "N s", await ivr("queue", "why", call))

    busy, nobody, talks = await why("7.2"), await why("last"), await why("1767.1")
    unknown, several = await why("xyz"), await why("1767")

    assert "why it waits: the only agent who may take it now, anna (Anna), is talking for N s" in busy
    assert "  anna (Anna) gets free\n" in busy
    assert "nobody signed in has what it asks for: no one has tv >= 1" in nobody
    assert "call 1767.1, queue support: talks to anna (Anna) for N s\nwhy anna (Anna): longest idle of 1" in talks
    assert "no call has been recorded yet" == unknown
    assert "'1767' could be call 1767.3, 1767.2, 1767.1" == several


async def test_why_tells_where_a_call_that_ended_went(it: Router, ivr: Ivr, conf: Settings) -> None:
    """From its recorded trace: place, each offer with its reason, refusal, answer; not what was played."""
    async with opened(conf) as database:
        records = Records(database)
        log = records.begin(Call("99.1", "48601234567", "100", "PJSIP/trunk-1"), NOW, language="pl")
        log.add(t.PLAYED, "welcome", prompt="welcome", from_ms=0)
        log.queued("support", 2, "wait")
        log.add(t.OFFERED, "wait", agent="bob", why="longest idle of 2 ready agents (idle 9 s)", token=1, waited_ms=1)
        log.add(t.REFUSED, "wait", agent="bob", cause="reject")
        log.add(t.OFFERED, "wait", agent="anna", why="longest idle of 1 ready agent (idle 3 s)", token=2, waited_ms=2)
        log.add(t.ANSWERED, "wait", agent="anna")
        log.finish("agent")
        other = records.begin(Call("99.2", "48601234567", "100", "PJSIP/trunk-2"), NOW, language="pl")
        other.finish("announcement")
        await records.flush()
    told, never = await ivr("queue", "why", "99.1"), await ivr("queue", "why", "99.2")

    assert [
        "in queue support at position 2",
        "offered to bob: longest idle of 2 ready agents (idle 9 s)",
        "bob rejected it; the caller keeps his place in line",
        "offered to anna: longest idle of 1 ready agent (idle 3 s)",
        "anna answered",
    ] == [line.partition(" ")[2] for line in told.splitlines()[1:6]]
    assert "welcome" not in told
    assert "call 99.1: +48*******67 called 100" in told
    assert "it was never in a queue" in never


async def test_move_and_priority_act_at_once(it: Router, ivr: Ivr, conf: Settings) -> None:
    """A moved call waits by the other queue's rules, in the caller's language, since its first entry."""
    async with opened(conf) as database:
        records = Records(database)
        records.begin(Call("1767.3", "48601234567", "100", "PJSIP/trunk-1"), NOW, language="ru")
        await records.flush()
    before = next(c for c in (await it.snapshot()).calls if c.call_id == "1767.3")
    moved = await ivr("queue", "move", "1767.3", "support")
    after = next(c for c in (await it.snapshot()).calls if c.call_id == "1767.3")
    raised = await ivr("queue", "priority", "1767.3", "-5", "--emergency")

    assert moved.startswith("call 1767.3 now waits in queue support, place ")
    assert ("support", before.entered_ms) == (after.queue, after.entered_ms)
    assert "lang/ru>=1" in after.need
    assert "call 1767.3 has priority -5, place 1\n" == raised
    assert ("1767.3", -5, True) == next((c.call_id, c.priority, c.emergency) for c in (await it.snapshot()).waiting)
    assert "there is no queue 'suport'; did you mean 'support'?" == await ivr("queue", "move", "1767.3", "suport")
    assert "call 1767.1 waits no more: it talks to anna" == await ivr("queue", "priority", "1767.1", "5")
    assert "no call '1767.4' is in a queue; did you mean" in await ivr("queue", "priority", "1767.4", "5")
    await it.sign_in(AgentProfile("rita", "p2", {"internet": 5, "lang/ru": 5}, projects=("provider",)))
    assert ("1767.3", "rita") in {(c.call_id, c.agent_id) for c in (await it.snapshot()).calls}


async def test_without_redis_the_commands_say_what_to_do(ivr: Ivr, redis: RealRedis) -> None:
    await redis.stop()
    for words in ("show", "why last", "priority 1.1 5"):
        assert "is the hotline running? `make run`" in await ivr("queue", *words.split())

