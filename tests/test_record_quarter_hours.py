"""Calls by quarter hours: counted by the database as by hand, also on days whose clocks change; and drawn."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr import db
from ivr.record.plot import plot
from ivr.record.quarter_hours import Quarter, bounds, quarter_hours, queue_days
from tests.support.desk import desk_settings, opened
from tests.support.floor import row

ZONES = ("Europe/Warsaw", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns", "UTC", "Africa/Casablanca")
DAYS = (date(2026, 3, 29), date(2026, 10, 25), date(2026, 4, 5), date(2026, 10, 4), date(2026, 3, 8), date(2026, 2, 28))
ENDS = ("agent", "announced", "abandoned", "hung_up", "")
WORDS = {"title": "Calls <today>", "desc": "a & b"}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    zone=st.sampled_from(ZONES).map(ZoneInfo), day=st.sampled_from(DAYS),
    calls=st.lists(st.tuples(st.integers(-7200, 27 * 3600), st.sampled_from(ENDS)), max_size=40),
)  # fmt: skip
async def test_the_database_counts_as_a_person_would(
    tmp_path: Path, zone: ZoneInfo, day: date, calls: list[tuple[int, str]]
) -> None:
    """One by one, each call is put into the quarter of the wall clock it began in; a clock set back has some twice."""
    begin, _ = bounds(day, zone)
    slow: Counter[tuple[datetime, str]] = Counter()
    for after_s, end in calls:
        local = (begin + timedelta(seconds=after_s)).astimezone(zone)
        if local.date() == day:
            quarter = local.replace(minute=local.minute // 15 * 15, second=0, microsecond=0)
            slow[quarter.astimezone(UTC), end] += 1
    async with opened(desk_settings(tmp_path)) as database:
        async with database.write() as connection:
            await connection.execute(sa.delete(db.call))
            if calls:
                await connection.execute(sa.insert(db.call), [
                    row(f"c{n}", begin + timedelta(seconds=after_s), disposition=end)
                    for n, (after_s, end) in enumerate(calls)
                ])  # fmt: skip
        found = await quarter_hours(database, day, zone)

    named = {"announced": "announced", "agent": "answered", "abandoned": "abandoned"}
    by_end = {(each.at.astimezone(UTC), end): getattr(each, name)
              for each in found for end, name in named.items() if getattr(each, name)}  # fmt: skip
    assert by_end == {key: many for key, many in slow.items() if key[1] in ("agent", "announced", "abandoned")}
    assert sum(each.offered for each in found) == sum(slow.values())
    assert all(each.at.minute % 15 == 0 for each in found)


@pytest.mark.parametrize(
    ("zone", "day", "many"),
    [("Europe/Warsaw", date(2026, 11, 23), 96), ("Europe/Warsaw", date(2026, 3, 29), 92),
     ("Europe/Warsaw", date(2026, 10, 25), 100), ("Australia/Lord_Howe", date(2026, 4, 5), 98)],
)  # fmt: skip
async def test_a_day_has_as_many_quarters_as_its_clock_shows(tmp_path: Path, zone: str, day: date, many: int) -> None:
    async with opened(desk_settings(tmp_path)) as database:
        found = await quarter_hours(database, day, ZoneInfo(zone))

    assert many == len(found) == len({each.at.astimezone(UTC) for each in found})


async def test_the_service_level_counts_who_was_answered_in_time(tmp_path: Path) -> None:
    """Who left before the target does not count; who left after it, or was answered late, is a failure."""
    at = datetime(2026, 11, 23, 9, tzinfo=UTC)
    calls = [("agent", 5), ("agent", 20), ("agent", 21), ("abandoned", 3), ("abandoned", 60), ("hung_up", 90)]
    async with opened(desk_settings(tmp_path)) as database:
        async with database.write() as connection:
            await connection.execute(sa.insert(db.call), [
                row(f"c{n}", at, disposition=end, queue="net", wait_ms=wait_s * 1000,
                    agent_id="anna" if end == "agent" else "")
                for n, (end, wait_s) in enumerate(calls)
            ])  # fmt: skip
        day = (await queue_days(database, at, {"net": 20}, 10))["net"]
        stricter = (await queue_days(database, at, {}, 10))["net"]

    assert (3, 2, 2, 2) == (day.answered, day.abandoned, day.in_target, day.late)
    assert 0.5 == day.level
    assert 0.25 == stricter.level


def test_the_plot_is_svg_with_words_and_true_heights() -> None:
    """Bars stand on each other and are as high together as the calls offered; words are escaped."""
    begin = datetime(2026, 11, 23, tzinfo=ZoneInfo("Europe/Warsaw"))
    today = [Quarter(begin + timedelta(minutes=15 * n), 8, 2, 3, 1) if n == 40 else
             Quarter(begin + timedelta(minutes=15 * n)) for n in range(96)]  # fmt: skip
    drawn = ET.fromstring(plot(today, today, WORDS, standalone=True))
    bars = [each for each in drawn.iter() if each.tag.endswith("rect")]
    heights = {each.get("class"): float(each.get("height", 0)) for each in bars}
    line = next(each for each in drawn.iter() if each.tag.endswith("polyline"))

    assert ["answered", "announced", "abandoned", "others"] == [each.get("class") for each in bars]
    assert heights["answered"] == pytest.approx(heights["abandoned"] * 3, abs=0.3)
    assert sum(heights.values()) == pytest.approx(220, abs=0.5)
    assert 96 == len(line.get("points", "").split())
    assert "Calls <today>" == next(each.text for each in drawn.iter() if each.tag.endswith("title"))
