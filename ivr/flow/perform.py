"""What each kind of step that speaks, listens and connects does: generators that return the step's outcome. Pure.

Used by `flow/run.py`; the kinds that know, ask and remember are in `flow/perform_known.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping

from ivr.flow import heard
from ivr.flow.commands import (
    Announcement,
    Arranged,
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
    OptIn,
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
_CHOSEN = {"3": "other", "0": "agent"}  # of the offer; 1 repeats, 2 is "tell me when it is over"
AFTER = ("continue", "offer", "end")  # what may follow an announcement, the least first


def say(step: Step, state: State) -> Running:
    keys = KEYS if step.values["interrupt"] else ""
    said = phrases_of(step.values["prompt"])
    if facts := tuple(dict.fromkeys(fact for fact in (step.values["digits"], step.values["number"]) if fact)):
        values = yield from look(facts, state)
        said += _spoken(step, values)
    state.typed = answer((yield Play(said, keys)), Heard).key or state.typed
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
    state.detail = "; ".join(map(_detail, matches))
    after = min((step.values["after"], *(a.after for a in matches)), key=AFTER.index)
    key = yield from _play_announcements(matches, step, offers=after != "continue")
    if after == "continue":
        state.typed = key
        return "continue"
    if not key and after == "end" and all(a.certain and a.may_end and not heard.calls_again(a) for a in matches):
        key = answer((yield Play((Prompt(step.values["goodbye_prompt"]),), KEYS)), Heard).key
        if not key:
            return "ended"
    return (yield from _offer(step, matches, key))


def _not_heard(found: tuple[Announcement, ...], step: Step, state: State) -> tuple[Announcement, ...]:
    new = [a for a in found if (a.announcement_id, a.version) not in state.heard]
    return tuple(a for a in new if a.certain or not step.values["only_certain"])[:ANNOUNCEMENTS]


def _detail(match: Announcement) -> str:
    again = heard.why(match)
    return f"{match.announcement_id} v{match.version}: {match.why}" + (f" ({again})" if again else "")


def _play_announcements(matches: tuple[Announcement, ...], step: Step, *, offers: bool) -> Running:
    """Play what `matches` have to say to him; return the key that stopped them, '' when heard to the end.

    offers  he may choose afterwards.
    """
    intro = phrases_of(step.values["intro"])
    if intro and (key := answer((yield Play(intro, KEYS)), Heard).key):
        return key
    for match in matches:
        if key := answer((yield Play(heard.told(match), KEYS, match)), Heard).key:
            return key
    if offers and any(map(heard.calls_again, matches)):
        return answer((yield Play((Prompt(step.values["agent_prompt"]),), KEYS)), Heard).key
    return ""


def say_all(matches: tuple[Announcement, ...]) -> Running:
    """Play all of `matches` in full: he asked for it; return the key that stopped them, '' when heard to the end."""
    for match in matches:
        if key := answer((yield Play(match.phrases, KEYS, match)), Heard).key:
            return key
    return ""


def _offer(step: Step, matches: tuple[Announcement, ...], choice: str) -> Running:
    """Let the caller choose; `choice` was pressed already ('' for nothing)."""
    opt_in = tuple(match.announcement_id for match in matches if match.opt_in)
    question = phrases_of((*([step.values["opt_in_prompt"]] if opt_in else []), step.values["offer_prompt"]))
    keys = {*_CHOSEN, "1", *("2" if opt_in else "")}
    phrases = question
    misses = 0
    for _ in range(REPEATS + step.values["tries"]):
        if choice == "1":
            choice = yield from say_all(matches)
            phrases = question
        if choice == "2" and opt_in:
            if answer((yield OptIn(opt_in)), Arranged).outcome == "booked":
                return "opted_in"
            phrases = question
        if choice in _CHOSEN:
            return _CHOSEN[choice]
        if choice == "1":
            continue
        choice = answer((yield Ask(phrases, timeout_s=step.values["timeout_s"])), Digits).text
        if choice not in keys:
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
