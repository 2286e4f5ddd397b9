"""Opt-ins in SQL: one per number and announcement, one call for a number, one holder, and limits for all together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ivr.announce.model import LIVE, RESTORED, Target, Version
from ivr.announce.store import Announcements
from ivr.db import Database
from ivr.desk.opt_ins import DIALLING, DONE, DUE, EXPIRES, WAITING, WAITS_MOST, OptIn, OptIns
from ivr.errors import InputError
from tests.support.desk import NOW, desk_settings, opened

NUMBER, OTHER = "+48601999888", "+48601999889"
LIMITS = {"per_minute": 100, "at_once": 100}


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(desk_settings(tmp_path)) as found:
        yield found


@pytest.fixture
def store(database: Database) -> OptIns:
    return OptIns(database)


async def wish(store: OptIns, number: str = NUMBER, announcement: str = "a1", *, now: datetime = NOW) -> OptIn:
    return await store.add(
        announcement, number, account="7", area="pl/wola", language="pl", dnis="100", call_id="1.1", now=now
    )


async def due(store: OptIns, *numbers: str, announcement: str = "a1") -> None:
    for number in numbers:
        await wish(store, number, announcement)
    await store.release(announcement, NOW)


async def announced(database: Database, announcement: str, *states: str) -> None:
    announcements = Announcements(database, database.settings.var_dir)
    for n, state in enumerate(states, 1):
        until = NOW + timedelta(hours=4)
        await announcements.add(Version(announcement, n, state, "ops", NOW, Target(), "", {}, None, until))


async def test_who_asks_twice_has_one_wish(store: OptIns) -> None:
    """However the number is written; another announcement is another matter."""
    first = await wish(store, "601 999 888")
    again = await wish(store, "0048601999888", now=NOW + timedelta(hours=1))
    other = await wish(store, announcement="a2")

    assert again == first
    assert first.number == NUMBER
    assert await store.of("a1") == (first,)
    assert await store.of("a2") == (other,)


@pytest.mark.parametrize("number", ["700123456", "+4915112345678", "112", "", "anonymous", "+48801000000"])
async def test_only_national_numbers_of_the_usual_rate_are_called(store: OptIns, number: str) -> None:
    """Premium rate, shared cost, abroad, short codes, withheld: a forged caller ID costs nobody anything."""
    with pytest.raises(ValueError, match=r"."):
        await wish(store, number)

    assert await store.of("a1") == ()


async def test_who_was_told_may_ask_again(store: OptIns) -> None:
    """It is out again under the same announcement."""
    first = await wish(store)
    await store.cancel(first.opt_in_id, NOW)
    again = await wish(store)

    assert again.opt_in_id != first.opt_in_id
    assert [(each.state, each.outcome) for each in await store.of("a1")] == [(WAITING, "")]


async def test_due_when_the_announcement_is_restored(store: OptIns) -> None:
    """Those of others wait on."""
    await wish(store, NUMBER, "a1")
    await wish(store, OTHER, "a2")
    released = await store.release("a1", NOW)

    assert (released, await store.release("a1", NOW)) == (1, 0)
    assert [each.state for each in await store.of("a1")] == [DUE]
    assert [each.state for each in await store.of("a2")] == [WAITING]
    assert (await store.is_due(NOW), await store.is_due(NOW - timedelta(seconds=1))) == (True, False)


async def test_who_asked_while_it_was_being_restored_is_told(store: OptIns, database: Database) -> None:
    """Due at once; so is one who was overlooked because the database took no more at that moment."""
    early = await wish(store, NUMBER)
    await announced(database, "a1", LIVE, RESTORED)
    late = await wish(store, OTHER)
    overlooked = await store.release_overlooked(NOW)

    assert late.state == DUE
    assert overlooked == 1
    assert {each.opt_in_id: each.state for each in await store.of("a1")} == {early.opt_in_id: DUE, late.opt_in_id: DUE}


async def test_stopped_by_hand_stays_stopped(store: OptIns, database: Database) -> None:
    """What was released and held again is not overlooked; starting it again releases it."""
    await announced(database, "a1", LIVE, RESTORED)
    await wish(store)
    held = await store.hold("a1")
    overlooked = await store.release_overlooked(NOW)

    assert (held, overlooked, await store.is_due(NOW)) == (1, 0, False)
    assert await store.release("a1", NOW) == 1


async def test_of_two_holders_one_gets_him(store: OptIns) -> None:
    """Twenty claims of two controllers at once, ten numbers: each once."""
    await due(store, *(f"+4860100000{n}" for n in range(10)))
    claims = await asyncio.gather(*(store.claim(holder, NOW, **LIMITS) for holder in ("one", "two") * 10))
    claimed = [claim for claim in claims if claim]

    assert sorted(claim.number for claim in claimed) == [f"+4860100000{n}" for n in range(10)]
    assert {(row.state, row.attempts) for row in await store.of("a1")} == {(DIALLING, 1)}
    assert {claim.opt_in_id: claim.holder for claim in claimed} == {
        row.opt_in_id: row.holder for row in await store.dialling()
    }


async def test_a_number_due_for_two_announcements_is_called_once(store: OptIns) -> None:
    """What it says closes both; so does giving up, and a pause is a pause for both."""
    await due(store, NUMBER, announcement="a1")
    await due(store, NUMBER, announcement="a2")
    first = await store.claim("one", NOW, **LIMITS)
    beside = await store.claim("two", NOW, **LIMITS)
    assert first
    later = NOW + timedelta(minutes=5)
    await store.again(first, "one", "busy", int(later.timestamp() * 1000))
    between = await store.claim("one", NOW + timedelta(minutes=4), **LIMITS)
    second = await store.claim("one", later, **LIMITS)
    assert second
    over = await store.settle(second, "one", "works", later)

    assert (beside, between) == (None, None)
    assert second.attempts == 2
    assert sorted(over) == ["a1", "a2"]
    assert [row.outcome for name in ("a1", "a2") for row in await store.of(name)] == ["works", "works"]
    assert await store.claim("one", later, **LIMITS) is None


async def test_limits_hold_for_all_controllers_together(store: OptIns) -> None:
    """Three at once; four within any minute, whoever placed them."""
    await due(store, *(f"+4860100000{n}" for n in range(8)))
    limits = {"per_minute": 4, "at_once": 3}
    up = [await store.claim(holder, NOW, **limits) for holder in ("one", "two", "one", "two")]
    assert up[0]
    await store.settle(up[0], "one", "works", NOW)
    soon, full = [await store.claim("two", NOW + timedelta(seconds=1), **limits) for _ in range(2)]
    assert up[1]
    await store.settle(up[1], "two", "works", NOW)
    in_a_minute = await store.claim("one", NOW + timedelta(seconds=59), **limits)
    after_it = await store.claim("one", NOW + timedelta(seconds=61), **limits)

    assert [bool(each) for each in up] == [True, True, True, False]
    assert (bool(soon), full, in_a_minute) == (True, None, None)
    assert after_it


async def test_only_the_holder_says_what_became_of_it(store: OptIns) -> None:
    """One that was taken on belongs to who took it; of many who try one wins; a living holder keeps it."""
    await due(store, NUMBER)
    seen = await store.claim("one", NOW, **LIMITS)
    assert seen
    await store.beat("one")
    too_late = await store.take(seen, "two")
    (row,) = await store.dialling()
    taken = [await store.take(row, name) for name in ("two", "three", "two")]

    assert (too_late, taken) == (False, [True, False, False])
    assert await store.settle(seen, "one", "works", NOW) == ()
    assert await store.again(seen, "one", "busy", 0) == ()
    assert await store.settle(replace(row, holder="two"), "two", "works", NOW) == ("a1",)


async def test_what_he_said_is_kept_while_he_is_on_the_phone(store: OptIns) -> None:
    """Whoever holds him by then; afterwards nothing changes it."""
    await due(store, NUMBER)
    held = await store.claim("one", NOW, **LIMITS)
    assert held
    said = await store.answered(held.opt_in_id, "still_out")
    (row,) = await store.dialling()
    await store.settle(held, "one", "still_out", NOW)

    assert (said, row.outcome) == (True, "still_out")
    assert not await store.answered(held.opt_in_id, "works")
    assert await store.still_out_since(NOW - timedelta(hours=1)) == ("a1",)
    assert await store.still_out_since(NOW + timedelta(hours=1)) == ()


async def test_released_by_a_controller_that_stops(store: OptIns) -> None:
    """Nobody holds it; what is done stays as it was."""
    await due(store, NUMBER, OTHER)
    first = await store.claim("one", NOW, **LIMITS)
    second = await store.claim("one", NOW, **LIMITS)
    assert first
    assert second
    await store.settle(first, "one", "works", NOW)
    await store.let_go("one")

    assert {row.opt_in_id: row.holder for row in await store.of("a1")} == {first.opt_in_id: "one", second.opt_in_id: ""}


async def test_late_news_are_none(store: OptIns) -> None:
    """A day after the restoration; two weeks of waiting for one that never came."""
    await due(store, NUMBER)
    await wish(store, OTHER, "a2")

    assert await store.expire(NOW + EXPIRES) == 0
    assert await store.expire(NOW + EXPIRES + timedelta(seconds=1)) == 1
    assert await store.expire(NOW + WAITS_MOST + timedelta(seconds=1)) == 1
    assert [(row.state, row.outcome) for name in ("a1", "a2") for row in await store.of(name)] == [
        (DONE, "expired"), (DONE, "expired"),
    ]  # fmt: skip


async def test_cancelled_by_id_number_or_announcement(store: OptIns) -> None:
    """Not while he is being called; what is not known is named with the nearest."""
    await due(store, NUMBER)
    called = await store.claim("one", NOW, **LIMITS)
    assert called
    await due(store, OTHER, "+48601999887")
    with pytest.raises(InputError, match="being called right now"):
        await store.cancel(called.number, NOW)
    with pytest.raises(InputError, match=r"no open opt-ins are '\+48601999880'; did you mean"):
        await store.cancel("+48601999880", NOW)
    by_number = await store.cancel(OTHER, NOW)
    rest = await store.cancel("a1", NOW)

    assert [each.number for each in by_number] == [OTHER]
    assert [each.number for each in rest] == ["+48601999887"]
    assert [row.state for row in await store.of("a1")].count(DIALLING) == 1


async def test_figures_of_a_campaign(store: OptIns) -> None:
    """Who was reached gave an answer or none; who was given up was not."""
    outcomes = ("works", "works", "still_out", "sms", "no_key", "declined", "busy", "no_answer", "cancelled")
    await due(store, *(f"+486010000{n:02}" for n in range(len(outcomes) + 2)))
    for outcome in outcomes:
        held = await store.claim("one", NOW, **LIMITS)
        assert held
        await store.settle(held, "one", outcome, NOW)
    await store.claim("one", NOW, **LIMITS)
    found = await store.campaign("a1")

    assert (found.opted_in, found.due, found.waiting, found.reached) == (11, 2, 0, 6)
    assert (found.works, found.still_out, found.no_answer, found.cancelled) == (2, 1, 2, 1)
    assert found.outcomes["no_key"] == 1
    assert await store.campaigns() == (found,)
    assert (await store.campaign("none")).opted_in == 0
