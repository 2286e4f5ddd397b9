"""Written text becomes speakable: dates, times, numbers, units and abbreviations per language."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.speech.expand import doubts, expand
from ivr.speech.wording import Locale, read

PROMPTS = Path(__file__).resolve().parent.parent / "prompts"
LOCALES: dict[str, Locale] = read(PROMPTS)

POLISH = [
    ("Awaria na ul. Wolskiej 12.", "Awaria na ulicy Wolskiej dwanaście."),
    ("ul. Wolska", "ulica Wolska"),
    ("Naprawa do 18:30.", "Naprawa do godziny osiemnastej trzydzieści."),
    ("Od godz. 8:00 do 16:05", "Od godziny ósmej do godziny szesnastej zero pięć"),
    ("o 21:00", "o godzinie dwudziestej pierwszej"),
    ("godz. 3:00", "godzina trzecia"),
    ("300 Mbit/s", "trzysta megabitów na sekundę"),
    ("22 Mbit/s", "dwadzieścia dwa megabity na sekundę"),
    ("49,99 zł", "czterdzieści dziewięć złotych dziewięćdziesiąt dziewięć groszy"),
    ("1 zł", "jeden złoty"),
    ("10 000 zł", "dziesięć tysięcy złotych"),
    ("ok. 22 min", "około dwudziestu dwóch minut"),
    ("2 min", "dwie minuty"),
    ("około 1 km", "około jednego kilometra"),
    ("2,5 km", "dwa przecinek pięć kilometra"),
    ("23.11.2026", "dwudziestego trzeciego listopada dwa tysiące dwudziestego szóstego roku"),
    ("12 maja 2026 r.", "dwunastego maja dwa tysiące dwudziestego szóstego roku"),
    ("tel. 221234567", "telefon dwa dwa jeden, dwa trzy cztery, pięć sześć siedem"),
    ("+48 22 123 45 67", "plus cztery osiem dwa, dwa jeden dwa, trzy cztery pięć, sześć siedem"),
    ("Nr klienta 1234567", "Numer klienta jeden dwa trzy, cztery pięć sześć, siedem"),
    ("25% osób", "dwadzieścia pięć procent osób"),
    ("sieć wi-fi", "sieć łaj faj"),
]
RUSSIAN = [
    ("до 18:30", "до восемнадцати часов тридцати минут"),
    ("к 21:00", "к двадцати одному часу"),
    ("в 18:30", "в восемнадцать часов тридцать минут"),
    ("в 10:01", "в десять часов одну минуту"),
    ("около 21 мин", "около двадцати одной минуты"),
    ("около 5 минут", "около пяти минут"),
    ("300 Мбит/с", "триста мегабит в секунду"),
    ("ул. Ленина, д. 5", "улица Ленина, дом пять"),
    ("23.11.2026", "двадцать третьего ноября две тысячи двадцать шестого года"),
    ("12 мая", "двенадцатого мая"),
    ("2 руб.", "два рубля."),
]
ENGLISH = [
    ("until 18:30.", "until six thirty p.m."),
    ("12 St. John Rd.", "twelve Street John Road."),
    ("300 Mbit/s", "three hundred megabits per second"),
    ("2.5 km", "two point five kilometres"),
    ("May 5", "the fifth of May"),
    ("2026-11-23", "the twenty-third of November twenty twenty-six"),
    ("020 7946 0958", "zero two zero, seven nine four, six zero nine, five eight"),
    ("account 0042", "account zero zero four, two"),
]
TABLE = [*(("pl", *r) for r in POLISH), *(("ru", *r) for r in RUSSIAN), *(("en", *r) for r in ENGLISH)]


@pytest.mark.parametrize(("language", "written", "spoken"), TABLE)
def test_expansion(language: str, written: str, spoken: str) -> None:
    """What a voice garbles is put in words, in the right case where the language asks for one."""

    assert spoken == expand(written, language, LOCALES[language].expansion)


def test_impossible_date_is_no_date() -> None:
    """31 February is read as numbers, not as a day."""

    assert "lutego" not in expand("31.02.2026", "pl", LOCALES["pl"].expansion)


@settings(max_examples=60)
@given(st.text(max_size=80), st.sampled_from(("pl", "ru", "en")))
def test_any_text_expands(text: str, language: str) -> None:
    """No input makes it raise, and the result is one line."""
    spoken = expand(text, language, LOCALES[language].expansion)

    assert "\n" not in spoken


@settings(max_examples=60)
@given(st.from_regex(r"\A\d{1,12}([.,:]\d{1,4})?( (min|zł|km|%))?\Z"), st.sampled_from(("pl", "ru", "en")))
def test_no_digit_is_left(text: str, language: str) -> None:
    """Every number ends in words, whatever its shape."""
    spoken = expand(text, language, LOCALES[language].expansion)

    assert not any(c.isdigit() for c in spoken), spoken


@pytest.mark.parametrize(
    ("text", "language", "fits"),
    [("Awaria internetu", "pl", True), ("Привет", "pl", False), ("Awaria", "ru", False), ("12", "pl", False),
     ("Интернет Wi-Fi не работает", "ru", True), ("Hello", "en", True)],
)  # fmt: skip
def test_script_of_another_language_is_doubted(text: str, language: str, fits: bool) -> None:
    """A voice says nothing for letters it does not know: warn before publishing."""

    assert fits == (doubts(text, language) == "")
