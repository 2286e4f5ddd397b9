"""Speech as samples -> telephone audio: band, level, silence, formats. Knows files and samples, no text.

One level for everything a caller hears (RFC 7874 section 4: active speech near -22 dBov), so that speech,
recordings and splices sit side by side. Called by `render`, `clip`, `recording` and `audit`.
"""

from __future__ import annotations

import io
import os
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from ivr.errors import SpeechError

if TYPE_CHECKING:
    import pyloudnorm

Samples = NDArray[np.float64]

RATE = 8000
LOUDNESS_LUFS = -22.0
LOUDNESS_TOLERANCE = 1.0
PEAK_DBFS = -3.0
HIGH_PASS_HZ = 220
LOW_PASS_HZ = 3400
SHORTEST_FOR_LUFS_S = 0.4
HEAD_S = 0.03
TAIL_S = 0.12
SILENCE_BELOW_PEAK_DB = 42.0
RECIPE = 1
"""Raised whenever the treatment below changes: rendered files carry it in their content hash."""

FORMATS = ("ulaw", "alaw", "sln")
_ENCODINGS = {"ulaw": "ULAW", "alaw": "ALAW", "sln": "PCM_16"}
_FRAME_S = 0.01
_LIMITER_S = 0.004
_LIMITER_ROUNDS = 4


@dataclass(frozen=True)
class Measure:
    """loudness  LUFS, or active RMS in dBFS below 0.4 s.  peak  dBFS.  clipped  longest run at full scale."""

    seconds: float
    loudness: float
    peak: float
    clipped: int


def read(file: Path | io.BytesIO) -> tuple[Samples, int]:
    """Decode an audio file to mono and its rate. Raises SpeechError when it is not audio."""
    try:
        samples, rate = soundfile.read(file, dtype="float64", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError, OSError, TypeError, ValueError) as error:
        raise SpeechError(f"cannot decode {file if isinstance(file, Path) else 'audio'}: {error}") from error
    return samples.mean(axis=1), int(rate)


def read_sln(file: Path) -> Samples:
    """Read raw 8 kHz 16-bit audio."""
    return np.fromfile(file, dtype="<i2").astype(np.float64) / 32768


def telephone(samples: Samples, rate: int) -> Samples:
    """Make 8 kHz telephone audio: band 220-3400 Hz, silence trimmed, -22 LUFS, peak at most -3 dBFS.

    Raises SpeechError when there is nothing but silence.
    """
    if not len(samples) or not np.isfinite(samples).all() or np.abs(samples).max() < 1e-4:
        raise SpeechError("the audio is silent")
    from scipy import signal  # here and below: a second of loading, which a controller that plays files does not need

    banded = signal.sosfilt(_band(rate), samples)
    narrow = banded if rate == RATE else soxr.resample(banded, rate, RATE, quality="HQ")
    return levelled(trimmed(np.asarray(narrow, dtype=np.float64)))


@lru_cache(maxsize=16)
def _band(rate: int) -> NDArray[np.float64]:
    from scipy import signal

    high = signal.butter(4, HIGH_PASS_HZ, "highpass", fs=rate, output="sos")
    if rate <= 2 * LOW_PASS_HZ + 200:
        return np.asarray(high)
    low = signal.butter(6, LOW_PASS_HZ, "lowpass", fs=rate, output="sos")
    return np.asarray(np.concatenate([high, low]), dtype=np.float64)


