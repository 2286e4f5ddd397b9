"""Numbers, durations and times in words: Polish genders and genitives, Russian cases, English."""

from __future__ import annotations

import pytest

from ivr.speech import words

MINUTES = [
    (1, "jedna minuta", "одна минута", "one minute"),
    (2, "dwie minuty", "две минуты", "two minutes"),
    (3, "trzy minuty", "три минуты", "three minutes"),
    (5, "pięć minut", "пять минут", "five minutes"),
    (11, "jedenaście minut", "одиннадцать минут", "eleven minutes"),
    (12, "dwanaście minut", "двенадцать минут", "twelve minutes"),
    (21, "dwadzieścia jeden minut", "двадцать одна минута", "twenty-one minutes"),
    (22, "dwadzieścia dwie minuty", "двадцать две минуты", "twenty-two minutes"),
    (25, "dwadzieścia pięć minut", "двадцать пять минут", "twenty-five minutes"),
    (30, "trzydzieści minut", "тридцать минут", "thirty minutes"),
    (101, "sto jeden minut", "сто одна минута", "one hundred and one minutes"),
    (112, "sto dwanaście minut", "сто двенадцать минут", "one hundred and twelve minutes"),
    (122, "sto dwadzieścia dwie minuty", "сто двадцать две минуты", "one hundred and twenty-two minutes"),
]
ABOUT_MINUTES = [
    (1, "jednej minuty", "одной минуты"),
    (2, "dwóch minut", "двух минут"),
    (3, "trzech minut", "трёх минут"),
    (5, "pięciu minut", "пяти минут"),
    (12, "dwunastu minut", "двенадцати минут"),
    (21, "dwudziestu jeden minut", "двадцати одной минуты"),
    (22, "dwudziestu dwóch minut", "двадцати двух минут"),
    (25, "dwudziestu pięciu minut", "двадцати пяти минут"),
    (30, "trzydziestu minut", "тридцати минут"),
    (101, "stu jeden minut", "ста одной минуты"),
    (245, "dwustu czterdziestu pięciu minut", "двухсот сорока пяти минут"),
]
TIMES = [
    (0, 0, "godzina zerowa", "ноль часов", "midnight"),
    (1, 1, "godzina pierwsza zero jeden", "один час одна минута", "one oh one a.m."),
    (3, 0, "godzina trzecia", "три часа", "three a.m."),
    (12, 0, "godzina dwunasta", "двенадцать часов", "noon"),
    (12, 22, "godzina dwunasta dwadzieścia dwa", "двенадцать часов двадцать две минуты", "twelve twenty-two p.m."),
    (18, 30, "godzina osiemnasta trzydzieści", "восемнадцать часов тридцать минут", "six thirty p.m."),
    (20, 0, "godzina dwudziesta", "двадцать часов", "eight p.m."),
    (21, 45, "godzina dwudziesta pierwsza czterdzieści pięć", "двадцать один час сорок пять минут",
     "nine forty-five p.m."),
    (23, 59, "godzina dwudziesta trzecia pięćdziesiąt dziewięć", "двадцать три часа пятьдесят девять минут",
     "eleven fifty-nine p.m."),
]  # fmt: skip


@pytest.mark.parametrize(("number", "pl", "ru", "en"), MINUTES)
def test_minutes(number: int, pl: str, ru: str, en: str) -> None:
    """A duration agrees with its number in gender and plural form."""

    assert (pl, ru, en) == tuple(words.minutes(number, language) for language in ("pl", "ru", "en"))


@pytest.mark.parametrize(("number", "pl", "ru"), ABOUT_MINUTES)
def test_about_minutes(number: int, pl: str, ru: str) -> None:
    """After "about" both the number and its unit are genitive."""

    assert (pl, ru) == (words.minutes_genitive(number, "pl"), words.minutes_genitive(number, "ru"))


@pytest.mark.parametrize(("hour", "minute", "pl", "ru", "en"), TIMES)
def test_times_of_day(hour: int, minute: int, pl: str, ru: str, en: str) -> None:
    """Times are said as people say them on the phone."""

    assert (pl, ru, en) == tuple(words.clock(hour, minute, language) for language in ("pl", "ru", "en"))


@pytest.mark.parametrize(
    ("number", "gender", "expected"),
    [(1, "m", "jeden"), (1, "f", "jedna"), (1, "n", "jedno"), (2, "f", "dwie"), (12, "f", "dwanaście"),
     (21, "f", "dwadzieścia jeden"), (32, "f", "trzydzieści dwie"), (102, "f", "sto dwie"), (102, "m", "sto dwa"),
     (1250, "m", "tysiąc dwieście pięćdziesiąt")],
)  # fmt: skip
def test_polish_genders(number: int, gender: str, expected: str) -> None:
    """Only one and numbers that end in two have a feminine of their own."""

    assert expected == words.cardinal(number, "pl", gender)


@pytest.mark.parametrize(
    ("day", "pl", "ru", "en"),
    [(1, "pierwszego", "первого", "first"), (2, "drugiego", "второго", "second"), (3, "trzeciego", "третьего", "third"),
     (12, "dwunastego", "двенадцатого", "twelfth"), (23, "dwudziestego trzeciego", "двадцать третьего", "twenty-third"),
     (30, "trzydziestego", "тридцатого", "thirtieth"),
     (31, "trzydziestego pierwszego", "тридцать первого", "thirty-first")],
)  # fmt: skip
def test_days_of_the_month(day: int, pl: str, ru: str, en: str) -> None:
    """Days are genitive ordinals."""

    assert (pl, ru, en) == tuple(words.day_of_month(day, language) for language in ("pl", "ru", "en"))


def test_every_form_covers_its_range() -> None:
    """Nothing within the ranges of the prompt files raises or comes out empty."""
    ranges = {"clock_full": range(24), "clock_hour": range(24), "clock_minute": range(1, 60)}
    spoken = [
        form(value, language)
        for name, form in words.FORMS.items()
        for value in ranges.get(name, range(1, 10))
        for language in ("pl", "ru", "en")
    ]

    assert all(text.strip() and not any(c.isdigit() for c in text) for text in spoken)


def test_too_large_numbers_are_refused() -> None:
    """No table reaches that far."""
    with pytest.raises(ValueError, match="too large"):
        words.cardinal(10**12, "pl")
