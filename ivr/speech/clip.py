"""Clips: audio made for one announcement at the moment it is published, and its preview.

Called by `announce`. A clip is named by the hash of its words and voice: the same words never speak twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ivr.call import LANGUAGES
from ivr.errors import InputError, SpeechError
from ivr.settings import Settings
from ivr.settings import settings as load_settings
from ivr.speech import audio, catalog, recording, voice
from ivr.speech.expand import doubts, expand
from ivr.speech.voice import Voice

LONGEST_TEXT = 1500
ADVISED_S = 15.0


@dataclass(frozen=True)
class ClipFile:
    """Telephone audio of one text. stem  absolute path without extension.

    voice  `engine/voice` that spoke.  spoken  the text as it was spoken.  warnings  for whoever publishes.
    """

    stem: Path
    seconds: float
    voice: str
    spoken: str = ""
    warnings: tuple[str, ...] = ()


async def make_clip(
    text: str, language: str, folder: Path, *, settings: Settings | None = None, voices: Sequence[Voice] | None = None
) -> ClipFile:
    """Speak `text` into `folder` as telephone audio.

    Raises InputError for an empty or too long text, SpeechError when no voice can speak it.
    """
    return await asyncio.to_thread(_make, text, language, folder, settings or load_settings(), voices)


def _make(text: str, language: str, folder: Path, settings: Settings, voices: Sequence[Voice] | None) -> ClipFile:
    if language not in LANGUAGES:
        raise InputError(f"no language {language!r}; there are {', '.join(LANGUAGES)}")
    length = len(text.strip())
    if not 0 < length <= LONGEST_TEXT:
        raise InputError(f"an announcement of {length} characters; 1 to {LONGEST_TEXT} are allowed")
    locales = catalog.wording(settings)
    if language not in locales:
        raise SpeechError(f"no prompts/{language}.toml: it says how {language} is spoken")
    locale = locales[language]
    spoken = expand(text, language, locale.expansion)
    reasons: list[str] = []
    for each in voice.chain(locales, settings) if voices is None else voices:
        identity = voice.identity(each, language, locale.rate)
        name = hashlib.sha256(f"{audio.RECIPE}\0{identity}\0{spoken}".encode()).hexdigest()[:20]
        stem = folder.resolve() / f"{language}-{name}"
        try:
            if not audio.complete(stem):
                _speak(each, spoken, language, stem)
        except SpeechError as error:
            reasons.append(str(error))
            continue
        seconds = stem.with_name(f"{stem.name}.ulaw").stat().st_size / audio.RATE
        warnings = _warnings(text, language, seconds, reasons)
        return ClipFile(stem, seconds, f"{each.engine}/{each.voice(language)}", spoken, warnings)
    raise voice.nobody_spoke(text, language, [doubts(text, language), *reasons])


def _speak(each: Voice, spoken: str, language: str, stem: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="hotline-speech-") as directory:
        samples, rate = voice.speak_with(each, spoken, language, Path(directory) / "speech.wav")
    audio.write(audio.telephone(samples, rate), stem)


def _warnings(text: str, language: str, seconds: float, reasons: Sequence[str]) -> tuple[str, ...]:
    found = [doubts(text, language), *(f"a better voice failed: {reason}" for reason in reasons)]
    if seconds > ADVISED_S:
        found.append(f"lasts {seconds:.0f} s: callers listen to {ADVISED_S:.0f} s at most")
    return tuple(warning for warning in found if warning)


def preview(stems: Sequence[str | Path], out: Path) -> float:
    """Join telephone audio to the WAV file a caller would hear. Returns its seconds. Raises SpeechError."""
    segment_type = recording.segments()
    whole = segment_type.empty().set_frame_rate(audio.RATE)
    try:
        for stem in stems:
            data = Path(f"{stem}.sln").read_bytes()
            whole += segment_type(data=data, sample_width=2, frame_rate=audio.RATE, channels=1)
        whole.export(str(out), format="wav").close()
    except OSError as error:
        raise SpeechError(f"cannot join {error.filename}: {error.strerror}") from error
    return len(whole) / 1000
