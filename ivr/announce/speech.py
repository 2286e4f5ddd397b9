"""The audio of an announcement: every variant of its wording, in every language it has a text in.

Called by `publish` before anything goes live; the clips themselves are made by `ivr.speech.clip`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from ivr.announce.model import ClipRef
from ivr.announce.wording import variants, wording
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
    texts: Mapping[str, str],
    eta: datetime | None,
    *,
    now: datetime,
    zone: ZoneInfo,
    folder: Path,
    maker: Maker,
) -> dict[str, dict[str, ClipRef]]:
    """Return language -> variant -> clip for everything callers can hear from `now` on.

    Raises SpeechError when one of them could not be made: then none is to be used.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    free = asyncio.Semaphore(AT_ONCE)

    async def make(language: str, which: str) -> ClipRef:
        async with free:
            made = await maker(wording(texts[language], language, eta, which, zone), language, folder)
        return verified(ClipRef(str(made.stem), float(made.seconds), made.voice))

    wanted = [(language, which) for language in texts for which in variants(eta, now, zone)]
    made = await asyncio.gather(*(make(*each) for each in wanted), return_exceptions=True)
    clips: dict[str, dict[str, ClipRef]] = {language: {} for language in texts}
    for (language, which), clip in zip(wanted, made, strict=True):
        if isinstance(clip, BaseException):
            raise clip
        clips[language][which] = clip
    return clips


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
