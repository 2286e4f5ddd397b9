"""The sound of a call in the terminal: played through a program of the machine, and saved whole as a WAV file."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ivr.errors import InputError
from ivr.phone.hear import read_audio
from ivr.terminal.parts import Said
from ivr.terminal.speech import Piece

RATE = 8000
PLAYERS = (
    ("pw-play",), ("paplay",), ("aplay", "-q"), ("ffplay", "-nodisp", "-autoexit", "-loglevel", "quiet"), ("afplay",),
)  # fmt: skip
Pcm = NDArray[np.int16]


class ProgramPlayer:
    """Plays pieces with the first player program there is. folder  for the files it plays."""

    def __init__(self, folder: Path) -> None:
        """Raises InputError when there is no player program."""
        found = next((argv for argv in PLAYERS if shutil.which(argv[0])), None)
        if found is None:
            names = ", ".join(argv[0] for argv in PLAYERS)
            raise InputError(f"--play: no player program found, expected one of {names}; --save FILE.wav needs none")
        self._argv, self._folder, self._numbers = found, folder, itertools.count()
        self._playing: subprocess.Popen[bytes] | None = None

    def start(self, pieces: Sequence[Piece], from_s: float) -> None:
        """Play pieces one after the other, from so many seconds on."""
        self.stop()
        if not any(piece.stem for piece in pieces):
            return
        file = self._folder / f"play-{next(self._numbers) % 2}.wav"
        write_wav(file, np.concatenate([samples(piece) for piece in pieces])[int(from_s * RATE) :])
        nowhere = subprocess.DEVNULL
        self._playing = subprocess.Popen([*self._argv, str(file)], stdin=nowhere, stdout=nowhere, stderr=nowhere)

    def stop(self) -> None:
        """Be silent."""
        if self._playing is not None:
            self._playing.terminate()
            self._playing.wait()
            self._playing = None


def save_call(file: Path, said: Sequence[Said], seconds: float) -> float:
    """Write what the caller heard, silences included, as 8 kHz mono WAV; return its seconds. Raises InputError."""
    call = np.zeros(round(seconds * RATE), np.int16)
    for each in said:
        words = np.concatenate([samples(piece) for piece in each.utterance.pieces] or [np.zeros(0, np.int16)])
        start, end = round(each.at_s * RATE), min(round(each.until_s * RATE), len(call))
        part = words[: max(0, end - start)]
        call[start : start + len(part)] = part
    try:
        write_wav(file, call)
    except OSError as error:
        raise InputError(f"--save: {file} cannot be written: {error.strerror}") from error
    return len(call) / RATE


def samples(piece: Piece) -> Pcm:
    """Return the audio of a piece, silence of its length when it has none."""
    if not piece.stem:
        return np.zeros(round(piece.seconds * RATE), np.int16)
    return np.asarray(np.clip(read_audio(Path(piece.stem)) * 32768, -32768, 32767), np.int16)


def write_wav(file: Path, pcm: Pcm) -> None:
    """Write 8 kHz mono audio."""
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(pcm.tobytes())
