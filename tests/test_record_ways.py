"""Counts of the ways callers took, from their traces. ivr/record/ways.py, ivr/record/period.py."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr.call import Call
from ivr.db import Database
from ivr.errors import InputError
from ivr.flow.model import Number
from ivr.record import trace as t
from ivr.record.period import Period, period
from ivr.record.store import Records
from ivr.record.ways import ways
from tests.support.desk import NOW, desk_settings, opened

NUMBER = Number("100", "main", "pl", "acme", "Support")
WARSAW = ZoneInfo("Europe/Warsaw")
TODAY = Period(NOW - timedelta(hours=1), NOW + timedelta(hours=1), "today")

Steps = list[tuple[str, str, str]]
"""Flow, step, outcome; '' for a step that was not left."""


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(desk_settings(tmp_path)) as database:
        yield database


async def call(
    database: Database, call_id: str, steps: Steps, disposition: str, *, version: str = "v1", hours: float = 0,
    old: bool = False,
) -> None:  # fmt: skip
    """Record a call. old  its trace does not tell the flow."""
    records = Records(database)
    log = records.begin(
        Call(call_id, "48221234567", "100", "PJSIP/x"),
        NOW + timedelta(hours=hours),
        number=NUMBER,
        flow_version=version,
    )
    for flow, step, outcome in steps:
        told = {} if old else {"flow": flow}
        log.add(t.ENTERED, step, **told, kind="menu")
        log.add(t.PRESSED, step, key="1")
        if outcome:
            log.add(t.LEFT, step, **told, outcome=outcome, detail="")
    if disposition in ("hung_up", "abandoned", "agent"):
        log.add(t.HUNG_UP, steps[-1][1] if steps else "", by="CallerHungUp")
    log.finish(disposition)
    await records.flush()


async def test_ways_are_counted_by_flow_step_and_outcome(database: Database) -> None:
    """Also steps passed twice in a call, and flows inside flows."""
    await call(database, "1", [("main", "menu", "1"), ("pin", "ask", "ok"), ("main", "staff", "answered")], "agent")
    await call(database, "2", [("main", "menu", "*"), ("main", "menu", "1"), ("pin", "ask", "")], "hung_up")
    found = await ways(database, TODAY)

    assert ("today", {"v1": 2}, 2) == (found.period, dict(found.calls), found.total)
    assert {("main", "menu"): 3, ("pin", "ask"): 2, ("main", "staff"): 1} == found.entered
    assert {
        ("main", "menu", "1"): 2, ("main", "menu", "*"): 1, ("pin", "ask", "ok"): 1, ("main", "staff", "answered"): 1,
    } == found.left  # fmt: skip


async def test_who_hung_up_counts_where_he_was(database: Database) -> None:
    """At the step entered last; not who talked to an agent and hung up then, nor who was said goodbye."""
    menu, staff = ("main", "menu", "1"), ("main", "staff", "")
    await call(database, "1", [menu, staff], "agent")
    await call(database, "2", [menu, staff], "abandoned")
    await call(database, "3", [menu, ("pin", "menu", "")], "hung_up")
    await call(database, "4", [menu, ("main", "closed", "")], "closed")
    await call(database, "5", [], "hung_up")

    assert {("main", "staff"): 1, ("pin", "menu"): 1} == (await ways(database, TODAY)).dropped


async def test_old_traces_count_for_the_flow_of_the_number(database: Database) -> None:
    """They do not name the flow."""
    await call(database, "1", [("main", "menu", "1"), ("main", "staff", "")], "abandoned", old=True)
    found = await ways(database, TODAY)

    assert {("main", "menu"): 1, ("main", "staff"): 1} == found.entered
    assert {("main", "menu", "1"): 1} == found.left
    assert {("main", "staff"): 1} == found.dropped


async def test_only_calls_of_the_period_and_the_versions_count(database: Database) -> None:
    """The first moment is in, the last is not."""
    menu = [("main", "menu", "1")]
    await call(database, "1", menu, "closed", hours=-1)
    await call(database, "2", menu, "closed", version="v2")
    await call(database, "3", menu, "closed", hours=1)
    both, second, none = [await ways(database, TODAY, versions) for versions in ((), ("v2",), ("v9", "v8"))]

    assert {"v1": 1, "v2": 1} == both.calls
    assert {"v2": 1} == second.calls
    assert {("main", "menu"): 1} == second.entered
    assert (0, {}) == (none.total, none.entered)


async def test_no_call_is_no_count(database: Database) -> None:
    """An empty database, and shares of nothing."""
    found = await ways(database, TODAY)

    assert (0, {}, {}, {}) == (found.total, found.entered, found.left, found.dropped)
    assert 0.0 == found.share(("main", "menu"), 3)


@pytest.mark.parametrize(
    ("text", "begin", "end", "name"),
    [
        ("today", "2026-11-23T00:00+01:00", "2026-11-24T00:00+01:00", "today, 2026-11-23"),
        ("Yesterday", "2026-11-22T00:00+01:00", "2026-11-23T00:00+01:00", "yesterday, 2026-11-22"),
        ("2026-10-25", "2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00", "2026-10-25"),
        ("24h", "2026-11-22T15:00+01:00", "2026-11-23T15:00+01:00", "the last 24 h"),
        ("90min", "2026-11-23T13:30+01:00", "2026-11-23T15:00+01:00", "the last 90 min"),
        ("7d", "2026-11-16T15:00+01:00", "2026-11-23T15:00+01:00", "the last 7 d"),
    ],
)
def test_periods_as_people_write_them(text: str, begin: str, end: str, name: str) -> None:
    """Days are those of the hotline's zone; the day a clock is put back has 25 hours."""
    found = period(text, NOW, WARSAW)

    assert (datetime.fromisoformat(begin), datetime.fromisoformat(end), name) == (found.begin, found.end, found.name)
    assert found.begin.astimezone(UTC) < found.end.astimezone(UTC)


@pytest.mark.parametrize(
    "text", ["", "0h", "99999d", "tomorrow", "2026-02-30", "9999-12-31", "24", "-1h", "2026-11-22T10:00"]
)
def test_what_is_no_period_is_refused(text: str) -> None:
    """With what was expected."""
    with pytest.raises(InputError, match="is no period; expected today, yesterday, a day such as 2026-11-22"):
        period(text, NOW, WARSAW)
