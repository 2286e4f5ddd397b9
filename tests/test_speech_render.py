"""Rendering: only what changed, from the cache where possible, recordings first, never half a set."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from ivr.errors import ConfigError, SpeechError
from ivr.settings import Settings
from ivr.sound import Prompt
from ivr.speech import audio, catalog, recording
from ivr.speech.audit import audit
from ivr.speech.render import Outcome, render_prompts
from tests.support.speech import BrokenVoice, ToneVoice, decode_in_process, small_settings, tone, wav

LINES = 15
"""Five lines in three languages."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return small_settings(tmp_path)


def render(settings: Settings, *voices: ToneVoice, force: bool = False) -> Outcome:
    return render_prompts(settings, voices=voices or (ToneVoice(),), force=force)


def edit(settings: Settings, locale: str, old: str, new: str) -> None:
    file = settings.prompts_dir / f"{locale}.toml"
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    os.utime(file, ns=(time.time_ns(), time.time_ns() + len(new) + 1))


def test_everything_is_rendered_and_found(settings: Settings) -> None:
    """Every line has audio in every format, right level, found by its phrase."""
    outcome = render(settings)
    prompts = catalog.load_prompt_set(settings)
    (stem,) = prompts.files(Prompt("position", 2), "ru")

    assert LINES == outcome.counts["new"] == len(prompts.rendered)
    assert "ru/position 2" == prompts.name(stem)
    assert Path(stem).is_absolute()
    assert audio.complete(Path(stem))
    assert prompts.seconds(stem) == pytest.approx(Path(f"{stem}.ulaw").stat().st_size / 8000, abs=0.001)
    assert abs(audio.measure(audio.read_sln(Path(f"{stem}.sln"))).loudness + 22) < 1


def test_second_rendering_does_nothing(settings: Settings) -> None:
    """No text is spoken twice, and the version stays."""
    first, voice = render(settings), ToneVoice()
    second = render(settings, voice)

    assert [] == voice.said
    assert (first.version, LINES) == (second.version, second.counts["kept"])


def test_only_what_changed_is_spoken(settings: Settings) -> None:
    """One changed text is one rendering and a new version; calls keep the old file."""
    first, voice = render(settings), ToneVoice()
    (old,) = catalog.load_prompt_set(settings).files(Prompt("welcome"), "pl")
    edit(settings, "pl", "Dzień dobry.", "Witamy.")
    second = render(settings, voice)

    assert [("pl", "Witamy.")] == voice.said
    assert first.version != second.version
    assert (old,) != catalog.load_prompt_set(settings).files(Prompt("welcome"), "pl")
    assert Path(f"{old}.ulaw").exists()


def test_old_audio_goes_after_a_day(settings: Settings) -> None:
    """Files nobody can still be listening to are removed."""
    render(settings)
    (old,) = catalog.load_prompt_set(settings).files(Prompt("welcome"), "pl")
    for format_ in audio.FORMATS:
        os.utime(f"{old}.{format_}", (0, 0))
    edit(settings, "pl", "Dzień dobry.", "Witamy.")
    render(settings)

    assert not Path(f"{old}.ulaw").exists()


def test_second_checkout_is_served_from_the_cache(settings: Settings, tmp_path: Path) -> None:
    """Another var folder with the same cache needs no voice at all."""
    render(settings)
    other, voice = settings.model_copy(update={"var": tmp_path / "other"}), ToneVoice()
    outcome = render(other, voice)

    assert [] == voice.said
    assert LINES == outcome.counts["cache"]


def test_damaged_cache_is_spoken_again(settings: Settings, tmp_path: Path) -> None:
    """An empty cached file is no speech."""
    render(settings)
    for file in (tmp_path / "cache" / "speech").iterdir():
        file.write_bytes(b"")
    outcome = render(settings.model_copy(update={"var": tmp_path / "other"}))

    assert LINES == outcome.counts["new"]


def test_numbers_are_expanded_before_they_are_spoken(settings: Settings) -> None:
    """A voice never sees a digit it may read wrongly."""
    edit(settings, "pl", "Do widzenia.", "Naciśnij 2.")
    voice = ToneVoice()
    render(settings, voice)

    assert ("pl", "Naciśnij dwa.") in voice.said


def test_fallback_voice_is_named(settings: Settings) -> None:
    """What the first voice cannot say, the next does, and the index says so."""
    outcome = render(settings, BrokenVoice("nothing"), ToneVoice("spare"))
    voices = {entry.voice for entry in catalog.read_index(settings).entries}

    assert {} == outcome.failed
    assert {"spare/p", "spare/r", "spare/e"} == voices


