"""Telephone numbers: whatever a trunk, a file or a person writes, as E.164 with +. Pure."""

from __future__ import annotations

import re
import unicodedata

LEAST, MOST = 7, 15  # digits of a number that can be called back; 15 is E.164's limit
NATIONAL = {"1": 10, "7": 10, "48": 9}  # digits of a national number, where it is fixed
TRUNK_PREFIX = {"7": "8", "1": "1", "48": "0"}  # dialled before a national number; 0 elsewhere
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
