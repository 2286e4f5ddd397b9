"""The prompt files: what they become, and every mistake named by file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.errors import ConfigError
from ivr.settings import PROJECT
from ivr.speech import wording
from ivr.telling import RUNGS
from tests.support.speech import small_settings

HEAD = 'locale = "pl"\nname = "Polski"\n[prompts]\n'


def read_one(folder: Path, text: str, name: str = "pl.toml") -> wording.Locale:
    (folder / name).write_text(text, encoding="utf-8")
    return wording.read(folder)["pl"]


def test_real_prompts_agree_between_languages() -> None:
    """Every key is in every language, but for the language menu's own lines and English half days."""
    locales = wording.read(PROJECT / "prompts")
    keys = {code: {line.key for line in locale.lines} for code, locale in locales.items()}
    own = {"language_pl", "language_ru", "language_en", "am", "pm"}

    assert {"pl", "ru", "en"} == set(keys)
    assert keys["pl"] - own == keys["ru"] - own == keys["en"] - own


@pytest.mark.parametrize(
    ("language", "key", "value", "text"),
    [
        ("pl", "queue_position", 1, "Twoje połączenie jest następne w kolejce."),
        ("pl", "queue_position", 7, "Twoje miejsce w kolejce: siedem."),
        ("pl", "wait_1_2", None, "Czas oczekiwania: od jednej do dwóch minut."),
        ("ru", "wait_4_7", None, "Время ожидания: от четырёх до семи минут."),
        ("en", "queue_position", 20, "You are number twenty in line."),
        ("en", "wait_3_5", None, "Your wait is about three to five minutes."),
    ],
)
def test_ranges_are_whole_sentences(language: str, key: str, value: int | None, text: str) -> None:
    """Positions and waiting times are rendered as sentences with the right grammar."""
    lines = {(line.key, line.value): line.text for line in wording.read(PROJECT / "prompts")[language].lines}

    assert text == lines[key, value]


def test_real_prompts_fit_their_ranges() -> None:
    """Positions 1 to 20, what comes above, and every range of waiting exist in every language."""
    for locale in wording.read(PROJECT / "prompts").values():
        found = {(line.key, line.value) for line in locale.lines}

        assert {("queue_position", n) for n in range(1, 21)} | {("queue_position_many", None)} <= found
        assert {(rung.prompt, None) for rung in RUNGS} <= found


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (HEAD + "welcome = ", 4, ("not valid TOML",)),
        (HEAD + 'welcome = ""', 4, ("prompts.welcome", "0 characters")),
        (HEAD + "welcome = 5", 4, ("prompts.welcome", "is 5")),
        (HEAD + '"../x" = "a"', 4, ("not a prompt name",)),
        (HEAD + 'a = "b"\np = "{value:number}"', 5, ("placeholder but no range",)),
        (HEAD + 'p = { text = "{value:numbr}", from = 1, to = 2 }', 4, ("numbr", "did you mean 'number'")),
        (HEAD + 'p = { text = "none", from = 1, to = 2 }', 4, ("0 placeholders",)),
        (HEAD + 'p = { text = "{value}", from = 1, too = 2 }', 4, ("too", "did you mean 'to'")),
        (HEAD + 'p = { text = "{value}", from = 5, to = 2 }', 4, ("range 5 to 2",)),
        (HEAD + 'p = { text = "{value}", from = 0, to = 999 }', 4, ("at most 200",)),
        (HEAD + 'p = { parts = ["../x"] }', 4, ("parts",)),
        (HEAD + 'p = "x"\n[numbers]\np = "y"', None, ("there twice",)),
        (HEAD + 'p = "x"\n[promts]\n', 5, ("unknown table", "did you mean 'prompts'")),
        (HEAD + 'p = "x"\n[voice]\nrate = 900', 6, ("voice.rate", "900")),
        (HEAD + 'p = "x"\n[expand.units]\nmin = { forms = ["a"] }', 6, ("lacks its forms",)),
        (
            HEAD + 'p = "x"\n[expand.calendar]\npoint = "x"\nshop = "Witamy"',
            7,
            ("expand.calendar.shop: unknown key; expected months, point; a prompt belongs under [prompts]",),
        ),
        (HEAD + 'p = "x"\n[expand.unit]\n', 5, ("expand.unit: unknown key", "did you mean 'units'")),
        ('locale = "xx"\n[prompts]\na = "b"', 1, ("locale", "'xx'")),
    ],
)
def test_mistake_is_named(tmp_path: Path, text: str, line: int | None, words: tuple[str, ...]) -> None:
    """One clear line: file, line, what is wrong, what was expected."""
    with pytest.raises(ConfigError) as caught:
        read_one(tmp_path, text)

    message = str(caught.value)
    assert all(word in message for word in words), message
    assert f"pl.toml:{line}:" in message if line else "pl.toml" in message


def test_every_mistake_is_reported_at_once(tmp_path: Path) -> None:
    """Three mistakes in two files give three findings."""
    (tmp_path / "en.toml").write_text('locale = "en"\n[prompts]\na = ""\n', encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_one(tmp_path, HEAD + 'a = ""\nb = 7\n')

    assert 3 == len(caught.value.findings)


def test_not_utf8(tmp_path: Path) -> None:
    """A file saved in another encoding is named, not a traceback."""
    (tmp_path / "pl.toml").write_bytes(HEAD.encode() + 'a = "za\u017c"'.encode("cp1250"))
    with pytest.raises(ConfigError, match="not UTF-8"):
        wording.read(tmp_path)


def test_no_prompts_at_all(tmp_path: Path) -> None:
    """An empty folder is a mistake too."""
    with pytest.raises(ConfigError, match="no prompt texts"):
        wording.read(tmp_path)


def test_studio_names(tmp_path: Path) -> None:
    """A recording of one value is named after it."""
    locale = wording.read(small_settings(tmp_path).prompts_dir)["pl"]

    assert ["welcome", "goodbye", "position-1", "position-2", "position-3"] == [line.file_name for line in locale.lines]


def test_dialplans_may_bring_prompts_of_their_own(tmp_path: Path) -> None:
    """They add to the usual ones and win; voice and expansion stay the usual ones."""
    usual = small_settings(tmp_path).prompts_dir
    own = tmp_path / "own"
    own.mkdir()
    key = wording.read(usual)["pl"].lines[0].key
    (own / "pl.toml").write_text(f'locale = "pl"\n[prompts]\n{key} = "Inaczej."\nsklep = "Sklep."\n')
    before, after = wording.read(usual), wording.read(usual, own)
    texts = {line.key: line.text for line in after["pl"].lines}

    assert (texts[key], texts["sklep"]) == ("Inaczej.", "Sklep.")
    assert (after["pl"].voices, after["pl"].expansion) == (before["pl"].voices, before["pl"].expansion)
    assert set(before) == set(after)
