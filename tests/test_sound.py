"""Phrases become audio files: splicing, fallbacks, names."""

from __future__ import annotations

import pytest

from ivr.sound import Clip, Phrase, Prompt, PromptSet, Rendered, SayDigits, SayDuration, SayNumber, SayTime

PARTS: list[tuple[str, str, int | None]] = [
    *(("pl", "number", n) for n in range(61)),
    *(("pl", "tens", n) for n in (7, 8, 9)),
    *(("pl", "hundreds", n) for n in range(1, 10)),
    *(("pl", "minutes", n) for n in range(1, 61)),
    *(("pl", "hours", n) for n in range(1, 25)),
    *(("pl", "clock_full", n) for n in range(24)),
    *(("pl", "clock_hour", n) for n in range(24)),
    *(("pl", "clock_minute", n) for n in range(1, 60)),
    *(("en", "clock_hour", n) for n in range(24)),
    *(("en", "clock_minute", n) for n in range(1, 60)),
    *(("pl", "queue_position", n) for n in range(1, 4)),
    ("pl", "queue_position_many", None),
    ("pl", "welcome", None),
    ("en", "welcome", None),
    ("en", "goodbye", None),
    ("ru", "only_ru", None),
    ("en", "am", None),
    ("en", "pm", None),
    ("pl", "language_pl", None),
    ("ru", "language_ru", None),
    ("en", "language_en", None),
]


def label(language: str, key: str, value: int | None) -> str:
    return f"{language}/{key}" if value is None else f"{language}/{key} {value}"


@pytest.fixture
def prompts() -> PromptSet:
    rendered = {part: Rendered(label(*part), 1.5, f"say {label(*part)}", "test/voice") for part in PARTS}
    joined = {"language_menu": ("language_pl", "language_ru", "language_en")}
    return PromptSet("v1", rendered, joined, "pl", clip_seconds=lambda stem: 7.0 if stem == "/clips/a" else 0.0)


@pytest.mark.parametrize(
    ("phrase", "language", "expected"),
    [
        (Prompt("welcome"), "en", ["en/welcome"]),
        (Prompt("welcome"), "ru", ["pl/welcome"]),
        (Prompt("goodbye"), "ru", ["en/goodbye"]),
        (Prompt("only_ru"), "en", ["ru/only_ru"]),
        (Prompt("language_menu"), "pl", ["pl/language_pl", "ru/language_ru", "en/language_en"]),
        (Prompt("queue_position", 3), "pl", ["pl/queue_position 3"]),
        (Prompt("queue_position", 4), "pl", ["pl/queue_position_many"]),
        (Prompt("queue_position", 0), "pl", []),
        (Prompt("queue_position"), "pl", []),
        (Prompt("nothing"), "pl", []),
        (Clip("/clips/a", "announcement:a v1"), "pl", ["/clips/a"]),
        (SayDigits("2 0-7"), "pl", ["pl/number 2", "pl/number 0", "pl/number 7"]),
        (SayDigits(""), "pl", []),
        (SayDigits("²"), "pl", []),
        (SayNumber(0), "pl", ["pl/number 0"]),
        (SayNumber(60), "pl", ["pl/number 60"]),
        (SayNumber(70), "pl", ["pl/tens 7"]),
        (SayNumber(85), "pl", ["pl/tens 8", "pl/number 5"]),
        (SayNumber(100), "pl", ["pl/hundreds 1"]),
        (SayNumber(999), "pl", ["pl/hundreds 9", "pl/tens 9", "pl/number 9"]),
        (SayNumber(1002), "pl", ["pl/number 1", "pl/number 0", "pl/number 0", "pl/number 2"]),
        (SayNumber(-5), "pl", ["pl/number 5"]),
        (SayTime(18, 0), "pl", ["pl/clock_full 18"]),
        (SayTime(18, 30), "pl", ["pl/clock_hour 18", "pl/clock_minute 30"]),
        (SayTime(9, 5), "en", ["en/clock_hour 9", "en/clock_minute 5", "en/am"]),
        (SayTime(18, 30), "en", ["en/clock_hour 18", "en/clock_minute 30", "en/pm"]),
        (SayTime(24, 60), "pl", ["pl/clock_full 0"]),
        (SayDuration(22), "pl", ["pl/minutes 22"]),
        (SayDuration(0), "pl", ["pl/minutes 1"]),
        (SayDuration(60), "pl", ["pl/minutes 60"]),
        (SayDuration(125), "pl", ["pl/hours 2", "pl/minutes 5"]),
        (SayDuration(120), "pl", ["pl/hours 2"]),
        (SayDuration(10_000), "pl", ["pl/hours 24"]),
    ],
)
def test_phrase_becomes_files(prompts: PromptSet, phrase: Phrase, language: str, expected: list[str]) -> None:
    """A phrase is said whole in one language: the caller's, the default, English, any; else not at all."""

    assert tuple(expected) == prompts.files(phrase, language)


def test_phrase_is_never_said_in_two_languages(prompts: PromptSet) -> None:
    """English lacks numbers here: the whole number falls back, not only the missing word."""

    assert all(stem.startswith("pl/") for stem in prompts.files(SayNumber(123), "en"))


def test_missing_prompt_is_remembered(prompts: PromptSet) -> None:
    """What was asked for and not found can be listed."""
    prompts.files(Prompt("nothing"), "ru")

    assert {("ru", "nothing")} == prompts.missing


def test_names_and_seconds(prompts: PromptSet) -> None:
    """Every stem has a readable name and a length; an announcement's clip is measured."""

    assert "pl/queue_position 3" == prompts.name("pl/queue_position 3")
    assert len(PARTS) == len(prompts.names)
    assert "clip/a" == prompts.name("/clips/a")
    assert 1.5 == prompts.seconds("pl/welcome")
    assert 7.0 == prompts.seconds("/clips/a")
    assert 0.0 == prompts.seconds("nowhere")


def test_text_of_a_phrase(prompts: PromptSet) -> None:
    """Traces and trials show the words that are played."""

    assert "say pl/hours 2 say pl/minutes 5" == prompts.text(SayDuration(125), "pl")
    assert "[announcement:a v1]" == prompts.text(Clip("/clips/a", "announcement:a v1"), "pl")
    assert prompts.text(Prompt("nothing"), "pl").startswith("[missing")


def test_keys_include_joined_prompts(prompts: PromptSet) -> None:
    """A flow may name a joined prompt like any other."""

    assert {"welcome", "language_menu"} <= prompts.keys


def test_empty_set_is_silent_but_whole() -> None:
    """Before anything is rendered, nothing raises."""
    empty = PromptSet("", {})

    assert () == empty.files(SayTime(1, 2), "pl")
    assert {} == empty.names
