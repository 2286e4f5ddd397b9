"""What a call in the terminal leans on, and what becomes of it: keyboard, screen, player; what was said and done. Pure.

`driver` uses these; `keyboard`, `screen`, `sound` and `scripted` are them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ivr.flow.asked import Question
from ivr.flow.model import Number
from ivr.flow.trial import Way
from ivr.terminal.speech import Piece, Utterance

CLOSED = "\x04"  # end of input, taken as hanging up
HANG_UP = ("h", CLOSED)
PATIENCE_S = 3600.0  # for an answer of the person at the keyboard; then the caller hangs up


class Keyboard(Protocol):
    """Keys of the person at the terminal."""

    def wait(self, seconds: float, *, asked: bool = False) -> tuple[str, float]:
        """Return the next key pressed within `seconds`, '' for none, and the seconds that took.

        asked  nothing is being said: the hotline waits for a key.
        """

    def line(self) -> str:
        """Return a line he types."""


class Screen(Protocol):
    """What he sees."""

    def step(self, at_s: float, step: str, kind: str, flow: str) -> None: ...
    def note(self, at_s: float, what: str, text: str) -> None: ...
    def speaks(self, at_s: float, text: str) -> None: ...
    def spoken(self, share: float) -> None: ...
    def stops(self, whole: bool) -> None: ...
    def silence(self, left_s: float, typed: str) -> None: ...
    def pressed(self, at_s: float, text: str) -> None: ...
    def asks(self, question: Question) -> None: ...
    def answered(self, text: str) -> None: ...
    def facts(self, rows: Sequence[tuple[str, str]]) -> None: ...
    def way(self, ways: Sequence[Way], now: str) -> None: ...
    def help(self) -> None: ...
    def prompt(self, text: str) -> None: ...
    def complains(self, text: str) -> None: ...


class Player(Protocol):
    """Plays what is said, beside the text."""

    def start(self, pieces: Sequence[Piece], from_s: float) -> None: ...
    def stop(self) -> None: ...


class NoPlayer:
    """Nothing to be heard."""

    def start(self, pieces: Sequence[Piece], from_s: float) -> None:
        """Play nothing."""

    def stop(self) -> None:
        """Nothing plays."""


@dataclass(frozen=True)
class Said:
    """What was said of one phrase, all or till a key cut it. name  a prompt's key, `announcement` for a clip."""

    at_s: float
    until_s: float
    name: str
    utterance: Utterance
    whole: bool


@dataclass
class Taken:
    """The call as it went. keys  as `trial.read_keys` reads them.  ways  how steps were left.  now  flow and step."""

    number: Number
    said: list[Said] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)
    now: str = ""
    disposition: str = ""
    seconds: float = 0.0

    @property
    def last(self) -> str:
        """Where the way ends: `end`, or the step he was in when he hung up or that ended the call itself."""
        return f"{self.at_last} -> end".removeprefix("… -> ")

    @property
    def at_last(self) -> str:
        """The step he is in, `…` when it is left already."""
        left = f"{self.ways[-1][0]}.{self.ways[-1][1]}" if self.ways else ""
        return "…" if left == self.now else self.now
