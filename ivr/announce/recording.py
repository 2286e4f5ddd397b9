"""Own recordings of an announcement: somebody's upload or telephone becomes telephone audio named by its hash.

What comes in is never trusted: it is decoded in a child process under limits (`ivr.speech.recording`), and only what
was written afresh is kept; no name anybody sends ever becomes a path. Called by `speech`, page, API and phone.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ivr.call import LANGUAGES
from ivr.errors import InputError, SpeechError

if TYPE_CHECKING:
    from ivr.announce.speech import ClipFile

LARGEST = 10 << 20  # bytes
LONGEST_S = 120.0
VOICE = "recording"
PAUSE_S = 0.25  # between a recording and the time that is spoken after it
NAME = re.compile(rf"({'|'.join(LANGUAGES)})-[0-9a-f]{{20}}")
_free = asyncio.Semaphore(2)  # decoders at once


@dataclass(frozen=True)
class Recording:
    """Telephone audio that is a clip of its own. stem  absolute path without extension."""

    stem: Path
    seconds: float
    voice: str = VOICE

    @property
    def name(self) -> str:
        """What a draft calls it."""
        return self.stem.name


async def take(content: bytes, language: str, folder: Path) -> Recording:
    """Keep `content`, a sound file of any kind, as the recording of one language in `folder`.

    Raises InputError saying what is wrong with it; then nothing is kept.
    """
    if language not in LANGUAGES:
        raise InputError(f"{language!r} is not a language; expected one of {', '.join(LANGUAGES)}")
    if not content:
        raise InputError("the recording is empty")
    if len(content) > LARGEST:
        raise InputError(f"the recording has {len(content) >> 20} MB; at most {LARGEST >> 20} MB")
    async with _free:
        return await asyncio.to_thread(_take, content, language, folder)


def _take(content: bytes, language: str, folder: Path) -> Recording:
    from ivr.speech import audio
    from ivr.speech import recording as studio

    with tempfile.TemporaryDirectory(prefix="hotline-recording-") as directory:
        source = Path(directory) / "upload"
        source.write_bytes(content)
        try:
            samples, rate = audio.read(studio.decoded(source, Path(directory), LONGEST_S))
            treated = audio.telephone(samples, rate)
        except (InputError, SpeechError) as error:
            raise InputError(f"the recording {str(error).removeprefix(str(source)).lstrip(': ')}") from None
    return _kept(audio.encoded(treated, "sln"), language, folder)


def find(name: str, folder: Path) -> Recording | None:
    """Return a recording kept before, None when there is none of this name (or it is no name)."""
    from ivr.speech import audio

    stem = folder.resolve() / name
    if not NAME.fullmatch(name) or not audio.complete(stem):
        return None
    return Recording(stem, stem.with_name(f"{name}.ulaw").stat().st_size / audio.RATE)


async def joined(own: Recording, after: ClipFile) -> Recording:
    """Return one clip of a recording and what a voice says after it. Raises SpeechError."""
    return await asyncio.to_thread(_joined, own, Path(after.stem), after.voice)


def _joined(own: Recording, after: Path, voice: str) -> Recording:
    from ivr.speech import audio

    try:
        parts = [Path(f"{stem}.sln").read_bytes() for stem in (own.stem, after)]
    except OSError as error:
        raise SpeechError(f"cannot read {error.filename}: {error.strerror}") from error
    pause = b"\0\0" * int(PAUSE_S * audio.RATE)
    whole = _kept(pause.join(parts), own.name.partition("-")[0], own.stem.parent)
    return Recording(whole.stem, whole.seconds, f"{VOICE}, {voice}")


def _kept(sound: bytes, language: str, folder: Path) -> Recording:
    """Write raw 8 kHz 16-bit sound as a clip named by its hash, once."""
    import numpy as np

    from ivr.speech import audio

    samples = np.frombuffer(sound, dtype="<i2").astype(np.float64) / 32768
    stem = folder.resolve() / f"{language}-{hashlib.sha256(sound).hexdigest()[:20]}"
    if not audio.complete(stem):
        audio.write(samples, stem)
    return Recording(stem, len(samples) / audio.RATE)
