"""A world in which somebody is asked how waiting, transfers, servers and offers end, where the situation does not say.

Pure: who is asked is passed in. Used by `ivr/terminal` for `ivr dialplan try`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ivr.errors import CallerHungUp
from ivr.flow import commands as c
from ivr.flow.facts import Value
from ivr.flow.model import Dialplans, QueueConfig
from ivr.flow.queue_keys import OVERFLOWING
from ivr.flow.steps import KINDS
from ivr.flow.world import TALK_S, Known, Note, Situation, Who, World, way_out

KEPT_FOR_COMMANDS = "fhtw?"  # what a terminal takes as a command is never offered as an answer
ROUNDS = 50  # keys of a queue one after the other
ARRANGED = {
    "callback": (("booked", "he will be called back"), ("declined", "he does not wish it")),
    "message": (("kept", "he leaves one"), ("none", "he leaves none")),
    "opt_in": (("booked", "he will be called"), ("declined", "he does not wish it")),
}


@dataclass(frozen=True)
class Choice:
    """One answer. key  what is pressed for it; the first choice of a question is also taken with Enter."""

    key: str
    outcome: str
    doc: str = ""


@dataclass(frozen=True)
class Question:
    """What only the world knows. hung_up  the disposition of a caller who hangs up instead."""

    text: str
    choices: tuple[Choice, ...]
    hung_up: str = "hung_up"


Ask = Callable[[Question], str]
"""Called with a question; returns the outcome of one of its choices."""

Live = Callable[[str, str, str, datetime], Sequence[c.Announcement]]
"""Live announcements for: a caller's number, language, service, moment."""


@dataclass
class Told:
    """What was answered, by name, the first answer of each; whom entered digits found; live announcements he was found.

    All that a scenario needs beside the situation.
    """

    queues: dict[str, str] = field(default_factory=dict)
    transfers: dict[str, str] = field(default_factory=dict)
    webhooks: dict[str, str] = field(default_factory=dict)
    callbacks: dict[str, str] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, Who] = field(default_factory=dict)
    postcodes: dict[str, Who] = field(default_factory=dict)
    live: dict[str, Known] = field(default_factory=dict)
    opt_in: str = ""


