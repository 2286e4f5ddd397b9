"""Speech-like audio made with numpy: words of a repeatable voice, for tests with many prompts."""

from __future__ import annotations

import zlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from ivr.phone.hear import ULAW

RATE = 8000
Signal = NDArray[np.float32]


@lru_cache(maxsize=4096)
def word(text: str, voice: int = 0) -> Signal:
    """Return one spoken word: the same samples each time, as a speech synthesiser would give."""
    random = np.random.default_rng(zlib.crc32(f"{voice}/{text}".encode()))
    parts = [_syllable(random, pitch_hz=110 + 40 * voice) for _ in range(1 + len(text) // 3)]
    return np.concatenate(parts)


def _syllable(random: np.random.Generator, pitch_hz: float) -> Signal:
    size = int(RATE * random.uniform(0.12, 0.24))
    pitch = pitch_hz * (1 + 0.25 * random.random()) * np.linspace(1.1, 0.9, size)
    phase = np.cumsum(pitch / RATE)
    pulses = (np.diff(np.floor(phase), prepend=0) > 0).astype(np.float64)
    sound = pulses + 0.02 * random.standard_normal(size)
    for low, high in ((250, 850), (900, 2300), (2300, 3300)):
        radius, angle = 0.95, 2 * np.pi * random.uniform(low, high) / RATE
        sound = lfilter([1.0], [1.0, -2 * radius * np.cos(angle), radius**2], sound)
    noise = int(size * 0.25)
    sound[:noise] += sound.std() * random.uniform(0.1, 1.0) * random.standard_normal(noise)
    sound *= np.sin(np.linspace(0, np.pi, size)) ** 0.5
    return np.asarray(0.12 * sound / (sound.std() + 1e-9), np.float32)


def sentence(text: str, voice: int = 0) -> Signal:
    """Return the words of `text` with short pauses between them."""
    pause = np.zeros(int(0.05 * RATE), np.float32)
    return np.concatenate([piece for w in text.split() for piece in (word(w, voice), pause)])


def music(seconds: float, seed: int = 1) -> Signal:
    """Return chords that follow each other without a pause."""
    random = np.random.default_rng(seed)
    t = np.arange(RATE // 2) / RATE
    chords = []
    for _ in range(int(seconds * 2) + 1):
        notes = 220 * 2 ** (random.choice(12, 4, replace=False) / 12)
        chords.append(sum(np.sin(2 * np.pi * n * t) + 0.4 * np.sin(4 * np.pi * n * t) for n in notes))
    return np.asarray(0.06 * np.concatenate(chords)[: int(seconds * RATE)], np.float32)


CODES = np.argsort(ULAW, kind="stable")
LEVELS = ULAW[CODES]


def to_ulaw(signal: Signal) -> bytes:
    """Encode as G.711 mu-law: the nearest of its 256 levels."""
    edges = (LEVELS[1:] + LEVELS[:-1]) / 2
    return CODES[np.searchsorted(edges, signal)].astype(np.uint8).tobytes()


def through_line(signal: Signal, gain: float = 1.0) -> NDArray[np.int16]:
    """Return what a phone hears of `signal` after `gain` and G.711."""
    codes = np.frombuffer(to_ulaw(np.clip(signal * gain, -1, 1)), np.uint8)
    return (ULAW[codes] * 32768).astype(np.int16)
