"""Text as people write it -> text as a voice can say it. Pure.

Dates, times, phone numbers, amounts, units and abbreviations are put in words, per language, from the tables
[expand] of prompts/<locale>.toml. Called before every synthesis; `doubts` warns about text of another script.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date

from num2words import num2words

from ivr.speech import words
from ivr.speech.wording import Expansion, Unit

LONGEST_NUMBER_WORD = 4
"""Digit runs longer than this are account or phone numbers: spoken digit by digit."""

_SPACE = re.compile(r"\s+")
_ISO_DATE = re.compile(r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b")
_DOT_DATE = re.compile(r"\b(\d{1,2})[./](\d{1,2})[./](\d{4})\b")
_CLOCK = re.compile(
    r"(?:\b(?P<before>[^\W\d]+\.?)\s+)?(?:\b(?:godz\.|godzinie|godziny)\s+)?"
    r"\b(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)\b(?!:)",
    re.IGNORECASE,
)
_PHONE = re.compile(r"(?<![\w.,])\+?\d(?:[ \-]?\d){6,14}(?![\w])(?![.,]\d)")
_NUMBER = r"(?P<whole>\d{1,3}(?:[  ]\d{3})+|\d+)(?:[.,](?P<part>\d{1,4}))?"
_PLAIN = re.compile(rf"(?<![\w.,]){_NUMBER}(?![\w])")
_LONG = re.compile(r"\d{5,}")

_GENITIVE_AFTER = {
    "pl": frozenset(("około", "ok.", "do", "od", "bez", "powyżej", "poniżej")),
    "ru": frozenset(("около", "до", "от", "более", "менее", "больше", "меньше", "с", "после")),
    "en": frozenset[str](),
}
_PL_LOCATIVE = frozenset(("o", "po", "przy"))
_RU_DATIVE = frozenset(("к", "ко"))
_CYRILLIC = {"pl": False, "en": False, "ru": True}


def expand(text: str, language: str, table: Expansion) -> str:
    """Return `text` with everything a voice would stumble over put in words."""
    text = _SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()
    text = _dates(text, language, table)
    text = _CLOCK.sub(lambda match: _clock(match, language), text)
    text = _units(text, language, table)
    text = _PHONE.sub(lambda match: spelled(match[0], language), text)
    text = _abbreviations(text, table)
    text = _PLAIN.sub(lambda match: _plain(match, language, table), text)
    text = _LONG.sub(lambda match: spelled(match[0], language), text)
    return _SPACE.sub(" ", text).replace("..", ".")


def spelled(number: str, language: str) -> str:
    """Say a number digit by digit, a short pause after every third."""
    digits = [words.cardinal(int(digit), language) for digit in number if digit.isdigit()]
    groups = [" ".join(digits[at : at + 3]) for at in range(0, len(digits), 3)]
    plus = {"ru": "плюс "}.get(language, "plus ") if number.startswith("+") else ""
    return plus + ", ".join(groups)


def doubts(text: str, language: str) -> str:
    """Tell in words why `text` looks like another language; '' when it fits."""
    letters = [c for c in text if c.isalpha()]
    cyrillic = sum("CYRILLIC" in unicodedata.name(c, "") for c in letters)
    if not letters:
        return "the text has no letters"
    wrong = len(letters) - cyrillic if _CYRILLIC[language] else cyrillic
    if wrong * 4 <= len(letters):
        return ""
    script = "Latin" if _CYRILLIC[language] else "Cyrillic"
    return f"{wrong} of {len(letters)} letters are {script}: the {language} voice cannot say them"


def _dates(text: str, language: str, table: Expansion) -> str:
    if len(table.months) != 12:
        return text
    text = _ISO_DATE.sub(lambda m: _date(m[0], int(m[1]), int(m[2]), int(m[3]), language, table), text)
    text = _DOT_DATE.sub(lambda m: _date(m[0], int(m[3]), int(m[2]), int(m[1]), language, table), text)
    months = "|".join(table.months)
    year = r"(?: (\d{4})(?: (?:r\.|roku|г\.|года))?)?"
    named = re.compile(rf"\b(\d{{1,2}}) ({months}){year}(?!\w)", re.IGNORECASE)
    if language == "en":
        text = re.sub(rf"\b({months}) (\d{{1,2}})(?:st|nd|rd|th)?(?!\w)", r"\2 \1", text)
    return named.sub(lambda m: _named_date(m, language), text)


def _date(raw: str, year: int, month: int, day: int, language: str, table: Expansion) -> str:
    try:
        date(year, month, day)
    except ValueError:
        return raw
    if not 1900 <= year <= 2099:
        return raw
    spoken = words.day_of_month(day, language)
    month_name = table.months[month - 1]
    if language == "en":
        return f"the {spoken} of {month_name} {words.year(year, language)}"
    return f"{spoken} {month_name} {words.year(year, language)}"


def _named_date(match: re.Match[str], language: str) -> str:
    day = int(match[1])
    if not 1 <= day <= 31:
        return match[0]
    year = f" {words.year(int(match[3]), language)}" if match[3] and 1900 <= int(match[3]) <= 2099 else ""
    if language == "en":
        return f"the {words.day_of_month(day, language)} of {match[2]}{year}"
    return f"{words.day_of_month(day, language)} {match[2]}{year}"


def _clock(match: re.Match[str], language: str) -> str:
    hour, minute, before = int(match["hour"]), int(match["minute"]), (match["before"] or "")
    time = _CLOCKS[language](hour, minute, before.lower())
    lead = "" if before.lower() in ("godz.", "godzinie", "godziny", "godzina") else before
    return f"{lead} {time}".strip()


def _english_clock(hour: int, minute: int, _before: str) -> str:
    return words.clock(hour, minute, "en")


def _polish_clock(hour: int, minute: int, before: str) -> str:
    """o godzinie osiemnastej, do godziny osiemnastej, godzina osiemnasta."""
    if before not in _PL_LOCATIVE and before not in _GENITIVE_AFTER["pl"]:
        return words.clock(hour, minute, "pl")
    ending = "godzinie" if before in _PL_LOCATIVE else "godziny"
    spoken = " ".join(
        word[:-1] + ("iej" if word.endswith("ga") else "ej") for word in words.polish_ordinal(hour).split()
    )
    return f"{ending} {spoken}" + (f" {words.clock_minute(minute, 'pl')}" if minute else "")


def _russian_clock(hour: int, minute: int, before: str) -> str:
    """до восемнадцати часов, к восемнадцати часам, в восемнадцать часов."""
    case = "g" if before in _GENITIVE_AFTER["ru"] else "d" if before in _RU_DATIVE else ""
    if not case:
        time = words.clock(hour, minute, "ru")
        return time.replace("одна минута", "одну минуту") if before in ("в", "во") else time
    units = {"g": ("часа", "часов", "минуты", "минут"), "d": ("часу", "часам", "минуте", "минутам")}[case]
    parts = [(hour, "m", units[:2])] + ([(minute, "f", units[2:])] if minute else [])
    return " ".join(
        f"{num2words(number, lang='ru', case=case, gender=gender)} {forms[not _ends_in_one(number)]}"
        for number, gender, forms in parts
    )


def _ends_in_one(number: int) -> bool:
    """Russian counts 21, 31 ... 101 as it counts 1."""
    return number % 10 == 1 and number % 100 != 11


_CLOCKS: dict[str, Callable[[int, int, str], str]] = {
    "pl": _polish_clock,
    "ru": _russian_clock,
    "en": _english_clock,
}


def _units(text: str, language: str, table: Expansion) -> str:
    if not table.units:
        return text
    names = "|".join(re.escape(name) for name in sorted(table.units, key=len, reverse=True))
    before = r"(?:(?<!\w)(?P<before>[^\W\d]+\.?) )?(?<![\w.,])"
    pattern = re.compile(rf"{before}{_NUMBER} ?(?P<unit>{names})(?!\w)")
    return pattern.sub(lambda match: _amount(match, language, table), text)


def _amount(match: re.Match[str], language: str, table: Expansion) -> str:
    unit, part, before = table.units[match["unit"]], match["part"], match["before"] or ""
    number = int(re.sub(r"\D", "", match["whole"]))
    if number > words.LARGEST:
        return match[0]
    if part and not (unit.sub and len(part) == 2):
        amount = f"{_decimal(number, part, language, table)} {unit.forms[3 if len(unit.forms) > 3 else 1]}"
    else:
        genitive = before.lower() in _GENITIVE_AFTER[language] and number < 1000
        amount = _genitive_amount(number, unit, language) if genitive else _nominative(number, unit, language)
        if part and int(part):
            amount += f" {words.counted(int(part), unit.sub, unit.sub_gender, language)}"
    tail = "." if match["unit"].endswith(".") and match.end() == len(match.string) else ""
    return f"{before} {amount}{tail}".strip()


def _nominative(number: int, unit: Unit, language: str) -> str:
    return words.counted(number, unit.forms[:3], unit.gender, language)


def _genitive_amount(number: int, unit: Unit, language: str) -> str:
    """około jednego megabita, около двадцати одной минуты."""
    one = number == 1 or (language == "ru" and _ends_in_one(number))
    singular = unit.forms[3] if len(unit.forms) > 3 else unit.forms[1]
    return f"{words.genitive(number, language, unit.gender)} {singular if one else unit.forms[2]}"


def _abbreviations(text: str, table: Expansion) -> str:
    if not table.words:
        return text
    names = "|".join(re.escape(name) for name in sorted(table.words, key=len, reverse=True))
    exact = {name.lower(): spoken for name, spoken in table.words.items()}
    pattern = re.compile(rf"(?<!\w)(?:{names})(?!\w)", re.IGNORECASE)

    def spoken(match: re.Match[str]) -> str:
        word = exact[match[0].lower()]
        if match[0][0].isupper() and not match[0].isupper():
            word = word[0].upper() + word[1:]
        return word + ("." if match[0].endswith(".") and match.end() == len(text) else "")

    return pattern.sub(spoken, text)


def _plain(match: re.Match[str], language: str, table: Expansion) -> str:
    whole = re.sub(r"\D", "", match["whole"])
    if len(whole) > LONGEST_NUMBER_WORD and whole == match["whole"]:
        return spelled(match[0], language)
    if match["part"]:
        return _decimal(int(whole), match["part"], language, table)
    if len(whole) > 1 and whole.startswith("0"):
        return spelled(whole, language)
    return words.cardinal(int(whole), language) if int(whole) <= words.LARGEST else spelled(whole, language)


def _decimal(number: int, part: str, language: str, table: Expansion) -> str:
    if language == "en":
        tail = " ".join(words.cardinal(int(digit), "en") for digit in part)
    elif part.startswith("0") or len(part) > 2:
        tail = spelled(part, language)
    else:
        tail = words.cardinal(int(part), language)
    return f"{words.cardinal(number, language)} {table.point} {tail}"
