"""Moments as people type them: `+10m`, `18:00`, `2026-12-25T10:00`. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

EXPECTED = "expected +10m, -2h, +1d, 18:00, 2026-12-25 or 2026-12-25T10:00"
_STEP = re.compile(r"([+-])\s*([0-9]{1,5})\s*([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})")


def read_moment(text: str, now: datetime) -> datetime:
    """Return the moment `text` means at `now`: a step from it, a time of that day, a day at that time, or both.

    Raises ValueError with what was expected.
    """
    text = text.strip()
    try:
        if found := _STEP.fullmatch(text):
            step = timedelta(**{_UNITS[found[3]]: int(found[2])})
            return now + step if found[1] == "+" else now - step
        if found := _CLOCK.fullmatch(text):
            return now.replace(hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0)
        at = datetime.fromisoformat(text)
        if len(text) <= 10:
            at = at.replace(hour=now.hour, minute=now.minute, second=now.second)
        return at if at.tzinfo else at.replace(tzinfo=now.tzinfo)
    except (ValueError, OverflowError):
        raise ValueError(f"{text[:40]!r} is not a time, {EXPECTED}") from None
