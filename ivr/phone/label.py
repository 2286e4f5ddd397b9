"""Name audio that is no known prompt: silence, a tone by its pitch, music, speech. Pure; called by `hear`."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ivr.phone.ear import RATE
from ivr.phone.fingerprint import Floats

STEP = 160  # 20 ms
SILENT = 10.0 ** (-55 / 20)  # RMS, full scale 1
PAUSE_S = 0.4  # shorter silence belongs to the speech or music around it
SHORTEST_S = 0.25  # shorter stretches get no label
SHORTEST_TONE_S = 0.4
TONE_FRAME = 512  # 64 ms
PURE = 0.9  # share of a frame's power within two bins of its peak
SAME_HZ = 6.0
WAVERING = 0.22  # share of 20 ms steps far below the stretch's level: speech has more, music less
FAR_BELOW = 0.3


@dataclass(frozen=True)
class Label:
    """One stretch; start and end in samples."""

    name: str
    start: int
    end: int


def labels(signal: Floats) -> list[Label]:
    """Cut `signal` into stretches of silence, tones, music, speech, and short 'sound'."""
    steps = len(signal) // STEP
    if not steps:
        return []
    level = np.sqrt(np.square(signal[: steps * STEP]).reshape(steps, STEP).mean(axis=1))
    quiet = _without_short(level < SILENT, int(PAUSE_S * RATE / STEP))
    found: list[Label] = []
    for start, end in _runs(quiet):
        span = (start * STEP, min(end * STEP, len(signal)))
        if quiet[start]:
            found.append(Label("silence", *span))
        else:
            found += _sounding(signal, *span, level)
    return [label for label in _joined(found) if label.end - label.start >= SHORTEST_S * RATE]


def pitch(signal: Floats) -> float | None:
    """Return the frequency in Hz when the first TONE_FRAME samples are one tone, else None."""
    power = np.abs(np.fft.rfft(signal[:TONE_FRAME] * np.hanning(TONE_FRAME))) ** 2
    peak = int(power[2:-2].argmax()) + 2
    if power[peak - 2 : peak + 3].sum() < PURE * power.sum() or power.sum() <= 0:
        return None
    left, middle, right = np.log(power[peak - 1 : peak + 2] + 1e-20)
    bend = left - 2 * middle + right
    return float((peak + (0.5 * (left - right) / bend if bend else 0.0)) * RATE / TONE_FRAME)


def _sounding(signal: Floats, start: int, end: int, level: Floats) -> list[Label]:
    """Split one stretch into tones and the rest."""
    starts = range(start, end - TONE_FRAME + 1, TONE_FRAME // 2)
    pitches = [pitch(signal[at : at + TONE_FRAME]) for at in starts]
    found: list[Label] = []
    rest = start
    at = 0
    while at < len(pitches):
        hz, last = pitches[at], at
        while hz and last + 1 < len(pitches) and abs((pitches[last + 1] or 0) - hz) < SAME_HZ:
            last += 1
        span = (starts[at], starts[last] + TONE_FRAME)
        if hz and span[1] - span[0] >= SHORTEST_TONE_S * RATE:
            found += _other(level, rest, span[0])
            middle = float(np.median([p for p in pitches[at : last + 1] if p]))
            found.append(Label(f"tone {round(middle)}", *span))
            rest = span[1]
        at = last + 1
    return found + _other(level, rest, end)


def _joined(found: list[Label]) -> list[Label]:
    """Make one stretch of those of the same name with hardly a gap between: a lost packet parts a tone."""
    joined: list[Label] = []
    for label in found:
        if joined and joined[-1].name == label.name and label.start - joined[-1].end < SHORTEST_S * RATE:
            label = Label(label.name, joined.pop().start, label.end)
        joined.append(label)
    return joined


def _other(level: Floats, start: int, end: int) -> list[Label]:
    if end - start < SHORTEST_S * RATE:
        return []
    part = level[start // STEP : max(end // STEP, start // STEP + 1)]
    if end - start < RATE:
        return [Label("sound", start, end)]
    wavering = float((part < FAR_BELOW * np.sqrt(np.square(part).mean())).mean())
    return [Label("speech" if wavering > WAVERING else "music", start, end)]


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = [0, *(np.flatnonzero(flags[1:] != flags[:-1]) + 1).tolist(), len(flags)]
    return list(itertools.pairwise(edges))


def _without_short(flags: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
    result = flags.copy()
    for start, end in _runs(flags):
        inner = start > 0 and end < len(flags)
        if flags[start] and inner and end - start < least:
            result[start:end] = False
    return result
