"""What a call looks like in the terminal: steps, words as they are spoken, silence that counts down. Prints only.

Lines scroll; only the last one is ever written over. Called by `driver` and `ivr/cli/dialplan_try.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from ivr.call import DISPOSITIONS
from ivr.flow.asked import Question
from ivr.flow.trial import Way
from ivr.terminal.parts import Taken

MARGIN = " " * 9
LEAST_WIDTH, LEAST_COLUMN = 30, 16
KEYS_LINE = "0-9 * # keys   SPACE skip   t time   f facts   w way   h hang up   ? help"
HELP = (
    ("0-9 * #", "keys of the telephone; in the middle of a prompt they stop it where a phone would"),
    ("SPACE", "skip to the end of what is being said, or let a silence pass"),
    ("t", "move time: +10m, -2h, +1d, 18:00, 2026-12-25, 2026-12-25T10:00; calendars follow"),
    ("f", "facts: who calls, time, calendars, queues, variables"),
    ("w", "the way taken so far"),
    ("h, Ctrl-C", "hang up"),
)


class TerminalScreen:
    """Prints a call. home  the flow whose name is left out before its steps."""

    def __init__(self, console: Console, home: str) -> None:
        self.console, self.home = console, home
        self._shown = self._said = ""  # of the words being spoken
        self._line = ""  # written over by the next

    def begins(self, title: str, about: Sequence[str]) -> None:
        """Show who is called and the keys."""
        self._print(Text(title, "bold"))
        for line in about:
            self._print(Text(line, "dim"), fold=True)
        self._print(Text(KEYS_LINE, "dim"), fold=True)
        self._print(Text(""))

    def step(self, at_s: float, step: str, kind: str, flow: str) -> None:
        """Show that a step begins."""
        name = step if flow in ("", self.home) else f"{flow}.{step}"
        self._print(Text.assemble(f"{clock(at_s):>7}  ", (name, "bold cyan"), (f"  {kind}", "dim")))

    def note(self, at_s: float, what: str, text: str) -> None:
        """Show what happens without words."""
        style = "bold magenta" if what == "time" else "dim"
        self._wrapped(f"{what}: {text}", style)

    def speaks(self, at_s: float, text: str) -> None:
        """Begin to show words."""
        self._new_line()
        lines = Text(f"“{text}”").wrap(self.console, self._width)
        self._said = MARGIN + f"\n{MARGIN}".join(line.plain.rstrip() for line in lines)
        self._shown = ""
        self.spoken(0.0)

    def spoken(self, share: float) -> None:
        """Show so much of the words."""
        until = len(MARGIN) + math.ceil(min(1.0, share) * (len(self._said) - len(MARGIN)))
        if until > len(self._shown):
            self.console.print(Text(self._said[len(self._shown) : until]), end="", soft_wrap=True)
            self._shown = self._said[:until]

    def stops(self, whole: bool) -> None:
        """End the words."""
        if whole:
            self.spoken(1.0)
        line = self._shown.rpartition("\n")[2]
        self.console.print("" if whole else Text(_cut(line, self.console.width), "dim"), soft_wrap=True)
        self._said = self._shown = ""

    def silence(self, left_s: float, typed: str) -> None:
        """Show how long silence may last, and what was typed."""
        text = f"{MARGIN}… {math.ceil(left_s - 1e-6)} s   {typed}"[: self.console.width - 1]
        if text != self._line:
            self._new_line(words_only=True)
            self._back()
            self.console.print(Text(text.ljust(len(self._line)), "yellow"), end="", soft_wrap=True)
            self._line = text

    def pressed(self, at_s: float, text: str) -> None:
        """Show what the caller did."""
        self._print(Text.assemble(f"{clock(at_s):>7}  ", (f"▸ {text}", "bold green")))

    def asks(self, question: Question) -> None:
        """Show a question about the world and its answers."""
        self._wrapped(f"? {question.text}", "bold yellow")
        rows = [(choice.key, choice.outcome, choice.doc) for choice in question.choices]
        rows[0] = (f"Enter, {rows[0][0]}", *rows[0][1:])
        self._answers([*rows, ("h", "hang up", "he does not wait for it")])

    def answered(self, text: str) -> None:
        """Show the answer to a question."""
        self._print(Text(f"{MARGIN}▸ {text}", "bold yellow"))

    def facts(self, rows: Sequence[tuple[str, str]]) -> None:
        """Show what is known."""
        self._rows("facts", rows)

    def way(self, ways: Sequence[Way], now: str) -> None:
        """Show the steps taken, and where the call is."""
        self._rows("way", [("", self.way_text(ways, now))])

    def help(self) -> None:
        """Show the keys."""
        self._rows("keys", HELP)

    def prompt(self, text: str) -> None:
        """Ask for a line."""
        self._new_line()
        self.console.print(Text(f"{MARGIN}{text}", "bold magenta"), end="", soft_wrap=True)

    def complains(self, text: str) -> None:
        """Show why something is not done."""
        self._wrapped(text, "red")

    def ends(self, taken: Taken, variables: Sequence[tuple[str, str]]) -> None:
        """Show how the call ended."""
        self._print(Text(""))
        meaning = DISPOSITIONS.get(taken.disposition, "")
        self._print(Text.assemble((f"{taken.disposition}: {meaning}", "bold"), f", after {clock(taken.seconds)}"))
        kept = ", ".join(f"{name} = {value}" for name, value in variables)
        self._rows("", [("way", self.way_text(taken.ways, taken.last)), *([("variables", kept)] if kept else [])])

    def tells(self, text: str) -> None:
        """Show one line of its own."""
        self._print(Text(text), fold=True)

    def way_text(self, ways: Sequence[Way], now: str) -> str:
        """Return steps and outcomes: `welcome -done-> menu -1-> support`."""
        home = f"{self.home}."
        parts = [f"{flow}.{step}".removeprefix(home) + f" -{outcome}->" for flow, step, outcome in ways]
        return " ".join([*parts, now.removeprefix(home)]).strip() or "-"

    # -- printing

    @property
    def _width(self) -> int:
        return max(LEAST_WIDTH, self.console.width - 1 - len(MARGIN))

    def _rows(self, title: str, rows: Sequence[tuple[str, str]]) -> None:
        if title:
            self._print(Text(f"{MARGIN}── {title}", "blue"))
        wide = max((len(name) for name, _ in rows), default=0)
        for name, value in rows:
            lines = Text(value).wrap(self.console, max(LEAST_COLUMN, self._width - wide - 3)) or [Text("")]
            for number, line in enumerate(lines):
                head = f"{'' if number else name:<{wide}}  "
                self._print(Text.assemble(MARGIN if title else "", (head, "blue"), line.plain.rstrip()))

    def _answers(self, rows: Sequence[tuple[str, str, str]]) -> None:
        wide = max(len(outcome) for _, outcome, _ in rows)
        before = len("Enter, a") + 2 + wide + 2
        for key, outcome, doc in rows:
            lines = Text(doc).wrap(self.console, max(LEAST_COLUMN, self._width - before)) or [Text("")]
            for number, line in enumerate(lines):
                head = f"{key:>8}  {outcome:<{wide}}  " if number == 0 else " " * before
                self._print(Text(f"{MARGIN}{head}{line.plain.rstrip()}", "yellow"))

    def _wrapped(self, text: str, style: str) -> None:
        for line in Text(text).wrap(self.console, self._width):
            self._print(Text(MARGIN + line.plain.rstrip(), style))

    def _print(self, text: Text, fold: bool = False) -> None:
        self._new_line()
        self.console.print(text, soft_wrap=not fold)

    def _new_line(self, words_only: bool = False) -> None:
        """Leave words half spoken as they are, and a line that is written over behind."""
        if self._shown:
            self.console.print("")
        if self._line and not words_only:
            self._back()
            self.console.print(" " * len(self._line), end="", soft_wrap=True)
            self._back()
            self._line = ""
        self._shown = ""

    def _back(self) -> None:
        """Go to the beginning of the line; rich would drop the character."""
        self.console.file.write("\r")


def _cut(line: str, width: int) -> str:
    """Return the mark of words that were cut off, on a line of its own where there is no room."""
    mark = " … (cut off)"
    return mark if cell_len(line + mark) < width else f"\n{MARGIN}{mark.lstrip()}"


def clock(seconds: float) -> str:
    """Return seconds of a call as minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
