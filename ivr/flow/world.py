"""The world a call without a telephone is led through: who calls, what is known, how queues and servers answer.

Pure: answers every command of a flow that neither speaks nor listens. Used by `flow/trial.py` and whoever else drives a
flow without Asterisk (scenarios, the terminal, replays).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ivr.area import contains
from ivr.errors import CallerHungUp
from ivr.flow import commands as c
from ivr.flow.facts import WEEKDAYS, Value
from ivr.flow.model import LEAVE, Action, Dialplans, QueueConfig
from ivr.flow.queue_keys import OVERFLOWING
from ivr.hours import is_open

TALK_S = 60.0
MESSAGE_S = 20.0
CALLBACK_S = 15.0
WEBHOOK_S = 0.3


@dataclass(frozen=True)
class Who:
    """A customer, as far as flows care. area  '' when only that he exists is known."""

    area: str = ""
    class_: str = "normal"
    language: str = ""


@dataclass(frozen=True)
class Known:
    """A live announcement of this world. service  '' for all.  area  only for customers there, '' for this caller."""

    announcement: c.Announcement
    service: str = ""
    area: str = ""


@dataclass(frozen=True)
class Situation:
    """What is so while the caller calls.

    at  the moment of the call, with a time zone.  dialled, caller  numbers, caller '' when withheld.
    customer  who has the caller's number, None for nobody.  accounts, postcodes  whom these digits find.
    known  live announcements.  open  calendars whose state is forced.
    queues, transfers, webhooks  how each ends, by name; `answered` unless given; a queue also `abandoned`: he hangs
    up in it. A key in a queue is pressed once a call.  callbacks, messages  by queue: booked or declined, kept or none.
    opt_in  how it ends when he wants to be called once a fault is over: booked or declined, '' for not known.
    facts  further facts, such as waiting.support.
    """

    at: datetime
    known: Sequence[Known] = ()
    open: Mapping[str, bool] = field(default_factory=dict)
    queues: Mapping[str, c.Queued] = field(default_factory=dict)
    transfers: Mapping[str, str] = field(default_factory=dict)
    webhooks: Mapping[str, c.Fetched] = field(default_factory=dict)
    callbacks: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)
    dialled: str = ""
    caller: str = ""
    customer: Who | None = None
    accounts: Mapping[str, Who] = field(default_factory=dict)
    postcodes: Mapping[str, Who] = field(default_factory=dict)
    facts: Mapping[str, Value] = field(default_factory=dict)
    opt_in: str = ""


Note = Callable[[str, str], None]
"""Called with what happened (looks, hours, waits …) and a text, for a transcript."""


class World:
    """Answers commands; keeps what changes: customer, language, variables, time.

    now_s  since the call began.  answered_in  the queue whose agent talked to him last.  waits  every queue he waited
    in, and how that ended.
    """

    def __init__(self, dialplans: Dialplans, situation: Situation, language: str, note: Note) -> None:
        self.dialplans, self.situation, self.language, self.note = dialplans, situation, language, note
        self.customer = situation.customer
        self.now_s = 0.0
        self.kept: dict[str, str] = {}
        self.answers: list[c.Answer] = []
        self.announced = False
        self.answered_in = ""
        self.waits: list[tuple[str, c.Queued]] = []
        self._pressed_in: set[str] = set()

    @property
    def at(self) -> datetime:
        """The moment it is now."""
        return self.situation.at + timedelta(seconds=self.now_s)

    def perform(self, command: c.Command) -> c.Event:
        """Answer `command`, neither a Play nor an Ask; time goes on as it takes."""
        match command:
            case c.SetLanguage():
                self.language = command.language
                self.note("language", command.language)
            case c.Keep():
                self.kept[command.name] = command.value
                self.note("keeps", command.name)
            case c.Answer():
                self.answers.append(command)
                self.note("keeps", f"{command.survey}: {command.question} {command.points}")
            case c.FindAnnouncements():
                return self._announcements(command.service)
            case c.FindState():
                found = self._announcements(command.service).announcements
                return c.State(found, bool(self.customer and self.customer.area))
            case c.CheckHours():
                return self._hours(command.name)
            case c.Look():
                return self._look(command.facts)
            case c.FindCustomer():
                return self._customer(command)
            case c.Fetch():
                return self._fetch(command)
            case _:
                return self._connect(command)
        return c.Done()

    def _connect(self, command: c.Command) -> c.Event:
        match command:
            case c.Queue():
                return self._queue(command.queue)
            case c.Transfer():
                outcome = self.situation.transfers.get(command.target, "answered")
                self.note("connects", f"{command.target}: {outcome}")
                self.now_s += TALK_S if outcome == "answered" else 0.0
                return c.Transferred(outcome)
            case c.OfferCallback():
                outcome = self.situation.callbacks.get(command.queue, "booked")
                self.note("arranges", f"call-back from {command.queue}: {outcome}")
                self.now_s += CALLBACK_S
                return c.Arranged(outcome)
            case c.TakeMessage():
                outcome = self.situation.messages.get(command.queue, "kept")
                self.note("arranges", f"message for {command.queue}: {outcome}")
                self.now_s += MESSAGE_S
                return c.Arranged(outcome)
            case c.OptIn():
                outcome = self.situation.opt_in or "booked"
                self.note("arranges", f"call when it is over: {outcome}")
                self.now_s += CALLBACK_S
                return c.Arranged(outcome)
        return c.Done()

    # -- what is known

    def _announcements(self, service: str) -> c.Found:
        found = tuple(each.announcement for each in self.situation.known if self._concerns(each, service))
        self.announced = self.announced or bool(found)
        of = f" ({service})" if service else ""
        self.note("looks", f"{len(found)} live announcements for this caller{of}")
        return c.Found(found)

    def _concerns(self, known: Known, service: str) -> bool:
        if service and known.service and known.service != service:
            return False
        return not known.area or bool(self.customer and contains(known.area, self.customer.area))

    def _hours(self, name: str) -> c.Hours:
        now_open = self.situation.open.get(name)
        if now_open is None:
            now_open = is_open(self.dialplans.hours[name], self.at)
        self.note("hours", f"{name}: {'open' if now_open else 'closed'}")
        return c.Hours(now_open)

    def _look(self, facts: tuple[str, ...]) -> c.Seen:
        known = {**self._facts(), **self.situation.facts}
        values = {name: known.get(name) for name in facts}
        told = ", ".join(f"{name} = {'unknown' if value is None else value}" for name, value in values.items())
        self.note("looks", told)
        return c.Seen(values)

    def _facts(self) -> dict[str, Value]:
        who = self.customer
        return {
            "time": f"{self.at:%H:%M}",
            "weekday": WEEKDAYS[self.at.weekday()],
            "date": f"{self.at:%Y-%m-%d}",
            "language": self.language,
            "dialled": self.situation.dialled,
            "caller": "known" if who else "unknown" if self.situation.caller else "withheld",
            "class": who.class_ if who else "normal",
            "area": who.area or None if who else None,
            "announced": "yes" if self.announced else "no",
            "repeat": 0,
        }

    def _customer(self, command: c.FindCustomer) -> c.Customers:
        if command.by != "number":
            known = self.situation.accounts if command.by == "account" else self.situation.postcodes
            self.customer = known.get(command.digits, self.customer)
            found = command.digits in known
        else:
            found = self.customer is not None
        self.note("looks", f"customer by {command.by}: {'found' if found else 'nobody'}")
        return c.Customers(found)

    def _fetch(self, command: c.Fetch) -> c.Fetched:
        fetched = self.situation.webhooks.get(command.webhook, c.Fetched("answered"))
        self.now_s += command.timeout_s if fetched.outcome == "timeout" else WEBHOOK_S
        self.note("asks", f"{command.webhook}: {fetched.outcome} {fetched.result}".rstrip())
        return fetched

    # -- queues

    def _queue(self, name: str) -> c.Queued:
        """Wait in a queue and in those its keys and overflows lead to; each ends as given once, then answered.

        Raises CallerHungUp when he leaves.
        """
        been: set[str] = set()
        while True:
            queue, queued = self.dialplans.queues[name], self.situation.queues.get(name, c.Queued("answered"))
            if name in been or name in self._pressed_in:
                queued = c.Queued("answered")
            been.add(name)
            if queued.outcome == "key":  # which he presses once
                self._pressed_in.add(name)
            need = queue.plan(self.language).need
            self.note("waits", f"{name} (need {need}): {queued.outcome} {queued.key}".rstrip())
            self.now_s += {"timeout": queue.max_wait_s, "answered": TALK_S}.get(queued.outcome, 0.0)
            self.waits.append((name, queued))
            if queued.outcome == "abandoned":
                raise CallerHungUp
            action = way_out(queue, queued)
            if action.kind in ("callback", "message") and not self._declines(action.kind, name):
                return c.Queued(action.kind)
            if action.kind == "leave" or (queued.outcome in OVERFLOWING and not action.queue):
                self.answered_in = name if queued.outcome == "answered" else self.answered_in
                return queued
            name = action.queue or name  # with a key that changes nothing he waits on

    def _declines(self, what: str, name: str) -> bool:
        """Does the caller not want what queue `name` offers him?"""
        arranged, no = (
            (self.situation.callbacks, "declined") if what == "callback" else (self.situation.messages, "none")
        )
        self.now_s += CALLBACK_S if what == "callback" else MESSAGE_S
        self.note("arranges", f"{what} from {name}: {arranged.get(name, 'agreed')}")
        return arranged.get(name) == no


def way_out(queue: QueueConfig, queued: c.Queued) -> Action:
    """Return what `queue` does about this end of waiting; `leave` when it is the step's affair."""
    if queued.outcome == "key":
        return queue.keys.get(queued.key, LEAVE)
    return queue.overflow if queued.outcome in OVERFLOWING else LEAVE
