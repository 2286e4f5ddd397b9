"""What each kind of step that knows, asks and remembers does: generators that return the step's outcome. Pure.

Used by `flow/run.py`; the kinds that speak, listen and connect are in `flow/perform.py`.
"""

from __future__ import annotations

import re
from collections.abc import Generator

from ivr.flow.commands import (
    Answer,
    Arranged,
    Ask,
    Command,
    Customers,
    Digits,
    Done,
    Event,
    Fetch,
    Fetched,
    FindCustomer,
    FindState,
    Heard,
    OfferCallback,
    Play,
    TakeMessage,
)
from ivr.flow.commands import State as ServiceState
from ivr.flow.declare import KEYS, NAME
from ivr.flow.facts import VARIABLE, facts_in, filled
from ivr.flow.model import Step
from ivr.flow.perform import ANNOUNCEMENTS, keep, look, say_all
from ivr.flow.state import Running, State, answer, is_key, phrases_of
from ivr.sound import Phrase, Prompt, SayDigits

REPLY_FIELDS = 20  # of a webhook that become variables
SILENCES = 2  # in a row, and a survey is over
WRONG_POINTS = 3  # keys that are no answer, and a question is left out


def branch(step: Step, state: State) -> Running:
    """Take the first way whose condition holds."""
    conditions = step.values["when"]
    facts = tuple(dict.fromkeys(fact for condition in conditions.values() for fact in condition.facts))
    values = yield from look(facts, state)
    told = {name: value for name, value in values.items() if value is not None}
    state.detail = ", ".join(  # a variable may hold what he entered, which is kept nowhere
        f"{name} known" if name.startswith(f"{VARIABLE}.") else f"{name} = {value}" for name, value in told.items()
    )
    return next((name for name, condition in conditions.items() if condition.holds(values)), "otherwise")


def set_(step: Step, state: State) -> Running:
    """Set a variable."""
    facts = facts_in(step.values["value"])
    values = yield from look(facts, state)
    yield from keep(step.values["name"], filled(step.values["value"], values), state, facts)
    return "done"


def identify(step: Step, state: State) -> Running:
    """Find the customer by his number, else by digits he enters."""
    values = step.values
    state.typed = ""
    if values["use_number"] and answer((yield FindCustomer("number")), Customers).found:
        state.detail = "by his number"
        return "known"
    question = phrases_of(values["prompt"] or (f"enter_{values['ask']}",))
    said: tuple[Phrase, ...] = question
    entered = False
    for _ in range(values["tries"]):
        asked = Ask(said, values["most"], values["finish"], values["timeout_s"])
        digits = answer((yield asked), Digits).text
        entered = entered or bool(digits)
        if len(digits) < values["least"] or not (digits.isascii() and digits.isdecimal()):
            said = (Prompt(values["wrong_key_prompt" if digits else "no_input_prompt"]), *question)
        elif values["read_back"] and not (yield from _is_right(digits, step)):
            said = question
        elif answer((yield FindCustomer(values["ask"], digits)), Customers).found:
            state.detail = f"by his {values['ask']}"
            return "known"
        else:
            said = (Prompt(values["unknown_prompt"]), *question)
    return "unknown" if entered else "no_input"


def _is_right(digits: str, step: Step) -> Generator[Command, Event, bool]:
    """Read `digits` back; only the key 2 says that they are wrong."""
    said = (Prompt("read_back"), SayDigits(digits), Prompt("confirm_entry"))
    return answer((yield Ask(said, timeout_s=step.values["timeout_s"])), Digits).text != "2"


def status(step: Step, state: State) -> Running:
    """Say what is known where the caller lives, or that everything works."""
    found = answer((yield FindState(step.values["service"])), ServiceState)
    announcements = found.announcements[:ANNOUNCEMENTS]
    if announcements:
        state.heard |= {(each.announcement_id, each.version) for each in announcements}
        state.detail = "; ".join(f"{each.announcement_id} v{each.version}: {each.why}" for each in announcements)
        state.typed = yield from say_all(announcements)
        return "planned" if all(each.planned for each in announcements) else "outage"
    outcome = "normal" if found.area_known else "unknown"
    state.typed = answer((yield Play((Prompt(step.values[f"{outcome}_prompt"]),), KEYS)), Heard).key
    return outcome


def callback(step: Step, state: State) -> Running:
    """Offer to call back."""
    state.typed = ""
    if step.values["prompt"]:
        answer((yield Play(phrases_of(step.values["prompt"]))), Heard)
    if answer((yield OfferCallback(step.values["queue"])), Arranged).outcome != "booked":
        return "declined"
    state.reached = "callback"
    return "booked"


def message(step: Step, state: State) -> Running:
    """Take a message."""
    state.typed = ""
    if step.values["prompt"]:
        answer((yield Play(phrases_of(step.values["prompt"]))), Heard)
    if answer((yield TakeMessage(step.values["queue"])), Arranged).outcome != "kept":
        return "none"
    state.reached = "message"
    return "kept"


def survey(step: Step, state: State) -> Running:
    """Ask the questions of a survey."""
    values, answered, silences = step.values, 0, 0
    state.typed = ""
    intro = phrases_of(values["intro"])
    for question in values["questions"]:
        points = yield from _points(step, (*intro, Prompt(question)))
        intro = ()
        if points is None:
            silences += 1
            if silences == SILENCES:
                break
            continue
        answered, silences = answered + 1, 0
        answer((yield Answer(values["name"], question, points)), Done)
    if answered and values["thanks"]:
        answer((yield Play(phrases_of(values["thanks"]))), Heard)
    return "done" if answered else "nothing"


def _points(step: Step, question: tuple[Phrase, ...]) -> Generator[Command, Event, int | None]:
    """Return the answer to one question; None for silence, and for keys that are no answer."""
    said = question
    for _ in range(WRONG_POINTS):
        key = answer((yield Ask(said, timeout_s=step.values["timeout_s"])), Digits).text
        if not key:
            return None
        if is_key(key) and key.isdecimal() and step.values["least"] <= int(key) <= step.values["most"]:
            return int(key)
        said = (Prompt(step.values["wrong_key_prompt"]), *question)
    return None


def webhook(step: Step, state: State) -> Running:
    """Ask a company's server."""
    values = step.values
    facts = tuple(dict.fromkeys(values["send"]))
    known = yield from look(facts, state)
    sent = {fact.removeprefix(f"{VARIABLE}."): value for fact, value in known.items()}
    asked = Fetch(values["webhook"], sent, values["timeout_s"], phrases_of(values["prompt"]))
    fetched = answer((yield asked), Fetched)
    if fetched.outcome != "answered":
        return fetched.outcome if fetched.outcome in ("timeout", "failed") else "failed"
    state.detail = f"result {fetched.result!r}"
    for name, value in list(fetched.values.items())[:REPLY_FIELDS]:
        if re.fullmatch(NAME, name):
            yield from keep(name, value, state)
    return fetched.result if fetched.result in values["results"] else "other"
