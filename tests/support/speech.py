"""Voices and sounds without a speech program: tones instead of words."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ivr import settings as settings_module
from ivr.errors import SpeechError
from ivr.settings import PROJECT, Settings
from ivr.speech import decode

RATE = 24_000


def tone(seconds: float, rate: int = RATE, level: float = 0.3, hz: float = 440.0) -> np.ndarray:
    """A tone that swells and fades like syllables do."""
    t = np.arange(int(seconds * rate)) / rate
    samples: np.ndarray = level * np.sin(2 * np.pi * hz * t) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t))
    return samples


def wav(samples: np.ndarray, rate: int = RATE) -> bytes:
    """Encode samples as a 16-bit WAV file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


class ToneVoice:
    """Speaks a tone as long as the text asks for; remembers what it was asked to say."""

    def __init__(self, engine: str = "tone", voices: Mapping[str, str] | None = None) -> None:
        self.engine = engine
        self.voices = voices if voices is not None else {"pl": "p", "ru": "r", "en": "e"}
        self.said: list[tuple[str, str]] = []

    def voice(self, language: str) -> str:
        return self.voices.get(language, "")

    def speak(self, text: str, language: str, out: Path) -> None:
        self.said.append((language, text))
        hz = 300 + sum(text.encode()) % 900
        out.write_bytes(wav(tone(0.08 * len(text) + 0.1, hz=hz)))


class BrokenVoice(ToneVoice):
    """Fails the way real voices fail: `how` names which."""

    def __init__(self, how: str, engine: str = "broken") -> None:
        super().__init__(engine)
        self.how = how

    def speak(self, text: str, language: str, out: Path) -> None:
        self.said.append((language, text))
        length = 0.08 * len(text)
        match self.how:
            case "raises":
                raise SpeechError("broken did not finish")
            case "silent":
                out.write_bytes(wav(np.zeros(int(length * RATE))))
            case "endless":
                out.write_bytes(wav(tone(length * 10 + 5)))
            case "hurried":
                out.write_bytes(wav(tone(0.01 * len(text))))
            case "garbage":
                out.write_bytes(b"<html>no</html>")
            case "empty":
                out.write_bytes(b"")


def decode_in_process(patch: pytest.MonkeyPatch) -> None:
    """Decode foreign files without the child process, which costs a third of a second each time."""

    def run(argv: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        try:
            decode.decode(Path(argv[3]), Path(argv[4]), float(argv[5]))
        except decode.Refused as error:
            return subprocess.CompletedProcess(argv, 3, "", f"{error}\n")
        return subprocess.CompletedProcess(argv, 0, "", "")

    patch.setattr("ivr.speech.recording.subprocess.run", run)
    patch.setattr("ivr.speech.decode.shutil.which", lambda _: None)


SMALL = """
locale = "{locale}"
name = "{locale}"
[voice]
rhvoice = "nobody"
[prompts]
welcome = "{welcome}"
goodbye = "{goodbye}"
position = {{ text = "{number} {{value:number}}", from = 1, to = 3 }}
"""


def small_settings(folder: Path) -> Settings:
    """Settings of a hotline with three small prompt files below `folder`."""
    prompts = folder / "prompts"
    prompts.mkdir(parents=True, exist_ok=True)
    words = {"pl": ("Dzień dobry.", "Do widzenia.", "Numer"), "ru": ("Здравствуйте.", "До свидания.", "Номер"),
             "en": ("Hello there.", "Goodbye now.", "Number")}  # fmt: skip
    for locale, (welcome, goodbye, number) in words.items():
        text = SMALL.format(locale=locale, welcome=welcome, goodbye=goodbye, number=number)
        (prompts / f"{locale}.toml").write_text(text, encoding="utf-8")
    return settings_module.load(
        var=folder / "var", prompts=prompts, cache_dir=folder / "cache", runtime_dir=PROJECT / ".runtime"
    )


def copy_prompts(folder: Path) -> Path:
    """Copy the real prompt files, to be spoiled."""
    target = folder / "prompts"
    shutil.copytree(PROJECT / "prompts", target, ignore=shutil.ignore_patterns("audio"))
    return target
