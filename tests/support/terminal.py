"""A program in a terminal of its own: type, read the screen, see it end."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType

CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def heeds_signals() -> None:
    """Undo what a test run in the background passes on: below a terminal's shell a program ignores none."""
    for each in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(each, signal.SIG_DFL)


def _begin() -> None:
    heeds_signals()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """Runs `argv` in a pseudo terminal of `columns` columns. text  all it has written, without colours."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], *, columns: int = 100) -> None:
        self.fd, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self.before = termios.tcgetattr(child)
        self._child = child
        own = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")}  # set by xdist
        self.program = subprocess.Popen(
            argv, stdin=child, stdout=child, stderr=child, env=own, start_new_session=True,
            preexec_fn=_begin,
        )  # fmt: skip
        self.text = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.program.poll() is None:
            self.program.kill()
        self.program.wait()
        os.close(self.fd)
        os.close(self._child)

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self.fd, text.encode())

    def wait_for(self, text: str, seconds: float = 20.0) -> str:
        """Read until `text` is there; return what came before it. Raises AssertionError with the screen."""
        ends = time.monotonic() + seconds
        while text not in self.text:
            left_s = ends - time.monotonic()
            assert left_s > 0, f"no {text!r} within {seconds} s in:\n{self.text}"
            if select.select([self.fd], [], [], left_s)[0]:
                self.text += CODES.sub("", os.read(self.fd, 65536).decode("utf-8", "replace")).replace("\r\n", "\n")
        before, _, self.text = self.text.partition(text)
        return before

    def ends(self, seconds: float = 10.0) -> int:
        """Return the exit status."""
        return self.program.wait(seconds)

    @property
    def restored(self) -> bool:
        """Is the terminal as it was before?"""
        return termios.tcgetattr(self._child)[:4] == self.before[:4]
