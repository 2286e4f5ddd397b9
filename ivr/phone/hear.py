"""Tell from received audio which prompts were heard, when, and whether completely.

    recogniser = Recogniser({"welcome": Path("welcome.ulaw"), ...})
    for heard in recogniser.recognise(call.heard):
        print(heard.start_s, heard.name, "" if heard.complete else "(cut off)")

Two steps: `fingerprint` finds where prompts could be, `waveform` compares sample by sample, so that
"you are number 3" and "number 4" of one voice are told apart. What is left gets a label: silence, tone,
music, speech. Used by the demo, `ivr phone call` and the tests on real calls. Blocking: a minute of audio
takes about a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from ivr.errors import InputError
from ivr.phone.ear import RATE, Pcm
from ivr.phone.fingerprint import HOP, Floats, Probes
from ivr.phone.label import SHORTEST_S, labels
from ivr.phone.waveform import BLOCK, Match, Prompt, Recording

SUFFIXES = (".ulaw", ".alaw", ".sln", ".wav")  # tried in this order when a path has none of them
LEAST_S = 0.3  # of a prompt that must fit, unless nearly all of a shorter one does
LEAST_INNER_S = 0.6  # the same when its beginning is missing: players begin at the beginning
LEAST_SCORE = 0.8
NEARLY_ALL = 0.85
EDGE = 4 * BLOCK  # 0.2 s missing at either end is still 'complete'
WRONG = 0.1  # audible share that may be another sound in a complete prompt; 3 % packet loss stays below
EQUAL = 0.95  # evidence this close to the best is a tie
SURE_LIKENESS = 0.88  # where a complete prompt was found already, only places as likely as this are tried


@dataclass(frozen=True)
class Heard:
    """One stretch of what was heard.

    name  of the prompt, or 'silence', 'music', 'speech', 'sound', 'tone 440'.  known  it is a prompt.
    score  correlation with the prompt, 0..1; 0 for labels.  complete  from its beginning to its end.
    also  prompts the heard part would fit as well (the same first words, cut off after them).
    """

    name: str
    start_s: float
    end_s: float
    score: float
    known: bool = True
    complete: bool = True
    also: tuple[str, ...] = ()

    def __str__(self) -> str:
        cut = "" if self.complete else " (cut off)"
        alike = f" or {', '.join(self.also[:3])}" if self.also else ""
        return f"{self.start_s:7.2f} - {self.end_s:6.2f}  {self.name}{alike}{cut}"


class Recogniser:
    """Recognises a fixed set of prompts. Immutable once made: threads may share it."""

    def __init__(self, prompt_files: Mapping[str, Path]) -> None:
        """Read the prompts: .ulaw, .alaw, .sln (8 kHz), .wav, or a stem beside which one of them lies.

        Raises InputError naming a file that cannot be read.
        """
        signals = {name: read_audio(path) for name, path in prompt_files.items()}
        signals = {name: signal for name, signal in signals.items() if len(signal) >= 2 * BLOCK}
        self._prompts = {name: Prompt(name, signal) for name, signal in signals.items()}
        self._probes = Probes(signals)

    def recognise(self, pcm8k: Pcm) -> list[Heard]:
        """Return what is heard in `pcm8k` (int16, 8 kHz), in order: prompts, and labels between them."""
        signal: Floats = pcm8k.astype(np.float32) / np.float32(32768)
        prompts = self._heard(_chosen(self._matches(signal)), len(signal))
        return sorted([*prompts, *_between(signal, prompts)], key=lambda heard: heard.start_s)

    def prompts(self, pcm8k: Pcm) -> list[Heard]:
        """Return only the prompts of `recognise`."""
        return [heard for heard in self.recognise(pcm8k) if heard.known]

    def now(self, pcm8k: Pcm, window_s: float = 3.0) -> str:
        """Return the name of what is heard at the end of `pcm8k`, 'silence' when there is nothing."""
        heard = self.recognise(pcm8k[-int(window_s * RATE) :])
        return heard[-1].name if heard else "silence"

    def _matches(self, signal: Floats) -> list[Match]:
        recording = Recording(signal)
        matches: dict[tuple[str, int], Match] = {}
        explained = np.zeros(len(signal) + 1, np.bool_)
        for place in self._probes.places(signal):
            middle = min(max(place.at + place.probe_at + place.size // 2, 0), len(signal))
            known = bool(explained[middle])
            if known and place.likeness < SURE_LIKENESS:
                continue
            match = recording.match(self._prompts[place.name], place, follow=not known)
            if match is None or not _credible(match):
                continue
            key = (match.name, round(match.start / (4 * HOP)))
            matches[key] = max(match, matches.get(key, match), key=_evidence)
            if _complete(match) and match.score > 0.95:
                explained[max(match.start, 0) : match.end] = True
        return list(matches.values())

    def _heard(self, chosen: Iterable[tuple[Match, tuple[str, ...]]], size: int) -> list[Heard]:
        return [
            Heard(
                match.name,
                round(max(match.start, 0) / RATE, 3),
                round(min(match.end, size) / RATE, 3),
                round(match.score, 3),
                complete=_complete(match),
                also=also,
            )
            for match, also in chosen
        ]


def read_audio(path: Path) -> Floats:
    """Read telephone audio as floats at 8 kHz, full scale 1. Raises InputError naming the file."""
    file = path
    if path.suffix not in SUFFIXES:
        file = next((f for s in SUFFIXES if (f := Path(f"{path}{s}")).exists()), path)
    try:
        if file.suffix == ".wav":
            sound, rate = soundfile.read(file, dtype="float32", always_2d=True)
            mono = sound.mean(axis=1)
            return np.asarray(mono if rate == RATE else soxr.resample(mono, rate, RATE), np.float32)
        raw = file.read_bytes()
    except (OSError, soundfile.SoundFileError) as error:
        raise InputError(f"{file}: cannot be read as audio: {error}") from error
    if file.suffix == ".sln":
        return np.frombuffer(raw[: len(raw) // 2 * 2], "<i2").astype(np.float32) / np.float32(32768)
    return (ALAW if file.suffix == ".alaw" else ULAW)[np.frombuffer(raw, np.uint8)]


def _ulaw_table() -> Floats:
    """Decode each of the 256 mu-law codes (ITU-T G.711)."""
    code = ~np.arange(256, dtype=np.uint8)
    size = ((((code & 15).astype(np.int32) << 3) + 132) << ((code >> 4) & 7).astype(np.int32)) - 132
    return np.asarray(np.where(code & 128, -size, size) / 32768, np.float32)


def _alaw_table() -> Floats:
    """Decode each of the 256 A-law codes (ITU-T G.711)."""
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    segment = ((code >> 4) & 7).astype(np.int32)
    low = ((code & 15).astype(np.int32) << 4) + 8
    size = np.where(segment == 0, low, (low + 256) << np.maximum(segment - 1, 0))
    return np.asarray(np.where(code & 128, size, -size) / 32768, np.float32)


ULAW, ALAW = _ulaw_table(), _alaw_table()


def _evidence(match: Match) -> float:
    return match.fitting * match.score


def _complete(match: Match) -> bool:
    return match.head <= EDGE and match.tail <= EDGE and match.wrong <= WRONG * match.audible


def _credible(match: Match) -> bool:
    if match.score < LEAST_SCORE:
        return False
    if match.fitting >= NEARLY_ALL * match.audible and match.fitting >= 3 * BLOCK:
        return True
    return match.fitting >= RATE * (LEAST_S if match.head <= EDGE else LEAST_INNER_S)


def _chosen(matches: list[Match]) -> list[tuple[Match, tuple[str, ...]]]:
    """Pick matches that do not overlap, the most evidence first; of equals, one that is complete."""
    left = sorted(matches, key=lambda m: (-_evidence(m), m.name))
    picked: list[tuple[Match, tuple[str, ...]]] = []
    while left:
        least = EQUAL * _evidence(left[0])
        rivals = [m for m in left if _evidence(m) >= least and _overlap(m, left[0]) > 0.8]
        best = max(rivals, key=lambda m: (_complete(m), _evidence(m)))
        same = {m.name for m in rivals if _complete(m) == _complete(best) and m.score > EQUAL * best.score}
        picked.append((best, tuple(sorted(same - {best.name}))))
        left = [m for m in left if m is not best and _overlap(m, best) < 0.25]
    return picked


def _overlap(one: Match, other: Match) -> float:
    """Return which share of the shorter of two stretches both have."""
    common = min(one.end, other.end) - max(one.start, other.start)
    return max(0, common) / max(1, min(one.end - one.start, other.end - other.start))


def _between(signal: Floats, prompts: list[Heard]) -> list[Heard]:
    """Label what no prompt covers."""
    edges = [0.0, *(edge for p in sorted(prompts, key=lambda p: p.start_s) for edge in (p.start_s, p.end_s))]
    edges.append(len(signal) / RATE)
    found: list[Heard] = []
    for start_s, end_s in zip(edges[::2], edges[1::2], strict=True):
        if end_s - start_s < SHORTEST_S:
            continue
        part = signal[int(start_s * RATE) : int(end_s * RATE)]
        for label in labels(part):
            begin, end = (round(start_s + sample / RATE, 3) for sample in (label.start, label.end))
            found.append(Heard(label.name, begin, end, 0.0, known=False))
    return found
