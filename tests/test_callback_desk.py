"""Who holds a call-back: controllers that live, die, and come back, on a clock of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ivr import callback_desk
from ivr.callback_desk import HELD_S, CallBackDesk
from ivr.callback_task import CallBackTask
from ivr.db import Database
from ivr.desk.callbacks import CallBack, CallBacks, fresh_id, now_utc
from ivr.flow.model import QueueConfig
from routing.model import Need, Offer, Placement
from tests.support.desk import desk_settings, opened

QUEUE = QueueConfig("net", Need("internet"))


class Clock:
    """A monotonic clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


class FakeRouter:
    """Offers what it is given, remembers what it was told."""

    def __init__(self) -> None:
        self.offers: asyncio.Queue[Offer] = asyncio.Queue()
        self.told: list[tuple[str, str]] = []
        self.over = False

    async def enqueue(self, call_id: str, queue: str, plan: Any, **how: Any) -> Placement:
        self.told.append(("enqueue", f"{call_id} {how['entered_ms']} {how['node']}"))
        return Placement(1, None, 1, how["entered_ms"])

    async def extend(self, offer: Offer, lease_s: float) -> bool:
        self.told.append(("extend", offer.call_id))
        return not self.over

    async def abandon(self, call_id: str) -> None:
        self.told.append(("abandon", call_id))

    async def complete(self, call_id: str) -> None:
        self.told.append(("complete", call_id))

    def waiting(self, call_id: str) -> FakeRouter:
        return self

    def __enter__(self) -> FakeRouter:
        return self

    def __exit__(self, *_: object) -> None: ...

    async def next_offer(self, timeout_s: float | None) -> Offer:
        return await self.offers.get()


class FakeDialler:
    """Dials nobody, and says that it failed."""

    def __init__(self) -> None:
        self.dialled: list[str] = []
        self.event = asyncio.Event()
        self.event.set()

    def failing(self, callback_id: str) -> FakeDialler:
        return self

    def __enter__(self) -> asyncio.Event:
        return self.event

    def __exit__(self, *_: object) -> None: ...

    async def dial(self, callback_id: str, number: str, shown: str, context: str = "callback") -> None:
        self.dialled.append(number)


class FakeWatch:
    """Follows channels that hang up with a cause at once."""

    def __init__(self, cause: int) -> None:
        self.cause, self.hung_up = cause, asyncio.Event()
        self.hung_up.set()

    def follow(self, call_id: str) -> FakeWatch:
        return self

    def __enter__(self) -> FakeWatch:
        return self

    def __exit__(self, *_: object) -> None: ...


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(desk_settings(tmp_path, callback_pause_s=1, callback_per_hour=5)) as found:
        yield found


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr(callback_desk, "time", moved)
    return moved


def desk(database: Database, holder: str, cause: int = 17) -> CallBackDesk:
    dialplans = SimpleNamespace(queues={"net": QUEUE}, numbers={})
    parts: Any = SimpleNamespace(
        settings=database.settings, router=FakeRouter(), watch=FakeWatch(cause), dialplans=dialplans, calls={}
    )
    return CallBackDesk(parts, database, FakeDialler(), holder)  # type: ignore[arg-type]


async def booked(database: Database, holder: str) -> CallBack:
    row = CallBack(fresh_id(), "+48601999888", "100", "net", "pl", "1.1", 1000, now_utc(), holder=holder)
    return await CallBacks(database).book(row)


def offer(row: CallBack) -> Offer:
    return Offer(row.callback_id, "anna", "phone", 7, 0, 0, "")


async def test_a_dead_controllers_call_back_is_taken_on_once(database: Database, clock: Clock) -> None:
    """After HELD_S without a beat, by the clock of who looks; not before, and by one of two."""
    row = await booked(database, "dead")
    one, two = desk(database, "one"), desk(database, "two")
    for each in (one, two):
        await each._look_round()
    clock.now += HELD_S - 1
    await one._look_round()
    early = set(one.tasks)
    clock.now += 1
    for each in (one, two):
        await each._look_round()

    assert early == set()
    assert (set(one.tasks), set(two.tasks)) == ({row.callback_id}, set())
    await one.close()


