"""ivr/hours.py: opening hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.hours import Calendar, Span, is_open, read_day, read_span, read_week, read_weekdays

WARSAW = ZoneInfo("Europe/Warsaw")
DAY = read_span("08:00-16:00")


def calendar(**values: object) -> Calendar:
    return Calendar("test", WARSAW, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-23T07:59:59", False),
        ("2026-11-23T08:00:00", True),
        ("2026-11-23T15:59:59", True),
        ("2026-11-23T16:00:00", False),
        ("2026-11-24T12:00:00", False),
    ],
)
def test_open_from_the_first_minute_until_before_the_last(moment: str, expected: bool) -> None:
    """A span holds its first minute and not its last one; a day without an entry is closed."""
    opened = is_open(calendar(weekly={0: (DAY,)}), datetime.fromisoformat(moment).replace(tzinfo=WARSAW))

    assert expected == opened


def test_the_moment_is_asked_in_the_zone_of_the_calendar() -> None:
    """23:30 on Sunday in London is Monday in Warsaw."""
    monday = calendar(weekly={0: (read_span("00:00-01:00"),)})
    moment = datetime(2026, 11, 22, 23, 30, tzinfo=ZoneInfo("Europe/London"))

    assert is_open(monday, moment)


def test_a_moment_without_a_zone_is_refused() -> None:
    """A naive time is a bug of the caller, never a guess."""
    with pytest.raises(ValueError, match="time zone"):
        is_open(calendar(), datetime(2026, 11, 23, 10, 0))


@pytest.mark.parametrize(("hour", "expected"), [(21, False), (22, True), (29, True), (30, False)])
def test_a_span_past_midnight_belongs_to_the_day_it_begins(hour: int, expected: bool) -> None:
    """Friday 22:00-06:00 covers Saturday morning, though Saturday has no entry."""
    night = calendar(weekly={4: (read_span("22:00-06:00"),)})
    friday = datetime(2026, 11, 20, tzinfo=WARSAW)

    assert expected == is_open(night, (friday + timedelta(hours=hour)).replace(tzinfo=WARSAW))


def test_a_special_day_replaces_the_week_and_a_date_beats_every_year() -> None:
    """Christmas is closed each year, but in 2026 it is open in the morning."""
    every_day = dict.fromkeys(range(7), (DAY,))
    found = calendar(weekly=every_day, yearly={(12, 25): ()}, dated={date(2026, 12, 25): (read_span("09:00-10:00"),)})
    opened = [is_open(found, datetime(year, 12, 25, 9, 30, tzinfo=WARSAW)) for year in (2025, 2026)]
    later = is_open(found, datetime(2026, 12, 25, 12, 0, tzinfo=WARSAW))

    assert (opened, later) == ([False, True], False)


def test_a_skipped_opening_hour_does_not_happen() -> None:
    """On 2026-03-29 Warsaw goes from 02:00 to 03:00: 02:00-03:00 is never open, and nothing breaks."""
    gap = calendar(weekly={6: (read_span("02:00-03:00"),)})
    start = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
    opened = [is_open(gap, start + timedelta(minutes=m)) for m in range(180)]

    assert opened == [False] * 180


def test_a_repeated_opening_hour_is_open_twice() -> None:
    """On 2026-10-25 Warsaw has 02:00-03:00 two times."""
    fold = calendar(weekly={6: (read_span("02:00-03:00"),)})
    start = datetime(2026, 10, 24, 23, 0, tzinfo=UTC)

    assert sum(is_open(fold, start + timedelta(minutes=m)) for m in range(240)) == 120


SPANS = st.lists(
    st.tuples(st.integers(0, 1439), st.integers(1, 1440)).map(lambda s: Span(s[0], s[0] + s[1])), max_size=2
).map(tuple)


@settings(max_examples=60, deadline=None)
@given(
    weekly=st.dictionaries(st.integers(0, 6), SPANS, max_size=7),
    dated=st.dictionaries(st.dates(date(2026, 3, 27), date(2026, 3, 31)), SPANS, max_size=3),
    yearly=st.dictionaries(st.tuples(st.just(3), st.integers(27, 31)), SPANS, max_size=2),
    zone=st.sampled_from(["Europe/Warsaw", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
    minute=st.integers(0, 5 * 1440),
)
def test_agrees_with_a_slow_reference(
    weekly: dict[int, tuple[Span, ...]],
    dated: dict[date, tuple[Span, ...]],
    yearly: dict[tuple[int, int], tuple[Span, ...]],
    zone: str,
    minute: int,
) -> None:
    """Writing down every open wall-clock minute of the days around gives the same answer."""
    found = Calendar("test", ZoneInfo(zone), weekly, dated, yearly)
    at = datetime(2026, 3, 26, 12, 0, tzinfo=UTC) + timedelta(minutes=minute)
    written: set[datetime] = set()
    for offset in range(-2, 8):
        day = date(2026, 3, 26) + timedelta(days=offset)
        special = dated.get(day, yearly.get((day.month, day.day), weekly.get(day.weekday(), ())))
        for span in special:
            midnight = datetime(day.year, day.month, day.day)
            written |= {midnight + timedelta(minutes=m) for m in range(span.start, span.end)}
    wall = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, second=0, microsecond=0)

    assert (wall in written) == is_open(found, at)


@pytest.mark.parametrize("zone", ["Europe/Warsaw", "Pacific/Apia", "Africa/Casablanca", "America/St_Johns"])
def test_always_open_is_open_at_every_hour_of_a_year(zone: str) -> None:
    """No clock change closes a line that is open day and night."""
    always = Calendar("always", ZoneInfo(zone), {day: (read_span("00:00-24:00"),) for day in range(7)})
    start = datetime(2026, 1, 1, tzinfo=UTC)

    assert all(is_open(always, start + timedelta(hours=h)) for h in range(0, 8760, 3))


def test_the_first_day_there_is_has_no_yesterday() -> None:
    """The edge of the calendar is closed, not a crash."""
    zone = Calendar("test", ZoneInfo("UTC"))

    assert not is_open(zone, datetime.min.replace(tzinfo=UTC))


@pytest.mark.parametrize(
    "text", ["", "8:00-16:00", "08:00", "08:00-25:00", "24:00-25:00", "08:60-09:00", "08:00-08:00", "08:00-24:30",
             "08:00–16:00", "٠٨:00-16:00", "08:00-16:00\n"],
)  # fmt: skip
def test_a_span_written_otherwise_is_refused(text: str) -> None:
    """Only HH:MM-HH:MM in plain digits, of times that exist, not empty."""
    with pytest.raises(ValueError):
        read_span(text)


def test_spans_are_read_in_minutes() -> None:
    """24:00 is the end of the day, an earlier end is on the next day."""
    read = [read_span(text) for text in ("00:00-24:00", "08:30-16:15", "22:00-06:00")]

    assert [Span(0, 1440), Span(510, 975), Span(1320, 1800)] == read


@pytest.mark.parametrize(("text", "expected"), [("mon", (0,)), ("mon-fri", (0, 1, 2, 3, 4)), ("sat-sun", (5, 6))])
def test_weekdays_are_read(text: str, expected: tuple[int, ...]) -> None:
    """One day, or a range with both ends."""
    assert expected == read_weekdays(text)


@pytest.mark.parametrize("text", ["", "monday", "Mon", "mon-", "-mon", "fri-mon", "mon-fri-sat"])
def test_weekdays_written_otherwise_are_refused(text: str) -> None:
    """Ranges do not run over the weekend's end: that reads two ways."""
    with pytest.raises(ValueError):
        read_weekdays(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("2026-12-24", date(2026, 12, 24)), ("12-24", (12, 24)), ("02-29", (2, 29))]
)
def test_special_days_are_read(text: str, expected: object) -> None:
    """A date, or month and day of every year."""
    assert expected == read_day(text)


@pytest.mark.parametrize("text", ["", "12-32", "2026-02-29", "24.12.", "20261224", "2026-W52-4", "1-1"])
def test_days_that_do_not_exist_are_refused(text: str) -> None:
    """Only days of the calendar, written one way."""
    with pytest.raises(ValueError):
        read_day(text)


def test_working_hours_are_read() -> None:
    """Days or ranges with their spans, in order."""
    week = read_week("mon-tue 13:00-17:00 08:00-12:00, sat 22:00-02:00")
    both = (Span(480, 720), Span(780, 1020))

    assert {0: both, 1: both, 5: (Span(1320, 1560),)} == week


@pytest.mark.parametrize(
    "text", ["", "mon", "mon 8-16", "08:00-16:00", "mon 08:00-12:00 11:00-13:00", "mon 08:00-09:00, mon 1"]
)
def test_other_working_hours_are_refused(text: str) -> None:
    """With the part that is wrong."""
    with pytest.raises(ValueError, match=r"expected|not written|no such|overlap|twice"):
        read_week(text)
