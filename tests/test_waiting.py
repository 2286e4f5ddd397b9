"""A waiting caller's looks around: what they ask of the router, and what ends his wait."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from ivr.flow.commands import Queued
from ivr.flow.model import QueueConfig
from ivr.sound import Prompt
from ivr.telling import Telling
from ivr.waiting import ROUTER_PATIENCE_S, WaitForAgent
from routing.errors import RouterUnavailable
from routing.measure import Wait
from routing.model import Need, Position

SUPPORT = QueueConfig(name="support", need=Need("internet"), max_wait_s=600)
BILLING = QueueConfig(name="billing", need=Need("billing"))


class Line:
    """What `WaitForAgent` asks of a router. asked  how often it went to Redis.  moved  what `changed` says."""

    def __init__(self) -> None:
        self.asked, self.moved, self.away = 0, True, False
        self.place: Position | None = Position(3, 1, 3, "support")
        self.wait: Wait | None = None

    def changes(self, queue: str) -> int:
        return 0

    def changed(self, queue: str, since: int) -> bool:
        return self.moved

    async def position(self, call_id: str) -> Position | None:
        self.asked += 1
        if self.away:
            raise RouterUnavailable("gone")
        return self.place

    async def expected_wait(self, call_id: str) -> Wait | None:
        self.asked += 1
        return self.wait


class Caller:
    """The session of a caller who waits, as far as looking around needs one."""

    def __init__(self, line: Line) -> None:
        self.call = SimpleNamespace(call_id="c1")
        self.parts = SimpleNamespace(router=line)
        self.step, self.remembered = "wait", list[str]()
        self.entries = list[tuple[str, dict[str, Any]]]()
        self.log = self

    def add(self, event: str, step: str, **detail: Any) -> None:
        self.entries.append((event, detail))

    def queue(self, name: str) -> QueueConfig | None:
        return {"support": SUPPORT, "billing": BILLING}.get(name)

    async def remember_queue(self, name: str) -> None:
        self.remembered.append(name)


@pytest.fixture
def line() -> Line:
    """A router whose line is at the caller's place 3."""
    return Line()


def stay(line: Line, *, since_s: float = 0.0) -> WaitForAgent:
    """Return somebody who has waited `since_s`."""
    caller = Caller(line)
    return WaitForAgent(caller, Telling(SUPPORT, time.monotonic() - since_s), 1, first=False)  # type: ignore[arg-type]


async def test_nothing_is_asked_of_redis_while_the_line_does_not_move(line: Line) -> None:
    """However often he looks around."""
    line.moved = False
    waiting = stay(line, since_s=300)
    looks = [await waiting._look_around(again=False) for _ in range(100)]

    assert looks == [()] * 100
    assert line.asked == 0


async def test_a_moving_line_is_asked_for_no_more_often_than_it_is_told(line: Line) -> None:
    """position_every_s holds for the questions as well."""
    waiting = stay(line)
    looks = [await waiting._look_around(again=False) for _ in range(100)]

    assert looks[0] == (Prompt("queue_position", 3),)
    assert line.asked == 2  # place and wait, once


async def test_who_asks_hears_it_whatever_the_line_does(line: Line) -> None:
    """Key `hear_again` looks at once."""
    waiting = stay(line)
    await waiting._look_around(again=False)
    line.moved, line.wait = False, Wait(30, 90, 60)

    assert await waiting._look_around(again=True) == (Prompt("queue_position", 3), Prompt("wait_1_2"))


async def test_the_longest_wait_ends_it(line: Line) -> None:
    """Without asking anybody."""
    assert await stay(line, since_s=601)._look_around(again=False) == Queued("timeout")
    assert line.asked == 0


async def test_an_empty_desk_ends_it(line: Line) -> None:
    """The last agent signed out."""
    line.place = Position(3, 0, 3, "support")

    assert await stay(line)._look_around(again=False) == Queued("nobody")


async def test_a_supervisors_move_is_told_and_remembered(line: Line) -> None:
    """From now on that queue's rules; a second controller would find him there."""
    line.place = Position(1, 1, 1, "billing")
    waiting = stay(line)
    told = await waiting._look_around(again=False)

    assert told == (Prompt("queue_moved"), Prompt("queue_position", 1))
    assert waiting.queue is BILLING
    assert waiting.session.remembered == ["billing"]  # type: ignore[attr-defined]


async def test_redis_may_be_away_for_a_while_not_for_ever(line: Line) -> None:
    """Music goes on; after ROUTER_PATIENCE_S the ladder helps."""
    line.away = True
    waiting = stay(line, since_s=60)
    first = await waiting._look_around(again=False)
    assert waiting.router_lost is not None
    waiting.router_lost -= ROUTER_PATIENCE_S + 1

    assert first == ()
    assert await waiting._look_around(again=False) == Queued("failed")
