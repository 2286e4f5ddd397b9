"""Fine matching: which parts of a prompt are, sample for sample, in the recording? Pure; called by `hear`.

What a phone hears of a prompt is the rendered file itself after G.711, so at the right lag the two correlate
near 1 and a different sentence of the same voice does not. The prompt is compared in blocks of 50 ms; lost
packets and clock differences move the lag of what follows, so it is searched again where blocks stop fitting.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from ivr.phone.fingerprint import Floats, Place

BLOCK = 400  # 50 ms
EMPHASIS = 0.95  # first-order high-pass before correlating: makes speech tell lags apart
REACH = 200  # samples a place may be off
DRIFT = 1600  # samples the lag may move at a break: 10 lost packets
SPAN = 2400  # samples used to find a lag again after a break
FITS = 0.75  # correlation of a block from which it counts as heard
AGREES = 0.8  # the same for a whole span searched over many lags
FIRST_LOOK = 0.45  # a probe with a lost packet in it still passes
RELAGS = 24  # breaks followed in one prompt
MISSES = 3  # breaks one after the other at which no lag fits: the prompt ends, or begins, there
DOUBT = 0.55  # a stretch of blocks grows while they fit better than this on average
UNKNOWN = DOUBT  # correlation given to blocks where nothing was received: neither for nor against
LOST = 1e-3  # power of such a block, of the prompt's
AUDIBLE = 10.0 ** (-30 / 20)  # blocks this far below the prompt's level are pauses and prove nothing


@dataclass(frozen=True)
class Match:
    """How much of a prompt was found.

    start, end  samples of the recording: where it, or its first and last fitting block, begins and ends.
    head, tail  samples of the prompt missing before and after them (pauses at its ends not counted).
    fitting  audible samples that fit.  wrong  those between head and tail that are another sound.
    audible  those of the whole prompt.  score  mean correlation of what was received, 0..1.
    """

    name: str
    start: int
    end: int
    head: int
    tail: int
    fitting: int
    wrong: int
    audible: int
    score: float


def emphasise(signal: Floats) -> Floats:
    """Return `signal` after the high-pass both sides of a comparison need."""
    return np.asarray(np.append(signal[:1], signal[1:] - EMPHASIS * signal[:-1]), np.float32)


class Prompt:
    """One prompt ready for comparing."""

    def __init__(self, name: str, signal: Floats) -> None:
        self.name = name
        self.wave = emphasise(signal)
        blocks = -(-len(signal) // BLOCK)
        self.blocks = np.pad(self.wave, (0, blocks * BLOCK - len(signal))).reshape(blocks, BLOCK)
        self.last_block = len(signal) - BLOCK * (blocks - 1)
        self.energy = np.einsum("ij,ij->i", self.blocks, self.blocks)
        power = np.sort(self.energy)[::-1][: max(1, blocks // 2)].mean() if blocks else 0.0
        self.audible: NDArray[np.bool_] = self.energy > max(power * AUDIBLE**2, 1e-6)


class Recording:
    """What a phone heard, ready for comparing."""

    def __init__(self, signal: Floats) -> None:
        self._margin = DRIFT + SPAN
        self._wave = np.pad(emphasise(signal), self._margin)
        self._energy = np.concatenate(([0.0], np.cumsum(np.square(self._wave, dtype=np.float64))))

    def match(self, prompt: Prompt, place: Place, *, follow: bool = True) -> Match | None:
        """Compare `prompt` at `place`; None when it is not there. follow  search the lag again at breaks."""
        size = min(place.size, len(prompt.wave) - place.probe_at)
        look = prompt.wave[place.probe_at : place.probe_at + size]
        lag, score = self._lag(look, place.at + place.probe_at, REACH)
        if score < FIRST_LOOK:
            return None
        begin = lag - place.probe_at
        fit, where = self._fit(prompt, begin)
        if follow:
            self._follow(prompt, fit, where, place.probe_at // BLOCK)
        return _summary(prompt, fit, where)

    def _lag(self, piece: Floats, at: int, reach: int) -> tuple[int, float]:
        """Return the sample near `at` where `piece` fits best, and its correlation."""
        first = at - reach + self._margin
        if first < 0 or first + len(piece) + 2 * reach > len(self._wave):
            first = min(max(first, 0), max(0, len(self._wave) - len(piece) - 2 * reach))
        around = self._wave[first : first + len(piece) + 2 * reach]
        if len(around) < len(piece):
            return at, 0.0
        size = scipy.fft.next_fast_len(len(around), real=True)
        product = scipy.fft.rfft(around, size) * np.conj(scipy.fft.rfft(piece, size))
        raw = scipy.fft.irfft(product, size)[: len(around) - len(piece) + 1]
        starts = first + np.arange(len(raw))
        power = self._energy[starts + len(piece)] - self._energy[starts]
        scores = raw / np.sqrt(np.maximum(power * float(np.dot(piece, piece)), 1e-9))
        best = int(scores.argmax())
        return first + best - self._margin, float(scores[best])

    def _fit(self, prompt: Prompt, begin: int) -> tuple[Floats, NDArray[np.int64]]:
        """Return each block's correlation with the prompt laid at `begin`, and the sample it lies at."""
        count = len(prompt.blocks)
        where = begin + BLOCK * np.arange(count)
        start = where + self._margin
        inside = (start >= 0) & (start + BLOCK <= len(self._wave))
        fit = np.zeros(count, np.float32)
        chosen = np.flatnonzero(inside)
        if len(chosen):
            low, high = int(chosen[0]), int(chosen[-1]) + 1
            heard = self._wave[start[low] : start[low] + (high - low) * BLOCK].reshape(-1, BLOCK)
            power = np.einsum("ij,ij->i", heard, heard) * prompt.energy[low:high]
            product = np.einsum("ij,ij->i", heard, prompt.blocks[low:high])
            fit[low:high] = product / np.sqrt(np.maximum(power, 1e-9))
            fit[low:high][power < LOST * prompt.energy[low:high] ** 2] = UNKNOWN
        return fit, where

    def _follow(self, prompt: Prompt, fit: Floats, where: NDArray[np.int64], anchor: int) -> None:
        """Where blocks stop fitting, after the anchor and before it, search the lag again and go on."""
        for step in (1, -1):
            block, misses = anchor, 0
            for _ in range(RELAGS):
                found = _next_misfit(prompt, fit, block, step)
                if found is None or misses == MISSES:
                    break
                block = found
                begin = self._relag(prompt, where, block, step)
                if begin is None:  # a lost packet kept as silence, or another sound: look a little further
                    misses += 1
                    block += step * (SPAN // BLOCK // 2)
                    continue
                misses = 0
                new_fit, new_where = self._fit(prompt, begin)
                part = slice(block, None) if step > 0 else slice(0, block + 1)
                fit[part], where[part] = new_fit[part], new_where[part]

    def _relag(self, prompt: Prompt, where: NDArray[np.int64], block: int, step: int) -> int | None:
        low, high = (block, block + SPAN // BLOCK) if step > 0 else (block + 1 - SPAN // BLOCK, block + 1)
        low, high = max(low, 0), min(high, len(prompt.blocks))
        if prompt.audible[low:high].sum() < 3:
            return None
        piece = prompt.blocks[low:high].reshape(-1)
        lag, score = self._lag(piece, int(where[low]), DRIFT)
        begin = lag - low * BLOCK
        return begin if score > AGREES and abs(lag - int(where[low])) > 2 else None


def _next_misfit(prompt: Prompt, fit: Floats, block: int, step: int) -> int | None:
    block += step
    while 0 <= block < len(fit):
        if prompt.audible[block] and fit[block] < FITS:
            return block
        block += step
    return None


def _summary(prompt: Prompt, fit: Floats, where: NDArray[np.int64]) -> Match | None:
    audible = np.flatnonzero(prompt.audible)
    low, high = _best_stretch(fit[audible] - DOUBT)
    part = audible[low:high]
    good = part[fit[part] >= FITS]
    if not len(good):
        return None
    first, last = int(good[0]), int(good[-1])
    between = audible[(audible >= first) & (audible <= last)]
    received = fit[between][fit[between] != np.float32(UNKNOWN)]
    return Match(
        prompt.name,
        start=int(where[0] if first == audible[0] else where[first]),
        end=int(where[-1]) + prompt.last_block if last == audible[-1] else int(where[last]) + BLOCK,
        head=(first - int(audible[0])) * BLOCK,
        tail=(int(audible[-1]) - last) * BLOCK,
        fitting=len(good) * BLOCK,
        wrong=int((received < FITS).sum()) * BLOCK,
        audible=len(audible) * BLOCK,
        score=float(received.mean()),
    )


def _best_stretch(worth: Floats) -> tuple[int, int]:
    """Return the stretch of greatest sum: a lost packet does not end it, a single chance fit is left out."""
    sums = np.concatenate(([0.0], np.cumsum(worth, dtype=np.float64)))
    lowest = np.minimum.accumulate(sums)
    high = int((sums - lowest).argmax())
    return high - int(sums[high::-1].argmin()), high
