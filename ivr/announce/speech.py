"""The audio of an announcement: every variant of its wording, in every language it has a text in.

Called by `publish` before anything goes live, and by `preview`; the clips themselves are made by `ivr.speech.clip`.
"""

from __future__ import annotations

import asyncio
import secrets
import wave
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from ivr.announce import recording
from ivr.announce.model import ClipRef, Version
from ivr.announce.wording import ending, variants, wording
from ivr.errors import SpeechError

AT_ONCE = 2  # voices speaking at the same time
SUFFIXES = (".ulaw", ".alaw", ".sln16", ".sln", ".g722", ".wav")


class ClipFile(Protocol):
    """What a maker returns: stem without extension, length, who speaks."""

    @property
    def stem(self) -> Path | str: ...

    @property
    def seconds(self) -> float: ...

    @property
    def voice(self) -> str: ...


Maker = Callable[[str, str, Path], Awaitable[ClipFile]]


def spoken_maker() -> Maker:
    """Return the maker that speaks texts with the configured voices."""
    from ivr.speech.clip import make_clip

    return make_clip


async def make_clips(
    version: Version, *, now: datetime, zone: ZoneInfo, folder: Path, maker: Maker, only: str = ""
) -> dict[str, dict[str, ClipRef]]:
    """Return language -> variant -> clip for everything callers can hear of `version` from `now` on.

    only  this variant.  Raises SpeechError when one of them could not be made: then none is to be used.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    free = asyncio.Semaphore(AT_ONCE)

    async def make(language: str, which: str) -> ClipRef:
        async with free:
            if language in version.recordings:
                made: ClipFile = await _recorded(version, language, which, zone, folder, maker)
            else:
                made = await maker(wording(version, language, which, zone), language, folder)
        return verified(ClipRef(str(made.stem), float(made.seconds), made.voice))

    wanted = [(language, which) for language in version.texts
              for which in ((only,) if only else variants(version, now, zone))]  # fmt: skip
    made = await asyncio.gather(*(make(*each) for each in wanted), return_exceptions=True)
    clips: dict[str, dict[str, ClipRef]] = {language: {} for language in version.texts}
    for (language, which), clip in zip(wanted, made, strict=True):
        if isinstance(clip, BaseException):
            raise clip
        clips[language][which] = clip
    return clips


async def _recorded(
    version: Version, language: str, which: str, zone: ZoneInfo, folder: Path, maker: Maker
) -> ClipFile:  # fmt: skip
    """Return the language's own recording with what is said after it, which a voice speaks."""
    own = recording.find(version.recordings[language], folder)
    if own is None:
        raise SpeechError(f"the {language} recording is gone; record it once more, or take it away")
    spoken = ending(version, language, which, zone)
    return await recording.joined(own, await maker(spoken, language, folder)) if spoken else own


def wave_file(clip: ClipRef) -> Path:
    """Return a WAV file of a clip, for browsers; it is written once beside the clip. Raises SpeechError."""
    out = Path(clip.file + ".listen.wav")
    if out.is_file():
        return out
    part = out.with_name(f"{out.name}.{secrets.token_hex(4)}")
    try:
        samples = Path(clip.file + ".sln").read_bytes()
        with wave.open(str(part), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(samples)
        part.replace(out)
    except OSError as error:
        raise SpeechError(f"cannot write {out}: {error.strerror}") from error
    return out


def verified(clip: ClipRef) -> ClipRef:
    """Return `clip` if its files are there and hold sound; raises SpeechError."""
    if not exists(clip.file):
        raise SpeechError(f"no audio was written for {clip.file}")
    if clip.seconds <= 0:
        raise SpeechError(f"the audio {clip.file} is empty")
    return clip


def exists(stem: str) -> bool:
    """Is there audio that Asterisk can play under this stem?"""
    return any(Path(stem + suffix).is_file() for suffix in SUFFIXES)
