"""Decode one foreign sound file in a process of its own, under limits. Imports nothing of ivr.

    python decode.py SOURCE OUT.wav MAX_SECONDS

Writes mono 16-bit WAV at the source's rate. Exit 0; else one line on standard error. Started by `recording`.
"""

from __future__ import annotations

import os
import resource
import shutil
import struct
import subprocess
import sys
from pathlib import Path

MEMORY = 3 << 30
CPU_S = 20
LARGEST_OUTPUT = 256 << 20
MOST_CHANNELS = 2
RATES = (4000, 192_000)
FFMPEG_S = 15


class Refused(Exception):
    """The file cannot be used; the message says why."""


def limit() -> None:
    """Bound what a hostile file can cost."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_OUTPUT, LARGEST_OUTPUT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def check_wav_header(source: Path) -> None:
    """Refuse a WAV whose header promises more sound than the file holds."""
    size = source.stat().st_size
    with source.open("rb") as file:
        if file.read(4) != b"RIFF" or file.seek(8) != 8 or file.read(4) != b"WAVE":
            return
        at, bytes_a_second = 12, 0
        while at + 8 <= size:
            file.seek(at)
            name, length = struct.unpack("<4sI", file.read(8))
            if name == b"fmt " and length >= 16 and at + 24 <= size:
                bytes_a_second = struct.unpack("<I", file.read(16)[8:12])[0]
            if name == b"data":
                held = size - at - 8
                if length not in (0, 0xFFFFFFFF) and length > held:
                    promised, there = (size / (bytes_a_second or 1) for size in (length, held))
                    raise Refused(f"is cut off: its header promises {promised:.1f} s, it holds {there:.1f} s")
                return
            at += 8 + length + (length & 1)
    raise Refused("is a WAV file without sound data")


def with_ffmpeg(source: Path, out: Path, most_s: float) -> Path:
    """Turn a format soundfile does not know into WAV, where ffmpeg is installed."""
    ffmpeg = shutil.which("ffmpeg")
    if not ffmpeg:
        raise Refused("is not audio in a known format (wav, flac, ogg, mp3; others need ffmpeg)")
    converted = out.with_suffix(".ffmpeg.wav")
    argv = [
        ffmpeg,
        "-v",
        "error",
        "-nostdin",
        "-protocol_whitelist",
        "file,pipe",
        "-threads",
        "1",
        "-i",
        f"file:{source}",
        "-map",
        "0:a:0",
        "-t",
        str(most_s + 1),
        "-c:a",
        "pcm_s16le",
        "-y",
        f"file:{converted}",
    ]
    try:
        done = subprocess.run(argv, capture_output=True, timeout=FFMPEG_S, check=False)
    except subprocess.TimeoutExpired:
        raise Refused(f"took ffmpeg more than {FFMPEG_S} s") from None
    if done.returncode or not converted.exists():
        raise Refused("is not audio in any known format")
    return converted


def decode(source: Path, out: Path, most_s: float) -> None:
    """Write `source` to `out` as mono 16-bit WAV. Raises Refused."""
    import numpy
    import soundfile

    check_wav_header(source)
    try:
        info = soundfile.info(str(source))
    except (soundfile.LibsndfileError, RuntimeError):
        source = with_ffmpeg(source, out, most_s)
        info = soundfile.info(str(source))
    if not RATES[0] <= info.samplerate <= RATES[1]:
        raise Refused(f"claims {info.samplerate} samples a second, {RATES[0]} to {RATES[1]} are plausible")
    if info.channels > MOST_CHANNELS:
        raise Refused(f"has {info.channels} channels; mix it down to mono or stereo")
    if info.frames > most_s * info.samplerate:
        raise Refused(f"lasts {info.frames / info.samplerate:.0f} s; at most {most_s:.0f} s")
    if info.frames <= 0:
        raise Refused("holds no sound (0 s)")
    try:
        samples, rate = soundfile.read(str(source), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise Refused(f"breaks off while decoding: {error}") from None
    if len(samples) < info.frames * 0.98:
        raise Refused(f"is cut off: {info.frames / rate:.1f} s promised, {len(samples) / rate:.1f} s decoded")
    if not numpy.isfinite(samples).all():
        raise Refused("holds samples that are no numbers")
    soundfile.write(str(out), samples.mean(axis=1), rate, subtype="PCM_16", format="WAV")


def main() -> int:
    limit()
    try:
        decode(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
    except Refused as error:
        sys.stderr.write(f"{error}\n")
        return 3
    except MemoryError:
        sys.stderr.write("needs too much memory to decode\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