class AskedWorld(World):
    """The world of a call somebody makes in a terminal. told  what he answered.

    live  announcements of the running hotline.  numbers  the caller's number by account, for `live`.
    """

    def __init__(
        self, dialplans: Dialplans, situation: Situation, language: str, note: Note, ask: Ask, *,
        live: Live | None = None, numbers: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(dialplans, situation, language, note)
        self._ask, self._live, self._numbers = ask, live, numbers or {}
        self._number = situation.caller
        self.told = Told()

    def move(self, at: datetime) -> None:
        """Let it be `at` now."""
        began = at.astimezone(self.situation.at.tzinfo) - (self.at - self.situation.at)
        self.situation = replace(self.situation, at=began)

    def facts(self) -> dict[str, Value]:
        """Return every fact that is known now."""
        return {**self._facts(), **self.situation.facts}

    def concerning(self) -> tuple[c.Announcement, ...]:
        """Return the announcements that concern the caller now, of any service."""
        return tuple(each.announcement for each in self._known("") if self._concerns(each, ""))

    def perform(self, command: c.Command) -> c.Event:
        """Answer `command`, after asking what nobody said."""
        match command:
            case c.Transfer(target=name) if name not in self.situation.transfers:
                ends = [(each.name, each.doc) for each in KINDS["transfer"].outcomes]
                outcome = self._asked(f"connecting to {name}: how does it end?", ends)
                self.told.transfers.setdefault(name, outcome)
                with self._so(transfers={name: outcome}):
                    return super().perform(command)
            case c.Fetch(webhook=name) if name not in self.situation.webhooks:
                fetched = self._asked_server(name)
                with self._so(webhooks={name: fetched}):
                    return super().perform(command)
            case c.OfferCallback(queue=name) if name not in self.situation.callbacks:
                with self._so(callbacks={name: self._arranged("callback", name)}):
                    return super().perform(command)
            case c.TakeMessage(queue=name) if name not in self.situation.messages:
                with self._so(messages={name: self._arranged("message", name)}):
                    return super().perform(command)
            case c.OptIn() if not self.situation.opt_in:
                self.told.opt_in = self._asked("a call when it is over: what does he do?", ARRANGED["opt_in"])
                with self._so(opt_in=self.told.opt_in):
                    return super().perform(command)
            case c.FindCustomer() if command.by != "number":
                return self._found(command)
        return super().perform(command)

    # -- who calls, and what is live

    def _found(self, command: c.FindCustomer) -> c.Event:
        known = self.situation.accounts if command.by == "account" else self.situation.postcodes
        if not known and self._asked(
            f"is there a customer with {command.by} {command.digits}?", [("no", "nobody"), ("yes", "a customer")]
        ) == "yes":  # fmt: skip
            who: Any = {f"{command.by}s": {command.digits: self.customer or Who()}}
            self.situation = replace(self.situation, **who)
        self._number = self._numbers.get(command.digits, self._number) if command.by == "account" else self._number
        event = super().perform(command)
        if self.customer is not None and event == c.Customers(True):
            found_by = self.told.accounts if command.by == "account" else self.told.postcodes
            found_by[command.digits] = self.customer
        return event

    def _known(self, service: str) -> tuple[Known, ...]:
        found = self._live(self._number, self.language, service, self.at) if self._live else ()
        return (*self.situation.known, *(Known(each) for each in found))

    def _announcements(self, service: str) -> c.Found:
        known = self._known(service)
        for each in known[len(self.situation.known) :]:
            self.told.live.setdefault(each.announcement.announcement_id, replace(each, service=service))
        with self._so(known=known):
            return super()._announcements(service)

    # -- queues

    def _queue(self, name: str) -> c.Queued:
        """Wait in a queue and in those its keys and overflows lead to; each ends as given once, then as answered."""
        been: set[str] = set()
        for _ in range(ROUNDS):
            queue = self.dialplans.queues[name]
            queued = self.situation.queues.get(name) if name not in been else None
            queued = queued or self._asked_queue(queue)
            been.add(name)
            self.note("waits", f"{name}: {queued.outcome} {queued.key}".rstrip())
            self.now_s += {"timeout": queue.max_wait_s, "answered": TALK_S}.get(queued.outcome, 0.0)
            if queued.outcome == "abandoned":
                raise CallerHungUp
            self.answered_in = name if queued.outcome == "answered" else self.answered_in
            action = way_out(queue, queued)
            if action.kind in ARRANGED:
                if self._arranged(action.kind, name) in ("booked", "kept"):
                    return c.Queued(action.kind)
                if queued.outcome != "key":
                    return queued
            elif action.queue:
                name = action.queue
                self.note("waits", f"on in {name}")
            elif action.kind == "hear_again":
                self.note("waits", "place and expected wait are told again")
            else:
                return queued
        return c.Queued("answered")

    def _asked_queue(self, queue: QueueConfig) -> c.Queued:
        need = queue.plan(self.language).need
        ends = [
            (each.name, each.doc + _overflows(queue, each.name))
            for each in KINDS["queue"].outcomes if each.name not in ARRANGED
        ]  # fmt: skip
        keys = [Choice(key, f"key {key}", f"he presses {key}: {action}") for key, action in queue.keys.items()]
        choices = (*lettered(ends), *sorted(keys, key=lambda each: each.key))
        text = f"queue {queue.name}, {queue.title or 'need'} (asks for {need}): how does waiting end?"
        try:
            outcome = self._ask(Question(text, choices, "abandoned"))
        except CallerHungUp:
            self.told.queues.setdefault(queue.name, "abandoned")
            raise
        self.told.queues.setdefault(queue.name, outcome.removeprefix("key "))
        return c.Queued("key", outcome[-1]) if outcome.startswith("key ") else c.Queued(outcome)

    # -- asking

    def _asked(self, text: str, ends: Sequence[tuple[str, str]]) -> str:
        return self._ask(Question(text, lettered(ends)))

    def _asked_server(self, name: str) -> c.Fetched:
        steps = [step for flow in self.dialplans.flows.values() for step in flow.steps.values()]
        asking = [step for step in steps if step.kind == "webhook" and step.values["webhook"] == name]
        results = dict.fromkeys(result for step in asking for result in step.values["results"])
        ends = [(result, f"it answers with the result {result}") for result in results]
        outcome = self._asked(
            f"webhook {name}: what does it answer?",
            [*ends, *((each.name, each.doc) for each in KINDS["webhook"].outcomes)],
        )
        self.told.webhooks.setdefault(name, outcome)
        return fetched(outcome)

    def _arranged(self, kind: str, queue: str) -> str:
        given = self.situation.callbacks if kind == "callback" else self.situation.messages
        if queue in given:
            return given[queue]
        what = "a call-back" if kind == "callback" else "a message"
        outcome = self._asked(f"{what} for {queue} is offered: what does he do?", ARRANGED[kind])
        (self.told.callbacks if kind == "callback" else self.told.messages).setdefault(queue, outcome)
        return outcome

    @contextmanager
    def _so(self, **changed: Any) -> Iterator[None]:
        """Let the situation be as told for a moment."""
        before = self.situation
        self.situation = replace(before, **changed)
        try:
            yield
        finally:
            self.situation = before


def fetched(text: str) -> c.Fetched:
    """Return what a webhook said, from `timeout`, `failed`, `other` or the result it answers."""
    if text in ("timeout", "failed"):
        return c.Fetched(text)
    return c.Fetched("answered", "" if text == "other" else text)


def lettered(ends: Sequence[tuple[str, str]]) -> tuple[Choice, ...]:
    """Give each outcome a key: a letter of its name, or else a digit; never one that is a command.

    ends  outcome and what it means.
    """
    taken = set(KEPT_FOR_COMMANDS)
    choices = []
    for outcome, doc in ends:
        key = next((letter for letter in f"{outcome}123456789abcdegijklmnopqrsuvxyz"
                    if letter.isalnum() and letter not in taken), "0")  # fmt: skip
        taken.add(key)
        choices.append(Choice(key, outcome, doc))
    return tuple(choices)


def _overflows(queue: QueueConfig, outcome: str) -> str:
    action = queue.overflow
    return f" -> {action}" if outcome in OVERFLOWING and action.kind != "leave" else ""
