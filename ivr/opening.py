"""An opening_hours expression of OpenStreetMap: `Mo-Fr 08:00-20:00; Sa 09:00-14:00; PH off`.

Pure. The library opening_hours checks the grammar and knows which days a rule means (weeks, months, Easter, public
holidays); the hours of one day are put together here, so that hours past midnight always belong to the day they
begin (docs/decisions/0008-opening-hours-library.md). Used by `ivr/hours.py` and `flow/calendars.py`.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import cache
from itertools import product

from opening_hours import OpeningHours, ParserError, UnknownCountryError  # type: ignore[attr-defined]

from ivr.opening_mistake import HOURS, Misread, not_understood, repaired

DAY_MIN = 24 * 60
CHARS = 500  # of an expression; the longest ones of shops have 250

_TIMES = r"[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}"
_RULE = re.compile(rf"(?P<days>.*?) ?(?P<times>{_TIMES}(?:,{_TIMES})*)?(?: ?(?P<kind>closed|unknown))?")
_JOINED = re.compile(r"(; |, )")
_ALL_DAY = re.compile(r"24/7|0?0:00 ?- ?(?:24|00|0):00")  # the library prints `Mo 00:00-24:00` as `Mo`
_NOON = time(12)


@dataclass(frozen=True)
class Span:
    """Open from minute `start` of a day until minute `end`; past 1440 it runs into the next day."""

    start: int
    end: int


@dataclass(frozen=True)
class Rule:
    """One part of an expression.

    days  on which it holds, None every day.  closes  `off`; without spans all day.  adds  joined by `,`: it adds to
    the hours before it instead of replacing them.
    """

    text: str
    days: OpeningHours | None
    spans: tuple[Span, ...]
    closes: bool
    adds: bool

    def holds(self, day: date) -> bool:
        """Is `day` one of its days?"""
        return self.days is None or self.days.is_open(datetime.combine(day, _NOON))


@dataclass(frozen=True)
class Opening:
    """An expression that has been read. country  of its public holidays, '' for none."""

    text: str
    country: str
    rules: tuple[Rule, ...] = field(repr=False, compare=False)

    def on(self, day: date) -> tuple[Span, ...]:
        """Return the hours that begin on `day`, in order; they neither touch nor overlap."""
        found: tuple[Span, ...] = ()
        for rule in self.rules:
            if rule.holds(day):
                found = _after(found, rule)
        return found

    @property
    def off(self) -> bool:
        """Was it written to be closed for good: `off`?"""
        return len(self.rules) == 1 and self.rules[0].closes and self.rules[0].days is None and not self.rules[0].spans


def read_opening(text: str, country: str = "") -> Opening:
    """Return the opening hours written in `text`. Raises Misread, with a text that would be right where one is near.

    country  one of `countries()`, or '' when there is none.
    """
    try:
        return Opening(text, country, _rules(text, country))
    except Misread as error:
        near = repaired(text)
        near = near if _reads(_rules, near, country) else ""
        raise Misread(error.wrong, error.expected, near, error.part) from None


def read_special(text: str) -> tuple[Span, ...]:
    """Return the hours of one day: times, `off`, `closed` or `24 hours`. Raises Misread."""
    try:
        return _of_one_day(text)
    except Misread as error:
        joined = "" if "off" in text else ",".join(re.findall(_TIMES, text))
        near = next((each for each in (repaired(text), joined) if _reads(_of_one_day, each)), "")
        raise Misread(error.wrong, 'hours such as "08:00-14:00", "24 hours", or "off"', near, error.part) from None


def _of_one_day(text: str) -> tuple[Span, ...]:
    if text.lower() == "24 hours":
        return (Span(0, DAY_MIN),)
    rules = _rules(text, "")
    if len(rules) > 1 or rules[0].days is not None or (rules[0].closes and rules[0].spans):
        raise Misread(f"{text!r} is more than the hours of one day")
    return _after((), rules[0])


def _reads(read: Callable[..., object], *args: str) -> bool:
    try:
        read(*args)
    except Misread:
        return False
    return True


@cache
def countries() -> frozenset[str]:
    """Return the ISO codes of the countries whose public holidays are known."""
    pairs = ("".join(pair) for pair in product(string.ascii_uppercase, repeat=2))
    return frozenset(code for code in pairs if _has_holidays(code))


def _has_holidays(country: str) -> bool:
    try:
        OpeningHours("PH", country=country)
    except UnknownCountryError:
        return False
    return True


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return `spans` in order, those that touch or overlap as one."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda each: each.start):
        if found and span.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return tuple(found)


def _after(found: tuple[Span, ...], rule: Rule) -> tuple[Span, ...]:
    if not rule.closes:
        return merged((*found, *rule.spans) if rule.adds else rule.spans)
    return tuple(_cut(found, rule.spans)) if rule.spans else ()


def _cut(spans: tuple[Span, ...], closed: tuple[Span, ...]) -> Iterator[Span]:
    for span in spans:
        start = span.start
        for cut in merged(closed):
            if start < cut.start < span.end:
                yield Span(start, cut.start)
            if cut.start < span.end and cut.end > start:
                start = max(start, cut.end)
        if start < span.end:
            yield Span(start, span.end)


# -- reading


def _rules(text: str, country: str) -> tuple[Rule, ...]:
    if len(text) > CHARS:
        raise Misread(f"an expression of {len(text)} characters", f"at most {CHARS}")
    if '"' in text:
        raise Misread("a remark in quotes", f"only days and hours, such as {HOURS}")
    try:
        plain = str(OpeningHours(text))
    except ParserError as error:
        raise not_understood(text, str(error)) from None
    if "||" in plain:
        raise Misread("`||` is not used here", "`;`, after which a part replaces earlier ones on its days", part="||")
    parts = _JOINED.split(plain)
    texts, joined = parts[::2], ["", *parts[1::2]]
    for before, part, by in zip(texts, texts[1:], joined[1:], strict=False):
        if by == ", " and not re.search(rf"{_TIMES}|closed$", before) and not _ALL_DAY.search(text):
            raise Misread(f"{before!r} before the comma has no hours", f'"{before},{part}", or hours for both')
    return tuple(_rule(part, by == ", ", country) for part, by in zip(texts, joined, strict=True))


def _rule(text: str, adds: bool, country: str) -> Rule:
    """Return the rule that the library prints as `text`."""
    found = _RULE.fullmatch(text)
    assert found, text
    days, times, kind = found["days"], found["times"], found["kind"]
    _refuse(text, days, kind, country)
    spans = tuple(_span(each) for each in times.split(",")) if times else ()
    days = "" if days == "24/7" else days
    if not spans and kind != "closed":
        spans = (Span(0, DAY_MIN),)
    selector = OpeningHours(f"{days} 00:00-24:00", country=country or None) if days else None
    return Rule(re.sub("closed$", "off", text), selector, spans, kind == "closed", adds)


def _refuse(text: str, days: str, kind: str | None, country: str) -> None:
    """Raise Misread for what the grammar allows and a telephone line cannot know."""
    if re.search(r"sunrise|sunset|dawn|dusk", days):
        raise Misread(f"{text!r} depends on the sun", "hours of the clock, such as 08:00-20:00", part=text)
    if re.search(r"[0-9]{2}:[0-9]{2}", days):
        raise Misread(f"{text!r} has hours without an end, or repeated ones", "hours such as 08:00-20:00", part=text)
    if kind == "unknown":
        raise Misread(f"{text!r} is neither open nor closed", "hours, or `off`", part=text)
    if re.search(r"\bSH\b", days):
        expected = "their dates, such as `2027 Jul 1-2027 Aug 31 off`"
        raise Misread("school holidays (SH) are not known", expected, part="SH")
    if re.search(r"\bPH\b", days) and not country:
        expected = 'country = "PL" in this table, or at the top of the file'
        raise Misread("PH (public holidays) needs a country", expected, part="PH")


def _span(text: str) -> Span:
    start, end = (int(clock[:2]) * 60 + int(clock[3:]) for clock in text.split("-"))
    return Span(start, end if end > start else end + DAY_MIN)
