"""Foreign sound files: the usable become recordings, the others change nothing and say why."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ivr.errors import InputError
from ivr.settings import Settings
from ivr.speech import catalog, decode, recording
from tests.support.speech import decode_in_process, small_settings, tone, wav


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return small_settings(tmp_path)


@pytest.fixture
def decoder_in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the decoder in this process: its limits and its child are tested apart."""
    decode_in_process(monkeypatch)


def take(
    settings: Settings, file: Path, key: str = "welcome", locale: str = "pl", **more: object
) -> recording.Imported:
    return recording.take(settings, catalog.wording(settings), file, key, locale, **more)  # type: ignore[arg-type]


def masters(settings: Settings) -> dict[str, bytes]:
    folder = settings.prompts_dir / "audio"
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.usefixtures("decoder_in_process")
@pytest.mark.parametrize(
    ("name", "subtype"), [("a.wav", "PCM_24"), ("a.flac", "PCM_16"), ("a.ogg", "VORBIS"), ("a.mp3", None)]
)
def test_usual_formats_are_kept_as_they_came(
    settings: Settings, tmp_path: Path, name: str, subtype: str | None
) -> None:
    """The original is the master, byte for byte; stereo and 44.1 kHz are fine."""
    file = tmp_path / name
    samples = tone(1.0, 44_100)
    soundfile.write(file, np.stack([samples, samples], axis=1), 44_100, subtype=subtype)
    taken = take(settings, file)

    assert {f"pl/welcome{file.suffix}": file.read_bytes()} == masters(settings)
    assert abs(taken.measure.loudness + 22) < 1


@pytest.mark.usefixtures("decoder_in_process")
def test_new_recording_replaces_the_old_of_another_format(settings: Settings, tmp_path: Path) -> None:
    """There is one master for one prompt."""
    first, second = tmp_path / "a.wav", tmp_path / "b.flac"
    first.write_bytes(wav(tone(1.0)))
    soundfile.write(second, tone(1.0), 24_000)
    take(settings, first)
    taken = take(settings, second)

    assert ["pl/welcome.flac"] == list(masters(settings))
    assert taken.replaced is not None


def test_part_of_a_recording(settings: Settings, tmp_path: Path) -> None:
    """--from and --to cut; the cut is the master."""
    file = tmp_path / "session.wav"
    file.write_bytes(wav(np.concatenate([tone(2.0), tone(1.0, hz=900), tone(2.0)])))
    taken = take(settings, file, "position", value=2, from_s=2.0, to_s=3.0)

    assert ["pl/position-2.wav"] == list(masters(settings))
    assert 0.9 < taken.measure.seconds < 1.2


@pytest.mark.parametrize(
    ("key", "locale", "value", "what"),
    [
        ("../../etc/passwd", "pl", None, "no prompt '../../etc/passwd'"),
        ("welcom", "pl", None, "did you mean 'welcome'"),
        ("welcome", "xx", None, "no language 'xx'"),
        ("position", "pl", None, "needs a value from 1 to 3"),
        ("position", "pl", 9, "needs a value from 1 to 3"),
        ("welcome", "pl", 1, "has no values"),
    ],
)
def test_wrong_prompt_is_named(
    settings: Settings, tmp_path: Path, key: str, locale: str, value: int | None, what: str
) -> None:
    """A name that is no prompt never becomes a path."""
    file = tmp_path / "a.wav"
    file.write_bytes(wav(tone(1.0)))
    with pytest.raises(InputError, match=what.replace(".", r"\.")):
        take(settings, file, key, locale, value=value)

    assert {} == masters(settings)


