"""Prompts of an earlier version of the call flows: kept beside the newest, and completed by them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ivr.settings import Settings
from ivr.speech import audio, catalog, render
from ivr.speech.render import render_prompts
from tests.support.speech import ToneVoice, small_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return small_settings(tmp_path)


def say(settings: Settings, key: str, text: str) -> str:
    """Give a Polish prompt another wording, or add it; return the version of the index."""
    file = settings.prompts_dir / "pl.toml"
    lines = [line for line in file.read_text().splitlines() if not line.startswith(f"{key} =")]
    lines.insert(lines.index("[prompts]") + 1, f'{key} = "{text}"')
    file.write_text("\n".join(lines) + "\n")
    os.utime(file, ns=(time.time_ns(), time.time_ns() + len(text)))
    return render_prompts(settings, voices=(ToneVoice(),)).version


def words(settings: Settings, version: str = "") -> dict[str, str]:
    """Return what the Polish prompts without a number say."""
    rendered = catalog.load_prompt_set(settings, version).rendered
    return {key: each.text for (locale, key, value), each in rendered.items() if locale == "pl" and value is None}


def test_a_version_keeps_its_wording(settings: Settings) -> None:
    """With audio that stays; a prompt it never had is the newest one's."""
    say(settings, "welcome", "Dzień dobry.")
    old = catalog.keep_index(settings)
    say(settings, "welcome", "Witamy.")
    new = say(settings, "novelty", "Coś nowego.")
    stem = catalog.load_prompt_set(settings, old).rendered["pl", "welcome", None].stem

    assert ("Dzień dobry.", "Coś nowego.") == (words(settings, old)["welcome"], words(settings, old)["novelty"])
    assert "Witamy." == words(settings)["welcome"] == words(settings, "unknown")["welcome"]
    assert old == catalog.load_prompt_set(settings, old).version != new
    assert audio.complete(Path(stem))


def test_audio_of_a_kept_version_is_not_swept_away(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of others is, once it is old."""
    monkeypatch.setattr(render, "KEEP_UNUSED_S", -1)
    say(settings, "welcome", "Pierwszy.")
    kept = catalog.keep_index(settings)
    first = catalog.load_prompt_set(settings, kept).rendered["pl", "welcome", None].stem
    say(settings, "welcome", "Drugi.")
    second = catalog.load_prompt_set(settings).rendered["pl", "welcome", None].stem
    say(settings, "welcome", "Trzeci.")

    assert audio.complete(Path(first))
    assert not audio.complete(Path(second))


def test_only_the_newest_indexes_are_kept(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version older than that speaks by the newest wording."""
    monkeypatch.setattr(catalog, "KEPT_INDEXES", 2)
    versions = []
    for second, text in enumerate(("Raz.", "Dwa.", "Trzy.")):
        say(settings, "welcome", text)
        versions.append(catalog.keep_index(settings))
        os.utime(catalog.folder(settings) / f"index-{versions[-1]}.json", (second, second))

    assert ["Trzy.", "Dwa.", "Trzy."] == [words(settings, version)["welcome"] for version in versions]


def test_nothing_rendered_nothing_kept(settings: Settings) -> None:
    """A hotline before its set-up."""

    assert "" == catalog.keep_index(settings)
