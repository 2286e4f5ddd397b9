"""Call records: written in the background, whole, bounded, and through outages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from ivr import db
from ivr.call import Call, TraceEntry
from ivr.db import Database
from ivr.errors import InputError
from ivr.flow.model import Number
from ivr.record import trace as t
from ivr.record.store import CallLog, Records
from tests.support.desk import NOW, bring_back, desk_settings, opened, take_away
from tests.support.wait import until

NUMBER = Number("100", "support", "pl", "acme", "Support")


@dataclass
class Clock:
    s: float = 1000.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(desk_settings(tmp_path)) as database:
        yield database


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def records(database: Database, clock: Clock) -> Records:
    return Records(database, monotonic=clock)


def began(
    records: Records, call_id: str = "17.1", ani: str = "48221234567", *, minutes: int = 0, resumed: bool = False
) -> CallLog:
    return records.begin(
        Call(call_id, ani, "100", "PJSIP/trunk-1"), NOW + timedelta(minutes=minutes), number=NUMBER, language="pl",
        flow_version="abc123", resumed=resumed,
    )  # fmt: skip


async def test_a_call_is_kept_with_its_trace(records: Records, clock: Clock) -> None:
    """What the session said, summed up: waits, talk, offers, announcements heard."""
    log = began(records)
    log.add(t.MATCHED, "known", announcement="a1b2", version=2, why="it is for everyone")
    log.add(t.PLAYED, "known", prompt="announcement:a1b2 v2", from_ms=0)
    log.add(t.PLAYED, "known", prompt="announcement:a1b2 v2", from_ms=0)
    clock.s += 2
    log.queued("support", 3, "agents")
    log.add(t.OFFERED, "agents", agent="ola", why="first", token=1)
    log.add(t.REFUSED, "agents", agent="ola", cause="no_answer")
    clock.s += 5.5
    log.add(t.OFFERED, "agents", agent="anna", why="next", token=2)
    log.add(t.ANSWERED, "agents", agent="anna")
    clock.s += 60
    log.talked("anna", 66.0, "agents")
    log.language = "ru"
    log.finish("agent")
    await records.flush()
    record, trace = await records.show("17.1")

    assert ("+48221234567", "100", "acme", "support", "abc123", "ru") == (
        record.ani, record.dnis, record.project, record.flow, record.flow_version, record.language,
    )  # fmt: skip
    assert ("support", 5500, "anna", 2, 60000, ("a1b2 v2",), "agent") == (
        record.queue, record.wait_ms, record.agent_id, record.offers, record.talk_ms, record.announcements,
        record.disposition,
    )  # fmt: skip
    assert (NOW, NOW + timedelta(seconds=67.5)) == (record.started_at, record.ended_at)
    assert tuple(log.entries) == trace
    assert TraceEntry(67500, "", t.ENDED, {"disposition": "agent"}) == trace[-1]


async def test_who_hangs_up_in_line_has_waited(records: Records, clock: Clock) -> None:
    """wait_ms runs until the end; the reason is kept."""
    log = began(records)
    log.queued("support", 1)
    clock.s += 9
    log.add(t.HUNG_UP, "agents", by="CallerHungUp")
    log.finish("abandoned")
    await records.flush()
    (record,) = await records.list()

    assert ("abandoned", 9000, "CallerHungUp", None) == (
        record.disposition, record.wait_ms, record.end_reason, record.talk_ms,
    )  # fmt: skip


async def test_a_living_call_is_already_there(records: Records) -> None:
    """A controller that dies loses only what is newer than the last write."""
    log = began(records)
    log.add(t.ENTERED, "menu", kind="menu")
    await records.flush()
    alive, trace = await records.show("last")
    log.add(t.PRESSED, "menu", key="1")
    log.finish("completed")
    await records.flush()
    over, whole = await records.show("last")

    assert (None, "", 1) == (alive.ended_at, alive.disposition, len(trace))
    assert ("completed", [t.ENTERED, t.PRESSED, t.ENDED]) == (over.disposition, [e.event for e in whole])


async def test_a_call_taken_over_is_one_call(database: Database, clock: Clock) -> None:
    """The second controller's part follows the first one's; times count from the first beginning."""
    first, second = Records(database, monotonic=clock), Records(database, monotonic=clock)
    dead = began(first)
    dead.add(t.PLAYED, "known", prompt="announcement:a1b2 v1", from_ms=0)
    dead.queued("support", 2)
    await first.flush()
    heir = began(second, minutes=1, resumed=True)
    clock.s += 1
    heir.add(t.REATTACHED, "agents")
    heir.add(t.PLAYED, "agents", prompt="pl/queue_position 1", from_ms=500)
    heir.finish("abandoned")
    await second.flush()
    record, trace = await second.show("last")

    assert (NOW, "support", ("a1b2 v1",)) == (record.started_at, record.queue, record.announcements)
    assert [t.PLAYED, t.QUEUED, t.REATTACHED, t.PLAYED, t.ENDED] == [e.event for e in trace]
    assert (61000, 60500) == (trace[2].at_ms, trace[3].detail["from_ms"])
    assert NOW + timedelta(seconds=61) == record.ended_at


async def test_an_outage_loses_nothing(records: Records, database: Database) -> None:
    """What could not be written is written when the database is back; sessions notice nothing."""
    take_away(database.settings)
    for n in range(3):
        began(records, f"17.{n}", minutes=n).finish("completed")
    refused = await records._store()
    bring_back(database.settings)
    await records.flush()

    assert not refused
    assert ["17.2", "17.1", "17.0"] == [each.call_id for each in await records.list()]


async def test_the_backlog_is_bounded(database: Database) -> None:
    """The oldest ended calls go first; living ones stay."""
    records = Records(database, backlog=2)
    alive = began(records, "alive")
    for n in range(4):
        began(records, f"17.{n}", minutes=n + 1).finish("completed")
    await records.flush()

    assert 2 == records.dropped
    assert ["17.3", "17.2", alive.record.call_id] == [each.call_id for each in await records.list()]


async def test_one_bad_call_does_not_keep_the_others_back(records: Records) -> None:
    """A record the database will never take is dropped, with an error in the log."""
    began(records, "17.1").finish("completed")
    began(records, "17.2").add(t.LEFT, "menu", detail=object())  # type: ignore[arg-type]
    began(records, "17.3").finish("completed")
    await records.flush()

    assert {"17.1", "17.3"} == {each.call_id for each in await records.list()}


async def test_hostile_text_fits_its_column(records: Records) -> None:
    """Whatever a trunk sends: cut, without NUL, and never executed."""
    log = began(records, "x" * 500, "'; DROP TABLE call; --\0" + "9" * 100)
    log.add(t.HUNG_UP, "s" * 500, by="b" * 999)
    log.finish("hung_up")
    await records.flush()
    (record,) = await records.list()

    assert (80, 40, 200) == (len(record.call_id), len(record.ani), len(record.end_reason))
    assert "\0" not in record.ani


async def test_writing_again_changes_nothing(records: Records, database: Database) -> None:
    """After a commit whose answer was lost, the same rows are written once more."""
    log = began(records)
    log.add(t.ENTERED, "menu", kind="menu")
    await records.flush()
    log.written = 0
    records.changed(log)
    await records.flush()
    async with database.read() as connection:
        rows = await connection.scalar(sa.select(sa.func.count()).select_from(db.call_trace))

    assert 1 == rows


async def test_many_calls_are_cheap(records: Records) -> None:
    """Two seconds of 40 calls a second, 20 entries each, take well under a second to write."""
    for n in range(80):
        log = began(records, f"17.{n}")
        for _ in range(19):
            log.add(t.PLAYED, "menu", prompt="pl/main_menu", from_ms=1)
        log.finish("completed")
    start = time.process_time()
    await records.flush()
    spent = time.process_time() - start

    assert 80 == len(await records.list(last=100))
    assert spent < 0.8


async def test_the_writer_runs_by_itself(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    """`run` stores what is new without anybody asking."""
    monkeypatch.setattr("ivr.record.store.FLUSH_S", 0.01)
    running = asyncio.create_task(records.run())
    began(records).finish("completed")
    await until(lambda: not records._dirty)
    await records.flush()  # waits for the write that has begun
    stored = await records.list()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert 1 == len(stored)


async def test_calls_are_found(records: Records) -> None:
    """By number in any spelling, by the id's beginning or end; an unknown id names the nearest."""
    with pytest.raises(InputError, match="no call has been recorded yet"):
        await records.show("last")
    for n, ani in enumerate(("48221234567", "+15550001111", "")):
        began(records, f"1763891234.{n}", ani, minutes=n).finish("completed")
    await records.flush()
    mine = await records.list(number="22 123 45 67")

    assert ["1763891234.0"] == [each.call_id for each in mine]
    assert "1763891234.1" == (await records.show(".1"))[0].call_id
    with pytest.raises(InputError, match=r"could be call 1763891234\.2, 1763891234\.1, 1763891234\.0"):
        await records.show("1763")
    with pytest.raises(InputError, match=r"there is no call '1763891235\.1'; did you mean '1763891234\.1'"):
        await records.show("1763891235.1")
