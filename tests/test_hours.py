"""ivr/hours.py: opening hours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.hours import Calendar, Span, is_open, next_change, read_day, read_span, read_week, read_weekdays
from ivr.opening import read_opening

WARSAW = ZoneInfo("Europe/Warsaw")
ZONES = sorted(
    zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "posix", "right"))
)


def calendar(text: str = "off", **values: object) -> Calendar:
    return Calendar("test", WARSAW, read_opening(text, "PL"), **values)  # type: ignore[arg-type]


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
    """A span holds its first minute and not its last one; a day that is not written is closed."""
    opened = is_open(calendar("Mo 08:00-16:00"), datetime.fromisoformat(moment).replace(tzinfo=WARSAW))

    assert expected == opened


def test_the_moment_is_asked_in_the_zone_of_the_calendar() -> None:
    """23:30 on Sunday in London is Monday in Warsaw."""
    moment = datetime(2026, 11, 22, 23, 30, tzinfo=ZoneInfo("Europe/London"))

    assert is_open(calendar("Mo 00:00-01:00"), moment)


@pytest.mark.parametrize("ask", [is_open, next_change])
def test_a_moment_without_a_zone_is_refused(ask: Callable[[Calendar, datetime], object]) -> None:
    """A naive time is a bug of the caller, never a guess."""
    with pytest.raises(ValueError, match="time zone"):
        ask(calendar(), datetime(2026, 11, 23, 10, 0))


@pytest.mark.parametrize(("hour", "expected"), [(21, False), (22, True), (29, True), (30, False)])
def test_a_span_past_midnight_belongs_to_the_day_it_begins(hour: int, expected: bool) -> None:
    """Friday 22:00-06:00 covers Saturday morning, though Saturday is not written."""
    friday = datetime(2026, 11, 20, tzinfo=WARSAW)

    assert expected == is_open(calendar("Fr 22:00-06:00"), (friday + timedelta(hours=hour)).replace(tzinfo=WARSAW))


@pytest.mark.parametrize("off", ["PH off", "special"])
def test_a_closed_day_keeps_the_night_before_and_loses_the_one_it_would_begin(off: str) -> None:
    """11 November is a holiday: open until 2 from the 10th, closed from then until the evening of the 12th."""
    if off == "special":
        found = calendar("20:00-02:00", dated={date(2026, 11, 11): ()})
    else:
        found = calendar(f"20:00-02:00; {off}")
    moments = [datetime(2026, 11, day, hour, tzinfo=WARSAW) for day, hour in ((11, 1), (11, 21), (12, 1), (12, 20))]

    assert [True, False, False, True] == [is_open(found, at) for at in moments]


def test_a_special_day_replaces_the_week_and_a_date_beats_every_year() -> None:
    """Christmas is closed each year, but in 2026 it is open in the morning."""
    found = calendar("08:00-16:00", yearly={(12, 25): ()}, dated={date(2026, 12, 25): (read_span("09:00-10:00"),)})
    opened = [is_open(found, datetime(year, 12, 25, 9, 30, tzinfo=WARSAW)) for year in (2025, 2026)]
    later = is_open(found, datetime(2026, 12, 25, 12, 0, tzinfo=WARSAW))

    assert (opened, later) == ([False, True], False)


def test_a_skipped_opening_hour_does_not_happen() -> None:
    """On 2026-03-29 Warsaw goes from 02:00 to 03:00: 02:00-03:00 is never open, and nothing breaks."""
    start = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
    opened = [is_open(calendar("Su 02:00-03:00"), start + timedelta(minutes=m)) for m in range(180)]

    assert opened == [False] * 180


def test_a_repeated_opening_hour_is_open_twice() -> None:
    """On 2026-10-25 Warsaw has 02:00-03:00 two times."""
    start = datetime(2026, 10, 24, 23, 0, tzinfo=UTC)

    assert sum(is_open(calendar("Su 02:00-03:00"), start + timedelta(minutes=m)) for m in range(240)) == 120


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
    found = Calendar("test", ZoneInfo(zone), read_opening(written(weekly)), "", dated, yearly)
    at = datetime(2026, 3, 26, 12, 0, tzinfo=UTC) + timedelta(minutes=minute)
    minutes: set[datetime] = set()
    for offset in range(-2, 8):
        day = date(2026, 3, 26) + timedelta(days=offset)
        special = dated.get(day, yearly.get((day.month, day.day), weekly.get(day.weekday(), ())))
        for span in special:
            midnight = datetime(day.year, day.month, day.day)
            minutes |= {midnight + timedelta(minutes=m) for m in range(span.start, span.end)}
    wall = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, second=0, microsecond=0)

    assert (wall in minutes) == is_open(found, at)


def written(weekly: Mapping[int, Iterable[Span]]) -> str:
    """Return the expression of these hours by weekday."""
    rules = [f"{'MoTuWeThFrSaSu'[2 * day : 2 * day + 2]} {','.join(map(clock, spans))}" for day, spans in weekly.items()
             if spans]  # fmt: skip
    return "; ".join(rules) or "off"


def clock(span: Span) -> str:
    start, end = span.start, span.end
    return f"{start // 60:02d}:{start % 60:02d}-{end // 60:02d}:{end % 60:02d}"


@pytest.mark.parametrize("zone", ["Europe/Warsaw", "Pacific/Apia", "Africa/Casablanca", "America/St_Johns"])
def test_always_open_is_open_at_every_hour_of_a_year(zone: str) -> None:
    """No clock change closes a line that is open day and night."""
    always = Calendar("always", ZoneInfo(zone), read_opening("24/7"))
    start = datetime(2026, 1, 1, tzinfo=UTC)

    assert all(is_open(always, start + timedelta(hours=h)) for h in range(0, 8760, 3))
    assert next_change(always, start) is None


def test_the_first_and_the_last_day_there_are() -> None:
    """The edges of the calendar are closed, not a crash."""
    found = Calendar("test", ZoneInfo("UTC"), read_opening("Mo-Fr 22:00-02:00; PH off", "PL"))

    assert not is_open(found, datetime.min.replace(tzinfo=UTC))
    assert is_open(found, datetime.max.replace(tzinfo=UTC))


# -- clocks that are put forward or back, in every zone there is


def clock_changes(zone: ZoneInfo, year: int) -> list[datetime]:
    """Return the hours of a year in which the clocks of `zone` change."""
    offsets = [(datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=day)).astimezone(zone) for day in range(367)]
    return [
        hour
        for today, tomorrow in pairwise(offsets) if today.utcoffset() != tomorrow.utcoffset()
        for hour in (today.astimezone(UTC) + timedelta(hours=each) for each in range(24))
        if hour.astimezone(zone).utcoffset() != (hour + timedelta(hours=1)).astimezone(zone).utcoffset()
    ]  # fmt: skip


def open_by_the_clock(at: datetime, zone: ZoneInfo) -> bool:
    """Return what `Mo-Sa 01:20-02:40,23:30-24:30; Su 00:00-03:30` means, read off the wall clock and nothing else."""
    wall = at.astimezone(zone)
    minute, sunday = wall.hour * 60 + wall.minute, wall.weekday() == 6
    if sunday and (minute < 210 or minute >= 1440):
        return True
    if not sunday and (80 <= minute < 160 or minute >= 1410):
        return True
    return minute < 30 and wall.weekday() != 0  # from the evening before, unless that was Sunday


@pytest.mark.parametrize("part", range(4))
def test_clock_changes_of_every_zone_agree_with_the_wall_clock(part: int) -> None:
    """Around each change of 2026, at every tenth minute, where each boundary lies, and a second before it."""
    hours = read_opening("Mo-Sa 01:20-02:40,23:30-24:30; Su 00:00-03:30")
    asked = 0
    for name in ZONES[part::4]:
        zone = ZoneInfo(name)
        found = Calendar("test", zone, hours)
        for change in clock_changes(zone, 2026):
            for second in (*range(-6 * 3600, 7 * 3600, 600), *range(-6 * 3600 - 1, 7 * 3600, 600)):
                at, asked = change + timedelta(seconds=second), asked + 1

                assert open_by_the_clock(at, zone) == is_open(found, at), (name, at)

    assert asked > 1000


@pytest.mark.parametrize("name", ["Europe/Warsaw", "Australia/Lord_Howe", "America/New_York", "Africa/Casablanca",
                                  "Pacific/Chatham", "Asia/Gaza"])  # fmt: skip
def test_the_next_change_is_the_first_minute_that_differs(name: str) -> None:
    """Asked at every seventh minute around the clock changes of a year, and checked by asking minute by minute."""
    zone = ZoneInfo(name)
    found = Calendar("test", zone, read_opening("Mo-Sa 01:20-02:40,23:30-24:30; Su 00:00-03:30"))
    for change in clock_changes(zone, 2026)[:4]:
        start = change - timedelta(hours=5)
        states = [is_open(found, start + timedelta(minutes=minute)) for minute in range(48 * 60)]
        for minute in range(0, 10 * 60, 7):
            later = next(n for n in range(minute, 48 * 60) if states[n] != states[minute])
            change_found = next_change(found, start + timedelta(minutes=minute))

            assert change_found is not None
            assert start + timedelta(minutes=later) == change_found.astimezone(UTC)


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("Mo-Fr 08:00-20:00; PH off", "2026-11-23T12:00", "2026-11-23T20:00"),
        ("Mo-Fr 08:00-20:00; PH off", "2026-11-10T20:00", "2026-11-12T08:00"),
        ("Mo-Fr 08:00-20:00; PH off", "2026-11-23T08:00", "2026-11-23T20:00"),
        ("Mo-Su 20:00-08:00", "2026-11-23T23:00", "2026-11-24T08:00"),
        ("Mo-We 00:00-24:00", "2026-11-23T23:00", "2026-11-26T00:00"),
        ("2028 Jan 1 10:00-11:00", "2026-11-23T23:00", "2028-01-01T10:00"),
    ],
)
def test_when_it_opens_or_closes_next(text: str, at: str, expected: str) -> None:
    """In the zone of the calendar; hours that touch are one."""
    change = next_change(calendar(text), datetime.fromisoformat(at).replace(tzinfo=WARSAW))

    assert change is not None
    assert (datetime.fromisoformat(expected).replace(tzinfo=WARSAW), WARSAW) == (change, change.tzinfo)


@pytest.mark.parametrize("text", ["off", "24/7", "2020 Mo-Fr 08:00-10:00", "2031 Mo-Fr 08:00-10:00"])
def test_no_change_in_the_next_three_years_is_none(text: str) -> None:
    """Neither for ever, nor in the past, nor too far away."""
    assert next_change(calendar(text), datetime(2026, 11, 23, tzinfo=WARSAW)) is None


# -- what is written


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
