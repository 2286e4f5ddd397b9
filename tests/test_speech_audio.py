"""Telephone audio: level, peak, band, silence, formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ivr.errors import SpeechError
from ivr.speech import audio
from tests.support.speech import tone, wav


@pytest.mark.parametrize("level", [0.003, 0.05, 0.9])
@pytest.mark.parametrize("rate", [8000, 16_000, 24_000, 44_100])
def test_level_is_the_same_for_every_source(level: float, rate: int) -> None:
    """-22 LUFS within 1, peak at most -3 dBFS, whatever came in."""
    measured = audio.measure(audio.telephone(tone(2.0, rate, level), rate))

    assert abs(measured.loudness - -22) < 1
    assert measured.peak <= -3


def test_short_audio_is_levelled_by_active_rms() -> None:
    """Below 0.4 s loudness has no meaning: the active RMS decides."""
    measured = audio.measure(audio.telephone(tone(0.15), 24_000))

    assert measured.seconds < 0.4
    assert abs(measured.loudness - -22) < 1


def test_peaks_are_limited_not_clipped() -> None:
    """Clicks far above the speech are held at -3 dBFS and the speech keeps its level."""
    samples = tone(2.0, level=0.05)
    samples[::4800] = 0.95
    measured = audio.measure(audio.telephone(samples, 24_000))

    assert measured.peak <= -3
    assert 0 == measured.clipped
    assert abs(measured.loudness - -22) < 1


@pytest.mark.parametrize(
    ("hz", "passes"), [(60, False), (100, False), (300, True), (1000, True), (3000, True), (3900, False)]
)
def test_band(hz: float, passes: bool) -> None:
    """The telephone band passes, hum and hiss do not: measured against a 1 kHz tone played with it."""
    both = tone(1.0, hz=1000) + tone(1.0, hz=hz) if hz != 1000 else tone(1.0, hz=1000)
    made = audio.telephone(both, 24_000)
    spectrum = np.abs(np.fft.rfft(made * np.hanning(len(made))))
    at = lambda f: spectrum[int(f * len(made) / 8000) - 3 : int(f * len(made) / 8000) + 4].max()  # noqa: E731

    assert passes == bool(at(hz) > 0.5 * at(1000))


def test_no_alias() -> None:
    """A 5 kHz tone does not come back as 3 kHz."""
    made = audio.telephone(tone(1.0, hz=1000) + tone(1.0, hz=5000), 24_000)
    spectrum = np.abs(np.fft.rfft(made * np.hanning(len(made))))

    assert spectrum[int(3000 * len(made) / 8000)] < spectrum[int(1000 * len(made) / 8000)] / 1000


def test_silence_is_trimmed() -> None:
    """A second of silence on both sides shrinks to a breath."""
    made = audio.telephone(np.concatenate([np.zeros(24_000), tone(1.0), np.zeros(24_000)]), 24_000)

    assert 1.0 < len(made) / audio.RATE < 1.25


@pytest.mark.parametrize("samples", [np.zeros(8000), np.zeros(0), np.full(8000, np.nan)])
def test_nothing_to_hear_is_an_error(samples: np.ndarray) -> None:
    """Silence is never published."""
    with pytest.raises(SpeechError, match="silent"):
        audio.telephone(samples, 24_000)


def test_formats_hold_the_same_sound(tmp_path: Path) -> None:
    """G.711 and linear files are raw, one byte and two bytes a sample, and complete only together."""
    made = audio.telephone(tone(0.5), 24_000)
    audio.write(made, tmp_path / "x")
    sizes = {file.suffix: file.stat().st_size for file in tmp_path.iterdir()}

    assert {".ulaw": len(made), ".alaw": len(made), ".sln": 2 * len(made)} == sizes
    assert np.abs(audio.read_sln(tmp_path / "x.sln") - made).max() < 1e-4
    assert audio.complete(tmp_path / "x")
    (tmp_path / "x.alaw").write_bytes(b"")
    assert not audio.complete(tmp_path / "x")


def test_known_ulaw_bytes() -> None:
    """Silence is 0xFF in mu-law and 0xD5 in A-law (G.711)."""

    assert {0xFF} == set(audio.encoded(np.zeros(80), "ulaw"))
    assert {0xD5} == set(audio.encoded(np.zeros(80), "alaw"))


def test_write_whole_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing replace keeps the old content and no temporary file."""
    target = tmp_path / "index.json"
    target.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        audio.write_whole(target, b"new")

    assert [target] == list(tmp_path.iterdir())
    assert b"old" == target.read_bytes()


def test_clipped_run_is_counted(tmp_path: Path) -> None:
    """Runs at full scale are what one hears as clipping."""
    file = tmp_path / "loud.wav"
    file.write_bytes(wav(np.clip(tone(0.5, level=3.0), -1, 1)))
    samples, _ = audio.read(file)

    assert audio.clipped_run(samples) > 3
    assert 0 == audio.clipped_run(samples * 0.9)
