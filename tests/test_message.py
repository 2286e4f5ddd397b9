"""The tone before a message, and when its recording is complete."""

from __future__ import annotations

import wave
from pathlib import Path

from ivr.message import BEEP_S, RATE, _is_complete, beep_file


def test_the_tone_is_made_once(tmp_path: Path) -> None:
    """8 kHz, mono, as long as it should be, in a folder for the owner."""
    file = beep_file(tmp_path / "messages")
    made = file.stat().st_mtime_ns
    with wave.open(str(beep_file(tmp_path / "messages"))) as tone:
        assert (tone.getframerate(), tone.getnchannels(), tone.getnframes()) == (RATE, 1, int(BEEP_S * RATE))

    assert file.stat().st_mtime_ns == made
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert [each.name for each in file.parent.iterdir()] == ["beep.wav"]


def test_a_recording_is_complete_when_its_header_tells_its_length(tmp_path: Path) -> None:
    """Not while it is written, not when it is missing or cut."""
    file = tmp_path / "said.wav"
    before = _is_complete(file)
    with wave.open(str(file), "wb") as said:
        said.setnchannels(1)
        said.setsampwidth(2)
        said.setframerate(RATE)
        said.writeframes(b"\0\0" * 800)
    whole = _is_complete(file)
    file.write_bytes(file.read_bytes() + b"\0" * 320)
    growing = _is_complete(file)
    file.write_bytes(b"RIFF")

    assert (before, whole, growing, _is_complete(file)) == (False, True, False, False)
