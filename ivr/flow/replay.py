"""Lead a call that has been through a draft of the flows: would it end differently?

What the caller did at a step, he does at the step of that name again: the same keys and silences, and he hangs up
where he did. Queues, transfers and servers answer as they did. Where a draft asks him something he was never asked, or
needs an answer nobody gave that day, the replay says so and does not guess. Pure; called by `ivr dialplan replay`.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ivr.flow import commands as c
from ivr.flow.model import Dialplans
from ivr.flow.run import run
from ivr.flow.steps import KINDS
from ivr.flow.world import Known, Situation, Who, World
from ivr.sound import Clip, Phrase, Prompt

IN_QUEUE = ("agent", "abandoned", "callback", "message")
SAME, DIFFERENT, UNDECIDED = "same", "different", "undecided"


@dataclass(frozen=True)
class Act:
    """What the caller did when he could press a key. keys  '' for nothing.  during  the prompt it stopped, '' for none.

    Of an entry of several digits only their number is known: `keys` are as many zeros.
    """

    keys: str
    during: str = ""


@dataclass(frozen=True)
class Visit:
    """One time the call was at a step. outcome  '' when the call ended there."""

    flow: str
    step: str
    kind: str
    acts: tuple[Act, ...] = ()
    outcome: str = ""


@dataclass(frozen=True)
class End:
    """How a call ended. queue  where it waited last, '' for nowhere."""

    disposition: str
    queue: str = ""

    def __str__(self) -> str:
        return f"{self.disposition} in {self.queue}" if self.queue else self.disposition


@dataclass(frozen=True)
class Past:
    """A call that has been. waits, transfers  how each ended, by name, in order.  left  he hung up himself."""

    call_id: str
    dialled: str
    at: datetime
    language: str
    visits: tuple[Visit, ...]
    end: End
    left: bool
    known: tuple[c.Announcement, ...] = ()
    waits: Mapping[str, tuple[c.Queued, ...]] = field(default_factory=dict)
    transfers: Mapping[str, str] = field(default_factory=dict)
    who: Who | None = None
    caller: str = ""


@dataclass(frozen=True)
class Replayed:
    """What a draft makes of a call. verdict  same, different or undecided.  why  for undecided.  way  steps entered."""

    past: Past
    verdict: str
    after: End
    why: str = ""
    way: tuple[str, ...] = ()


class Undecided(Exception):
    """The draft asks for something that nobody can know."""


class Left(Exception):
    """The caller hangs up here."""


def end_of(disposition: str, queue: str) -> End:
    """Return an end; the queue counts where the call ended in it or by it."""
    return End(disposition, queue if disposition in IN_QUEUE else "")


def replay(past: Past, draft: Dialplans) -> Replayed:
    """Return how `past` would have ended in `draft`."""
    number = draft.numbers.get(past.dialled)
    if number is None:
        return Replayed(past, DIFFERENT, End("unknown number"), "", ())
    driver = _Driver(past, draft)
    try:
        after = driver.lead(number.flow)
    except Undecided as undecided:
        return Replayed(past, UNDECIDED, End("?"), str(undecided), tuple(driver.way))
    verdict = SAME if after == past.end else DIFFERENT
    return Replayed(past, verdict, after, "", tuple(driver.way))


def differences(found: Sequence[Replayed]) -> list[tuple[End, End, list[str]]]:
    """Return which ends become which, most frequent first, with the ids of the calls."""
    ids: dict[tuple[End, End], list[str]] = defaultdict(list)
    for each in found:
        if each.verdict == DIFFERENT:
            ids[each.past.end, each.after].append(each.past.call_id)
    return [(*ends, calls) for ends, calls in sorted(ids.items(), key=lambda item: -len(item[1]))]


def undecided(found: Sequence[Replayed]) -> list[tuple[str, int]]:
    """Return why calls are undecided, most frequent first."""
    return Counter(each.why for each in found if each.verdict == UNDECIDED).most_common()


class _Driver:
    def __init__(self, past: Past, draft: Dialplans) -> None:
        self.past, self.draft = past, draft
        known = [Known(announcement) for announcement in past.known]
        situation = Situation(past.at, known, dialled=past.dialled, caller=past.caller, customer=past.who)
        self.world = World(draft, situation, past.language, lambda what, text: None)
        self.visits: dict[tuple[str, str], deque[Visit]] = defaultdict(deque)
        for visit in past.visits:
            self.visits[visit.flow, visit.step].append(visit)
        self.waits = {name: deque(ends) for name, ends in past.waits.items()}
        self.visit: Visit | None = None
        self.stays = True
        self.acts: deque[Act] = deque()
        self.queue = ""
        self.step = ""
        self.way: list[str] = []

    def lead(self, flow: str) -> End:
        generator = run(self.draft.flows[flow], self.draft.flows)
        event: c.Event | None = None
        try:
            while True:
                command = generator.send(event) if event is not None else next(generator)
                if self._is_over():
                    raise Left
                if isinstance(command, c.HangUp):
                    return end_of(command.disposition, self.queue)
                event = self._perform(command)
        except Left:
            return end_of(self.past.end.disposition, self.queue)

    def _perform(self, command: c.Command) -> c.Event:
        match command:
            case c.Enter():
                self._enter(command)
                return c.Done()
            case c.Leave():
                self.stays = False
                return c.Done()
            case c.Play():
                return c.Heard(self._play(command))
            case c.Ask():
                return c.Digits(self._ask(command))
            case c.Queue():
                return self._wait(command.queue)
            case c.Transfer():
                return c.Transferred(self._transfer(command.target))
            case c.FindCustomer() if command.by != "number":
                return c.Customers(self._outcome("finds a customer by keys") == "known")
            case c.Fetch():
                return self._fetch(command)
            case c.OfferCallback() | c.TakeMessage():
                return c.Arranged(self._outcome("arranges something"))
            case c.OptIn():
                booked = self._outcome("offers a call when it is over") == "opted_in"
                return c.Arranged("booked" if booked else "declined")
        return self.world.perform(command)

    def _enter(self, command: c.Enter) -> None:
        self.step = f"{command.flow}.{command.step}"
        self.way.append(command.step)
        ahead = self.visits[command.flow, command.step]
        self.visit = ahead.popleft() if ahead else None
        if self.visit and self.visit.kind != command.kind:
            self.visit = None  # another kind asks something else
        self.acts = deque(self.visit.acts if self.visit else ())
        self.stays = True

    def _is_last(self) -> bool:
        """Is this the last visit of a caller who hung up himself?"""
        return bool(self.past.left and self.visit and self.visit is self.past.visits[-1])

    def _gone(self) -> bool:
        """Did he hang up within this visit, with everything he did there done?"""
        return self._is_last() and not self.acts and not (self.visit and self.visit.outcome)

    def _is_over(self) -> bool:
        """Did he hang up after this visit, which is over now?"""
        return self._is_last() and not self.stays

    def _play(self, command: c.Play) -> str:
        if self._gone() and self.past.end.disposition != "abandoned":  # who abandoned got as far as the queue
            raise Left
        if self.acts and self.acts[0].during in {_name(phrase) for phrase in command.phrases} - {""}:
            key = self.acts.popleft().keys
            return key if key in command.keys else ""
        return ""

    def _ask(self, command: c.Ask) -> str:
        if self.visit is None:
            raise Undecided(f"{self.step} asks what he was not asked then")
        if self._gone():
            raise Left
        return self.acts.popleft().keys[: command.most] if self.acts else ""

    def _wait(self, name: str) -> c.Queued:
        self.queue = name
        ends = self.waits.get(name)
        if ends:
            return ends.popleft()
        if self._gone():
            raise Left
        raise Undecided(f"{self.step}: he did not wait in {name} then")

    def _transfer(self, target: str) -> str:
        if target not in self.past.transfers:
            raise Undecided(f"{self.step}: he was not connected to {target} then")
        return self.past.transfers[target]

    def _fetch(self, command: c.Fetch) -> c.Fetched:
        outcome = self._outcome(f"asks {command.webhook}")
        declared = outcome in KINDS["webhook"].outcome and outcome != "other"
        return c.Fetched(outcome) if declared else c.Fetched("answered", outcome)

    def _outcome(self, what: str) -> str:
        if self.visit is None or not self.visit.outcome:
            raise Undecided(f"{self.step} {what}, which it did not then")
        return self.visit.outcome


def _name(phrase: Phrase) -> str:
    if isinstance(phrase, Clip):
        return phrase.name
    return phrase.key if isinstance(phrase, Prompt) else ""
