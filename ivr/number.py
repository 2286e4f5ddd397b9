"""Telephone numbers: whatever a trunk, a file or a person writes, as E.164 with +. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

LEAST, MOST = 7, 15  # digits of a number that can be called back; 15 is E.164's limit
NATIONAL = {"1": 10, "7": 10, "48": 9}  # digits of a national number, where it is fixed
TRUNK_PREFIX = {"7": "8", "1": "1", "48": "0"}  # dialled before a national number; 0 elsewhere
# National numbers that may be called back, by what they begin with: geographic and mobile ones, nothing else.
CALLED_BACK = {
    "48": (
        "12", "13", "14", "15", "16", "17", "18", "22", "23", "24", "25", "29", "32", "33", "34", "41", "42", "43",
        "44", "45", "46", "48", "50", "51", "52", "53", "54", "55", "56", "57", "58", "59", "60", "61", "62", "63",
        "65", "66", "67", "68", "69", "71", "72", "73", "74", "75", "76", "77", "78", "79", "81", "82", "83", "84",
        "85", "86", "87", "88", "89", "91", "94", "95",
    ),
}  # fmt: skip
# Never, whatever is set: premium rate, shared cost, freephone, access codes.
NEVER_CALLED_BACK = {
    "48": ("19", "20", "21", "26", "30", "40", "64", "70", "80", "90"), "7": ("80", "88"), "1": ("900", "976"),
}  # fmt: skip
SEPARATORS = re.compile(r"[\s().\-/‐-―\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff]")


def normalise(number: str, country_code: str) -> str:
    """Return `number` as E.164: +48221234567.

    Takes +48…, 0048…, 48…, national numbers with and without trunk prefix, spaces, dashes, brackets, and
    digits of any script. Raises ValueError saying what is wrong (words, short codes, wrong length).
    """
    text = "".join(_digit(c) for c in SEPARATORS.sub("", unicodedata.normalize("NFKC", number)))
    plus, digits = text.startswith("+"), text.removeprefix("+")
    if not digits:
        raise ValueError("no number")
    if not re.fullmatch("[0-9]+", digits):
        raise ValueError(f"{_shown(number)} is not a telephone number: only digits and a leading + are")
    if not plus and digits.startswith("00"):
        plus, digits = True, digits[2:]
    if plus:
        return _checked(digits, number)
    if len(digits) < LEAST:
        raise ValueError(f"{_shown(number)} is a short number, which belongs to no customer")
    return _checked(_international(digits, country_code, number), number)


def to_call_back(number: str, country_code: str, prefixes: Iterable[str] = ()) -> str:
    """Return `number` as E.164 when it may be called back: a whole national number of an allowed kind.

    prefixes  what national numbers may begin with, without country code; none: those known of the country.
    Raises ValueError saying what is wrong with it (withheld, short, foreign, premium rate, not on the list).
    """
    full = normalise(number, country_code)
    if not full.startswith(f"+{country_code}"):
        raise ValueError(f"{_shown(number)} is abroad; only national numbers (+{country_code}) are called back")
    national = full.removeprefix(f"+{country_code}")
    length = NATIONAL.get(country_code, len(national))
    if len(national) != length:
        raise ValueError(f"{_shown(number)} is no whole national number: {len(national)} digits; expected {length}")
    if national.startswith(NEVER_CALLED_BACK.get(country_code, ())):
        raise ValueError(f"{_shown(number)} is a number of special rate; those are never called back")
    if not national.startswith(tuple(prefixes) or CALLED_BACK.get(country_code, ())):
        raise ValueError(f"{_shown(number)} begins with no prefix of HOTLINE_CALLBACK_PREFIXES")
    return full


def _international(digits: str, code: str, number: str) -> str:
    """Return digits that begin with a country code."""
    fixed = NATIONAL.get(code)
    prefix = TRUNK_PREFIX.get(code, "0")
    if fixed is None:
        if digits.startswith(code) and len(digits) > 10:
            return digits
        return code + digits.removeprefix(prefix) if len(digits) <= 12 else digits
    if len(digits) == fixed:
        return code + digits
    if len(digits) == fixed + len(code) and digits.startswith(code):
        return digits
    if len(digits) == fixed + len(prefix) and digits.startswith(prefix):
        return code + digits[len(prefix) :]
    if len(digits) > max(fixed, 10) and not digits.startswith(code):
        return digits  # a foreign number without its +
    expected = f"a national number has {fixed}, others begin with +"
    raise ValueError(f"{_shown(number)} has {len(digits)} digits; {expected}")


def _checked(digits: str, number: str) -> str:
    if digits.startswith("0"):
        raise ValueError(f"{_shown(number)} has a country code that begins with 0")
    if not LEAST <= len(digits) <= MOST:
        raise ValueError(f"{_shown(number)} has {len(digits)} digits; expected {LEAST} to {MOST}")
    return "+" + digits


def _digit(char: str) -> str:
    decimal = unicodedata.decimal(char, None)
    return char if decimal is None else str(decimal)


def _shown(number: str) -> str:
    return repr(number if len(number) <= 30 else number[:30] + "…")
