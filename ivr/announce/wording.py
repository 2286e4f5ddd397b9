"""What an announcement says: the text of ops, then the expected end in words that stay true. Pure.

A wording has variants, all made when it is published; which one a caller hears depends on the time of his
call alone, so the wording changes by itself at midnight and when the expected end has passed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from ivr.speech.expand import doubts

ADVISED_S = 15.0  # longer announcements hold lines that others need
CLOCK = re.compile(r"\b([01]?\d|2[0-3]):[0-5]\d\b")

UNKNOWN, TODAY, TOMORROW, LATER, PASSED = "unknown", "today", "tomorrow", "later", "passed"

SENTENCES = {
    "pl": {
        UNKNOWN: "Nie wiemy jeszcze, kiedy usługa będzie znów działać.",
        TODAY: "Przewidywany czas usunięcia awarii: {time}.",
        TOMORROW: "Przewidywany czas usunięcia awarii: jutro, {time}.",
        LATER: "Przewidywany czas usunięcia awarii: {weekday}, {day} {month}, {time}.",
        PASSED: "Naprawa trwa dłużej, niż zakładaliśmy. Nadal pracujemy, nowego terminu jeszcze nie znamy.",
    },
    "ru": {
        UNKNOWN: "Время восстановления пока неизвестно.",
        TODAY: "Ожидаемое время восстановления: {time}.",
        TOMORROW: "Ожидаемое время восстановления: завтра, {time}.",
        LATER: "Ожидаемое время восстановления: {weekday}, {day} {month}, {time}.",
        PASSED: "Ремонт занимает больше времени, чем ожидалось. Мы продолжаем, новый срок пока неизвестен.",
    },
    "en": {
        UNKNOWN: "We do not know yet when the service will be back.",
        TODAY: "We expect the service to be back by {time}.",
        TOMORROW: "We expect the service to be back tomorrow by {time}.",
        LATER: "We expect the service to be back on {weekday}, {month} {day}, by {time}.",
        PASSED: "The repair is taking longer than expected. We are still working, and have no new time yet.",
    },
}
WEEKDAYS = {
    "pl": ("poniedziałek", "wtorek", "środa", "czwartek", "piątek", "sobota", "niedziela"),
    "ru": ("понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
MONTHS = {
    "pl": ("stycznia", "lutego", "marca", "kwietnia", "maja", "czerwca", "lipca", "sierpnia", "września",
           "października", "listopada", "grudnia"),
    "ru": ("января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября",
           "ноября", "декабря"),
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December"),
}  # fmt: skip


def variant(eta: datetime | None, now: datetime, zone: ZoneInfo) -> str:
    """Return which variant is true at `now`: expected end unknown, passed, today, tomorrow or later."""
    if eta is None:
        return UNKNOWN
    if now.astimezone(UTC) >= eta.astimezone(UTC):  # of one zone, Python would compare the clocks' hands
        return PASSED
    days = (eta.astimezone(zone).date() - now.astimezone(zone).date()).days
    return (TODAY, TOMORROW)[days] if days < 2 else LATER


def variants(eta: datetime | None, now: datetime, zone: ZoneInfo) -> tuple[str, ...]:
    """Return every variant that will be true from `now` on, the first one first."""
    first = variant(eta, now, zone)
    order = (LATER, TOMORROW, TODAY, PASSED)
    return (UNKNOWN,) if first == UNKNOWN else order[order.index(first) :]


def wording(text: str, language: str, eta: datetime | None, which: str, zone: ZoneInfo) -> str:
    """Return the whole text of one variant."""
    sentence = SENTENCES[language][which]
    if eta is not None:
        local = eta.astimezone(zone)
        sentence = sentence.format(
            time=f"{local:%H:%M}",
            day=local.day,
            weekday=WEEKDAYS[language][local.weekday()],
            month=MONTHS[language][local.month - 1],
        )
    text = " ".join(text.split())
    return f"{text if text[-1:] in '.!?…' else text + '.'} {sentence}"


def language_order(language: str, default: str, have: Iterable[str]) -> tuple[str, ...]:
    """Return the languages of `have` in which a caller of `language` is spoken to, best first."""
    known = list(have)
    return tuple(dict.fromkeys(each for each in (language, default, "en", *sorted(known)) if each in known))


def eta_time(text: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Read an expected end: `18:30` (the next one), an ISO date and time, or `unknown`.

    A time without zone is the hotline's; a time a clock change skips is taken an hour later, of a time it
    repeats the first is meant. Returns UTC. Raises ValueError saying what was expected.
    """
    if text.strip().lower() in ("unknown", "none", "-"):
        return None
    return point_in_time(text, now, zone)


def point_in_time(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """Read `HH:MM` (today, or tomorrow when past) or an ISO date and time; see `eta_time`."""
    clock = text.strip()
    try:
        if "-" in clock or "T" in clock:
            moment = datetime.fromisoformat(clock)
            if len(clock) <= 10:
                raise ValueError
            return (moment.replace(tzinfo=zone) if moment.tzinfo is None else moment).astimezone(UTC)
        hour, minute = _clock(clock)
        local = now.astimezone(zone)
        for day in (local, local + timedelta(days=1)):
            found = day.replace(hour=hour, minute=minute, second=0, microsecond=0, fold=0).astimezone(UTC)
            if found > now.astimezone(UTC):
                break
        return found
    except ValueError:
        raise ValueError(
            f"{text!r} is not a time; expected HH:MM, for example 18:30, "
            f"or a date and time, for example {now.astimezone(zone):%Y-%m-%d}T18:30"
        ) from None


def _clock(text: str) -> tuple[int, int]:
    hour, _, minute = text.partition(":")
    if not (hour + minute).isascii() or not 1 <= len(hour) <= 2 or len(minute) != 2:
        raise ValueError(text)
    return int(hour), int(minute)


def text_warnings(texts: Mapping[str, str], languages: Iterable[str], default: str) -> list[str]:
    """Return what is doubtful about the texts: a wrong script, a language without its own text."""
    doubted = ((language, doubts(text, language)) for language, text in texts.items())
    warnings = [f"{language} text: {doubt}" for language, doubt in doubted if doubt]
    if any(CLOCK.search(text) for text in texts.values()):
        warnings.append("a text names a time: given with --eta it would be spoken, and withdrawn once it is past")
    for language in languages:
        if language not in texts:
            heard = language_order(language, default, texts)
            warnings.append(f"no {language} text: callers of that language hear it in {heard[0]}")
    return warnings
