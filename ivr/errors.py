"""Every error Hotline raises on purpose, by who must act.

    HotlineError
    ├── ConfigError          the engineer, before any call: a file or setting is wrong
    ├── InputError           the person at the command line: an argument or an imported row is wrong
    ├── CallEnded            nobody: a call ended while somebody worked on it (normal)
    │   ├── CallerHungUp         the caller left
    │   └── ControllerLost       the FastAGI connection broke before the call was handed back
    └── PeerError            the operator: a part Hotline leans on does not do its work
        ├── AsteriskError        AMI or FastAGI refused, broke or fell silent
        ├── AgiError             one AGI command was refused (`.code`, `.text`)
        ├── DatabaseError        the SQL database
        ├── SpeechError          no voice could speak a text
        └── PhoneError           a test phone could not register, dial or be started

`routing.errors.RoutingError` is the routing package's own tree (callers of `Router`).
A bug is an AssertionError and ends one call only.
"""

from __future__ import annotations

import difflib
import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path


class HotlineError(Exception):
    """Root of all errors raised on purpose; `str()` is one line fit for a person."""


@dataclass(frozen=True)
class Finding:
    """One mistake in one file.

    line  1-based, None when it concerns the whole file.
    where  the table and key, for example `steps.menu.on`.  expected  what would have been right.
    column, end_column  the first character of the exact place, 1-based, and the one after its last; None when the
    place is not known.  kind  the type of mistake, a key of ivr.flow.mistakes.MISTAKES, '' outside dialplans.
    """

    file: Path
    line: int | None
    where: str
    wrong: str
    expected: str = ""
    nearest: str = ""
    column: int | None = None
    end_column: int | None = None
    kind: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        text = f"{place}: {self.where}: {self.wrong}" if self.where else f"{place}: {self.wrong}"
        if self.expected:
            text += f"; expected {self.expected}"
        if self.nearest:
            text += f"; did you mean {self.nearest!r}?"
        return text


class ConfigError(HotlineError):
    """A file or setting is wrong. `findings` holds every mistake, in file order."""

    def __init__(self, *findings: Finding | str) -> None:
        self.findings = findings
        super().__init__("\n".join(str(f) for f in findings))


class InputError(HotlineError):
    """What a person typed or imported is wrong; nothing was changed."""


class CallEnded(HotlineError):
    """A call ended while somebody worked on it."""


class CallerHungUp(CallEnded):
    """The caller left."""


class ControllerLost(CallEnded):
    """The FastAGI connection broke before the call was handed back."""


class PeerError(HotlineError):
    """A part Hotline leans on does not do its work."""


class AsteriskError(PeerError):
    """AMI or FastAGI refused, broke or fell silent."""


class AgiError(AsteriskError):
    """One AGI command was refused. `code` is Asterisk's (510, 511, 520), `text` its reply."""

    def __init__(self, command: str, code: int, text: str) -> None:
        self.command, self.code, self.text = command, code, text
        super().__init__(f"AGI {command!r} answered {code} {text}")


class DatabaseError(PeerError):
    """The SQL database cannot be used."""


class SpeechError(PeerError):
    """No voice could speak a text."""


class PhoneError(PeerError):
    """A test phone could not register, dial or be started."""


FEW = 40  # names that are all compared closely; of more, only those that look alike at first sight


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name most like `name`, or '' when none is alike."""
    names = list(known)
    if len(names) > FEW:
        names = heapq.nlargest(3, names, key=lambda each: _alike(name, each))
    found = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return found[0] if found else ""


def _alike(name: str, other: str) -> int:
    """Return how much two names have in common, roughly and quickly."""
    return len(_pieces(name) & _pieces(other)) - abs(len(name) - len(other))


@lru_cache(maxsize=8192)
def _pieces(name: str) -> frozenset[str]:
    """Return the letters of `name`, and its pairs of letters."""
    return frozenset((*name, *map("".join, pairwise(name))))
