"""What each kind of step that speaks, listens and connects does: generators that return the step's outcome. Pure.

Used by `flow/run.py`; the kinds that know, ask and remember are in `flow/perform_known.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping

from ivr.flow.commands import (
    Announcement,
    Ask,
    CheckHours,
    Command,
    Digits,
    Done,
    Event,
    FindAnnouncements,
    Found,
    Heard,
    Hours,
    Keep,
    Look,
    Play,
    Queue,
    Queued,
    Seen,
    SetLanguage,
    Transfer,
    Transferred,
)
from ivr.flow.declare import KEYS
from ivr.flow.facts import VARIABLE, Value
from ivr.flow.model import Step
from ivr.flow.state import Running, State, answer, is_key, phrases_of
from ivr.flow.steps import KINDS
from ivr.sound import Phrase, Prompt, SayDigits, SayNumber

ANNOUNCEMENTS = 5
REPEATS = 3
NUMBER_MOST = 999
_REACHED = {"answered": "agent", "callback": "callback", "message": "message"}  # by how waiting ended
_CHOSEN = {"3": "other", "0": "agent"}  # of the offer; 1 repeats


def say(step: Step, state: State) -> Running:
    keys = KEYS if step.values["interrupt"] else ""
    said = phrases_of(step.values["prompt"])
    if facts := tuple(dict.fromkeys(fact for fact in (step.values["digits"], step.values["number"]) if fact)):
        values = yield from look(facts, state)
        said += _spoken(step, values)
    heard = answer((yield Play(said, keys)), Heard)
    state.typed = heard.key or state.typed
    return "done"


def _spoken(step: Step, values: Mapping[str, Value]) -> tuple[Phrase, ...]:
    digits, number = (str(values.get(step.values[key], "") or "") for key in ("digits", "number"))
    found: list[Phrase] = []
    if digits.isascii() and digits.isdecimal():
        found.append(SayDigits(digits))
    if number.isascii() and number.isdecimal() and int(number) <= NUMBER_MOST:
        found.append(SayNumber(int(number)))
    return tuple(found)


def look(facts: tuple[str, ...], state: State) -> Generator[Command, Event, dict[str, Value]]:
    """Return what is known of `facts`: variables of this call, and the rest as who drives the flow knows it."""
    own = {name: state.variables.get(name.partition(".")[2]) for name in facts if name.startswith(f"{VARIABLE}.")}
    others = tuple(name for name in facts if name not in own)
    seen = answer((yield Look(others)), Seen).values if others else {}
    return {name: own[name] if name in own else seen.get(name) for name in facts}


def menu(step: Step, state: State) -> Running:
    typed, state.typed = state.typed, ""
    if is_key(typed) and typed in step.on:
        return typed
    question = phrases_of(step.values["prompt"])
    phrases = question
    for _ in range(step.values["tries"]):
        key = answer((yield Ask(phrases, timeout_s=step.values["timeout_s"])), Digits).text
        if is_key(key) and key in step.on:
            return key
        missed = "wrong_key" if key else "no_input"
        if missed in step.on:
            return missed
        phrases = (Prompt(step.values[f"{missed}_prompt"]), *question)
    return "too_many"


def collect(step: Step, state: State) -> Running:
    state.typed = ""
    values = step.values
    question = phrases_of(values["prompt"])
    phrases = question
    for _ in range(values["tries"]):
        asked = Ask(phrases, values["most"], values["finish"], values["timeout_s"], values["secret"])
        digits = answer((yield asked), Digits).text
        if values["least"] <= len(digits) <= values["most"] and digits.isascii() and digits.isdecimal():
            if values["secret"]:
                state.remember(values["name"], digits, secret=True)
            else:
                yield from keep(values["name"], digits, state)
            return "entered"
        missed = "wrong_key" if digits else "no_input"
        if missed in step.on:
            return missed
        phrases = (Prompt(values[f"{missed}_prompt"]), *question)
    return "too_many"


def keep(name: str, value: str, state: State, of: Collection[str] = ()) -> Generator[Command, Event, None]:
    """Set a variable, here and with the call's record.

    of  the facts it is made of: a variable made of a secret one is secret too, and kept nowhere.
    """
    secret = any(fact.removeprefix(f"{VARIABLE}.") in state.secret for fact in of)
    if state.remember(name, value, secret=secret) and not secret:
        answer((yield Keep(name, state.variables[name])), Done)


def language(step: Step, state: State) -> Running:
    answer((yield SetLanguage(step.values["language"])), Done)
    return "done"


def announce(step: Step, state: State) -> Running:
    found = answer((yield FindAnnouncements(step.values["service"])), Found).announcements
    matches = _not_heard(found, step, state)
    if not matches:
        return "nothing"
    state.typed = ""
    state.heard |= {(a.announcement_id, a.version) for a in matches}
    state.detail = "; ".join(f"{a.announcement_id} v{a.version}: {a.why}" for a in matches)
    after = step.values["after"]
    key = yield from _play_announcements(matches, phrases_of(step.values["intro"]))
    if after == "continue":
        state.typed = key
        return "continue"
    if not key and after == "end" and all(a.certain and a.may_end for a in matches):
        key = answer((yield Play((Prompt(step.values["goodbye_prompt"]),), KEYS)), Heard).key
        if not key:
            return "ended"
    return (yield from _offer(step, matches, key))


def _not_heard(found: tuple[Announcement, ...], step: Step, state: State) -> tuple[Announcement, ...]:
    new = [a for a in found if (a.announcement_id, a.version) not in state.heard]
    return tuple(a for a in new if a.certain or not step.values["only_certain"])[:ANNOUNCEMENTS]


def _play_announcements(matches: tuple[Announcement, ...], intro: tuple[Phrase, ...] = ()) -> Running:
    """Play all of `matches`; return the key that stopped them, '' when heard to the end."""
    for match in matches:
        key = answer((yield Play((*intro, *match.phrases), KEYS)), Heard).key
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
        choice = answer((yield Ask(phrases, timeout_s=step.values["timeout_s"])), Digits).text
        if choice != "1" and choice not in _CHOSEN:
            misses += 1
            phrases = (Prompt(step.values["wrong_key_prompt"]), *question) if choice else question
        if misses == step.values["tries"]:
            break
    return _CHOSEN.get(choice, "no_input")


def hours(step: Step, state: State) -> Running:
    return "open" if answer((yield CheckHours(step.values["calendar"])), Hours).open else "closed"


def queue(step: Step, state: State) -> Running:
    state.typed = ""
    if step.values["prompt"]:
        answer((yield Play(phrases_of(step.values["prompt"]))), Heard)
    queued = answer((yield Queue(step.values["queue"])), Queued)
    if queued.outcome == "key":
        return queued.key if is_key(queued.key) and queued.key in step.on else "failed"
    state.reached = _REACHED.get(queued.outcome, state.reached)
    return _declared(step, queued.outcome)


def transfer(step: Step, state: State) -> Running:
    state.typed = ""
    if step.values["prompt"]:
        answer((yield Play(phrases_of(step.values["prompt"]))), Heard)
    ring = Transfer(step.values["target"], step.values["ring_s"])
    outcome = _declared(step, answer((yield ring), Transferred).outcome)
    state.reached = "transferred" if outcome == "answered" else state.reached
    return outcome


def goto(step: Step, state: State) -> Running:
    yield from ()
    return "done"


def _declared(step: Step, outcome: str) -> str:
    """Return `outcome`, or failed when the peer answered something nobody declared."""
    return outcome if outcome in KINDS[step.kind].outcome else "failed"
