"""What `ivr dialplan try` is told on the command line, as the Situation of a call. Reads texts, knows no click."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from ivr.announce.match import NEVER_ENDED
from ivr.area import area_path
from ivr.call import CLASSES, LANGUAGES
from ivr.errors import InputError, nearest
from ivr.flow.asked import fetched
from ivr.flow.commands import Announcement, Fetched, Queued
from ivr.flow.declare import KEYS
from ivr.flow.facts import VARIABLE, BadCondition, Value, read_condition, read_fact
from ivr.flow.heard import as_heard
from ivr.flow.model import Dialplans
from ivr.flow.moment import read_moment
from ivr.flow.steps import KINDS
from ivr.flow.world import Known, Situation, Who
from ivr.sound import Clip

CALLER = "+48225550100"  # of a customer who is told without a number
T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """As typed. Lists of NAME=VALUE stay texts."""

    number: str
    caller: str = ""
    at: str = ""
    announce: tuple[str, ...] = ()
    maybe: tuple[str, ...] = ()
    service: str = ""
    heard: int = 0
    opt_in: bool = False
    opened: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    transfers: tuple[str, ...] = ()
    webhooks: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    customer: str = ""
    accounts: tuple[str, ...] = ()


def situation_of(
    options: Options, dialplans: Dialplans, now: datetime, *, customer: Who | None = None,
    accounts: Mapping[str, Who] | None = None, postcodes: Mapping[str, Who] | None = None,
) -> Situation:  # fmt: skip
    """Return the situation of a call at `now` unless another moment is told. Raises InputError naming the nearest.

    customer, accounts, postcodes  those of the database; what is told wins.
    """
    told = _customer(options.customer)
    caller = options.caller or (CALLER if told else "")
    who = told or customer
    ends = who is None or who.class_ not in NEVER_ENDED
    said = [
        Known(_announcement(i, text, i < len(options.announce), ends, options), options.service)
        for i, text in enumerate((*options.announce, *options.maybe))
    ]
    return Situation(
        _moment(options.at, now),
        said,
        {
            _known("calendar", name, dialplans.hours): state
            for state, names in ((True, options.opened), (False, options.closed)) for name in names
        },
        _pairs("queue", options.queues, dialplans.queues, _queued),
        _pairs("target", options.transfers, dialplans.targets, lambda text: _outcome("transfer", text)),
        _pairs("webhook", options.webhooks, dialplans.webhooks, _fetched),
        dialled=options.number,
        caller=caller,
        customer=who,
        accounts={**(accounts or {}), **dict(_account(text) for text in options.accounts)},
        postcodes=postcodes or {},
        facts=dict(_fact(text, dialplans) for text in options.facts),
    )  # fmt: skip


def number_of(text: str, dialplans: Dialplans) -> str:
    """Return a number that is answered. Raises InputError naming the nearest."""
    return _known("number", text, dialplans.numbers)


def _known(kind: str, name: str, known: Collection[str]) -> str:
    if name not in known:
        near = nearest(name, known)
        hint = f"did you mean {near!r}?" if near else "expected one of " + (", ".join(known) or "none: there is none")
        raise InputError(f"no {kind} {name!r}; {hint}")
    return name


def _moment(text: str, now: datetime) -> datetime:
    try:
        return read_moment(text, now) if text else now
    except ValueError:
        raise InputError(f"--at: {text!r} is not a time, expected one such as 2026-12-25T10:00, 18:00 or +2h") from None


def _announcement(index: int, text: str, certain: bool, ends: bool, options: Options) -> Announcement:
    if not text.strip():
        raise InputError("--announce: the text is empty")
    found = Announcement(
        f"try{index + 1}", 1, (Clip("", text),), certain, certain and ends, "given on the command line",
        opt_in=options.opt_in,
    )  # fmt: skip
    return as_heard(found, options.heard)


def _pairs(kind: str, pairs: tuple[str, ...], known: Collection[str], read: Callable[[str], T]) -> dict[str, T]:
    found = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        found[_known(kind, name, known)] = read(text)
    return found


def _queued(text: str) -> Queued:
    if len(text) == 1 and text in KEYS:
        return Queued("key", text)
    return Queued(_outcome("queue", text))


def _outcome(kind: str, text: str) -> str:
    return _known(f"{kind} outcome", text, KINDS[kind].outcome)


def _fetched(text: str) -> Fetched:
    if not text:
        raise InputError("--webhook: expected NAME=RESULT, NAME=timeout or NAME=failed")
    return fetched(text)


def _customer(text: str) -> Who | None:
    if not text:
        return None
    values = dict(part.partition("=")[::2] for part in text.split(","))
    for name in values:
        if name not in ("class", "area", "language"):
            raise InputError(f"--customer: unknown {name!r}, expected class=vip,area=pl/mazowieckie,language=pl")
    class_, language = values.get("class", "normal"), values.get("language", "")
    _known("class", class_, CLASSES)
    if language:
        _known("language", language, LANGUAGES)
    return Who(_area("--customer", values["area"]) if values.get("area") else "", class_, language)


def _account(text: str) -> tuple[str, Who]:
    digits, _, area = text.partition("=")
    if not (digits.isascii() and digits.isdecimal()):
        raise InputError(f"--account: {text!r}, expected DIGITS=AREA such as 12345=pl/mazowieckie/warszawa")
    return digits, Who(_area("--account", area) if area else "")


def _area(option: str, text: str) -> str:
    try:
        return area_path(text)
    except ValueError as error:
        raise InputError(f"{option}: {error}") from None


def _fact(text: str, dialplans: Dialplans) -> tuple[str, Value]:
    name, _, value = text.partition("=")
    try:
        if name.startswith(f"{VARIABLE}."):
            raise BadCondition(f"{name} is a variable, which the flow sets", "another fact")
        read_fact(name, dialplans.queues)
        read_condition(f"{name} = {value}", dialplans.queues)
    except BadCondition as bad:
        near = f"; did you mean {bad.near!r}?" if bad.near else ""
        raise InputError(f"--fact: {bad.wrong}; expected {bad.expected}{near}") from None
    return name, int(value) if value.isdecimal() and value.isascii() else value
