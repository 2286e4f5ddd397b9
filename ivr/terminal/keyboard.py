"""Keys of a terminal one by one, without Enter, and the time that passes meanwhile. POSIX terminals.

The terminal is as it was again when the `with` block is left, however it is left.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import time
import tty
from collections import deque
from types import FrameType, TracebackType

from ivr.terminal.parts import CLOSED

ESCAPE = "\x1b"
LINE_MOST = 1000


class TerminalKeyboard:
    """The keyboard of the terminal that file descriptor `fd` is."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._before = termios.tcgetattr(fd)
        self._typed: deque[str] = deque()

    def __enter__(self) -> TerminalKeyboard:
        self._handlers = {number: signal.signal(number, _end) for number in (signal.SIGTERM, signal.SIGHUP)}
        tty.setcbreak(self._fd)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        termios.tcsetattr(self._fd, termios.TCSAFLUSH, self._before)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def wait(self, seconds: float, *, asked: bool = False) -> tuple[str, float]:
        """Return the next key within `seconds`, '' for none, and the seconds that took. Letters are small ones."""
        began = time.monotonic()
        if not self._typed and select.select([self._fd], [], [], max(0.0, seconds))[0]:
            self._read()
        key = self._typed.popleft() if self._typed else ""
        return key.lower(), time.monotonic() - began

    def line(self) -> str:
        """Return a line, typed with the terminal's own editing."""
        early = "".join(self._typed)
        self._typed.clear()
        if "\n" in early:
            line, _, rest = early.partition("\n")
            self._typed.extend(rest)
            return line
        termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)
        try:
            return early + os.read(self._fd, LINE_MOST).decode("utf-8", "replace").rstrip("\r\n")
        finally:
            tty.setcbreak(self._fd, termios.TCSADRAIN)

    def _read(self) -> None:
        data = os.read(self._fd, LINE_MOST)
        text = data.decode("utf-8", "replace").replace("\r", "\n")
        if not data:
            text = CLOSED
        if not text.startswith(ESCAPE):  # arrows and the like are no keys of a telephone
            self._typed.extend(text)


def _end(number: int, frame: FrameType | None) -> None:
    """Leave the program so that the terminal is put back."""
    sys.exit(128 + number)
