"""A caller told in advance, for the driver: keys of a script, and a screen that keeps lines. No time passes really.

Used where the sound, the live announcements or a scenario of a scripted call are wanted; what a script means is said in
`flow/trial.py`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from ivr.flow.asked import Question
from ivr.flow.declare import KEYS
from ivr.flow.trial import Line, Way, read_keys


class ScriptKeyboard:
    """Presses the keys of a script."""

    def __init__(self, script: str) -> None:
        """Raises InputError for a bad script."""
        self._script: deque[str] = read_keys(script)
        self._due = self._passing = False

    def wait(self, seconds: float, *, asked: bool = False) -> tuple[str, float]:
        """Return what the script does within `seconds`."""
        if self._passing and not asked:
            self._script.popleft()
            self._passing = False
        item = self._script[0] if self._script else ""
        if item.startswith("w") and len(item) > 1:
            return "", self._wait(float(item[1:]), seconds)
        if item and item in f"{KEYS}h" and (asked or self._due):
            self._due = False
            return self._script.popleft(), 0.0
        self._due, self._passing = False, self._passing or (asked and item == "w")
        return "", seconds

    def _wait(self, left_s: float, seconds: float) -> float:
        if left_s > seconds:
            self._script[0] = f"w{left_s - seconds}"
            return seconds
        self._script.popleft()
        self._due = True
        return left_s

    def line(self) -> str:
        """Type nothing."""
        return ""


class Lines:
    """A screen that keeps what happened as lines of a transcript."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def step(self, at_s: float, step: str, kind: str, flow: str) -> None:
        """Keep a step."""
        self._add(at_s, "step", f"{step} ({kind})")

    def note(self, at_s: float, what: str, text: str) -> None:
        """Keep what the world did."""
        self._add(at_s, what, text)

    def speaks(self, at_s: float, text: str) -> None:
        """Keep words."""
        self._add(at_s, "says", text)

    def pressed(self, at_s: float, text: str) -> None:
        """Keep what the caller did."""
        self._add(at_s, "caller", text)

    def spoken(self, share: float) -> None:
        """Nothing to keep."""

    def stops(self, whole: bool) -> None:
        """Nothing to keep."""

    def silence(self, left_s: float, typed: str) -> None:
        """Nothing to keep."""

    def asks(self, question: Question) -> None:
        """Nobody is asked."""

    def answered(self, text: str) -> None:
        """Nobody answers."""

    def facts(self, rows: Sequence[tuple[str, str]]) -> None:
        """Nobody looks."""

    def way(self, ways: Sequence[Way], now: str) -> None:
        """Nobody looks."""

    def help(self) -> None:
        """Nobody looks."""

    def prompt(self, text: str) -> None:
        """Nobody is asked."""

    def complains(self, text: str) -> None:
        """Nothing to keep."""

    def _add(self, at_s: float, what: str, text: str) -> None:
        self.lines.append(Line(round(at_s, 1), what, text))


def usual(question: Question) -> str:
    """Answer a question as `flow/trial.py` would: answered, booked, kept; a server says nothing in particular."""
    outcomes = [choice.outcome for choice in question.choices]
    return "other" if "other" in outcomes else outcomes[0]