def bad_files(folder: Path) -> dict[str, tuple[Path, str]]:
    """Every kind of bad audio: name -> (file, what its error says)."""
    good = wav(tone(2.0))
    many = folder / "eight.wav"
    soundfile.write(many, np.stack([tone(0.5)] * 8, axis=1), 24_000)
    flac = folder / "whole.flac"
    soundfile.write(flac, np.random.default_rng(1).normal(0, 0.1, 96_000), 24_000)
    lying = bytearray(good)
    struct.pack_into("<I", lying, 24, 4_000_000_000)
    flat = bytearray(good)
    struct.pack_into("<I", flat, 24, 100)
    content = {
        "truncated.wav": (good[: len(good) // 2], "is cut off"),
        "truncated.flac": (flac.read_bytes()[:20_000], "cut off|breaks off"),
        "nothing.wav": (wav(np.zeros(0)), "holds no sound|without sound"),
        "text.wav": (b"hello, this is a letter\n" * 50, "not audio"),
        "page.mp3": (b"<html><body>404</body></html>", "not audio"),
        "header.wav": (good[:30], "not audio|without sound|cut off"),
        "lying.wav": (bytes(lying), "samples a second|not audio"),
        "slow.wav": (bytes(flat), "samples a second|not audio"),
        "silent.wav": (wav(np.zeros(24_000)), "silent"),
        "empty.wav": (b"", "is empty"),
        "noise.ogg": (b"OggS" + os.urandom(4000), "not audio"),
    }
    found = {"eight.wav": (many, "8 channels"), "folder": (folder, "is not a file"),
             "missing.wav": (folder / "missing.wav", "cannot be read")}  # fmt: skip
    for name, (data, what) in content.items():
        (folder / name).write_bytes(data)
        found[name] = (folder / name, what)
    return found


BAD = ("truncated.wav", "truncated.flac", "nothing.wav", "text.wav", "page.mp3", "header.wav", "lying.wav", "slow.wav",
       "silent.wav", "empty.wav", "noise.ogg", "eight.wav", "folder", "missing.wav")  # fmt: skip


@pytest.mark.usefixtures("decoder_in_process")
@pytest.mark.parametrize("name", BAD)
def test_bad_audio_is_one_clear_line(settings: Settings, tmp_path: Path, name: str) -> None:
    """It is named with what is wrong, and the recording that was there stays."""
    folder = tmp_path / "in"
    folder.mkdir()
    old = tmp_path / "old.wav"
    old.write_bytes(wav(tone(1.0)))
    take(settings, old)
    before = masters(settings)
    file, what = bad_files(folder)[name]
    with pytest.raises(InputError, match=what) as caught:
        take(settings, file)

    assert "\n" not in str(caught.value)
    assert str(file) in str(caught.value)
    assert before == masters(settings)


@pytest.mark.usefixtures("decoder_in_process")
def test_too_long_and_too_large(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Length and size are bounded before anything is decoded."""
    file = tmp_path / "a.wav"
    file.write_bytes(wav(tone(2.0)))
    monkeypatch.setattr(recording, "LONGEST_S", 1.0)
    with pytest.raises(InputError, match=r"lasts 2 s; at most 1 s"):
        take(settings, file)
    monkeypatch.setattr(recording, "LARGEST_FILE", 1000)
    with pytest.raises(InputError, match="MB; at most"):
        take(settings, file)


@pytest.mark.usefixtures("decoder_in_process")
@pytest.mark.parametrize(("from_s", "to_s"), [(1.0, 0.5), (5.0, None), (0.0, 9.0)])
def test_cut_outside_the_recording(settings: Settings, tmp_path: Path, from_s: float, to_s: float | None) -> None:
    """A cut that is not there is refused."""
    file = tmp_path / "a.wav"
    file.write_bytes(wav(tone(2.0)))
    with pytest.raises(InputError, match="cannot cut"):
        take(settings, file, from_s=from_s, to_s=to_s)

    assert {} == masters(settings)


def test_child_process_refuses_and_survives(settings: Settings, tmp_path: Path) -> None:
    """The real child: a refusal is an InputError, so is a child that dies."""
    file = tmp_path / "letter.wav"
    file.write_bytes(b"Dear Sir or Madam" * 100)
    with pytest.raises(InputError, match="not audio"):
        take(settings, file)


def test_child_that_dies_is_an_input_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder killed by its limits does not take anything with it."""
    file, killer = tmp_path / "a.wav", tmp_path / "killer.py"
    file.write_bytes(wav(tone(1.0)))
    killer.write_text("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    monkeypatch.setattr("ivr.speech.recording.decode.__file__", str(killer))
    with pytest.raises(InputError, match=r"cannot be decoded.*status -9"):
        recording.decoded(file, tmp_path)


def test_limits_hold_in_the_child() -> None:
    """Memory is bounded: the child cannot take what the machine has."""
    folder = str(Path(decode.__file__).parent)
    code = f"import sys; sys.path.insert(0, {folder!r}); import decode; decode.limit(); bytearray(4 << 30)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)

    assert "MemoryError" in done.stderr
