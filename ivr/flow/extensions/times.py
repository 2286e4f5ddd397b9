"""Asterisk's `09:00-17:00,mon-fri,*,*` as opening hours in the syntax of OpenStreetMap. Pure.

Used by `flow/extensions/steps.py` for GotoIfTime and timed includes. Asterisk's last minute belongs to the span
(17:00 lasts until 17:00:59): `17:59` becomes `18:00`, every other end is taken as it was meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ivr.flow.extensions.values import split

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*(?:-\s*([0-9]{1,2}):([0-9]{2}))?")


@dataclass(frozen=True)
class Hours:
    """When something holds. open  in OSM syntax.  name  for a calendar of it.  zone  '' for the file's."""

    open: str
    name: str
    zone: str = ""


def read_times(spec: str) -> Hours | None:
    """Return when `spec` holds (times, weekdays, days of the month, months, zone), None when it is no time spec."""
    parts = [part.strip().lower() for part in (split(spec, "|") if "|" in spec else split(spec))]
    if not 1 <= len(parts) <= 5:
        return None
    zone = (split(spec, "|") if "|" in spec else split(spec))[4].strip() if len(parts) == 5 else ""
    parts = [*parts[:4], *["*"] * (4 - len(parts))]
    if zone and not _is_zone(zone):
        return None
    times, days = _times(parts[0]), _named(parts[1], DAYS, "sun")
    dates, months = _dates(parts[2]), _named(parts[3], MONTHS, "")
    if times is None or days is None or dates is None or months is None:
        return None
    if dates and not _calendar(months, dates):
        return None  # 30 February
    written = [_calendar(months, dates), _ranges(days, DAYS), ",".join(times)]
    text = " ".join(part for part in written if part) or "24/7"
    name = "_".join(part for part in (_calendar_name(months, dates), _days_name(days), _times_name(times)) if part)
    return Hours(text, name or "always", zone)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _times(text: str) -> list[str] | None:
    if text in ("*", ""):
        return []
    spans = []
    for part in text.split("&"):
        found = _TIME.fullmatch(part.strip())
        if not found:
            return None
        start = int(found[1]), int(found[2])
        end = (int(found[3]), int(found[4])) if found[3] else start
        if max(start[0], end[0]) > 23 or max(start[1], end[1]) > 59:
            return None
        if not found[3]:
            end = (end[0], end[1] + 1) if end[1] < 59 else (end[0] + 1, 0)
        elif end[1] == 59:
            end = (end[0] + 1, 0)
        if start == end:
            end = (start[0], start[1] + 1) if start[1] < 59 else (start[0] + 1, 0)
        if start == (0, 0) and end == (24, 0):
            return []
        spans.append(f"{start[0]:02}:{start[1]:02}-{end[0]:02}:{end[1]:02}")
    return spans if len(spans) <= 10 else None


def _named(text: str, names: tuple[str, ...], first: str) -> list[int] | None:
    """Return the days or months that `text` names, in order; [] for all."""
    if text in ("*", ""):
        return []
    found: set[int] = set()
    for part in text.split("&"):
        begin, _, end = part.strip().partition("-")
        if begin[:3] not in names or (end and end.strip()[:3] not in names):
            return None
        at, last = names.index(begin[:3]), names.index((end.strip() or begin)[:3])
        while at != last:
            found.add(at)
            at = (at + 1) % len(names)
        found.add(last)
    return [] if len(found) == len(names) else sorted(found)


def _dates(text: str) -> list[int] | None:
    if text in ("*", ""):
        return []
    found: set[int] = set()
    for part in text.split("&"):
        days = re.fullmatch(r"([0-9]{1,2})(?:\s*-\s*([0-9]{1,2}))?", part.strip())
        if not days:
            return None
        begin, end = int(days[1]), int(days[2] or days[1])
        if not (1 <= begin <= 31 and 1 <= end <= 31):
            return None
        found |= set(range(begin, end + 1)) if begin <= end else {*range(begin, 32), *range(1, end + 1)}
    return [] if len(found) == 31 else sorted(found)


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def _ranges(numbers: list[int], names: tuple[str, ...], letters: int = 2) -> str:
    short = [name[:letters].capitalize() for name in names]
    return ",".join(short[a] if a == b else f"{short[a]}-{short[b]}" for a, b in _runs(numbers))


def _calendar(months: list[int], dates: list[int]) -> str:
    if not dates:
        return _ranges(months, MONTHS, 3)
    last = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    found = []
    for month in months or range(12):
        name = MONTHS[month].capitalize()
        for a, b in _runs([day for day in dates if day <= last[month]]):
            found.append(f"{name} {a:02}" if a == b else f"{name} {a:02}-{b:02}")
    return ",".join(found)


def _calendar_name(months: list[int], dates: list[int]) -> str:
    days = "_".join(str(a) if a == b else f"{a}_{b}" for a, b in _runs(dates)[:2])
    named = "_".join(MONTHS[month] for month in months[:2])
    return "_".join(part for part in (named or (days and "day"), days) if part)


def _days_name(days: list[int]) -> str:
    return "_".join(DAYS[a] if a == b else f"{DAYS[a]}_{DAYS[b]}" for a, b in _runs(days)[:3])


def _times_name(times: list[str]) -> str:
    return "_".join(re.sub(r"[:]", "", span).replace("-", "_") for span in times[:2])
