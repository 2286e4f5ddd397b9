"""Announcement clips: made once, checked, warned about, previewed."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from ivr.errors import InputError, SpeechError
from ivr.settings import Settings
from ivr.speech import audio, clip
from tests.support.speech import BrokenVoice, ToneVoice, small_settings

TEXT = "Awaria internetu, naprawa do 18:30."


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return small_settings(tmp_path)


async def test_clip_is_telephone_audio(settings: Settings, tmp_path: Path) -> None:
    """The clip exists in every format at the right level; the spoken words are told."""
    made = await clip.make_clip(TEXT, "pl", tmp_path / "clips", settings=settings, voices=[ToneVoice()])

    assert audio.complete(made.stem)
    assert "do godziny osiemnastej trzydzieści" in made.spoken
    assert ("tone/p", ()) == (made.voice, made.warnings)
    assert made.seconds == pytest.approx(made.stem.with_name(f"{made.stem.name}.ulaw").stat().st_size / 8000)


async def test_same_words_are_spoken_once(settings: Settings, tmp_path: Path) -> None:
    """The name of a clip is its content."""
    voice = ToneVoice()
    first = await clip.make_clip(TEXT, "pl", tmp_path, settings=settings, voices=[voice])
    second = await clip.make_clip(TEXT, "pl", tmp_path, settings=settings, voices=[voice])

    assert first == second
    assert 1 == len(voice.said)


async def test_worse_voice_and_wrong_script_are_warned_about(settings: Settings, tmp_path: Path) -> None:
    """Whoever publishes learns which voice spoke, and what to doubt."""
    voices = [BrokenVoice("nothing"), ToneVoice("spare")]
    made = await clip.make_clip("Привет всем", "pl", tmp_path, settings=settings, voices=voices)

    assert "spare/p" == made.voice
    assert any("Cyrillic" in warning for warning in made.warnings)
    assert any("a better voice failed" in warning for warning in made.warnings)


async def test_long_announcement_is_warned_about(settings: Settings, tmp_path: Path) -> None:
    """More than 15 seconds is too much to listen to."""
    made = await clip.make_clip("bardzo ważna wiadomość " * 12, "pl", tmp_path, settings=settings, voices=[ToneVoice()])

    assert any("callers listen to 15 s" in warning for warning in made.warnings)


@pytest.mark.parametrize(("text", "language"), [("", "pl"), ("  ", "pl"), ("x" * 1501, "pl"), ("abc", "xx")])
async def test_unusable_text_is_refused(settings: Settings, tmp_path: Path, text: str, language: str) -> None:
    """Nothing is spoken for it."""
    voice = ToneVoice()
    with pytest.raises(InputError):
        await clip.make_clip(text, language, tmp_path, settings=settings, voices=[voice])

    assert [] == voice.said


async def test_no_voice_leaves_no_clip(settings: Settings, tmp_path: Path) -> None:
    """A failed clip leaves nothing that could be published."""
    with pytest.raises(SpeechError, match="no voice could say"):
        await clip.make_clip(TEXT, "pl", tmp_path / "clips", settings=settings, voices=[BrokenVoice("silent")])

    assert not list((tmp_path / "clips").glob("*"))


async def test_preview_joins_what_a_caller_hears(settings: Settings, tmp_path: Path) -> None:
    """Two clips become one WAV file of both lengths."""
    clips = [
        await clip.make_clip(text, "pl", tmp_path, settings=settings, voices=[ToneVoice()])
        for text in ("Ważna informacja.", TEXT)
    ]
    out = tmp_path / "preview.wav"
    seconds = clip.preview([made.stem for made in clips], out)

    assert seconds == pytest.approx(sum(made.seconds for made in clips), abs=0.01)
    assert soundfile.info(out).duration == pytest.approx(seconds, abs=0.01)


def test_preview_of_a_missing_clip(tmp_path: Path) -> None:
    """The missing part is named."""
    with pytest.raises(SpeechError, match=r"nothing\.sln"):
        clip.preview([tmp_path / "nothing"], tmp_path / "out.wav")


@pytest.mark.real
async def test_real_voices_speak_every_language(tmp_path: Path) -> None:
    """RHVoice says an announcement in Polish, Russian and English, offline."""
    texts = {"pl": "Awaria internetu na ul. Wolskiej.", "ru": "Авария на ул. Ленина.", "en": "Internet outage."}
    made = {language: await clip.make_clip(text, language, tmp_path) for language, text in texts.items()}

    assert {"pl": "rhvoice/magda", "ru": "rhvoice/aleksandr-hq", "en": "rhvoice/slt"} == {
        k: v.voice for k, v in made.items()
    }
    assert all(0.9 < v.seconds < 4 for v in made.values())
