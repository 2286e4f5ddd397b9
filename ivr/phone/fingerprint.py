"""Coarse matching: where in a recording could a piece of a prompt be? Pure; called by `hear`.

Every 16 ms of audio becomes 16 log energies of bands. A probe is half a second of a prompt as such a
patch, its mean per band taken out, scaled to length 1; one matrix product then correlates all probes with
every position. The level does not matter and a packet lost hardly does, but alike sentences look alike:
`waveform` decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ivr.phone.ear import RATE

Floats = NDArray[np.float32]
# prompt by index; at, offset and size in frames
PEAK = np.dtype([("prompt", "i4"), ("at", "i4"), ("offset", "i4"), ("size", "i4"), ("likeness", "f4")])
Peaks = NDArray[np.void]

FRAME, HOP, BANDS = 256, 128, 16
LOWEST_HZ, HIGHEST_HZ = 250.0, 3500.0
LONG, SHORT = 32, 16  # frames of a probe: 0.51 s, and 0.26 s for prompts shorter than that
PROBE_EVERY = 26  # frames between probes of one prompt: 0.42 s
LIKELY = 0.62  # correlation from which a position is worth a look; measured in tests/test_hear.py
TOGETHER = 3  # frames two probes of one prompt may disagree about where it begins: lost packets
CROWD = 60  # places per second of a recording worth a look
QUIET = 1e-6  # band energy (full scale 1) below which everything counts as the same silence


@dataclass(frozen=True)
class Place:
    """A place where a prompt may have been played.

    at  sample of the recording where the prompt's own first sample would be, give or take HOP.
    probe_at  sample of the prompt that matched there.  size  samples of the probe.  likeness  0..1.
    """

    name: str
    at: int
    probe_at: int
    size: int
    likeness: float


def _bands() -> Floats:
    hz = np.fft.rfftfreq(FRAME, 1 / RATE)
    edges = np.geomspace(LOWEST_HZ, HIGHEST_HZ, BANDS + 2)
    rising = (hz[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hz[:, None]) / (edges[2:] - edges[1:-1])
    weights = np.clip(np.minimum(rising, falling), 0, None)
    narrow = weights.sum(axis=0) < 1e-9  # a band between two bins takes the nearest one
    weights[np.abs(hz[:, None] - edges[1:-1]).argmin(axis=0)[narrow], narrow] = 1
    return np.asarray(weights / weights.sum(axis=0), np.float32)


WEIGHTS = _bands()
WINDOW = np.asarray(np.hanning(FRAME), np.float32)


def energies(signal: Floats) -> Floats:
    """Return log band energies of `signal` (full scale 1), one row of BANDS per HOP samples."""
    if len(signal) < FRAME:
        signal = np.pad(signal, (0, FRAME - len(signal)))
    frames = np.lib.stride_tricks.sliding_window_view(signal, FRAME)[::HOP] * WINDOW
    power = np.abs(np.fft.rfft(frames, axis=1).astype(np.complex64)) ** 2 / FRAME
    return np.asarray(np.log(power @ WEIGHTS + QUIET), np.float32)


def patches(rows: Floats, size: int, every: int = 1) -> Floats:
    """Return every `every`-th stretch of `size` rows, without its mean per band and scaled to length 1."""
    if len(rows) < size:
        rows = np.pad(rows, ((0, size - len(rows)), (0, 0)), mode="edge")
    views = np.lib.stride_tricks.sliding_window_view(rows, size, axis=0)[::every]
    flat = np.asarray(views - views.mean(axis=2, keepdims=True), np.float32).reshape(len(views), -1)
    length = np.sqrt(np.einsum("ij,ij->i", flat, flat))[:, None]
    # A patch hardly moving (silence, one tone) is scaled by a floor instead: it matches nothing well.
    return np.asarray(flat / np.maximum(length, 0.25 * np.sqrt(flat.shape[1])), np.float32)


class Probes:
    """The probes of a set of prompts."""

    def __init__(self, signals: Mapping[str, Floats]) -> None:
        self._names = list(signals)
        sizes = [LONG if len(signal) >= _span(LONG) else SHORT for signal in signals.values()]
        numbered = list(enumerate(zip(signals.values(), sizes, strict=True)))
        self._sets = [
            _ProbeSet(size, {n: signal for n, (signal, own) in numbered if own == size}) for size in set(sizes)
        ]

    def places(self, signal: Floats) -> list[Place]:
        """Return the places in `signal` that look like some prompt, those most probes agree on first.

        At most CROWD per second of `signal`.
        """
        rows = energies(signal)
        found = [peaks for probes in self._sets if len(peaks := probes.peaks(rows))]
        return self._grouped(np.concatenate(found)) if found else []

    def _grouped(self, peaks: Peaks) -> list[Place]:
        """Make one place of all peaks that mean the same prompt at the same time."""
        peaks = peaks[np.lexsort((peaks["at"], peaks["prompt"]))]
        apart = (np.diff(peaks["prompt"]) != 0) | (np.diff(peaks["at"]) > TOGETHER)
        begins = np.concatenate(([0], np.flatnonzero(apart) + 1))
        votes = np.add.reduceat(peaks["likeness"], begins)
        ends = np.append(begins[1:], len(peaks))
        crowd: dict[int, int] = {}
        places: list[Place] = []
        for group in np.argsort(-votes, kind="stable"):
            members = peaks[begins[group] : ends[group]]
            best = members[members["likeness"].argmax()]
            second = int(best["at"] + best["offset"]) * HOP // RATE
            crowd[second] = crowd.get(second, 0) + 1
            if crowd[second] <= CROWD:
                places.append(self._place(best))
        return places

    def _place(self, peak: np.void) -> Place:
        span = _span(int(peak["size"]))
        at, offset = int(peak["at"]) * HOP, int(peak["offset"]) * HOP
        return Place(self._names[int(peak["prompt"])], at, offset, span, float(peak["likeness"]))


class _ProbeSet:
    """Probes of one size; prompts by their index."""

    def __init__(self, size: int, signals: Mapping[int, Floats]) -> None:
        self._size = size
        rows = [np.zeros((0, size * BANDS), np.float32)]
        owners: list[tuple[int, int]] = []
        for prompt, signal in signals.items():
            probes = patches(energies(signal), size, PROBE_EVERY)
            telling = np.linalg.norm(probes, axis=1) > 0.99
            rows.append(probes[telling])
            owners += [(prompt, int(i) * PROBE_EVERY) for i in np.flatnonzero(telling)]
        self._probes = np.concatenate(rows)
        self._owners = np.array(owners, np.int64).reshape(-1, 2)

    def peaks(self, rows: Floats) -> Peaks:
        """Return where which probe is more like the recording than a frame before and after."""
        positions = patches(rows, self._size)
        moving = np.flatnonzero(np.linalg.norm(positions, axis=1) > 0.5)
        likeness = np.zeros((len(self._probes), len(positions) + 2), np.float32)
        likeness[:, moving + 1] = self._probes @ positions[moving].T
        inner = likeness[:, 1:-1]
        probe, frame = np.nonzero((inner > LIKELY) & (inner >= likeness[:, :-2]) & (inner > likeness[:, 2:]))
        found = np.zeros(len(probe), PEAK)
        found["prompt"], found["offset"] = self._owners[probe].T
        found["at"] = frame - found["offset"]
        found["likeness"], found["size"] = inner[probe, frame], self._size
        return found


def _span(frames: int) -> int:
    return (frames - 1) * HOP + FRAME
