"""Own recordings: decoded in a child, kept by their hash, joined with the time a voice says; bad ones leave nothing."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ivr.announce import recording
from ivr.announce.draft import Draft
from ivr.announce.model import Target
from ivr.announce.publish import Publisher, clip_folder
from ivr.errors import InputError, SpeechError
from ivr.speech import audio
from tests.support.announced import SECOND, Spoken, tone
from tests.support.desk import NOW, desk_settings, opened


def kept(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def lying(seconds: float) -> bytes:
    """A WAV whose header says it holds much more."""
    sound = bytearray(tone(seconds))
    struct.pack_into("<I", sound, 40, 0x7FFFFFF0)
    return bytes(sound)


def bomb() -> bytes:
    """Ten hours of silence, which FLAC makes small."""
    out = io.BytesIO()
    with soundfile.SoundFile(out, "w", SECOND, 1, format="FLAC") as file:
        for _ in range(600):
            file.write(np.zeros(60 * SECOND))
    return out.getvalue()


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../a.wav", b"\0" * (30 << 20))
    return out.getvalue()


CORPUS: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "is empty"),
    "cut off": (lambda: tone(3)[:9000], "is cut off"),
    "lying about its size": (lambda: lying(1), "is cut off: its header promises"),
    "ten hours": (bomb, "at most 120 s"),
    "just too long": (lambda: tone(121), "lasts 121 s; at most 120 s"),
    "no sound": (lambda: tone(0), "holds no sound|without sound"),
    "silence": (lambda: io.BytesIO(tone(1)).read(44) + b"\0" * 16000, "is silent"),
    "eight channels": (lambda: tone(1, channels=8), "has 8 channels"),
    "zip bomb": (zipped, "is not audio"),
    "gzip bomb": (lambda: gzip.compress(b"\0" * (30 << 20)), "is not audio"),
    "page": (lambda: b"<html><script>alert(1)</script></html>" * 9, "is not audio"),
    "program": (lambda: b"\x7fELF" + bytes(5000), "is not audio"),
    "playlist": (lambda: b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "is not audio"),
    "too large": (lambda: bytes(recording.LARGEST + 1), "has 10 MB; at most 10 MB"),
}


@pytest.mark.parametrize("name", CORPUS)
async def test_a_bad_file_is_refused_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    """One clear line that names no path of ours; the folder stays empty."""
    make, expected = CORPUS[name]
    with pytest.raises(InputError, match=rf"^the recording .*({expected})") as told:
        await recording.take(make(), "pl", tmp_path)

    assert "/" not in str(told.value)
    assert {} == kept(tmp_path)


async def test_what_is_kept_is_our_own_file(tmp_path: Path) -> None:
    """A WAV with a page hidden behind its sound: only the sound is kept, by its hash, and the same once more is one."""
    polyglot = tone(2, channels=2, rate=44_100) + b"<script>alert(1)</script>"
    first = await recording.take(polyglot, "pl", tmp_path)
    again = await recording.take(polyglot, "pl", tmp_path)

    assert first == again == recording.find(first.name, tmp_path)
    assert recording.NAME.fullmatch(first.name)
    assert 2.0 == pytest.approx(first.seconds, abs=0.2)
    files = kept(tmp_path)
    assert {f"{first.name}.{each}" for each in audio.FORMATS} == set(files)
    assert not any(b"script" in content for content in files.values())


@pytest.mark.parametrize("kind", ["FLAC", "OGG", "MP3"])
async def test_usual_formats_are_taken(tmp_path: Path, kind: str) -> None:
    """What a telephone or a browser records."""
    assert 1.0 == pytest.approx((await recording.take(tone(1, kind=kind), "en", tmp_path)).seconds, abs=0.3)


@pytest.mark.parametrize(
    "name", ["../pl-" + "0" * 20, "pl-" + "0" * 20, "pl-0/../../x", "/etc/passwd", "", "xx-" + "0" * 20]
)
def test_no_name_becomes_a_path(tmp_path: Path, name: str) -> None:
    """Only a name of our own making, of a file that is there."""
    assert recording.find(name, tmp_path) is None


async def test_a_language_it_does_not_know_is_refused(tmp_path: Path) -> None:
    """It would be part of a file's name."""
    with pytest.raises(InputError, match="is not a language; expected one of pl, ru, en"):
        await recording.take(tone(1), "../x", tmp_path)


# -- in an announcement


class Beeper:
    """A maker that speaks a second of tone, and remembers what it was asked to say."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    async def __call__(self, text: str, language: str, folder: Path) -> Spoken:
        self.said.append((language, text))
        stem = folder / f"{language}-spoken{len(self.said)}"
        audio.write(np.full(SECOND, 0.1), stem)
        return Spoken(stem, 1.0)


@pytest.fixture
async def publisher(tmp_path: Path) -> AsyncIterator[Publisher]:
    async with opened(desk_settings(tmp_path)) as database:
        yield Publisher(database, database.settings, maker=Beeper())


async def test_a_recording_is_played_and_the_time_after_it_spoken(publisher: Publisher) -> None:
    """The text of that language is not spoken, its expected end is: also after it changed, also once it has passed."""
    own = await recording.take(tone(2), "pl", clip_folder(publisher.settings))
    draft = Draft(Target(), {"pl": "Awaria.", "en": "Outage."}, eta=NOW + timedelta(hours=2),
                  recordings={"pl": own.name})  # fmt: skip
    posted = (await publisher.post(draft, "ops", NOW, confirmed=True)).version
    later = (await publisher.update("last", "ops", NOW, eta=NOW + timedelta(hours=3))).version
    maker = publisher.maker

    assert isinstance(maker, Beeper)
    assert not any("Awaria." in text for _, text in maker.said)
    assert any("Outage." in text for _, text in maker.said)
    assert {"today", "passed"} == set(posted.clips["pl"]) == set(later.clips["pl"])
    clip = later.clips["pl"]["today"]
    assert own.seconds + recording.PAUSE_S + 1 == pytest.approx(clip.seconds, abs=0.01)
    files = kept(clip_folder(publisher.settings))
    assert files[Path(clip.file).name + ".sln"].startswith(files[f"{own.name}.sln"])


async def test_a_new_text_takes_the_recording_away(publisher: Publisher) -> None:
    """It would say the old words; so does the sentence that it is over."""
    own = await recording.take(tone(2), "pl", clip_folder(publisher.settings))
    await publisher.post(Draft(Target(), {"pl": "Awaria."}, recordings={"pl": own.name}), "ops", NOW, confirmed=True)
    kept = (await publisher.update("last", "ops", NOW, texts={"en": "Outage."})).version
    changed = (await publisher.update("last", "ops", NOW, texts={"pl": "Nowa awaria."})).version

    assert ({"pl": own.name}, {}) == (kept.recordings, changed.recordings)
    assert {} == (await publisher.restore("last", "ops", NOW)).version.recordings


async def test_a_recording_that_is_gone_keeps_it_off_the_phones(publisher: Publisher) -> None:
    """Nothing goes live without all its audio."""
    draft = Draft(Target(), {"pl": "Awaria."}, recordings={"pl": "pl-" + "0" * 20})
    with pytest.raises(SpeechError, match="the pl recording is gone"):
        await publisher.post(draft, "ops", NOW, confirmed=True)

    assert () == await publisher.store.live(NOW)
