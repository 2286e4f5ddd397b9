"""What a phone hears and says: received audio on its time axis, audio waiting to be sent, the thread between.

Called by `phone`; imports no asyncio. G.711 is 8 kHz mono, so every array here is int16 at RATE.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

RATE = 8000
Pcm = NDArray[np.int16]

GAP_S = 0.08  # lateness beyond this is silence on the line; less is a late thread (four packets of 20 ms)
PERIOD_S = 0.02
READ_BYTES = 32_768  # the stack's own buffer; it drops the oldest once half of it, one second, is unread


class Timeline:
    """Received audio by time: whatever did not arrive is silence, so an index is always seconds * RATE."""

    def __init__(self) -> None:
        self._pcm: Pcm = np.zeros(30 * RATE, np.int16)
        self._length = 0
        self._lock = threading.Lock()

    def add(self, pcm: Pcm, end_s: float) -> None:
        """Append `pcm`, whose last sample was received at `end_s`.

        Audio that comes later than the axis says moves behind a stretch of silence; audio that comes early
        (a burst after a stall) is appended as it is.
        """
        with self._lock:
            begin = int(end_s * RATE) - len(pcm)
            late = begin - self._length > GAP_S * RATE
            start = begin if late else self._length
            self._make_room(start + len(pcm))
            self._length = start
            self._pcm[self._length : self._length + len(pcm)] = pcm
            self._length += len(pcm)

    def until(self, end_s: float) -> Pcm:
        """Return a copy of everything up to `end_s`, silence where nothing came; never less than came."""
        with self._lock:
            end = max(self._length, int(end_s * RATE))
            self._make_room(end)
            return self._pcm[:end].copy()

    def _make_room(self, size: int) -> None:
        if size > len(self._pcm):
            grown = np.zeros(max(size, 2 * len(self._pcm)), np.int16)
            grown[: self._length] = self._pcm[: self._length]
            self._pcm = grown


class Mouth:
    """Audio waiting to be sent, taken in pieces by the pump."""

    def __init__(self) -> None:
        self._waiting = b""
        self._loop = b""
        self._lock = threading.Lock()

    def put(self, pcm: Pcm, *, loop: bool = False) -> None:
        """Queue `pcm`; with `loop` repeat it for ever once everything before it is said."""
        with self._lock:
            if loop:
                self._loop = pcm.tobytes()
            else:
                self._waiting += pcm.tobytes()

    def clear(self) -> None:
        """Forget everything not yet handed to the stack."""
        with self._lock:
            self._waiting, self._loop = b"", b""

    def peek(self) -> bytes:
        """Return up to one second of what comes next."""
        with self._lock:
            if len(self._waiting) < 2 * RATE and self._loop:
                self._waiting += self._loop * (1 + 2 * RATE // len(self._loop))
            return self._waiting[: 2 * RATE]

    def take(self, size: int) -> None:
        """Drop `size` bytes the stack accepted."""
        with self._lock:
            self._waiting = self._waiting[size:]

    @property
    def empty(self) -> bool:
        return not self._waiting and not self._loop


class Pumped(Protocol):
    """A call the pump serves every 20 ms, from the pump's thread."""

    def pump(self, now: float) -> None: ...


class Pump(threading.Thread):
    """One thread that moves audio for all calls of a process, so a busy event loop loses none."""

    def __init__(self) -> None:
        super().__init__(name="phone-audio", daemon=True)
        self._calls: tuple[Pumped, ...] = ()
        self._over = threading.Event()

    def add(self, call: Pumped) -> None:
        self._calls = (*self._calls, call)

    def remove(self, call: Pumped) -> None:
        self._calls = tuple(other for other in self._calls if other is not call)

    def run(self) -> None:
        while not self._over.wait(PERIOD_S):
            for call in self._calls:
                call.pump(time.monotonic())

    def stop(self) -> None:
        """End the thread; returns when it has ended."""
        self._over.set()
        self.join(2.0)


def tone(hz: float, seconds: float = 1.0, *, level: float = 0.25) -> Pcm:
    """Return a sine of `hz`, whole cycles per second at whole `hz` so that it loops without a click.

    level  peak, 1.0 is full scale.
    """
    t = np.arange(int(seconds * RATE)) / RATE
    return np.asarray(np.round(level * 32767 * np.sin(2 * np.pi * hz * t)), np.int16)
