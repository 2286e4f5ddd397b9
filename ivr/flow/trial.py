"""Try a flow on a caller who follows a script: the same `run` as on real calls, without telephone and clock.

Pure: the moment of the call and everything known about the world is passed in. Used by `ivr dialplan try` and
by tests; gives a transcript of what would be said, pressed and connected, and how the call ends.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ivr.errors import CallerHungUp, InputError
from ivr.flow import commands as c
from ivr.flow.declare import KEYS
from ivr.flow.model import Dialplans, Flow
from ivr.flow.run import run
from ivr.flow.world import Situation, World
from ivr.sound import Clip, Phrase, Prompt, SayDigits, SayNumber

CHARS_PER_S = 14.0  # of speech, about: a trial has no audio
SCRIPT_KEYS = 1000
HANG_UP = "h"
_ITEM = re.compile(r"w([0-9]{1,4}(?:\.[0-9]{1,3})?)?|h|[0-9*#]+")

Texts = Mapping[str, Mapping[str, str]]
"""What each prompt says, by language and key (`load.prompt_texts`)."""


Way = tuple[str, str, str]
"""A flow, a step of it and the outcome it ended with."""


@dataclass(frozen=True)
class Line:
    """One line of the transcript.

    at_s  since the call began.  what  step, says, caller, waits, ends …
    name  of what is said: a prompt, `announcement`, `digits 123`; '' for other lines.
    """

    at_s: float
    what: str
    text: str
    name: str = ""


@dataclass(frozen=True)
class Transcript:
    """How the trial went.

    steps  in the order entered.  ways  how each was left.  kept  variables by name.
    answered_in  the queue whose agent talked to him, '' for none.  waits  every queue and how waiting in it ended.
    """

    lines: tuple[Line, ...]
    steps: tuple[str, ...]
    ways: tuple[Way, ...]
    commands: tuple[c.Command, ...]
    kept: Mapping[str, str]
    disposition: str
    answered_in: str = ""
    waits: tuple[tuple[str, c.Queued], ...] = ()


def read_keys(script: str) -> deque[str]:
    """Return the caller's script as single items: a key, `w` or `w<seconds>`.

    A key is pressed when the hotline next asks for one. `w2` waits two seconds; a key right after it is
    pressed at that moment, in the middle of a prompt too. `w` alone lets the next question pass. `h` hangs up where
    a key would be pressed.
    Raises InputError.
    """
    items: deque[str] = deque()
    for item in re.split(r"[,\s]+", script.strip()) if script.strip() else ():
        if not _ITEM.fullmatch(item):
            raise InputError(
                f"keys: {item[:40]!r} is neither telephone keys ({KEYS}) nor a wait such as w or w2.5, nor h"
            )
        items.extend([item] if item[0] in "wh" else item)
    if len(items) > SCRIPT_KEYS:
        raise InputError(f"keys: {len(items)} keys and waits, expected at most {SCRIPT_KEYS}")
    return items


def try_flow(
    flow: Flow, dialplans: Dialplans, keys: str, situation: Situation, language: str, texts: Texts
) -> Transcript:
    """Lead a scripted caller through `flow` and return what happened. Raises InputError for bad `keys`."""
    return _Trial(dialplans, read_keys(keys), situation, language, texts).lead(flow)


class _Trial:
    def __init__(
        self, dialplans: Dialplans, script: deque[str], situation: Situation, language: str, texts: Texts
    ) -> None:
        self.dialplans, self.script, self.texts = dialplans, script, texts
        self.world = World(dialplans, situation, language, self._note)
        self.pressed = ""
        self.lines: list[Line] = []
        self.steps: list[str] = []
        self.ways: list[Way] = []
        self.commands: list[c.Command] = []

    def lead(self, flow: Flow) -> Transcript:
        generator = run(flow, self.dialplans.flows)
        command = next(generator)
        try:
            while not isinstance(command, c.HangUp):
                self.commands.append(command)
                command = generator.send(self._perform(command))
            self.commands.append(command)
            disposition = command.disposition
        except CallerHungUp:
            generator.close()
            disposition = "abandoned" if isinstance(command, c.Queue) else "hung_up"
            self._note("caller", "hangs up")
        self._note("ends", disposition)
        lines = sorted(self.lines, key=lambda line: line.at_s)  # a webhook is asked while a prompt is said
        return Transcript(
            tuple(lines), tuple(self.steps), tuple(self.ways), tuple(self.commands), self.world.kept,
            disposition, self.world.answered_in, tuple(self.world.waits),
        )  # fmt: skip

    @property
    def now_s(self) -> float:
        return self.world.now_s

    @now_s.setter
    def now_s(self, now_s: float) -> None:
        self.world.now_s = now_s

    def _note(self, what: str, text: str) -> None:
        self.lines.append(Line(round(self.now_s, 1), what, text))

    def _perform(self, command: c.Command) -> c.Event:
        match command:
            case c.Enter():
                self.steps.append(command.step)
                self._note("step", f"{command.step} ({command.kind})")
                return c.Done()
            case c.Leave():
                self.ways.append((command.flow, command.step, command.outcome))
                return c.Done()
            case c.Play():
                return c.Heard(self._play(command))
            case c.Ask():
                return c.Digits(self._ask(command))
            case c.Fetch() if command.phrases:
                began = self.now_s
                self._play(c.Play(command.phrases))
                said_s, self.now_s = self.now_s - began, began
                fetched = self.world.perform(command)
                self.now_s = max(self.now_s, began + said_s)
                return fetched
        return self.world.perform(command)

    # -- speaking and listening

    def _play(self, command: c.Play) -> str:
        self._say(command.phrases)
        left_s = self._seconds(command.phrases)
        while (wait_s := self._wait_s()) is not None and wait_s < left_s:
            self.script.popleft()
            self.now_s, left_s = self.now_s + wait_s, left_s - wait_s
            self._hang_up_if_due()
            if self.script and self.script[0] in KEYS and self._press() in command.keys:
                self._stop_saying()
                return self.pressed
        self._let_pass(left_s)
        return ""

    def _ask(self, command: c.Ask) -> str:
        self._say(command.phrases)
        speech_s, text = self._seconds(command.phrases), ""
        if self.script and self.script[0] in f"{KEYS}h":
            self.now_s, speech_s = self.now_s + speech_s, 0.0
        quiet_s = speech_s + command.timeout_s
        while len(text) < command.most:
            self._hang_up_if_due()
            wait_s = self._wait_s()
            if wait_s is not None and wait_s < quiet_s:
                self.script.popleft()
                self.now_s, quiet_s = self.now_s + wait_s, quiet_s - wait_s
            elif wait_s is None and self.script and self.script[0] != "w":
                self._stop_saying()
                if self._press(secret=command.most > 1) == command.finish:
                    break
                text, quiet_s = text + self.pressed, command.timeout_s
            else:
                self._pass_question(quiet_s)
                break
        return text

    def _pass_question(self, quiet_s: float) -> None:
        if self.script and self.script[0] == "w":
            self.script.popleft()
            self.now_s += quiet_s
        else:
            self._let_pass(quiet_s)
        self._note("caller", "presses nothing")

    def _press(self, secret: bool = False) -> str:
        self.pressed = self.script.popleft()
        self._note("caller", "presses a key" if secret else f"presses {self.pressed}")
        return self.pressed

    def _hang_up_if_due(self) -> None:
        if self.script and self.script[0] == HANG_UP:
            self._stop_saying()
            raise CallerHungUp

    def _stop_saying(self) -> None:
        """Take back what would have been said from now on."""
        self.lines = [line for line in self.lines if line.what != "says" or line.at_s <= round(self.now_s, 1)]

    def _wait_s(self) -> float | None:
        """Return the wait the script stands at; None when it stands at a key, at `w` or at its end."""
        item = self.script[0] if self.script else ""
        return float(item[1:]) if item.startswith("w") and len(item) > 1 else None

    def _let_pass(self, seconds: float) -> None:
        self.now_s += seconds
        if (wait_s := self._wait_s()) is not None:
            self.script[0] = f"w{max(0.0, wait_s - seconds)}"

    def _say(self, phrases: Sequence[Phrase]) -> None:
        at_s = self.now_s
        for phrase in phrases:
            self.lines.append(Line(round(at_s, 1), "says", self._text(phrase), name_of(phrase)))
            at_s += self._seconds((phrase,))

    def _text(self, phrase: Phrase) -> str:
        if isinstance(phrase, Clip):
            return phrase.name
        if not isinstance(phrase, Prompt):
            return name_of(phrase)
        for language in (self.world.language, "en", *self.texts):
            if phrase.key in self.texts.get(language, {}):
                return self.texts[language][phrase.key]
        return f"[{phrase.key}]"

    def _seconds(self, phrases: Sequence[Phrase]) -> float:
        return sum(max(1.0, len(self._text(phrase)) / CHARS_PER_S) for phrase in phrases)


def name_of(phrase: Phrase) -> str:
    """Return what a scenario calls `phrase`."""
    match phrase:
        case Prompt():
            return phrase.key
        case Clip():
            return "announcement"
        case SayDigits():
            return f"digits {phrase.digits}"
        case SayNumber():
            return f"number {phrase.number}"
    return str(phrase)
