"""What an announcement says: the text of ops, then the expected end in words that stay true. Pure.

A wording has variants, all made when it is published; which one a caller hears depends on the time of his
call alone, so the wording changes by itself at midnight and when the expected end has passed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from ivr.announce import model
from ivr.announce import sentences as s
from ivr.announce.model import INFO, PLANNED, Version
from ivr.announce.sentences import LATER, PASSED, TODAY, TOMORROW, UNKNOWN
from ivr.speech.expand import doubts

ADVISED_S = 15.0  # longer announcements hold lines that others need
AGE_MIN = 5  # the age of the information is said in steps of so many minutes: a preview's audio still fits
CLOCK = re.compile(r"\b([01]?\d|2[0-3]):[0-5]\d\b")
PLAIN, RESTORED = "plain", "restored"  # no expected end is said: it is no fault, or over

__all__ = [
    "ADVISED_S", "LATER", "PASSED", "PLAIN", "RESTORED", "TODAY", "TOMORROW", "UNKNOWN", "ending", "language_order",
    "restored_texts", "text_warnings", "true_until", "variant", "variants", "wording",
]  # fmt: skip


def variant(version: Version, now: datetime, zone: ZoneInfo) -> str:
    """Return the name of the variant that is true at `now`.

    unknown, passed, today, tomorrow, later: the expected end.  today-tomorrow: a range, or the time of planned work,
    before its beginning.  begins-today: planned work without an end.  plain, restored: none is said.  With the age
    of the information @today, @yesterday or @earlier follows.
    """
    if version.state == model.RESTORED:
        return RESTORED
    core = _core(version, now, zone)
    if not version.as_of:
        return core
    days = (_local(now, zone).date() - _local(version.at, zone).date()).days
    return f"{core}@{(TODAY, s.YESTERDAY)[max(days, 0)] if days < 2 else s.EARLIER}"


def _core(version: Version, now: datetime, zone: ZoneInfo) -> str:
    if version.kind == INFO:
        return PLAIN
    at = now.astimezone(UTC)  # of one zone, Python would compare the clocks' hands
    begin = version.eta_from if version.eta_from and at < version.eta_from.astimezone(UTC) else None
    if version.eta is None:
        return f"{s.BEGINS}-{_day(begin, now, zone)}" if begin else UNKNOWN
    if at >= version.eta.astimezone(UTC):
        return PASSED
    ends = _day(version.eta, now, zone)
    return f"{_day(begin, now, zone)}-{ends}" if begin else ends


def variants(version: Version, now: datetime, zone: ZoneInfo) -> tuple[str, ...]:
    """Return every variant that will be true while it is heard, from `now` on, the first one first."""
    first = max(now, version.starts) if version.starts else now
    moments = [first, *(each for each in _changes(version, zone) if first < each < version.until)]
    return tuple(dict.fromkeys(variant(version, each, zone) for each in moments))


def true_until(version: Version, now: datetime, zone: ZoneInfo) -> datetime:
    """Return when the wording of `now` stops being true: when another is, at the latest at its expiry."""
    which = variant(version, now, zone)
    later = (each for each in _changes(version, zone) if now < each and variant(version, each, zone) != which)
    return min(next(later, version.until), version.until)


def _changes(version: Version, zone: ZoneInfo) -> list[datetime]:
    """Return, in order, every moment at which another variant can become true."""
    found = [each.astimezone(UTC) for each in (version.eta_from, version.eta) if each]
    days = [_local(each, zone).date() for each in found]
    midnights = {day - timedelta(days=before) for day in days for before in (0, 1)}
    if version.as_of:
        midnights |= {_local(version.at, zone).date() + timedelta(days=after) for after in (1, 2)}
    return sorted([*found, *(_midnight(day, zone) for day in midnights)])


def wording(version: Version, language: str, which: str, zone: ZoneInfo) -> str:
    """Return the whole text of one variant in one language it has a text in."""
    text = " ".join(version.texts[language].split())
    text = text if text[-1:] in tuple(".!?…") else text + "."
    return " ".join(filter(None, (text, ending(version, language, which, zone))))


def ending(version: Version, language: str, which: str, zone: ZoneInfo) -> str:
    """Return what is said after the text in one variant, '' for nothing: the end, the age of the information."""
    core, _, age = which.partition("@")
    return " ".join(filter(None, (_ending(version, language, core, zone), _age(version, language, age, zone))))


def _ending(version: Version, language: str, core: str, zone: ZoneInfo) -> str:
    """Return the sentence about the end, '' when none is said."""
    if core in (PLAIN, RESTORED):
        return ""
    first, ranged, last = core.partition("-")
    if first == s.BEGINS:
        name, begin_day, day = s.BEGINS, last, ""
    elif ranged:
        assert version.eta
        assert version.eta_from
        same = _local(version.eta, zone).date() == _local(version.eta_from, zone).date()
        name = (s.RANGE_TODAY if last == TODAY else s.RANGE) if same else s.RANGE_DAYS
        begin_day, day = first, last
    else:
        name, begin_day, day = core, "", core
    values: dict[str, str] = {}
    if version.eta:
        values |= _spoken(_local(version.eta, zone), language) | {"day": _on_day(version.eta, language, day, zone)}
    if version.eta_from:
        values |= {"begin": f"{_local(version.eta_from, zone):%H:%M}",
                   "begin_day": _on_day(version.eta_from, language, begin_day, zone)}  # fmt: skip
    return _tidy((s.WORK if version.kind == PLANNED else s.OUTAGES)[language][name].format(**values))


def _age(version: Version, language: str, age: str, zone: ZoneInfo) -> str:
    """Return the sentence that says how old the information is, '' when it is not to be said."""
    if not age:
        return ""
    at = _local(version.at, zone)
    at -= timedelta(minutes=at.minute % AGE_MIN)
    day = _on_day(version.at, language, LATER, zone)
    return _tidy(s.AGE[language][age].format(time=f"{at:%H:%M}", day=day))


def _on_day(moment: datetime, language: str, day: str, zone: ZoneInfo) -> str:
    return s.DAYS[language].get(day, "").format(**_spoken(_local(moment, zone), language))


def _spoken(local: datetime, language: str) -> dict[str, str]:
    month = s.MONTHS[language][local.month - 1]
    return {
        "time": f"{local:%H:%M}", "weekday": s.WEEKDAYS[language][local.weekday()],
        "on_weekday": s.ON_WEEKDAYS[language][local.weekday()],
        "date": f"{month} {local.day}" if language == "en" else f"{local.day} {month}",
    }  # fmt: skip


def _tidy(sentence: str) -> str:
    """Drop the comma after a date where another one or the end follows."""
    return sentence.replace(",,", ",").replace(",.", ".")


def restored_texts(service: str) -> dict[str, str]:
    """Return what callers are told when it is over, in every language."""
    return {language: f"{said.get(service, said[''])} {said['thanks']}" for language, said in s.WORKS_AGAIN.items()}


def _day(moment: datetime, now: datetime, zone: ZoneInfo) -> str:
    days = (_local(moment, zone).date() - _local(now, zone).date()).days
    return (TODAY, TOMORROW)[max(days, 0)] if days < 2 else LATER


def _local(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return when `day` begins; where a clock change skips midnight, the moment of the change."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def language_order(language: str, default: str, have: Iterable[str]) -> tuple[str, ...]:
    """Return the languages of `have` in which a caller of `language` is spoken to, best first."""
    known = list(have)
    return tuple(dict.fromkeys(each for each in (language, default, "en", *sorted(known)) if each in known))


def text_warnings(texts: Mapping[str, str], languages: Iterable[str], default: str) -> list[str]:
    """Return what is doubtful about the texts: a wrong script, a language without its own text."""
    doubted = ((language, doubts(text, language)) for language, text in texts.items())
    warnings = [f"{language} text: {doubt}" for language, doubt in doubted if doubt]
    if any(CLOCK.search(text) for text in texts.values()):
        warnings.append("a text names a time: as the expected end it would be spoken, and withdrawn once it is past")
    for language in languages:
        if language not in texts:
            heard = language_order(language, default, texts)
            warnings.append(f"no {language} text: callers of that language hear it in {heard[0]}")
    return warnings
