"""What callers heard of announcements: written with the record, found again by customer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ivr.call import Call
from ivr.db import Database
from ivr.record.hearing import Before, Hearing, Hearings, remembered
from ivr.record.store import CallLog, Records
from ivr.settings import Settings
from tests.support.desk import bring_back, desk_settings, opened, take_away

NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
ME, OTHER = "+48601999888", "+48601999889"
ROW = Hearing("1.1", "a1b2c3", 1, ME, "", "", NOW, "menu", 10_000, 10_000, "", "ended", 1)
DAY = timedelta(days=1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return desk_settings(tmp_path)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with opened(settings) as database:
        yield database


def begun(records: Records, call_id: str) -> CallLog:
    return records.begin(Call(call_id, "48601999888", "100", ""), NOW)


async def kept(database: Database, *rows: Hearing) -> None:
    """Write rows as their calls would."""
    records = Records(database)
    logs: dict[str, CallLog] = {}
    for row in rows:
        log = logs.setdefault(row.call_id, begun(records, row.call_id))
        log.heard(row, brief=False)
    await records._store(everything=True)


async def test_rows_are_stored_once_however_often_a_write_is_tried(settings: Settings, database: Database) -> None:
    """With the call's record, in the background; the record names the announcement, the trace how much was heard."""
    records = Records(database)
    log = begun(records, "1.1")
    log.heard(replace(ROW, heard_ms=8_000), brief=True, step="known_outage")
    take_away(settings)
    assert not await records._store(everything=True)
    bring_back(settings)
    await records._store(everything=True)
    log.hearings_written = 0
    log.heard(replace(ROW, announcement_id="b"), brief=False)
    await records._store(everything=True)
    found = await Hearings(database).of("a1b2c3")

    assert (replace(ROW, heard_ms=8_000),) == found
    assert ("a1b2c3 v1", "b v1") == log.record.announcements
    assert [
        {"announcement": "a1b2c3", "version": 1, "percent": 80, "nth": 1, "brief": True, "where": "menu",
         "outcome": "ended"},
    ] == [entry.detail for entry in log.entries[:1]]  # fmt: skip


async def test_he_is_found_by_his_number_and_others_are_not(database: Database) -> None:
    """Not the call that asks, no older calls, no other announcements."""
    await kept(
        database, ROW, replace(ROW, call_id="1.2", at=NOW - DAY), replace(ROW, call_id="1.3", caller=OTHER),
        replace(ROW, call_id="1.4", announcement_id="b"), replace(ROW, call_id="1.5"),
        replace(ROW, call_id="1.6", caller=""),
    )  # fmt: skip
    hearings = Hearings(database)
    found = await hearings.before(ME, "", {"a1b2c3", "c"}, NOW - timedelta(hours=3), but="1.5")

    assert ["1.1"] == [row.call_id for row in found]
    assert () == await hearings.before("", "", {"a1b2c3"}, NOW - DAY)
    assert () == await hearings.before(ME, "", set(), NOW - DAY)


async def test_an_account_is_one_customer_whatever_phone_he_calls_from(database: Database) -> None:
    """Others who call from his number with accounts of their own are not he; a call nobody was known in was his."""
    await kept(
        database, replace(ROW, account="1001"), replace(ROW, call_id="1.2", caller=OTHER, account="1001"),
        replace(ROW, call_id="1.3", account="1002"), replace(ROW, call_id="1.4"),
        replace(ROW, call_id="1.5", caller=OTHER),
    )  # fmt: skip
    hearings = Hearings(database)
    found = await hearings.before(ME, "1001", {"a1b2c3"}, NOW - DAY)
    withheld = await hearings.before("", "1001", {"a1b2c3"}, NOW - DAY)

    assert {"1.1", "1.2", "1.4"} == {row.call_id for row in found}
    assert {"1.1", "1.2"} == {row.call_id for row in withheld}


def test_what_the_rows_of_a_caller_come_to() -> None:
    """Calls count, not rows; a version is known once four fifths of it were heard in one go."""
    rows = (
        ROW, replace(ROW, where="queue", version=2, heard_ms=7_900), replace(ROW, call_id="1.2", at=NOW - DAY),
        replace(ROW, announcement_id="b", heard_ms=8_000, version=3), replace(ROW, announcement_id="b", heard_ms=100),
        replace(ROW, announcement_id="c", heard_ms=100),
    )  # fmt: skip

    assert {"a1b2c3": Before(2, 1, 1), "b": Before(1, 1, 3), "c": Before(1, 1, 0)} == dict(
        remembered(rows, NOW, timedelta(hours=2), 0.8)
    )


@pytest.mark.parametrize(("heard", "length", "percent"), [(0, 0, 0), (50, 100, 50), (120, 100, 100), (5, 0, 0)])
def test_how_much_of_it_was_heard(heard: int, length: int, percent: int) -> None:
    """Asterisk's clock and the file's length are not the same; a length nobody knows is no share."""
    assert percent == replace(ROW, heard_ms=heard, length_ms=length).percent