async def test_a_living_controller_keeps_its_call_backs(database: Database, clock: Clock) -> None:
    """However slow the looking round of others is."""
    row = await booked(database, "one")
    one, two = desk(database, "one"), desk(database, "two")
    for _ in range(5):
        await one._look_round()
        await two._look_round()
        clock.now += HELD_S * 2

    assert (set(one.tasks), set(two.tasks)) == ({row.callback_id}, set())
    await one.close()
    await two._look_round()
    assert set(two.tasks) == {row.callback_id}, "one who stops lets go at once"
    await two.close()


async def test_who_was_stopped_and_goes_on_lets_go_and_dials_nobody(database: Database, clock: Clock) -> None:
    """It has an agent in hand by then: the attempt is not written down, so nobody is dialled."""
    row = await booked(database, "one")
    one, two = desk(database, "one"), desk(database, "two")
    await one._look_round()
    await two._look_round()
    clock.now += HELD_S
    await two._look_round()
    router: Any = one.parts.router
    router.offers.put_nowait(offer(row))
    await asyncio.gather(*one._running.values(), return_exceptions=True)

    assert one.dialler.dialled == []  # type: ignore[attr-defined]
    assert ("abandon", row.callback_id) in router.told
    assert one.tasks == {}
    await two.close()


async def test_cancelled_by_hand_leaves_the_line(database: Database, clock: Clock) -> None:
    """At the next look round."""
    row = await booked(database, "one")
    one = desk(database, "one")
    await one._look_round()
    await one.store.cancel(row.callback_id, now_utc())
    await one._look_round()
    await asyncio.sleep(0)

    assert one.tasks == {}
    assert ("abandon", row.callback_id) in one.parts.router.told  # type: ignore[attr-defined]


@pytest.mark.parametrize(("cause", "outcome"), [(17, "busy"), (19, "not_answered"), (1, "unreachable")])
async def test_in_vain_three_times_each_at_the_old_place(
    database: Database, cause: int, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent is freed after every attempt; the place in line is the first entry, without a channel."""
    row = await booked(database, "one")
    one = desk(database, "one", cause)
    router: Any = one.parts.router
    for _ in range(3):
        router.offers.put_nowait(offer(row))
    monkeypatch.setattr(CallBackTask, "_wait_due", lambda self: asyncio.sleep(0))
    await CallBackTask(one, row, QUEUE).run()
    (closed,) = await one.store.list()

    assert [what for what, _ in router.told] == ["enqueue", "extend", "abandon"] * 3
    assert {text for what, text in router.told if what == "enqueue"} == {f"{row.callback_id} 1000 -"}
    assert one.dialler.dialled == [row.number] * 3  # type: ignore[attr-defined]
    assert (closed.state, closed.outcome, closed.attempts) == ("closed", outcome, 3)


async def test_an_offer_that_is_over_dials_nobody(database: Database) -> None:
    """The agent was given to another meanwhile: in line again."""
    row = await booked(database, "one")
    one = desk(database, "one")
    router: Any = one.parts.router
    router.over = True
    router.offers.put_nowait(offer(row))
    task = asyncio.create_task(CallBackTask(one, row, QUEUE).run())
    while len(router.told) < 3:
        await asyncio.sleep(0)
    task.cancel()

    assert [what for what, _ in router.told] == ["enqueue", "extend", "enqueue"]
    assert one.dialler.dialled == []  # type: ignore[attr-defined]


async def test_more_than_the_cap_of_an_hour_are_not_dialled(database: Database) -> None:
    """The agent is free at once, the attempt is not counted."""
    row = await booked(database, "one")
    one = desk(database, "one")
    router: Any = one.parts.router
    router.offers.put_nowait(offer(row))
    task = CallBackTask(one, row, QUEUE)

    async def five(now: object) -> int:
        return 5

    one.store.dialled_lately = five  # type: ignore[method-assign]
    running = asyncio.create_task(task.run())
    while ("abandon", row.callback_id) not in router.told:
        await asyncio.sleep(0)
    running.cancel()

    assert one.dialler.dialled == []  # type: ignore[attr-defined]
    assert [r.attempts for r in await one.store.open()] == [0]
    assert task.row.due_ms > 0