def test_failing_voice_keeps_the_last_audio(settings: Settings) -> None:
    """A prompt that cannot be made again plays as before; the outcome tells."""
    render(settings)
    before = catalog.load_prompt_set(settings).files(Prompt("welcome"), "pl")
    edit(settings, "pl", "Dzień dobry.", "Witamy.")
    outcome = render(settings, BrokenVoice("raises", "tone"))

    assert ["pl/welcome"] == list(outcome.failed)
    assert before == catalog.load_prompt_set(settings).files(Prompt("welcome"), "pl")


def test_no_voice_at_all_is_an_error(settings: Settings) -> None:
    """Without audio and without a voice, setting up fails with the reason."""
    with pytest.raises(SpeechError, match=r"15 prompts have no audio.*did not finish"):
        render(settings, BrokenVoice("raises"))


def test_recording_wins_over_speech(settings: Settings) -> None:
    """A studio recording is used instead of the voice, and deleting it brings the voice back."""
    render(settings)
    master = recording.folder(settings, "pl") / "welcome.wav"
    master.parent.mkdir(parents=True)
    master.write_bytes(wav(tone(3.0)))
    render(settings)
    entries = {entry.line: entry for entry in catalog.read_index(settings).entries}

    assert "recording" == entries["pl", "welcome", None].voice
    assert 3.0 < entries["pl", "welcome", None].seconds < 3.3
    master.unlink()
    render(settings)
    assert "tone/p" == {e.line: e for e in catalog.read_index(settings).entries}["pl", "welcome", None].voice


def test_damaged_index_is_one_clear_line(settings: Settings) -> None:
    """Half an index names its file and the way out; rendering heals it."""
    render(settings)
    file = catalog.folder(settings) / catalog.INDEX
    file.write_text(file.read_text()[:100])
    with pytest.raises(ConfigError, match="ivr prompts render"):
        catalog.load_prompt_set(settings)
    render(settings)

    assert LINES == len(catalog.load_prompt_set(settings).rendered)


def test_before_the_first_rendering_the_set_is_empty(settings: Settings) -> None:
    """Loading never fails for want of audio."""

    assert {} == catalog.load_prompt_set(settings).rendered


def test_index_is_portable(settings: Settings) -> None:
    """Stems in the index are relative: the var folder can be moved."""
    render(settings)
    document = json.loads((catalog.folder(settings) / catalog.INDEX).read_text())

    assert all(not entry["stem"].startswith("/") for entry in document["prompts"])


def test_audit_of_a_fresh_rendering_is_clean(settings: Settings) -> None:
    """Nothing to complain about."""
    render(settings)

    assert [] == audit(settings)


def test_audit_finds_what_callers_would_notice(settings: Settings) -> None:
    """Missing languages, missing audio, changed wording, level and length, stray and clipped recordings."""
    long = " ".join(["bardzo długi komunikat"] * 10)
    edit(settings, "pl", "Do widzenia.", long)
    edit(settings, "en", 'goodbye = "Goodbye now."', "")
    render(settings)
    stems = {entry.line: catalog.folder(settings) / entry.stem for entry in catalog.read_index(settings).entries}
    loud = stems["pl", "position", 1]
    audio.write(audio.read_sln(loud.with_name(f"{loud.name}.sln")) * 30, loud)
    quiet = stems["pl", "position", 2]
    audio.write(audio.read_sln(quiet.with_name(f"{quiet.name}.sln")) / 30, quiet)
    gone = stems["ru", "welcome", None]
    gone.with_name(f"{gone.name}.alaw").unlink()
    edit(settings, "en", "Hello there.", "Hello to you.")
    masters = recording.folder(settings, "pl")
    masters.mkdir(parents=True)
    (masters / "nothing.wav").write_bytes(wav(tone(1.0)))
    found = {problem.name: (problem.what.split(":")[0], problem.severe) for problem in audit(settings)}

    assert {
        "en/goodbye": ("missing in en.toml; pl.toml has it", True),
        "pl/position 1": ("clipped", True),
        "pl/position 2": ("too quiet", True),
        "pl/goodbye": ("too long", False),
        "ru/welcome": ("not rendered", True),
        "en/welcome": ("its wording has changed since", True),
        "audio/pl/nothing.wav": ("belongs to no prompt of pl.toml", False),
    } == found


def test_audit_hears_a_clipped_master(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Levelling hides a clipped original; the audit looks at the original."""
    decode_in_process(monkeypatch)
    master = recording.folder(settings, "pl") / "welcome.wav"
    master.parent.mkdir(parents=True)
    master.write_bytes(wav(tone(2.0, level=4.0).clip(-1, 1)))
    render(settings)

    assert ["audio/pl/welcome.wav"] == [problem.name for problem in audit(settings)]
