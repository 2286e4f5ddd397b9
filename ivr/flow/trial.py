"""Try a flow on a caller who follows a script: the same `run` as on real calls, without telephone and clock.

Pure: the moment of the call and everything known about the world is passed in. Used by `ivr dialplan try` and
by tests; gives a transcript of what would be said, pressed and connected, and how the call ends.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ivr.errors import InputError
from ivr.flow import commands as c
from ivr.flow.model import LEAVE, Action, Dialplans, Flow, QueueConfig
from ivr.flow.queue_keys import OVERFLOWING
from ivr.flow.run import run
from ivr.flow.steps import KEYS
from ivr.hours import is_open
from ivr.sound import Clip, Phrase, Prompt

CHARS_PER_S = 14.0  # of speech, about: a trial has no audio
TALK_S = 60.0
SCRIPT_KEYS = 1000
_ITEM = re.compile(r"w([0-9]{1,4}(?:\.[0-9]{1,3})?)?|[0-9*#]+")

Texts = Mapping[str, Mapping[str, str]]
"""What each prompt says, by language and key (`load.prompt_texts`)."""


@dataclass(frozen=True)
class Situation:
    """What is so while the caller calls.

    at  the moment of the call, with a time zone.  open  calendars whose state is forced.
    known  live announcements for this caller, each with its service.
    queues, transfers  how each ends, by name; `answered` unless given.
    """

    at: datetime
    known: Sequence[tuple[c.Announcement, str]] = ()
    open: Mapping[str, bool] = field(default_factory=dict)
    queues: Mapping[str, c.Queued] = field(default_factory=dict)
    transfers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """One line of the transcript. at_s  since the call began.  what  step, says, caller, waits, ends …"""

    at_s: float
    what: str
    text: str


@dataclass(frozen=True)
class Transcript:
    """How the trial went. steps  in the order entered.  kept  digits the caller entered, by name."""

    lines: tuple[Line, ...]
    steps: tuple[str, ...]
    commands: tuple[c.Command, ...]
    kept: Mapping[str, str]
    disposition: str


def read_keys(script: str) -> deque[str]:
    """Return the caller's script as single items: a key, `w` or `w<seconds>`.

    A key is pressed when the hotline next asks for one. `w2` waits two seconds; a key right after it is
    pressed at that moment, in the middle of a prompt too. `w` alone lets the next question pass.
    Raises InputError.
    """
    items: deque[str] = deque()
    for item in re.split(r"[,\s]+", script.strip()) if script.strip() else ():
        if not _ITEM.fullmatch(item):
            raise InputError(
                f"keys: {item[:40]!r} is neither telephone keys ({KEYS}) nor a wait such as w or w2.5"
            )
        items.extend([item] if item.startswith("w") else item)
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
        self.dialplans, self.script, self.situation = dialplans, script, situation
        self.language, self.texts = language, texts
        self.now_s = 0.0
        self.pressed = ""
        self.lines: list[Line] = []
        self.steps: list[str] = []
        self.commands: list[c.Command] = []
        self.kept: dict[str, str] = {}

    def lead(self, flow: Flow) -> Transcript:
        generator = run(flow)
        command = next(generator)
        while not isinstance(command, c.HangUp):
            self.commands.append(command)
            command = generator.send(self._perform(command))
        self.commands.append(command)
        self._note("ends", command.disposition)
        return Transcript(
            tuple(self.lines), tuple(self.steps), tuple(self.commands), self.kept, command.disposition
        )

    def _note(self, what: str, text: str) -> None:
        self.lines.append(Line(round(self.now_s, 1), what, text))

    def _perform(self, command: c.Command) -> c.Event:
        match command:
            case c.Enter():
                self.steps.append(command.step)
                self._note("step", f"{command.step} ({command.kind})")
            case c.Play():
                return c.Heard(self._play(command))
            case c.Ask():
                return c.Digits(self._ask(command))
            case c.SetLanguage():
                self.language = command.language
                self._note("language", command.language)
            case c.FindAnnouncements():
                return self._find(command.service)
            case c.CheckHours():
                return self._hours(command.name)
            case c.Queue():
                return self._queue(command.queue)
            case c.Transfer():
                outcome = self.situation.transfers.get(command.target, "answered")
                self._note("connects", f"{command.target}: {outcome}")
                self.now_s += TALK_S if outcome == "answered" else 0.0
                return c.Transferred(outcome)
            case c.Keep():
                self.kept[command.name] = command.digits
                self._note("keeps", command.name)
        return c.Done()

    # -- speaking and listening

    def _play(self, command: c.Play) -> str:
        self._say(command.phrases)
        left_s = self._seconds(command.phrases)
        while (wait_s := self._wait_s()) is not None and wait_s < left_s:
            self.script.popleft()
            self.now_s, left_s = self.now_s + wait_s, left_s - wait_s
            if self.script and self.script[0] in KEYS and self._press() in command.keys:
                return self.pressed
        self._let_pass(left_s)
        return ""

    def _ask(self, command: c.Ask) -> str:
        self._say(command.phrases)
        speech_s, text = self._seconds(command.phrases), ""
        if self.script and self.script[0] in KEYS:
            self.now_s, speech_s = self.now_s + speech_s, 0.0
        quiet_s = speech_s + command.timeout_s
        while len(text) < command.most:
            wait_s = self._wait_s()
            if wait_s is not None and wait_s < quiet_s:
                self.script.popleft()
                self.now_s, quiet_s = self.now_s + wait_s, quiet_s - wait_s
            elif wait_s is None and self.script and self.script[0] != "w":
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

    def _wait_s(self) -> float | None:
        """Return the wait the script stands at; None when it stands at a key, at `w` or at its end."""
        item = self.script[0] if self.script else ""
        return float(item[1:]) if item.startswith("w") and len(item) > 1 else None

    def _let_pass(self, seconds: float) -> None:
        self.now_s += seconds
        if (wait_s := self._wait_s()) is not None:
            self.script[0] = f"w{max(0.0, wait_s - seconds)}"

    def _say(self, phrases: Sequence[Phrase]) -> None:
        for phrase in phrases:
            self._note("says", self._text(phrase))

    def _text(self, phrase: Phrase) -> str:
        if isinstance(phrase, Clip):
            return phrase.name
        if not isinstance(phrase, Prompt):
            return str(phrase)
        for language in (self.language, "en", *self.texts):
            if phrase.key in self.texts.get(language, {}):
                return self.texts[language][phrase.key]
        return f"[{phrase.key}]"

    def _seconds(self, phrases: Sequence[Phrase]) -> float:
        return sum(max(1.0, len(self._text(phrase)) / CHARS_PER_S) for phrase in phrases)

    # -- what is so

    def _find(self, service: str) -> c.Found:
        known = self.situation.known
        found = tuple(a for a, of in known if not service or not of or of == service)
        self._note(
            "looks", f"{len(found)} live announcements for this caller" + (f" ({service})" if service else "")
        )
        return c.Found(found)

    def _hours(self, name: str) -> c.Hours:
        now_open = self.situation.open.get(name)
        if now_open is None:
            now_open = is_open(self.dialplans.hours[name], self.situation.at)
        self._note("hours", f"{name}: {'open' if now_open else 'closed'}")
        return c.Hours(now_open)

    def _queue(self, name: str) -> c.Queued:
        """Wait in a queue and in those its keys and overflows lead to; each ends as given once, then answered."""
        been: set[str] = set()
        while True:
            queue, queued = self.dialplans.queues[name], self.situation.queues.get(name, c.Queued("answered"))
            if name in been:
                queued = c.Queued("answered")
            been.add(name)
            need = queue.plan(self.language).need
            self._note("waits", f"{name} (need {need}): {queued.outcome} {queued.key}".rstrip())
            self.now_s += {"timeout": queue.max_wait_s, "answered": TALK_S}.get(queued.outcome, 0.0)
            action = way_out(queue, queued)
            if action.kind in ("callback", "message"):
                return c.Queued(action.kind)
            if not action.queue:
                return queued
            name = action.queue


def way_out(queue: QueueConfig, queued: c.Queued) -> Action:
    """Return what `queue` does about this end of waiting; `leave` when it is the step's affair."""
    if queued.outcome == "key":
        return queue.keys.get(queued.key, LEAVE)
    return queue.overflow if queued.outcome in OVERFLOWING else LEAVE
