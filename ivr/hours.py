"""Calendars: opening hours with special days in one time zone, asked about one moment. Agents' working hours too.

Pure: the moment is passed in. `flow/load.py` builds calendars from dialplans/hours.toml, the session and
`flow/trial.py` ask them. Times are wall-clock times of the calendar's zone: on the day a clock is put back
the repeated hour is open both times, on the day it is put forward a skipped opening time does not happen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TypeVar
from zoneinfo import ZoneInfo

from ivr.opening import DAY_MIN, Opening, Span

__all__ = [
    "DAY_MIN", "WEEKDAYS", "Calendar", "Span", "is_open", "next_change", "read_day", "read_span", "read_week",
    "read_weekdays", "spans",
]  # fmt: skip

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
AHEAD_DAYS = 3 * 366  # how far the next change is looked for

T = TypeVar("T")

_SPAN = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")
_YEARLY = re.compile(r"([0-9]{2})-([0-9]{2})")
_DATED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Calendar:
    """Opening hours with a name.

    opening  the hours of ordinary days.  dated, yearly  special days, () is closed all day: they replace the
    hours that begin on that day. A dated one beats a yearly one.
    """

    name: str
    zone: ZoneInfo
    opening: Opening
    title: str = ""
    dated: Mapping[date, tuple[Span, ...]] = field(default_factory=dict)
    yearly: Mapping[tuple[int, int], tuple[Span, ...]] = field(default_factory=dict)


def is_open(calendar: Calendar, at: datetime) -> bool:
    """Tell whether `calendar` is open at the moment `at`.

    Raises ValueError when `at` carries no time zone.
    """
    if at.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    local = at.astimezone(calendar.zone)
    minute, today = local.hour * 60 + local.minute, local.date()
    if any(span.start <= minute < span.end for span in spans(calendar, today)):
        return True
    if today == date.min:
        return False
    return any(span.start <= minute + DAY_MIN < span.end for span in spans(calendar, today - _DAY))


def next_change(calendar: Calendar, at: datetime) -> datetime | None:
    """Return when `calendar` opens, if it is closed at the moment `at`, or closes, if it is open; in its zone.

    None when it does neither in the next three years. Raises ValueError when `at` carries no time zone.
    """
    now = is_open(calendar, at)
    day = at.astimezone(calendar.zone).date() - _DAY
    earlier = _turns(calendar, day)
    for _ in range(AHEAD_DAYS):
        day += _DAY
        later = _turns(calendar, day)
        for turn in sorted(earlier | later):  # a clock change of one day may lie behind hours of the next
            if turn > at and is_open(calendar, turn) != now:
                return turn.astimezone(calendar.zone)
        earlier = later
    return None


def _turns(calendar: Calendar, day: date) -> set[datetime]:
    """Return the moments in UTC at which something can change because of `day`, and some more."""
    midnight = datetime(day.year, day.month, day.day)
    minutes = {minute for span in spans(calendar, day) for minute in (span.start, span.end)}
    walls = [(midnight + timedelta(minutes=minute)).replace(tzinfo=calendar.zone) for minute in minutes]
    turns = {wall.replace(fold=fold).astimezone(UTC) for wall in walls for fold in (0, 1)}
    return turns | set(_clock_changes(calendar.zone, midnight.replace(tzinfo=UTC)))


def _clock_changes(zone: ZoneInfo, start: datetime) -> Iterator[datetime]:
    """Yield the moment within a day of `start` at which clocks of `zone` are put forward or back, if there is one."""
    end = start + _DAY
    before, after = (moment.astimezone(zone).utcoffset() for moment in (start, end))
    if before == after:
        return
    while end - start > timedelta(seconds=1):
        middle = start + (end - start) // 2
        if middle.astimezone(zone).utcoffset() == before:
            start = middle
        else:
            end = middle
    yield end.replace(microsecond=0)


def spans(calendar: Calendar, day: date) -> tuple[Span, ...]:
    """Return the hours that begin on `day`."""
    if day in calendar.dated:
        return calendar.dated[day]
    if (day.month, day.day) in calendar.yearly:
        return calendar.yearly[day.month, day.day]
    return calendar.opening.on(day)


def read_span(text: str) -> Span:
    """Return the span written as HH:MM-HH:MM; an end before the start is on the next day.

    Raises ValueError when it is written otherwise, or is empty.
    """
    found = _SPAN.fullmatch(text)
    if not found:
        raise ValueError("not written as HH:MM-HH:MM")
    from_hour, from_minute, to_hour, to_minute = (int(part) for part in found.groups())
    start, end = from_hour * 60 + from_minute, to_hour * 60 + to_minute
    if max(from_minute, to_minute) > 59 or start >= DAY_MIN or end > DAY_MIN:
        raise ValueError("no such time of day")
    if start == end:
        raise ValueError("an empty span")
    return Span(start, end if end > start else end + DAY_MIN)


def read_week(text: str) -> dict[int, tuple[Span, ...]]:
    """Return the spans by weekday of working hours such as `mon-fri 08:00-12:00 13:00-17:00, sat 09:00-13:00`.

    Raises ValueError with what is wrong.
    """
    week: dict[int, tuple[Span, ...]] = {}
    for part in text.split(","):
        days, *times = part.split()[:20] or [""]
        if not times:
            raise ValueError(f"{part.strip()!r}: expected days and hours such as mon-fri 08:00-16:00")
        for day in _named(read_weekdays, days):
            if day in week:
                raise ValueError(f"{WEEKDAYS[day]} is given twice")
            week[day] = tuple(sorted((_named(read_span, time) for time in times), key=lambda span: span.start))
            if any(later.start < earlier.end for earlier, later in pairwise(week[day])):
                raise ValueError(f"{part.strip()!r}: two spans overlap")
    return week


def _named(read: Callable[[str], T], text: str) -> T:
    try:
        return read(text)
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None


def read_weekdays(text: str) -> tuple[int, ...]:
    """Return the weekdays (0 is Monday) written as `mon` or `mon-fri`. Raises ValueError."""
    first, _, last = text.partition("-")
    if first not in WEEKDAYS or (last or first) not in WEEKDAYS or text.endswith("-"):
        raise ValueError("no such weekday")
    start, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
    if end < start:
        raise ValueError("the range runs backwards")
    return tuple(range(start, end + 1))


def read_day(text: str) -> date | tuple[int, int]:
    """Return the special day written as YYYY-MM-DD, or (month, day) written as MM-DD. Raises ValueError."""
    if found := _YEARLY.fullmatch(text):
        month, day = int(found[1]), int(found[2])
        date(2024, month, day)
        return month, day
    if not _DATED.fullmatch(text):
        raise ValueError("not written as YYYY-MM-DD or MM-DD")
    return date.fromisoformat(text)
