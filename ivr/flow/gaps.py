"""At which minutes of the week is a calendar open and nobody works? Used by `flow/reach.py`.

Pure. Minute 0 is Monday 00:00. Weeks are looked at one by one for a year, so that holidays, seasons and clock changes
count; what comes up often is told by weekday.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from ivr.hours import DAY_MIN, WEEKDAYS, Calendar, Span, spans
from ivr.opening import merged

Gaps = Mapping[str, tuple[Span, ...]]
"""Hours by day: under '' those of every week (or of many), under a date only of that one."""

WEEK_MIN = 7 * DAY_MIN
AHEAD_DAYS = 366
USUAL = 4  # hours of so many days in a year are told by their weekday, those of fewer by each day


def all_hours(weeks: Iterable[Mapping[int, tuple[Span, ...]]]) -> tuple[Span, ...]:
    """Return all minutes of these weeks."""
    hours = (Span(day * DAY_MIN + s.start, day * DAY_MIN + s.end) for week in weeks for day in week for s in week[day])
    return _of_a_week(hours)


def _of_a_week(hours: Iterable[Span]) -> tuple[Span, ...]:
    """Return `hours` sorted and merged; what runs into the next Monday is Monday's."""
    found = list(hours)
    late = [Span(max(span.start - WEEK_MIN, 0), span.end - WEEK_MIN) for span in found if span.end > WEEK_MIN]
    early = [Span(span.start, min(span.end, WEEK_MIN)) for span in found if span.start < WEEK_MIN]
    return merged(early + late)


@dataclass(frozen=True)
class Opened:
    """When callers of one calendar come: `hours`, minutes of the week by the calendar's clocks, on each of `days`.

    shift  by how many minutes its clocks are ahead of those of the agents.
    """

    hours: Span
    shift: int
    days: tuple[date, ...]


def when_open(calendar: Calendar | None, zone: ZoneInfo, today: date) -> tuple[Opened, ...]:
    """Return when `calendar` (None: always) is open from `today` on: for a year, and on special days after it."""
    if calendar is None:
        return (Opened(Span(0, WEEK_MIN), 0, (date.min,) * USUAL),)
    days: dict[tuple[Span, int], list[date]] = {}
    ahead = {today + timedelta(days=number) for number in range(AHEAD_DAYS)} | {
        day for day in calendar.dated if day >= today
    }
    for day in sorted(ahead):
        for span in spans(calendar, day):
            for part, shift in _by_shift(calendar.zone, zone, day, span):
                begin = day.weekday() * DAY_MIN
                days.setdefault((Span(begin + part.start, begin + part.end), shift), []).append(day)
    return tuple(Opened(hours, shift, tuple(among)) for (hours, shift), among in days.items())


def _by_shift(calendar: ZoneInfo, zone: ZoneInfo, day: date, span: Span) -> Iterator[tuple[Span, int]]:
    """Yield `span` of `day` in parts with the same shift: two, when clocks change within it in only one zone."""
    first, last = (_shift(calendar, zone, day, minute) for minute in (span.start, span.end - 1))
    if first == last:
        yield span, first
        return
    middle = (span.start + span.end) // 2
    for part in (Span(span.start, middle), Span(middle, span.end)):
        yield from _by_shift(calendar, zone, day, part)


def _shift(calendar: ZoneInfo, zone: ZoneInfo, day: date, minute: int) -> int:
    """Return by how many minutes clocks of the calendar are ahead of those of `zone`."""
    if calendar is zone:
        return 0
    wall = (datetime(day.year, day.month, day.day) + timedelta(minutes=minute)).replace(tzinfo=calendar)
    there = wall.astimezone(UTC).astimezone(zone)
    return round((wall.replace(tzinfo=None) - there.replace(tzinfo=None)).total_seconds() / 60)


def find_gaps(opened: Iterable[Opened], covered: Sequence[Span]) -> Gaps:
    """Return when it is opened and nobody works: hours of many days under '', those of few under each day."""
    found: dict[str, set[Span]] = {}
    for each in opened:
        for gap in uncovered((each.hours,), covered, each.shift):
            for day in ("",) if len(each.days) >= USUAL else (day.isoformat() for day in each.days):
                found.setdefault(day, set()).add(gap)
    usual = _of_a_week(found.get("", ()))
    rest = {day: tuple(uncovered(merged(gaps), usual, 0)) for day, gaps in sorted(found.items()) if day}
    return {"": usual} | {day: gaps for day, gaps in rest.items() if gaps} if usual else rest


def uncovered(opened: Iterable[Span], covered: Sequence[Span], shift: int) -> Iterator[Span]:
    """Yield the parts of `opened` outside `covered`, which is `shift` minutes behind."""
    round_the_week = [
        Span(span.start + shift + turn, span.end + shift + turn)
        for turn in (-WEEK_MIN, 0, WEEK_MIN) for span in covered
    ]  # fmt: skip
    for span in opened:
        at = span.start
        for work in round_the_week:
            if work.end <= at:
                continue
            if work.start >= span.end:
                break
            if work.start > at:
                yield Span(at, work.start)
            at = max(at, work.end)
        if at < span.end:
            yield Span(at, span.end)


def gap_words(gaps: Iterable[Span]) -> list[str]:
    """Return gaps as `mon-fri 18:00-20:00`, days with the same hours together."""
    days: dict[int, list[str]] = {}
    for gap in sorted(gaps, key=_start):
        for day in range(gap.start // DAY_MIN, (gap.end - 1) // DAY_MIN + 1):
            begin, end = max(gap.start, day * DAY_MIN), min(gap.end, (day + 1) * DAY_MIN)
            days.setdefault(day % 7, []).append(hours_text(Span(begin, end)))
    found = []
    for _, run in groupby(enumerate(sorted(days)), key=lambda item: (item[1] - item[0], days[item[1]])):
        among = [day for _, day in run]
        name = WEEKDAYS[among[0]] + (f"-{WEEKDAYS[among[-1]]}" if len(among) > 1 else "")
        found.append(f"{name} {' '.join(dict.fromkeys(days[among[0]]))}")
    return found


def hours_text(span: Span) -> str:
    start, end = span.start % DAY_MIN, span.end % DAY_MIN or DAY_MIN
    return f"{start // 60:02d}:{start % 60:02d}-{end // 60:02d}:{end % 60:02d}"


def _start(span: Span) -> int:
    return span.start