def trimmed(samples: Samples) -> Samples:
    """Cut silence before and after, leave a breath, fade the edges so that splices do not click."""
    frame = int(RATE * _FRAME_S)
    count = -(-len(samples) // frame)
    power = np.pad(samples, (0, count * frame - len(samples))).reshape(count, frame) ** 2
    level = power.mean(axis=1)
    loud = np.flatnonzero(level > level.max() * 10 ** (-SILENCE_BELOW_PEAK_DB / 10))
    first = max(0, int(loud[0] * frame - HEAD_S * RATE))
    last = min(len(samples), int((loud[-1] + 1) * frame + TAIL_S * RATE))
    kept = samples[first:last].copy()
    kept = np.pad(kept, (0, max(0, int((loud[-1] + 1) * frame + TAIL_S * RATE) - len(samples))))
    edge = min(len(kept) // 4, int(0.005 * RATE))
    if edge:
        ramp = np.linspace(0.0, 1.0, edge)
        kept[:edge] *= ramp
        kept[-edge:] *= ramp[::-1]
    return np.asarray(kept, dtype=np.float64)


def levelled(samples: Samples) -> Samples:
    """Bring 8 kHz audio to LOUDNESS_LUFS, holding peaks at PEAK_DBFS with a short look-ahead limiter."""
    ceiling = 10 ** ((PEAK_DBFS - 0.1) / 20)
    for _ in range(_LIMITER_ROUNDS):
        now = loudness(samples)
        samples = samples * 10 ** ((LOUDNESS_LUFS - now) / 20)
        if np.abs(samples).max() <= ceiling:
            break
        samples = _limited(samples, ceiling)
        if abs(loudness(samples) - LOUDNESS_LUFS) < LOUDNESS_TOLERANCE / 2:
            break
    return samples


def _limited(samples: Samples, ceiling: float) -> Samples:
    from scipy import ndimage

    width = int(RATE * _LIMITER_S) | 1
    gain = np.minimum(1.0, ceiling / np.maximum(np.abs(samples), 1e-9))
    held = ndimage.minimum_filter1d(gain, 2 * width + 1)
    smooth = ndimage.uniform_filter1d(held, width)
    return np.asarray(np.clip(samples * smooth, -ceiling, ceiling), dtype=np.float64)


def loudness(samples: Samples) -> float:
    """Return LUFS of 8 kHz audio; active RMS in dBFS when it is too short for that; -120 for silence."""
    if len(samples) > SHORTEST_FOR_LUFS_S * RATE:
        value = float(_meter().integrated_loudness(samples))
        if np.isfinite(value):
            return value
    return _active_rms(samples)


@lru_cache(maxsize=1)
def _meter() -> pyloudnorm.Meter:
    import pyloudnorm

    return pyloudnorm.Meter(RATE)


def _active_rms(samples: Samples) -> float:
    """RMS of the frames within 25 dB of the loudest."""
    frame = int(RATE * _FRAME_S)
    count = len(samples) // frame
    if not count:
        return -120.0
    power = (samples[: count * frame].reshape(count, frame) ** 2).mean(axis=1)
    active = power[power >= power.max() / 316]
    return float(10 * np.log10(max(active.mean(), 1e-12)))


def measure(samples: Samples) -> Measure:
    """Measure 8 kHz audio."""
    if not len(samples):
        return Measure(0.0, -120.0, -120.0, 0)
    return Measure(len(samples) / RATE, loudness(samples), peak_dbfs(samples), clipped_run(samples))


def peak_dbfs(samples: Samples) -> float:
    """Return the largest sample in dBFS, -120 for silence."""
    return float(20 * np.log10(max(float(np.abs(samples).max(initial=0.0)), 1e-6)))


def clipped_run(samples: Samples) -> int:
    """Return the longest run of samples at full scale."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.abs(samples) >= 0.999, [0]]).astype(int)))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def encoded(samples: Samples, format_: str) -> bytes:
    """Return 8 kHz audio as the raw bytes of one of FORMATS."""
    buffer = io.BytesIO()
    endian = "LITTLE" if format_ == "sln" else "FILE"
    data = np.clip(samples, -1, 1)
    soundfile.write(buffer, data, RATE, format="RAW", subtype=_ENCODINGS[format_], endian=endian)
    return buffer.getvalue()


def write(samples: Samples, stem: Path) -> None:
    """Write `stem`.ulaw, .alaw and .sln, each whole or not at all."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    for format_ in FORMATS:
        write_whole(stem.with_name(f"{stem.name}.{format_}"), encoded(samples, format_))


def complete(stem: Path) -> bool:
    """Tell whether every format of `stem` is there and not empty."""
    files = [stem.with_name(f"{stem.name}.{format_}") for format_ in FORMATS]
    return all(file.is_file() and file.stat().st_size for file in files)


def write_whole(file: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old or the new content, never half of it."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
        os.chmod(name, 0o644)
        os.replace(name, file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
