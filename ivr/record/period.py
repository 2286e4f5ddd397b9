"""A stretch of time as people write it: yesterday, today, 2026-11-22, 24h. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ivr.errors import InputError

EXPECTED = "today, yesterday, a day such as 2026-11-22, or the last 24h, 7d or 90min"
UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
DAYS_MOST = 3660


@dataclass(frozen=True)
class Period:
    """From `begin` until just before `end`, both with a zone. name  what people call it."""

    begin: datetime
    end: datetime
    name: str


def period(text: str, now: datetime, zone: ZoneInfo) -> Period:
    """Return the period `text` means at the moment `now`; days are those of `zone`. Raises InputError."""
    today = now.astimezone(zone).date()
    word = text.strip().lower()
    if last := re.fullmatch(r"([0-9]{1,5}) ?(min|h|d)", word):
        length = int(last[1]) * UNITS[last[2]]
        if timedelta(0) < length <= timedelta(days=DAYS_MOST):
            return Period(now - length, now, f"the last {last[1]} {last[2]}")
    try:
        day = {"today": today, "yesterday": today - timedelta(days=1)}.get(word) or date.fromisoformat(word)
        begin, end = (datetime.combine(each, time(), zone) for each in (day, day + timedelta(days=1)))
    except (ValueError, OverflowError):
        raise InputError(f"{text[:40]!r} is no period; expected {EXPECTED}") from None
    named = f"{word}, {day}" if word in ("today", "yesterday") else f"{day}"
    return Period(begin, end, named)
