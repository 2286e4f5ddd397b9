"""Studio recordings: find the one of a prompt, take in a new one, cut it. The original is kept as it came.

Foreign files are decoded in a child process with limits (`decode`); one that cannot be used changes nothing
and gives one clear InputError. Called by `render` and `ivr prompts import`.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ivr.errors import InputError, SpeechError, nearest
from ivr.settings import Settings
from ivr.speech import audio, decode
from ivr.speech.wording import KEY, Locale

EXTENSIONS = ("wav", "flac", "ogg", "mp3")
LONGEST_S = 600.0
LARGEST_FILE = 100 << 20
DECODE_S = 40.0


@dataclass(frozen=True)
class Imported:
    """What an import did. measure  of the telephone audio it becomes."""

    file: Path
    replaced: Path | None
    measure: audio.Measure


def folder(settings: Settings, locale: str) -> Path:
    """Return where the recordings of a language live."""
    return settings.prompts_dir / "audio" / locale


def find(settings: Settings, locale: str, file_name: str) -> Path | None:
    """Return the recording of a line, None when there is none."""
    for extension in EXTENSIONS:
        file = folder(settings, locale) / f"{file_name}.{extension}"
        if file.is_file():
            return file
    return None


def telephone(file: Path) -> audio.Samples:
    """Return a recording as telephone audio. Raises SpeechError."""
    with tempfile.TemporaryDirectory(prefix="hotline-decode-") as directory:
        try:
            samples, rate = audio.read(decoded(file, Path(directory)))
        except InputError as error:
            raise SpeechError(str(error)) from error
        return audio.telephone(samples, rate)


def decoded(file: Path, directory: Path, longest_s: float | None = None) -> Path:
    """Decode `file` into `directory` as mono WAV. Raises InputError saying what is wrong with it."""
    _check_file(file)
    out = directory / "decoded.wav"
    argv = [sys.executable, "-I", decode.__file__, str(file.resolve()), str(out), str(longest_s or LONGEST_S)]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=DECODE_S, check=False)
    except subprocess.TimeoutExpired:
        raise InputError(f"{file} took more than {DECODE_S:.0f} s to decode") from None
    if done.returncode == 3:
        raise InputError(f"{file} {done.stderr.strip()}")
    if done.returncode or not out.exists():
        raise InputError(f"{file} cannot be decoded: the decoder ended with status {done.returncode}")
    return out


def _check_file(file: Path) -> None:
    try:
        status = file.stat()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{file} is not a file")
    if status.st_size == 0:
        raise InputError(f"{file} is empty")
    if status.st_size > LARGEST_FILE:
        raise InputError(f"{file} has {status.st_size >> 20} MB; at most {LARGEST_FILE >> 20} MB")


def take(
    settings: Settings,
    locales: Mapping[str, Locale],
    file: Path,
    key: str,
    locale: str,
    *,
    value: int | None = None,
    from_s: float = 0.0,
    to_s: float | None = None,
) -> Imported:
    """Make `file` the recording of a prompt; with from_s or to_s only that part of it.

    Raises InputError, and changes nothing, when the file or the prompt cannot be used.
    """
    name = _line_name(locales, key, locale, value)
    with tempfile.TemporaryDirectory(prefix="hotline-import-") as directory:
        plain = decoded(file, Path(directory))
        whole = from_s == 0.0 and to_s is None
        if not whole:
            plain = _cut(plain, from_s, to_s, file)
        try:
            samples, rate = audio.read(plain)
            treated = audio.telephone(samples, rate)
        except SpeechError as error:
            raise InputError(f"{file}: {error}") from None
        own = file.suffix.lower().lstrip(".")
        master = file if whole and own in EXTENSIONS and _opens(file) else plain
        return _store(settings, locale, name, master, audio.measure(treated))


def _line_name(locales: Mapping[str, Locale], key: str, locale: str, value: int | None) -> str:
    if locale not in locales:
        raise InputError(f"no language {locale!r}; there are {', '.join(sorted(locales))}")
    lines = {(line.key, line.value): line.file_name for line in locales[locale].lines}
    keys = {known for known, _ in lines}
    if not KEY.fullmatch(key) or key not in keys:
        near = nearest(key, keys)
        hint = f"; did you mean {near!r}?" if near else ""
        raise InputError(f"no prompt {key!r} in {locale}.toml{hint}")
    if (key, value) not in lines:
        values = sorted(known for k, known in lines if k == key and known is not None)
        raise InputError(
            f"prompt {key!r} needs a value from {values[0]} to {values[-1]}"
            if values
            else f"prompt {key!r} has no values"
        )
    return lines[(key, value)]


def _opens(file: Path) -> bool:
    """Tell whether soundfile itself reads the file, so that the original can be the master."""
    import soundfile

    try:
        soundfile.info(str(file))
    except (soundfile.LibsndfileError, RuntimeError):
        return False
    return True


def _store(settings: Settings, locale: str, name: str, master: Path, measured: audio.Measure) -> Imported:
    target = folder(settings, locale)
    target.mkdir(parents=True, exist_ok=True)
    old = find(settings, locale, name)
    new = target / f"{name}.{master.suffix.lower().lstrip('.')}"
    handle, part = tempfile.mkstemp(dir=target, prefix=f".{name}.")
    os.close(handle)
    try:
        shutil.copyfile(master, part)
        os.chmod(part, 0o644)
        os.replace(part, new)
    except OSError as error:
        Path(part).unlink(missing_ok=True)
        raise InputError(f"{new} cannot be written: {error.strerror}") from error
    for extension in EXTENSIONS:
        other = target / f"{name}.{extension}"
        if other != new:
            other.unlink(missing_ok=True)
    return Imported(new, old, measured)


def _cut(plain: Path, from_s: float, to_s: float | None, file: Path) -> Path:
    with plain.open("rb") as opened:
        segment = segments().from_file(opened, format="wav")
    end_s = len(segment) / 1000 if to_s is None else to_s
    if not 0 <= from_s < end_s <= len(segment) / 1000 + 0.05:
        raise InputError(f"{file}: cannot cut {from_s} to {end_s} s out of {len(segment) / 1000:.1f} s")
    out = plain.with_name("cut.wav")
    segment[int(from_s * 1000) : int(end_s * 1000)].export(str(out), format="wav").close()
    return out


def segments() -> Any:
    """Return pydub's AudioSegment; its import warns about modules and programs not used here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pydub import AudioSegment
    return AudioSegment
