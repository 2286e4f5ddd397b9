"""Read hours.toml: calendars with opening hours and special days. Pure. Called by `flow/load.py`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from ivr.errors import nearest
from ivr.flow import declare, steps
from ivr.flow.declare import TYPES
from ivr.flow.tables import Report, named_tables, read
from ivr.flow.values import Names, shown, type_of
from ivr.hours import Calendar, Span, read_day, read_weekdays
from ivr.opening import countries, read_opening, read_special
from ivr.opening_mistake import Misread

WEEK = "week"  # the table of weekdays that files had before `open`
_OSM_DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_LIKELY = {"UK": "GB", "EN": "GB", "EL": "GR", "USA": "US"}


def read_calendars(report: Report, names: Names) -> dict[str, Calendar]:
    """Return every calendar of hours.toml, by name."""
    keys = (steps.HOURS_TIMEZONE, steps.HOURS_COUNTRY)
    usual = read(report, (), report.source.table, keys, names, others=("hours",))
    usual["country"] = _country(report, (), usual["country"])
    found = {}
    for name, table in named_tables(report, "hours", declare.NAME, TYPES["name"]).items():
        found[name] = _calendar(report, name, _without_week(report, name, table), usual, names)
    return found


def _calendar(report: Report, name: str, table: dict[str, Any], usual: Mapping[str, str], names: Names) -> Calendar:
    path, special = ("hours", name), steps.CALENDAR_SPECIAL
    values = read(report, path, table, steps.CALENDAR, names, others=(special,))
    country = _country(report, path, values["country"]) or usual["country"]
    opening = read_opening("off")
    try:
        opening = read_opening(values["open"] or "off", country)
    except Misread as error:
        report.add((*path, "open"), error.wrong, error.expected, error.near, part=error.part)
    days = _special(report, (*path, special), report.table((*path, special), table.get(special, {})))
    return Calendar(
        name,
        ZoneInfo(values["timezone"] or usual["timezone"] or "UTC"),
        opening,
        values["title"],
        MappingProxyType({day: spans for day, spans in days.items() if isinstance(day, date)}),
        MappingProxyType({day: spans for day, spans in days.items() if isinstance(day, tuple)}),
    )


def _country(report: Report, path: tuple[str, ...], code: str) -> str:
    """Return `code`; for one without known holidays, which is noted, some other, so that `PH` is not blamed as well."""
    known = countries()
    if code in known or not code:
        return code
    near = _LIKELY.get(code.upper()) or nearest(code[:100].upper(), sorted(known))
    report.add((*path, "country"), f"no public holidays are known for {shown(code)}", TYPES["country"], near)
    return near or min(known)


def _special(
    report: Report, path: tuple[str, ...], table: Mapping[str, Any]
) -> dict[date | tuple[int, int], tuple[Span, ...]]:
    days: dict[date | tuple[int, int], tuple[Span, ...]] = {}
    for name, value in table.items():
        spans = _hours_of_day(report, (*path, name), value)
        try:
            days[read_day(name)] = spans
        except ValueError as error:
            report.add((*path, name), f"no such day: {error}", "YYYY-MM-DD, or MM-DD for every year")
    return days


def _hours_of_day(report: Report, path: tuple[str, ...], value: object) -> tuple[Span, ...]:
    if not isinstance(value, str):
        near = _times(value) or "off" if isinstance(value, list) else ""
        report.add(path, f"{shown(value)} is {type_of(value)}", 'a text such as "08:00-14:00", or "off"', near)
        return ()
    try:
        return read_special(value)
    except Misread as error:
        report.add(path, error.wrong, error.expected, error.near, part=error.part)
        return ()


# -- files that are older


def _without_week(report: Report, name: str, table: dict[str, Any]) -> dict[str, Any]:
    """Return `table` without a `week`; where there is one it is noted, with the line that says the same."""
    if WEEK not in table:
        return table
    line = f'open = "{_converted(table[WEEK])}"'
    report.add(("hours", name, WEEK), "a table of weekdays is not read any more", f"in its place the line {line}")
    return {"open": "off"} | {key: value for key, value in table.items() if key != WEEK}


def _converted(week: object) -> str:
    """Return what a table of weekdays says as one expression."""
    rules = []
    for days, spans in week.items() if isinstance(week, dict) else ():
        try:
            among = read_weekdays(days)
        except ValueError:
            continue
        if times := _times(spans):
            last = f"-{_OSM_DAYS[among[-1]]}" if len(among) > 1 else ""
            rules.append(f"{_OSM_DAYS[among[0]]}{last} {times}")
    return {"": "off", "Mo-Su 00:00-24:00": "24/7"}.get(found := "; ".join(rules), found)


def _times(spans: object) -> str:
    return ",".join(each for each in spans if isinstance(each, str)) if isinstance(spans, list) else ""
