"""Numbers, durations and times of day in words. Pure; languages are 'pl', 'ru' and 'en'.

Russian and English numbers come from num2words; Polish genders and genitives are tables of our own, because
num2words knows the masculine nominative only. Called by `wording` (placeholders) and `expand` (free text).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from num2words import num2words

LARGEST = 999_999_999

_PL_GENITIVE_ONES = (
    "zera", "jednego", "dwóch", "trzech", "czterech", "pięciu", "sześciu", "siedmiu", "ośmiu", "dziewięciu",
    "dziesięciu", "jedenastu", "dwunastu", "trzynastu", "czternastu", "piętnastu", "szesnastu", "siedemnastu",
    "osiemnastu", "dziewiętnastu",
)  # fmt: skip
_PL_GENITIVE_TENS = (
    "", "", "dwudziestu", "trzydziestu", "czterdziestu", "pięćdziesięciu", "sześćdziesięciu",
    "siedemdziesięciu", "osiemdziesięciu", "dziewięćdziesięciu",
)  # fmt: skip
_PL_GENITIVE_HUNDREDS = (
    "", "stu", "dwustu", "trzystu", "czterystu", "pięciuset", "sześciuset", "siedmiuset", "ośmiuset",
    "dziewięciuset",
)  # fmt: skip
_PL_ORDINAL_STEMS = (
    "zerow", "pierwsz", "drug", "trzec", "czwart", "piąt", "szóst", "siódm", "ósm", "dziewiąt", "dziesiąt",
    "jedenast", "dwunast", "trzynast", "czternast", "piętnast", "szesnast", "siedemnast", "osiemnast",
    "dziewiętnast",
)  # fmt: skip
_PL_ORDINAL_TENS = (
    "", "", "dwudziest", "trzydziest", "czterdziest", "pięćdziesiąt", "sześćdziesiąt", "siedemdziesiąt",
    "osiemdziesiąt", "dziewięćdziesiąt",
)  # fmt: skip

MINUTE = {
    "pl": ("minuta", "minuty", "minut"),
    "ru": ("минута", "минуты", "минут"),
    "en": ("minute", "minutes", "minutes"),
}
MINUTE_GENITIVE = {"pl": ("minuty", "minut", "minut"), "ru": ("минуты", "минут", "минут"), "en": MINUTE["en"]}
HOUR = {
    "pl": ("godzina", "godziny", "godzin"),
    "ru": ("час", "часа", "часов"),
    "en": ("hour", "hours", "hours"),
}
HOUR_GENDER = {"pl": "f", "ru": "m", "en": "m"}


def cardinal(number: int, language: str, gender: str = "m") -> str:
    """Say `number` as one counts, nominative. gender 'm', 'f' or 'n'. Raises ValueError outside ±LARGEST."""
    if abs(number) > LARGEST:
        raise ValueError(f"{number} is too large to say as a number")
    if language == "ru":
        return str(num2words(number, lang="ru", gender=gender))
    words = str(num2words(number, lang=language))
    return words if language != "pl" else _polish_gender(number, words, gender)


def _polish_gender(number: int, words: str, gender: str) -> str:
    if number == 1:
        return {"m": "jeden", "f": "jedna", "n": "jedno"}[gender]
    if gender == "f" and number % 10 == 2 and number % 100 != 12:
        return words.removesuffix("dwa") + "dwie"
    return words


def genitive(number: int, language: str, gender: str = "m") -> str:
    """Say `number`, 0 to 999, as it follows "about": około pięciu, около пяти. English has no such form."""
    if language == "ru":
        return str(num2words(number, lang="ru", gender=gender, case="g"))
    if language != "pl":
        return cardinal(number, language)
    if number == 1 and gender == "f":
        return "jednej"
    return _polish_genitive(number)


def _polish_genitive(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    words = [_PL_GENITIVE_HUNDREDS[hundreds]]
    if rest >= 20:
        words.append(_PL_GENITIVE_TENS[rest // 10])
        words.append("jeden" if rest % 10 == 1 else _PL_GENITIVE_ONES[rest % 10] if rest % 10 else "")
    elif rest or not hundreds:
        words.append("jeden" if hundreds and rest == 1 else _PL_GENITIVE_ONES[rest])
    return " ".join(word for word in words if word)


def polish_ordinal(number: int, case: str = "f") -> str:
    """Say the Polish ordinal of 0 to 99; case 'f' feminine (hours), 'g' masculine genitive (dates)."""
    tens, ones = divmod(number, 10)
    if number < 20:
        return _polish_ending(_PL_ORDINAL_STEMS[number], number, case)
    words = [_polish_ending(_PL_ORDINAL_TENS[tens], tens * 10, case)]
    if ones:
        words.append(_polish_ending(_PL_ORDINAL_STEMS[ones], ones, case))
    return " ".join(words)


def _polish_ending(stem: str, number: int, case: str) -> str:
    if case == "f":
        return stem + ("ia" if number == 3 else "a")
    return stem + ("iego" if number in (2, 3) else "ego")


def plural(number: int, forms: Sequence[str], language: str) -> str:
    """Choose from (one, few, many): 1 minuta, 2 minuty, 5 minut; English has one and many."""
    one, few, many = forms
    if language == "en":
        return one if number == 1 else many
    if number == 1 or (language == "ru" and number % 10 == 1 and number % 100 != 11):
        return one
    if number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14):
        return few
    return many


def counted(number: int, forms: Sequence[str], gender: str, language: str) -> str:
    """Say a number and its unit: dwie minuty, двадцать один час, five hours."""
    return f"{cardinal(number, language, gender)} {plural(number, forms, language)}"


def minutes(number: int, language: str) -> str:
    """Say a duration in minutes, nominative."""
    return counted(number, MINUTE[language], "f", language)


def minutes_genitive(number: int, language: str) -> str:
    """Say a duration in minutes as it follows "about"."""
    unit = plural(number, MINUTE_GENITIVE[language], language)
    return f"{genitive(number, language, 'f')} {unit}"


def hours(number: int, language: str) -> str:
    """Say a duration in hours, nominative."""
    return counted(number, HOUR[language], HOUR_GENDER[language], language)


def hundreds(number: int, language: str) -> str:
    """Say `number` hundreds, 1 to 9, as the head of a larger number."""
    return cardinal(number * 100, language)


def tens(number: int, language: str) -> str:
    """Say `number` tens, 2 to 9, as the head of a larger number."""
    return cardinal(number * 10, language)


def clock_full(hour: int, language: str) -> str:
    """Say a full hour of the day."""
    if language == "en":
        return {0: "midnight", 12: "noon"}.get(hour, f"{_hour_12(hour)} {half_day(hour)}")
    return clock_hour(hour, language)


def clock_hour(hour: int, language: str) -> str:
    """Say the hour of a time that has minutes; English on twelve hours."""
    if language == "pl":
        return f"godzina {polish_ordinal(hour)}"
    return hours(hour, "ru") if language == "ru" else _hour_12(hour)


def clock_minute(minute: int, language: str) -> str:
    """Say the minutes that follow `clock_hour`, 1 to 59."""
    if language == "ru":
        return minutes(minute, "ru")
    zero = {"pl": "zero ", "en": "oh "}[language] if minute < 10 else ""
    return zero + cardinal(minute, language)


def clock(hour: int, minute: int, language: str) -> str:
    """Say a whole time of day."""
    if minute == 0:
        return clock_full(hour, language)
    words = f"{clock_hour(hour, language)} {clock_minute(minute, language)}"
    return f"{words} {half_day(hour)}" if language == "en" else words


def half_day(hour: int) -> str:
    return "a.m." if hour < 12 else "p.m."


def _hour_12(hour: int) -> str:
    return cardinal(hour % 12 or 12, "en")


def day_of_month(day: int, language: str) -> str:
    """Say the day of a date, genitive in Polish and Russian: dwunastego, двенадцатого, twelfth."""
    if language == "pl":
        return polish_ordinal(day, "g")
    if language == "ru":
        return str(num2words(day, lang="ru", to="ordinal", case="g", gender="n"))
    return str(num2words(day, lang="en", to="ordinal"))


def year(number: int, language: str) -> str:
    """Say the year of a date, 1900 to 2099."""
    if language == "ru":
        return f"{num2words(number, lang='ru', to='ordinal', case='g', gender='m')} года"
    if language == "en":
        return str(num2words(number, lang="en", to="year"))
    century, rest = divmod(number, 100)
    head = {19: "tysiąc dziewięćset", 20: "dwa tysiące"}[century]
    return f"{head} {polish_ordinal(rest, 'g')} roku" if rest else f"{cardinal(number, 'pl')} roku"


FORMS: dict[str, Callable[[int, str], str]] = {
    "number": cardinal,
    "hundreds": hundreds,
    "tens": tens,
    "minutes": minutes,
    "minutes_genitive": minutes_genitive,
    "hours": hours,
    "clock_full": clock_full,
    "clock_hour": clock_hour,
    "clock_minute": clock_minute,
}
"""Formats a placeholder of prompts/<locale>.toml may name: `{value:minutes_genitive}`."""
