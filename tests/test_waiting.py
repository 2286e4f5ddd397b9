"""A waiting caller's looks around: what they ask of the router, and what ends his wait."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from ivr.flow.commands import Announcement, Queued
from ivr.flow.model import QueueConfig
from ivr.sound import Clip, Prompt
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


# -- what is published while he waits

NEW = Announcement("a", 1, (Clip("/a", "announcement:a v1"),), True, True, "why", opt_in=True)
OTHER = replace(NEW, announcement_id="b", phrases=(Clip("/b", "announcement:b v1"),), opt_in=False)


class Ears:
    """Happenings: is an agent or a key there?"""

    def __init__(self, pending: int | None = None) -> None:
        """pending  after how many looks somebody is there, None for never."""
        self.looks, self.pending_after = 0, pending

    @property
    def pending(self) -> bool:
        self.looks += 1
        return self.pending_after is not None and self.looks > self.pending_after

    async def heard(self, key: str) -> str:
        return key


class Hears:
    """Listening, and the voice of a session. keys  what stops which announcement or prompt."""

    def __init__(self, *new: Announcement, **keys: str) -> None:
        self.new, self.keys, self.said, self.decisions = new, keys, list[str](), list[str]()
        self.asked = 0

    async def news(self) -> tuple[Announcement, ...]:
        self.asked += 1
        return self.new

    async def play(self, of: Any, phrases: Any, keys: str = "", where: str = "") -> str:
        if isinstance(of, Announcement):
            assert where == "queue"
            name, known = of.announcement_id, phrases
        else:
            (prompt,) = of
            name, known = prompt.key, phrases
        self.said.append(name)
        key = self.keys.get(name, "")
        assert not key or key in (keys or known)
        return key

    async def remember(self) -> None:
        self.said.append("remembered")

    def decided(self, outcome: str) -> None:
        self.decisions.append(outcome)


def hearing(line: Line, ears: Hears, *, emergency: bool = False) -> WaitForAgent:
    """Return somebody who waits, woken by news."""
    waiting = stay(line)
    waiting.telling.queue = replace(SUPPORT, emergency=emergency)
    caller: Any = waiting.session
    caller.listening, caller.play = ears, ears.play
    waiting.news.set()
    return waiting


async def test_news_are_told_once_and_he_may_choose(line: Line) -> None:
    """All of them, then the choice; the music is started again afterwards."""
    ears = Hears(NEW, OTHER)
    waiting = hearing(line, ears)
    waiting.music = True
    keys = [await waiting._hear_news(Ears()) for _ in range(3)]  # type: ignore[arg-type]

    assert ["", "", ""] == keys
    assert ["a", "b", "remembered", "waiting_opt_in"] == ears.said
    assert (1, False, ("a",)) == (ears.asked, waiting.music, waiting.opt_in)
    assert waiting._chooses("2")
    assert not waiting._chooses("")
    assert [] == ears.decisions


async def test_the_choice_is_over_after_a_while(line: Line) -> None:
    """Then 2 is what the queue says it is, and he has decided to wait."""
    ears = Hears(NEW)
    waiting = hearing(line, ears)
    await waiting._hear_news(Ears())  # type: ignore[arg-type]
    waiting.choice_until = time.monotonic() - 0.1

    assert not waiting._chooses("2")
    assert (["waiting"], ()) == (ears.decisions, waiting.opt_in)


@pytest.mark.parametrize("during", ["a", "waiting_opt_in"])
async def test_2_counts_as_soon_as_it_is_pressed(line: Line, during: str) -> None:
    """In the middle of the announcement as well."""
    waiting = hearing(line, Hears(NEW, **{during: "2"}))
    key = await waiting._hear_news(Ears())  # type: ignore[arg-type]

    assert waiting._chooses(key)


async def test_nothing_is_offered_where_nobody_can_be_called(line: Line) -> None:
    """He hears it, and that is all."""
    ears = Hears(OTHER)
    waiting = hearing(line, ears)
    await waiting._hear_news(Ears())  # type: ignore[arg-type]

    assert ["b", "remembered"] == ears.said
    assert not waiting._chooses("2")


async def test_an_agent_comes_first(line: Line) -> None:
    """What is left is told if nothing came of it."""
    ears = Hears(NEW, OTHER)
    waiting = hearing(line, ears)
    await waiting._hear_news(Ears(pending=2))  # type: ignore[arg-type]
    before = [*ears.said]
    await waiting._hear_news(Ears())  # type: ignore[arg-type]

    assert ["a", "remembered"] == before
    assert ["b", "remembered"] == ears.said[2:]


async def test_an_emergency_queue_tells_nothing_but_the_place(line: Line) -> None:
    """Who is there has no time for it."""
    ears = Hears(NEW)
    await hearing(line, ears, emergency=True)._hear_news(Ears())  # type: ignore[arg-type]

    assert (0, []) == (ears.asked, ears.said)
