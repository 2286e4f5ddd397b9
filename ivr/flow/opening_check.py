"""Do the opening hours do what they were written for? Hours that never open, parts that never count.

Pure: the day is passed in. Called by `desk/dialplan_check.py` for `ivr dialplan check` only, not when a set goes live:
hours that end some day must not keep a controller from starting after that day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ivr.hours import AHEAD_DAYS, Calendar, spans
from ivr.opening import Rule


@dataclass(frozen=True)
class Useless:
    """Something in a calendar that has no effect. part  of its hours, '' for all."""

    calendar: str
    wrong: str
    expected: str
    part: str = ""


def find_useless(calendars: Mapping[str, Calendar], today: date) -> tuple[Useless, ...]:
    """Return what never opens, or never counts, from `today` on, for three years."""
    return tuple(found for calendar in calendars.values() for found in _useless(calendar, today))


def _useless(calendar: Calendar, today: date) -> Iterator[Useless]:
    if calendar.opening.off:
        return
    if not any(spans(calendar, day) for day in _days(today, AHEAD_DAYS)):
        expected = 'hours that come in the next three years, or open = "off" for a line that is closed for good'
        yield Useless(calendar.name, f"{calendar.opening.text!r} never opens", expected)
        return
    rules = calendar.opening.rules
    for number, rule in enumerate(rules, 1):
        if _lost(rule, rules[number:], today):
            yield Useless(
                calendar.name,
                f"{rule.text!r} never counts: a part after it replaces the whole day",
                "exceptions last, and hours of the same days joined by a comma: Mo-Fr 08:00-12:00,13:00-18:00",
                rule.text,
            )


def _lost(rule: Rule, later: Sequence[Rule], today: date) -> bool:
    """Do later rules take the days of `rule` back: all that it opens, or most of those it closes?"""
    days = [day for day in _days(today, 366) if rule.holds(day)]
    lost = sum(any(not (each.adds or each.closes) and each.holds(day) for each in later) for day in days)
    kept_open = not rule.closes and lost < len(days)
    return bool(days) and not kept_open and 2 * lost > len(days)


def _days(first: date, count: int) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range(count))
