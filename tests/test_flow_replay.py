"""Calls that have been, led through drafts: the same flow gives the same end, a changed one what it changes."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ivr.call import TraceEntry
from ivr.flow import commands as c
from ivr.flow.declare import KEYS
from ivr.flow.load import Dialplans, build, load, prompt_keys
from ivr.flow.replay import DIFFERENT, SAME, UNDECIDED, End, Past, Replayed, differences, replay
from ivr.flow.run import run
from ivr.flow.steps import KINDS
from ivr.flow.world import Situation, Who, World
from ivr.record import trace as t
from ivr.record.model import CallRecord
from ivr.record.past import past_of
from ivr.sound import Clip, Phrase, Prompt

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SHIPPED = Path("dialplans")
OUTAGE = c.Announcement("a1b2c3", 2, (Clip("", "announcement:a1b2c3 v2"),), True, True, "area pl/x")


class Caller:
    """Leads a random caller through a flow and writes the trace a session would write."""

    def __init__(self, dialplans: Dialplans, chance: random.Random, *, outage: bool = False) -> None:
        self.dialplans, self.chance, self.outage = dialplans, chance, outage
        self.trace: list[TraceEntry] = []
        self.step, self.flow, self.queue, self.language = "", "", "", "pl"
        self.world = World(dialplans, Situation(AT, customer=Who("pl/x")), "pl", lambda what, text: None)

    def note(self, event: str, **detail: Any) -> None:
        self.trace.append(TraceEntry(len(self.trace) * 100, self.step, event, detail))

    def call(self, dialled: str) -> Past:
        """Return the call as it is read back from its record."""
        number = self.dialplans.numbers[dialled]
        generator = run(self.dialplans.flows[number.flow], self.dialplans.flows)
        event: c.Event | None = None
        disposition = "hung_up"
        for _ in range(self.chance.choice((3, 15, 400))):  # the caller hangs up after so many commands
            command = generator.send(event) if event is not None else next(generator)
            if isinstance(command, c.HangUp):
                disposition = command.disposition
                break
            event = self.answer(command)
            if event is None:
                disposition = "abandoned"
                break
        self.note(t.ENDED, disposition=disposition)
        record = CallRecord(
            "1.1", "+48221234567", dialled, "main", number.flow, self.dialplans.version, self.language, AT,
            queue=self.queue, disposition=disposition,
        )  # fmt: skip
        return past_of(record, self.trace, Who("pl/x"))

    def answer(self, command: c.Command) -> c.Event | None:
        """Do what a session does for `command`; None when the caller hangs up meanwhile."""
        match command:
            case c.Enter():
                self.step, self.flow = command.step, command.flow
                self.note(t.ENTERED, flow=command.flow, kind=command.kind)
                return c.Done()
            case c.Leave():
                self.note(t.LEFT, flow=command.flow, outcome=command.outcome)
                return c.Done()
            case c.Play():
                return self.play(command)
            case c.Ask():
                return self.ask(command)
            case c.FindAnnouncements() if self.outage:
                self.note(t.MATCHED, announcement="a1b2c3", version=2, certain=True, may_end=True, why="area pl/x")
                return c.Found((OUTAGE,))
            case c.Queue():
                return self.wait(command)
            case c.Transfer():
                self.note(t.TRANSFERRED, target=command.target, outcome="busy")
                return c.Transferred("busy")
        return self.world.perform(command)

    def play(self, command: c.Play) -> c.Event:
        for phrase in command.phrases:
            if command.keys and self.chance.random() < 0.2:
                key = self.chance.choice(command.keys)
                self.note(t.INTERRUPTED, prompt=self.name(phrase))
                self.note(t.PRESSED, key=key)
                return c.Heard(key)
            self.note(t.PLAYED, prompt=self.name(phrase))
        return c.Heard()

    def ask(self, command: c.Ask) -> c.Event:
        key = self.chance.choice((*KEYS, "", "1", "0"))
        stops = key and self.chance.random() < 0.5
        for phrase in command.phrases:
            self.note(t.INTERRUPTED if stops else t.PLAYED, prompt=self.name(phrase))
            if stops:
                break
        self.note(t.PRESSED, key=key) if key else self.note(t.SILENT)
        return c.Digits(key)

    def wait(self, command: c.Queue) -> c.Event | None:
        self.queue = command.queue
        self.note(t.QUEUED, queue=command.queue, position=1)
        outcomes = ("abandoned", "answered", "nobody", "timeout")
        outcome = self.chance.choice(outcomes)
        if outcome == "nobody":  # he was never in line
            self.trace.pop()
            self.note(t.OVERFLOW, queue=command.queue, why=outcome)
        return c.Queued(outcome) if outcome != "abandoned" else None

    def name(self, phrase: Phrase) -> str:
        return phrase.name if isinstance(phrase, Clip) else f"pl/{phrase.key}" if isinstance(phrase, Prompt) else "pl/x"


@pytest.fixture(scope="module")
def shipped() -> Dialplans:
    return load(SHIPPED, prompt_keys(Path("prompts")))


def changed(edit: dict[str, tuple[str, str]]) -> Dialplans:
    """Return the shipped dialplans with texts replaced, by file."""
    contents = {file: file.read_bytes() for file in [*SHIPPED.glob("*.toml"), *SHIPPED.glob("flows/*.toml")]}
    for name, (old, new) in edit.items():
        text = contents[SHIPPED / name].decode()
        assert old in text, f"{old!r} is not in {name}"
        contents[SHIPPED / name] = text.replace(old, new, 1).encode()
    built, findings = build(contents, SHIPPED, prompt_keys(Path("prompts")))
    assert built, "\n".join(map(str, findings))
    return built


def calls(dialplans: Dialplans, count: int, *, outage: bool = False) -> list[Past]:
    return [
        Caller(dialplans, random.Random(seed), outage=outage).call(("100", "101", "104")[seed % 3])
        for seed in range(count)
    ]


@pytest.mark.parametrize("outage", [False, True])
def test_through_the_same_flows_every_call_ends_the_same(shipped: Dialplans, outage: bool) -> None:
    """What a session wrote down is enough to lead the caller the same way to the same end."""
    found = [replay(past, shipped) for past in calls(shipped, 300, outage=outage)]
    wrong = [each for each in found if each.verdict != SAME]

    assert [] == [(each.verdict, str(each.past.end), str(each.after), each.why, each.way) for each in wrong]
    assert len({str(each.after) for each in found}) > 5, "the callers did not end in enough ways"


def menu_call(shipped: Dialplans, key: str) -> Past:
    """Return a call that pressed `key` in the main menu and went on from there."""
    for seed in range(2000):
        past = Caller(shipped, random.Random(seed)).call("100")
        menus = [visit for visit in past.visits if visit.step == "menu"]
        if past.end.disposition == "agent" and [key] == [visit.outcome for visit in menus]:
            return past
    raise AssertionError(f"nobody pressed {key}")


def test_a_key_that_leads_elsewhere_is_a_difference(shipped: Dialplans) -> None:
    """A draft in which key 1 ends the call says so."""
    draft = changed({"flows/main.toml": ('1 = "fault"', '1 = "sorry"\n5 = "fault"')})
    past = menu_call(shipped, "1")
    found = replay(past, draft)

    assert (DIFFERENT, "no_agent") == (found.verdict, str(found.after))
    assert "sorry" == found.way[-1]


def test_a_new_question_cannot_be_answered_for_him(shipped: Dialplans) -> None:
    """Nobody knows what he would have pressed in a menu that was not there."""
    draft = changed({"flows/main.toml": ('[steps.welcome]\nkind = "say"\nprompt = "welcome"\nnext = "known_outage"',
                                         '[steps.welcome]\nkind = "menu"\nprompt = "language_menu"\non.1 = "polish"\n'
                                         'on.too_many = "known_outage"')})  # fmt: skip
    found = replay(menu_call(shipped, "1"), draft)

    assert (UNDECIDED, "main.welcome asks what he was not asked then") == (found.verdict, found.why)


def test_a_queue_he_never_waited_in_is_not_guessed(shipped: Dialplans) -> None:
    draft = changed({"flows/main.toml": ('kind = "queue"\nqueue = "support"', 'kind = "queue"\nqueue = "sales"')})
    draft_of = [replay(past, draft) for past in calls(shipped, 60) if past.end.disposition == "agent"]

    assert draft_of
    assert {SAME, UNDECIDED} == {each.verdict for each in draft_of}
    assert {"main.support: he did not wait in sales then"} == {each.why for each in draft_of} - {""}


def test_a_number_the_draft_lost_is_a_difference(shipped: Dialplans) -> None:
    draft = changed({"numbers.toml": ("[numbers.104]", "[numbers.105]")})
    past = Caller(shipped, random.Random(1)).call("104")

    assert (DIFFERENT, End("unknown number")) == (replay(past, draft).verdict, replay(past, draft).after)


def test_differences_come_most_frequent_first(shipped: Dialplans) -> None:
    past = menu_call(shipped, "1")
    one, two = End("agent", "support"), End("announced")
    found = [Replayed(past, DIFFERENT, one), Replayed(past, DIFFERENT, two), Replayed(past, DIFFERENT, two)]

    assert [(past.end, two, ["1.1", "1.1"]), (past.end, one, ["1.1"])] == differences(found)


def test_every_kind_of_step_can_be_replayed() -> None:
    """A kind added later makes this fail until a replay knows what its answers were."""
    known = {
        "say", "menu", "collect", "language", "announce", "hours", "queue", "transfer", "goto", "hangup", "branch",
        "set", "identify", "status", "callback", "message", "survey", "webhook", "invoke", "return", "pass",
    }  # fmt: skip

    assert known == set(KINDS)
