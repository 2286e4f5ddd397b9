"""Voices: text in, a sound file out, by the first voice of a chain that does it properly.

Chain: the operator's own voice (a command or an HTTP service), RHVoice, espeak-ng. Nothing a voice returns is
believed: the file must exist, decode, last plausibly long for its text and be audible, else the next voice is
asked. May start programs; called by `render` (many texts, in threads) and `clip` (one announcement).
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from ivr import native
from ivr.errors import ConfigError, SpeechError
from ivr.settings import Settings
from ivr.settings import settings as load_settings
from ivr.speech import audio
from ivr.speech.wording import Locale

TIMEOUT_S = 20.0
LONGEST_ANSWER = 32 * 1024 * 1024
LEAST_S_PER_CHARACTER = 0.03
MOST_S_PER_CHARACTER = 0.2
SILENCE_ALLOWED_S = 1.2
"""Silence around a short word, on top of MOST_S_PER_CHARACTER."""
QUIETEST_PEAK_DBFS = -40.0


@dataclass(frozen=True)
class Spoken:
    """What was spoken. voice  `engine/voice`, shown to ops."""

    file: Path
    seconds: float
    voice: str


class Voice(Protocol):
    """One engine. `identity` names engine, voice and rate: a different one means different audio."""

    @property
    def engine(self) -> str: ...

    def voice(self, language: str) -> str:
        """Return the voice for a language, '' when it has none."""

    def speak(self, text: str, language: str, out: Path) -> None:
        """Write the spoken text to `out`. Raises SpeechError."""


@dataclass(frozen=True)
class CommandVoice:
    """A program: text on standard input; {lang} {voice} {rate} {out} are filled in its arguments; no shell."""

    engine: str
    argv: tuple[str, ...]
    voices: Mapping[str, str]
    rates: Mapping[str, int] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    def voice(self, language: str) -> str:
        return self.voices.get(language, "")

    def speak(self, text: str, language: str, out: Path) -> None:
        fill = {
            "{lang}": language,
            "{voice}": self.voice(language),
            "{out}": str(out),
            "{rate}": str(self.rates.get(language, 100)),
        }
        argv = [_filled(word, fill) for word in self.argv]
        environment = {**os.environ, "LC_ALL": "C.UTF-8", **self.environment}
        try:
            done = subprocess.run(
                argv, input=text.encode(), capture_output=True, timeout=TIMEOUT_S, check=False, env=environment
            )
        except subprocess.TimeoutExpired:
            raise SpeechError(f"{self.engine} did not finish within {TIMEOUT_S:.0f} s") from None
        except OSError as error:
            raise SpeechError(f"{self.engine} cannot be started: {error}") from error
        if done.returncode:
            last = " ".join(done.stderr.decode(errors="replace").strip().splitlines()[-1:])[:200]
            raise SpeechError(f"{self.engine} ended with status {done.returncode}: {last}")


@dataclass(frozen=True)
class HttpVoice:
    """A speech service: `POST .../v1/audio/speech` as most speak it, or Piper's `POST .../synthesize`."""

    url: str
    voices: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    model: str = "tts-1"
    engine: str = "http"

    def voice(self, language: str) -> str:
        return self.voices.get(language, "default")

    def speak(self, text: str, language: str, out: Path) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise SpeechError(f"{self.url!r} is not an http or https address")
        headers = {"Content-Type": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        request = urllib.request.Request(self.url, json.dumps(self._body(text, language)).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                content = answer.read(LONGEST_ANSWER + 1)
        except (urllib.error.URLError, OSError, ValueError) as error:
            raise SpeechError(f"speech service {self.url}: {error}") from error
        if len(content) > LONGEST_ANSWER:
            raise SpeechError(f"speech service {self.url} sent more than {LONGEST_ANSWER} bytes")
        out.write_bytes(content)

    def _body(self, text: str, language: str) -> dict[str, str]:
        if self.url.rstrip("/").endswith("/synthesize"):
            return {"text": text, "voice": self.voice(language)}
        return {"model": self.model, "input": text, "voice": self.voice(language), "response_format": "wav"}


def chain(
    locales: Mapping[str, Locale], settings: Settings | None = None, *, command: str = "", url: str = ""
) -> tuple[Voice, ...]:
    """Return the voices of this machine, best first.

    command  the operator's own program with its arguments; url  a speech service. Empty:
    HOTLINE_VOICE_COMMAND and HOTLINE_VOICE_URL, where set.
    """
    settings = settings or load_settings()
    command = command or settings.voice_command
    url = url or settings.voice_url
    rates = {code: locale.rate for code, locale in locales.items()}
    voices: list[Voice] = []
    if command:
        voices.append(CommandVoice("custom", _argv(command), _voices(locales, "custom", "default"), rates))
    if url:
        voices.append(HttpVoice(url, _voices(locales, "http", "default"), settings.voice_key))
    voices += _installed(locales, rates)
    return tuple(voices)


def _argv(command: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise ConfigError(f"HOTLINE_VOICE_COMMAND: {error} in {command!r}") from None
    if not any("{out}" in word for word in words):
        raise ConfigError(f"HOTLINE_VOICE_COMMAND: {command!r} lacks {{out}}, the file to write")
    return words


def _voices(locales: Mapping[str, Locale], engine: str, otherwise: str = "") -> dict[str, str]:
    found = {code: locale.voices.get(engine, otherwise) for code, locale in locales.items()}
    return {code: voice for code, voice in found.items() if voice}


def _installed(locales: Mapping[str, Locale], rates: Mapping[str, int]) -> list[Voice]:
    voices: list[Voice] = []
    try:
        rhvoice = native.program("RHVoice-test")
    except ConfigError:
        pass
    else:
        voices.append(
            CommandVoice(
                "rhvoice",
                (*rhvoice, "-p", "{voice}", "-r", "{rate}", "-o", "{out}"),
                _voices(locales, "rhvoice"),
                rates,
                native.speech_environment(),
            )
        )
    espeak = shutil.which("espeak-ng")
    if espeak:
        voices.append(
            CommandVoice(
                "espeak-ng",
                (espeak, "-v", "{voice}", "-s", "150", "-w", "{out}", "--stdin"),
                _voices(locales, "espeak"),
                rates,
            )
        )
    return voices


def identity(voice: Voice, language: str, rate: int) -> str:
    """Name what decides how a text sounds, for content hashes."""
    return f"{voice.engine}/{voice.voice(language)}/{rate}"


def speak_with(voice: Voice, text: str, language: str, out: Path) -> tuple[audio.Samples, int]:
    """Speak with one voice and check the outcome. Returns samples and rate. Raises SpeechError."""
    if not voice.voice(language):
        raise SpeechError(f"{voice.engine} has no voice for {language}")
    out.unlink(missing_ok=True)
    voice.speak(text, language, out)
    if not out.is_file() or not out.stat().st_size:
        raise SpeechError(f"{voice.engine}/{voice.voice(language)} wrote no audio")
    samples, rate = audio.read(out)
    _check(samples, rate, text, f"{voice.engine}/{voice.voice(language)}")
    return samples, rate


def _check(samples: audio.Samples, rate: int, text: str, who: str) -> None:
    seconds = len(samples) / rate
    least, most = len(text) * LEAST_S_PER_CHARACTER, len(text) * MOST_S_PER_CHARACTER + SILENCE_ALLOWED_S
    if not least <= seconds <= most:
        plausible = f"{least:.2f} to {most:.2f} s is plausible"
        raise SpeechError(f"{who} spoke {seconds:.2f} s for {len(text)} characters, {plausible}")
    peak = float(np.abs(samples).max()) if len(samples) else 0.0
    if peak < 10 ** (QUIETEST_PEAK_DBFS / 20):
        raise SpeechError(f"{who} was nearly silent")


def first_to_speak(voices: Sequence[Voice], text: str, language: str, out: Path) -> tuple[audio.Samples, int, Voice]:
    """Ask each voice in turn. Raises SpeechError naming why each failed."""
    reasons = []
    for voice in voices:
        try:
            return (*speak_with(voice, text, language, out), voice)
        except SpeechError as error:
            reasons.append(str(error))
    raise nobody_spoke(text, language, reasons)


def nobody_spoke(text: str, language: str, reasons: Sequence[str]) -> SpeechError:
    """Build the error that names why each voice failed."""
    why = "; ".join(reason for reason in reasons if reason) or "no voice is installed"
    return SpeechError(f"no voice could say {text[:40]!r} in {language}: {why}")


async def speak(text: str, language: str, out: Path, *, voices: Sequence[Voice] | None = None) -> Spoken:
    """Speak `text`, already expanded, to `out` (a WAV file). Raises SpeechError."""
    if voices is None:
        from ivr.speech import catalog

        voices = chain(catalog.wording(load_settings()))
    samples, rate, voice = await asyncio.to_thread(first_to_speak, voices, text, language, out)
    return Spoken(out, len(samples) / rate, f"{voice.engine}/{voice.voice(language)}")


def _filled(word: str, fill: Mapping[str, str]) -> str:
    for placeholder, value in fill.items():
        word = word.replace(placeholder, value)
    return word
