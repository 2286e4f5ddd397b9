"""Read hours.toml: calendars with a week and special days. Pure. Called by `flow/load.py`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from ivr.errors import nearest
from ivr.flow import steps
from ivr.flow.steps import TYPES
from ivr.flow.tables import Names, Report, named_tables, read, shown, type_of
from ivr.hours import DAY_MIN, WEEKDAYS, Calendar, Span, read_day, read_span, read_weekdays


def read_calendars(report: Report, names: Names) -> dict[str, Calendar]:
    """Return every calendar of hours.toml, by name."""
    usual = read(report, (), report.source.table, (steps.HOURS_TIMEZONE,), names, others=("hours",))[
        "timezone"
    ]
    found = {}
    for name, table in named_tables(report, "hours", steps.NAME, TYPES["name"]).items():
        path = ("hours", name)
        week, special = steps.CALENDAR_WEEK, steps.CALENDAR_SPECIAL
        zone = read(report, path, table, steps.CALENDAR, names, others=(week, special))["timezone"] or usual
        weekly = _weekly(report, (*path, week), report.table((*path, week), table.get(week, {})))
        days = _special(report, (*path, special), report.table((*path, special), table.get(special, {})))
        dated = {day: spans for day, spans in days.items() if isinstance(day, date)}
        yearly = {day: spans for day, spans in days.items() if isinstance(day, tuple)}
        found[name] = Calendar(
            name,
            ZoneInfo(zone or "UTC"),
            MappingProxyType(weekly),
            MappingProxyType(dated),
            MappingProxyType(yearly),
        )
    return found


def _weekly(report: Report, path: tuple[str, ...], table: Mapping[str, Any]) -> dict[int, tuple[Span, ...]]:
    weekly: dict[int, tuple[Span, ...]] = {}
    for name, value in table.items():
        spans = _spans(report, (*path, name), value)
        try:
            days = read_weekdays(name)
        except ValueError as error:
            report.add(
                (*path, name),
                str(error),
                "a day or a range such as mon or mon-fri, of " + ", ".join(WEEKDAYS),
                nearest(name[:100].lower()[:3], WEEKDAYS),
            )
            continue
        for day in days:
            if day in weekly:
                report.add((*path, name), f"{WEEKDAYS[day]} is given twice", "each weekday once")
            weekly[day] = spans
    return weekly


def _special(
    report: Report, path: tuple[str, ...], table: Mapping[str, Any]
) -> dict[date | tuple[int, int], tuple[Span, ...]]:
    days: dict[date | tuple[int, int], tuple[Span, ...]] = {}
    for name, value in table.items():
        spans = _spans(report, (*path, name), value)
        try:
            days[read_day(name)] = spans
        except ValueError as error:
            report.add((*path, name), f"no such day: {error}", "YYYY-MM-DD, or MM-DD for every year")
    return days


def _spans(report: Report, path: tuple[str, ...], value: object) -> tuple[Span, ...]:
    """Return the spans of one day in order; [] is closed all day."""
    expected = 'a list such as ["08:00-12:00", "13:00-18:00"], [] for closed'
    if not isinstance(value, list):
        report.add(path, f"{shown(value)} is {type_of(value)}", expected)
        return ()
    spans: list[Span] = []
    for text in value:
        try:
            if not isinstance(text, str):
                raise ValueError(f"it is {type_of(text)}")
            spans.append(read_span(text))
        except ValueError as error:
            report.add(path, f"{shown(text)}: {error}", expected)
    spans.sort(key=lambda span: span.start)
    if any(later.start < earlier.end for earlier, later in pairwise(spans)):
        report.add(path, "two spans overlap", "each minute once")
    if any(span.end > DAY_MIN for span in spans[:-1]):
        report.add(path, "only the last span may run past midnight", expected)
    return tuple(spans)
