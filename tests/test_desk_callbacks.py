"""Call-backs and messages in SQL: one holder, one dialling, and nothing is promised twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ivr.db import Database
from ivr.desk.callbacks import CALLBACK_ID, CallBack, CallBacks, fresh_id
from ivr.desk.messages import Message, Messages
from ivr.errors import InputError
from tests.support.desk import NOW, desk_settings, opened


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(desk_settings(tmp_path)) as found:
        yield found


@pytest.fixture
def store(database: Database) -> CallBacks:
    return CallBacks(database)


def wanted(number: str = "+48601999888", *, entered_ms: int = 1000, queue: str = "net") -> CallBack:
    return CallBack(fresh_id(), number, "100", queue, "pl", "1.1", entered_ms, NOW, holder="one")


async def test_a_call_back_is_kept_with_its_place(store: CallBacks) -> None:
    """In line order, whenever they were booked."""
    late = await store.book(wanted("+48601000002", entered_ms=2000))
    early = await store.book(wanted("+48601000001", entered_ms=1000))

    assert await store.open() == (early, late)
    assert early.callback_id.startswith(CALLBACK_ID)


async def test_the_same_number_is_not_called_back_twice(store: CallBacks) -> None:
    """For one queue: the older place stays. Another queue is another matter; so is one that is over."""
    first = await store.book(wanted())
    again = await store.book(wanted(entered_ms=5000))
    other = await store.book(wanted(queue="billing"))
    await store.close(first.callback_id, "one", "talked", NOW)
    after = await store.book(wanted(entered_ms=9000))

    assert again == first
    assert other.callback_id != first.callback_id
    assert after.entered_ms == 9000


async def test_only_its_holder_dials_and_only_once(store: CallBacks) -> None:
    """A controller that was stopped and goes on finds that it is not its turn any more."""
    row = await store.book(wanted())

    assert not await store.begin(row.callback_id, "two", NOW)
    assert await store.begin(row.callback_id, "one", NOW)
    assert not await store.begin(row.callback_id, "one", NOW)
    assert [(r.state, r.attempts) for r in await store.open()] == [("dialling", 1)]


async def test_of_many_who_take_it_on_one_wins(store: CallBacks) -> None:
    """Each saw the same beat; a holder who showed that he lives keeps it."""
    row = await store.book(wanted())
    await store.beat("one")
    (seen,) = await store.open()

    assert not await store.take(row, "two")
    assert [await store.take(seen, name) for name in ("two", "three", "two")] == [True, False, False]
    assert [r.holder for r in await store.open()] == ["two"]
    assert not await store.close(row.callback_id, "one", "talked", NOW)


async def test_an_attempt_in_vain_is_due_later_and_the_last_one_closes(store: CallBacks) -> None:
    """The place stays what it was."""
    row = await store.book(wanted())
    await store.begin(row.callback_id, "one", NOW)
    await store.connected(row.callback_id, "one")
    await store.again(row.callback_id, "one", "no_agent", 7000)
    (later,) = await store.open()
    await store.close(row.callback_id, "one", "not_answered", NOW)

    assert later == replace(row, attempts=1, outcome="no_agent", due_ms=7000, tried_at=NOW)
    assert await store.open() == ()
    assert [r.outcome for r in await store.list()] == ["not_answered"]


async def test_released_call_backs_belong_to_nobody(store: CallBacks) -> None:
    """A controller that stops lets others take them on at once; what is closed stays as it was."""
    row, over = await store.book(wanted()), await store.book(wanted("+48601000001"))
    await store.close(over.callback_id, "one", "talked", NOW)
    await store.release("one")

    assert {r.callback_id: r.holder for r in await store.list()} == {row.callback_id: "", over.callback_id: "one"}


async def test_cancelled_by_number_or_id(store: CallBacks) -> None:
    """Not while he is being called; an unknown one is named with the nearest."""
    row = await store.book(wanted())
    with pytest.raises(InputError, match=r"did you mean '\+48601999888'"):
        await store.cancel("+48601999889", NOW)
    await store.begin(row.callback_id, "one", NOW)
    with pytest.raises(InputError, match="being called right now"):
        await store.cancel(row.number, NOW)
    await store.again(row.callback_id, "one", "busy", 0)

    assert (await store.cancel(row.callback_id, NOW)).number == row.number
    assert await store.open() == ()


async def test_attempts_of_the_last_hour_are_counted(store: CallBacks) -> None:
    """The cap on what is dialled looks at these."""
    for n in range(3):
        row = await store.book(wanted(f"+4860100000{n}"))
        await store.begin(row.callback_id, "one", NOW - timedelta(minutes=30 * n))

    assert [await store.dialled_lately(NOW), await store.dialled_lately(NOW + timedelta(hours=2))] == [2, 0]


async def test_messages_are_listed_until_somebody_saw_to_them(database: Database) -> None:
    """Found by the beginning of the id, or as the last one; files lie below the var folder."""
    messages = Messages(database)
    message_id, file = messages.fresh_file(NOW)
    left = Message(message_id, "1.1", "+48601999888", "net", "pl", str(file.relative_to(messages.var)), 4200, NOW)
    await messages.add(left)

    assert await messages.list() == (left,)
    assert messages.path(await messages.find("last")) == file
    assert await messages.find(message_id[:4]) == left
    with pytest.raises(InputError, match="no messages are 'zzzz'"):
        await messages.find("zzzz")
    assert (await messages.done(message_id)).message_id == message_id
    assert await messages.list() == ()
    assert len(await messages.list(everything=True)) == 1
