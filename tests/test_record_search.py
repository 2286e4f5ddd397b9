"""Finding calls: every condition against a slow reference, pages that new calls do not move. ivr/record/search.py."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr import db
from ivr.db import Database
from ivr.errors import InputError
from ivr.record.model import CallRecord
from ivr.record.rows import call_row
from ivr.record.search import Wanted, search
from tests.support.desk import NOW, desk_settings, opened

QUEUES, AGENTS, ENDS = ("", "internet", "tv"), ("", "anna", "bob"), ("", "agent", "announced", "abandoned")
CALLERS = ("+48221234567", "+48601000001", "")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(desk_settings(tmp_path)) as database:
        yield database


def call(n: int, **values: object) -> CallRecord:
    at = NOW - timedelta(minutes=n // 2)  # two of each minute: the order is by id then
    plain: dict[str, object] = {
        "started_at": at, "ani": CALLERS[n % 3], "queue": QUEUES[n % 3], "agent_id": AGENTS[n // 3 % 3],
        "disposition": ENDS[n % 4],
    }  # fmt: skip
    heard = (f"a{n % 2}00 v{n % 3 + 1}",) if n % 5 else ()
    return CallRecord(
        call_id=f"1700000000.{n}", dnis="100", project="acme", flow="main", flow_version="v1", language="pl",
        announcements=heard, **{**plain, **values},
    )  # fmt: skip


async def keep(database: Database, calls: list[CallRecord]) -> None:
    async with database.write() as connection:
        await connection.execute(sa.delete(db.call))
        await connection.execute(sa.insert(db.call), [call_row(each) for each in calls])


def fits(each: CallRecord, wanted: Wanted) -> bool:
    """Say the same slowly."""
    heard = [name.partition(" ")[0] for name in each.announcements]
    return (
        wanted.queue in ("", each.queue)
        and wanted.agent in ("", each.agent_id)
        and (not wanted.ended or each.disposition == ("" if wanted.ended == "up" else wanted.ended))
        and (not wanted.announcement or wanted.announcement in heard)
        and (not wanted.text or wanted.text in each.call_id or wanted.text == each.ani)
        and (wanted.since is None or each.started_at >= wanted.since)
        and (wanted.until is None or each.started_at < wanted.until)
    )


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    wanted=st.builds(
        Wanted, text=st.sampled_from(("", "+48221234567", "000.1", "%")), ended=st.sampled_from((*ENDS, "up")),
        queue=st.sampled_from(QUEUES), agent=st.sampled_from(AGENTS),
        announcement=st.sampled_from(("", "a000", "a100", "a1")),
        since=st.none() | st.integers(0, 20).map(lambda m: NOW - timedelta(minutes=m)),
        until=st.none() | st.integers(0, 20).map(lambda m: NOW - timedelta(minutes=m)),
    ),
    most=st.integers(1, 9),
)  # fmt: skip
async def test_what_is_found_is_what_fits_page_by_page(database: Database, wanted: Wanted, most: int) -> None:
    """All pages together are the calls that fit, newest first, each once."""
    calls = [call(n) for n in range(40)]
    await keep(database, calls)
    expected = sorted(
        (each for each in calls if fits(each, wanted)), key=lambda each: (each.started_at, each.call_id), reverse=True
    )

    found: list[CallRecord] = []
    before = None
    for _ in range(45):
        page = await search(database, Wanted(**{**vars(wanted), "before": before}), "48", most=most)
        found += page.calls
        if not page.more:
            break
        before = (page.calls[-1].started_at, page.calls[-1].call_id)

    assert [each.call_id for each in expected] == [each.call_id for each in found]


async def test_a_new_call_does_not_move_the_next_page(database: Database) -> None:
    """A call that comes while somebody turns the page neither hides nor doubles another."""
    await keep(database, [call(n) for n in range(10)])
    first = await search(database, Wanted(), "48", most=4)
    async with database.write() as connection:
        await connection.execute(sa.insert(db.call), [call_row(call(99, started_at=NOW + timedelta(minutes=1)))])

    last = first.calls[-1]
    second = await search(database, Wanted(before=(last.started_at, last.call_id)), "48", most=4)

    assert {each.call_id for each in first.calls}.isdisjoint(each.call_id for each in second.calls)
    assert 8 == len({each.call_id for each in (*first.calls, *second.calls)})


@pytest.mark.parametrize("text", ["22 123 45 67", "+48 22 123-45-67", "A-17"])
async def test_a_caller_is_found_however_he_is_written(database: Database, text: str) -> None:
    """A number in any spelling, or the customer's account."""
    await keep(database, [call(0), call(1)])
    async with database.write() as connection:
        await connection.execute(sa.insert(db.customer).values(
            number="+48221234567", account="A-17", name="Jan", area="pl/x", language="pl", **{"class": "normal"}
        ))  # fmt: skip

    assert ["1700000000.0"] == [each.call_id for each in (await search(database, Wanted(text=text), "48")).calls]


async def test_an_ending_there_is_not_is_told_with_the_nearest(database: Database) -> None:
    with pytest.raises(InputError, match="did you mean 'abandoned'"):
        await search(database, Wanted(ended="abandond"), "48")
