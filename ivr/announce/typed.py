"""What people type about an announcement, read into its types: whom it concerns, times. Pure.

Called by the command line, the page and the API; every mistake is an InputError that says what was expected.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from ivr.announce.model import AREAS_MOST, NUMBERS_MOST, Target
from ivr.area import area_path
from ivr.call import CLASSES
from ivr.errors import InputError, nearest
from ivr.number import normalise

NAME = re.compile(r"\w[\w.-]{0,79}")
ACCOUNT_MOST = 40


def read_target(
    country_code: str, *, areas: Iterable[str] = (), node: str = "", numbers: Iterable[str] = (), prefix: str = "",
    dnis: str = "", project: str = "", classes: Iterable[str] = (),
) -> Target:  # fmt: skip
    """Return a target of what was typed; nothing at all is everyone. Raises InputError."""
    return Target(
        _bounded(dict.fromkeys(_area(each) for each in areas if each.strip()), AREAS_MOST, "areas"),
        _dnis(dnis), _prefix(prefix, country_code), _name("project", project), _classes(classes),
        _name("node", node).lower(),
        _bounded(dict.fromkeys(_listed(each, country_code) for each in numbers if each.strip()), NUMBERS_MOST,
                 "numbers and accounts"),
    )  # fmt: skip


def _bounded(found: Iterable[str], most: int, what: str) -> tuple[str, ...]:
    all_of_them = tuple(found)
    if len(all_of_them) > most:
        raise InputError(f"{len(all_of_them)} {what}; expected at most {most}")
    return all_of_them


def _area(text: str) -> str:
    try:
        return area_path(text)
    except ValueError as error:
        raise InputError(str(error)) from error


def _listed(text: str, country_code: str) -> str:
    """Return an E.164 number for what is written as one (+48…, 0048…, with spaces), else the account as it is."""
    word = " ".join(text.split())
    if not word.isprintable() or len(word) > ACCOUNT_MOST:
        raise InputError(f"{word[:50]!r} is neither a number nor an account of at most {ACCOUNT_MOST} characters")
    if not word.startswith(("+", "00")) and " " not in word:
        return word
    try:
        return normalise(word, country_code)
    except ValueError:
        return word


def _dnis(text: str) -> str:
    number = text.strip()
    if number and not (number.isascii() and number.removeprefix("+").isdigit() and len(number) <= 20):
        raise InputError(f"{text!r} is not a number that can be dialled; expected digits")
    return number


def _prefix(text: str, code: str) -> str:
    prefix = "".join(text.split())
    if not prefix:
        return ""
    digits = prefix.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
        raise InputError(f"{text!r} is not the beginning of a number; expected + and digits, for example +4822")
    if not prefix.startswith("+"):
        whole = digits.removeprefix("00") if digits.startswith(("00", code)) else code + digits.lstrip("0")
        raise InputError(f"prefix {text!r} has no country code; did you mean '+{whole}'?")
    return prefix


def _name(what: str, text: str) -> str:
    name = text.strip()
    if name and not NAME.fullmatch(name):
        raise InputError(f"{text!r} is not a {what}; expected one name of letters, digits, - and .")
    return name


def _classes(classes: Iterable[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(each.strip().lower() for each in classes if each.strip()))
    for each in found:
        if each not in CLASSES:
            near = nearest(each, CLASSES)
            hint = f"; did you mean {near}?" if near else ""
            raise InputError(f"{each!r} is not a class of customers; expected one of {', '.join(CLASSES)}{hint}")
    return found


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
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is not a time; expected HH:MM, for example 18:30, "
            f"or a date and time, for example {now.astimezone(zone):%Y-%m-%d}T18:30"
        ) from None


def _clock(text: str) -> tuple[int, int]:
    hour, _, minute = text.partition(":")
    if not (hour + minute).isascii() or not 1 <= len(hour) <= 2 or len(minute) != 2:
        raise ValueError(text)
    return int(hour), int(minute)
