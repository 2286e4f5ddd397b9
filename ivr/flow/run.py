"""Run a flow: a generator that yields commands and receives the events answering them.

Pure: no clock, no I/O, no chance. `session.py` drives it on real calls, `flow/trial.py` in a terminal and in
tests. It ends after yielding HangUp; closing it earlier (the caller left) is fine at any point.

Bounds: STEPS steps a call, the declared tries of every question, ANNOUNCEMENTS announcements a step and
REPEATS repeats of them. A caller who uses them up hears a goodbye, never silence.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from ivr.flow.commands import (
    Announcement,
    Ask,
    CheckHours,
    Command,
    Digits,
    Done,
    Enter,
    Event,
    FindAnnouncements,
    Found,
    HangUp,
    Heard,
    Hours,
    Keep,
    Leave,
    Play,
    Queue,
    Queued,
    SetLanguage,
    Transfer,
    Transferred,
)
from ivr.flow.model import Flow, Step
from ivr.flow.steps import KEYS, KINDS
from ivr.sound import Phrase, Prompt

STEPS = 200  # of one call; kazoo allows 50 branches
ANNOUNCEMENTS = 5
REPEATS = 3
_CHOSEN = {"3": "other", "0": "agent"}  # of the offer; 1 repeats

Running = Generator[Command, Event, str]
E = TypeVar("E", bound=Event)


@dataclass
class _State:
    """What one call has done so far.

    typed  a key pressed before the menu that may want it, '' for none.
    detail  what the trace should know about the step that ends.
    """

    typed: str = ""
    detail: str = ""
    heard: set[tuple[str, int]] = field(default_factory=set)
    rescued: bool = False


def run(flow: Flow, *, start: str | None = None) -> Generator[Command, Event, None]:
    """Yield what to do on a call, from step `start` (the flow's own start if None or unknown) to HangUp.

    Raises AssertionError when an event does not answer the command: a bug of the driver.
    """
    state = _State()
    name = start if start in flow.steps else flow.start
    for _ in range(STEPS):
        assert name is not None
        step = flow.steps[name]
        _answer((yield Enter(step.name, step.kind)), Done)
        if step.kind == "hangup":
            yield from _end(step.values["disposition"], step.values["prompt"])
            return
        state.detail = ""
        outcome = yield from _PERFORM[step.kind](step, state)
        _answer((yield Leave(step.name, outcome, state.detail)), Done)
        following = yield from _follow(flow, step, outcome, state)
        if following is None:
            return
        name = following
    yield from _end("failed", ("goodbye",))


def _follow(flow: Flow, step: Step, outcome: str, state: _State) -> Generator[Command, Event, str | None]:
    """Return the step `outcome` leads to, None once the call has ended."""
    if outcome in step.on:
        return step.on[outcome]
    otherwise = KINDS[step.kind].outcome[outcome].otherwise
    if otherwise.to == "next":
        return step.next
    prompts = (otherwise.prompt,) if otherwise.prompt else ()
    if otherwise.to == "end":
        yield from _end(otherwise.disposition, prompts)
        return None
    if state.rescued or step.name == flow.rescue:
        yield from _end("failed", (*prompts, "goodbye"))
        return None
    state.rescued = True
    if prompts:
        _answer((yield Play(_phrases(prompts))), Heard)
    return flow.rescue


def _end(disposition: str, prompts: tuple[str, ...]) -> Generator[Command, Event, None]:
    if prompts:
        _answer((yield Play(_phrases(prompts))), Heard)
    yield HangUp(disposition)


def _say(step: Step, state: _State) -> Running:
    keys = KEYS if step.values["interrupt"] else ""
    heard = _answer((yield Play(_phrases(step.values["prompt"]), keys)), Heard)
    state.typed = heard.key or state.typed
    return "done"


def _menu(step: Step, state: _State) -> Running:
    typed, state.typed = state.typed, ""
    if _is_key(typed) and typed in step.on:
        return typed
    question = _phrases(step.values["prompt"])
    phrases = question
    for _ in range(step.values["tries"]):
        key = _answer((yield Ask(phrases, timeout_s=step.values["timeout_s"])), Digits).text
        if _is_key(key) and key in step.on:
            return key
        missed = "wrong_key" if key else "no_input"
        if missed in step.on:
            return missed
        phrases = (Prompt(step.values[f"{missed}_prompt"]), *question)
    return "too_many"


def _collect(step: Step, state: _State) -> Running:
    state.typed = ""
    values = step.values
    question = _phrases(values["prompt"])
    phrases = question
    for _ in range(values["tries"]):
        asked = Ask(phrases, values["most"], values["finish"], values["timeout_s"], values["secret"])
        digits = _answer((yield asked), Digits).text
        if values["least"] <= len(digits) <= values["most"] and digits.isascii() and digits.isdecimal():
            if not values["secret"]:
                _answer((yield Keep(values["name"], digits)), Done)
            return "entered"
        missed = "wrong_key" if digits else "no_input"
        if missed in step.on:
            return missed
        phrases = (Prompt(values[f"{missed}_prompt"]), *question)
    return "too_many"


def _language(step: Step, state: _State) -> Running:
    _answer((yield SetLanguage(step.values["language"])), Done)
    return "done"


def _announce(step: Step, state: _State) -> Running:
    found = _answer((yield FindAnnouncements(step.values["service"])), Found).announcements
    matches = _not_heard(found, step, state)
    if not matches:
        return "nothing"
    state.typed = ""
    state.heard |= {(a.announcement_id, a.version) for a in matches}
    state.detail = "; ".join(f"{a.announcement_id} v{a.version}: {a.why}" for a in matches)
    after = step.values["after"]
    key = yield from _play_announcements(matches, _phrases(step.values["intro"]))
    if after == "continue":
        state.typed = key
        return "continue"
    if not key and after == "end" and all(a.certain and a.may_end for a in matches):
        key = _answer((yield Play((Prompt(step.values["goodbye_prompt"]),), KEYS)), Heard).key
        if not key:
            return "ended"
    return (yield from _offer(step, matches, key))


def _not_heard(found: tuple[Announcement, ...], step: Step, state: _State) -> tuple[Announcement, ...]:
    new = [a for a in found if (a.announcement_id, a.version) not in state.heard]
    return tuple(a for a in new if a.certain or not step.values["only_certain"])[:ANNOUNCEMENTS]


def _play_announcements(matches: tuple[Announcement, ...], intro: tuple[Phrase, ...] = ()) -> Running:
    """Play all of `matches`; return the key that stopped them, '' when heard to the end."""
    for match in matches:
        key = _answer((yield Play((*intro, *match.phrases), KEYS)), Heard).key
        if key:
            return key
        intro = ()
    return ""


def _offer(step: Step, matches: tuple[Announcement, ...], choice: str) -> Running:
    """Let the caller choose; `choice` was pressed already ('' for nothing)."""
    question = (Prompt(step.values["offer_prompt"]),)
    phrases: tuple[Phrase, ...] = question
    misses = 0
    for _ in range(REPEATS + step.values["tries"]):
        if choice == "1":
            choice = yield from _play_announcements(matches)
            phrases = question
        if choice in _CHOSEN:
            return _CHOSEN[choice]
        if choice == "1":
            continue
        choice = _answer((yield Ask(phrases, timeout_s=step.values["timeout_s"])), Digits).text
        if choice != "1" and choice not in _CHOSEN:
            misses += 1
            phrases = (Prompt(step.values["wrong_key_prompt"]), *question) if choice else question
        if misses == step.values["tries"]:
            break
    return _CHOSEN.get(choice, "no_input")


def _hours(step: Step, state: _State) -> Running:
    return "open" if _answer((yield CheckHours(step.values["calendar"])), Hours).open else "closed"


def _queue(step: Step, state: _State) -> Running:
    state.typed = ""
    if step.values["prompt"]:
        _answer((yield Play(_phrases(step.values["prompt"]))), Heard)
    queued = _answer((yield Queue(step.values["queue"])), Queued)
    if queued.outcome == "key":
        return queued.key if _is_key(queued.key) and queued.key in step.on else "failed"
    return _declared(step, queued.outcome)


def _transfer(step: Step, state: _State) -> Running:
    state.typed = ""
    if step.values["prompt"]:
        _answer((yield Play(_phrases(step.values["prompt"]))), Heard)
    return _declared(step, _answer((yield Transfer(step.values["target"])), Transferred).outcome)


def _goto(step: Step, state: _State) -> Running:
    yield from ()
    return "done"


_PERFORM: Mapping[str, Callable[[Step, _State], Running]] = {
    "say": _say,
    "menu": _menu,
    "collect": _collect,
    "language": _language,
    "announce": _announce,
    "hours": _hours,
    "queue": _queue,
    "transfer": _transfer,
    "goto": _goto,
}


def _phrases(prompts: tuple[str, ...]) -> tuple[Phrase, ...]:
    return tuple(Prompt(key) for key in prompts)


def _is_key(text: str) -> bool:
    return len(text) == 1 and text in KEYS


def _declared(step: Step, outcome: str) -> str:
    """Return `outcome`, or failed when the peer answered something nobody declared."""
    return outcome if outcome in KINDS[step.kind].outcome else "failed"


def _answer(event: Event, kind: type[E]) -> E:
    assert isinstance(event, kind), f"{event!r} where {kind.__name__} was due"
    return event
