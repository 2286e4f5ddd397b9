"""The campaign's rules on a clock and phones of the test's own: hours, limits, attempts, messages, who takes over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ivr import restoration, restoration_task
from ivr.agi.channel import Channel
from ivr.announce.model import APPROVED, ENDED, LIVE, OPS, RESTORED, Target, Version
from ivr.announce.publish import Publisher
from ivr.db import Database
from ivr.desk.opt_ins import DONE, DUE, OptIn, OptIns
from ivr.flow.commands import Fetched
from ivr.restoration import HELD_S, Restoration
from tests.support.desk import NOW, FakeMaker, desk_settings, opened
from tests.support.dialler import FakeDialler

AREA = "pl/mazowieckie/warszawa/wola/node-17"


class Clock:
    """The time of day and the monotonic clock, moved together."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - NOW).total_seconds()

    def move(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Sms:
    """A server that sends text messages. results  of each question in turn, then nothing."""

    def __init__(self, *results: str) -> None:
        self.results, self.asked = list(results), []  # type: ignore[var-annotated]

    async def ask(self, name: str, url: str, told: dict[str, str], timeout_s: float) -> Fetched:
        self.asked.append((name, told["number"], told["language"], told["text"]))
        return Fetched("answered", self.results.pop(0)) if self.results else Fetched("timeout")


class Answers:
    """Stands in for the talk: what each number says, and it says it at once."""

    said: dict[str, str] = {}  # noqa: RUF012

    def __init__(self, channel: Channel, parts: Any, row: OptIn, on_answer: Callable[[str], Any]) -> None:
        self.row, self.on_answer = row, on_answer

    async def run(self) -> str:
        answer = self.said.get(self.row.number, "works")
        await self.on_answer(answer)
        return answer


class Channels:
    """A FastAGI connection of somebody who answered."""

    def __init__(self, opt_in_id: str) -> None:
        self.headers = {"agi_uniqueid": opt_in_id}
        self.variables: dict[str, str] = {}

    async def set_variable(self, name: str, value: str) -> None:
        self.variables[name] = value


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    settings = desk_settings(tmp_path, callback_pause_s=300, restored_per_minute=4, restored_at_once=2)
    async with opened(settings) as found:
        yield found


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr(restoration, "time", moved)
    monkeypatch.setattr(restoration_task, "RestorationCall", Answers)
    monkeypatch.setattr(Answers, "said", {})
    return moved


class Campaign:
    """One controller's campaign with everything around it faked but the database."""

    def __init__(
        self, database: Database, clock: Clock, holder: str = "one", dialler: FakeDialler | None = None
    ) -> None:
        from types import SimpleNamespace

        self.dialler, self.sms, self.clock = dialler or FakeDialler(), Sms(), clock
        self.webhooks: dict[str, str] = {}
        parts: Any = SimpleNamespace(
            settings=database.settings, watch=self.dialler, ami=self.dialler, webhooks=self.sms,
            dialplans=SimpleNamespace(webhooks=self.webhooks, numbers={}),
            prompts=SimpleNamespace(text=lambda prompt, language: f"{prompt.key} {language}"),
        )  # fmt: skip
        self.publisher = Publisher(database, database.settings, maker=FakeMaker())
        self.desk = Restoration(parts, database, self.dialler, holder, self.publisher, clock)
        self.store = self.desk.store

    async def look(self, times: int = 1) -> None:
        """Look round, and let what came of it happen."""
        for _ in range(times):
            await self.desk.look_round()
            await self.settled()

    async def settled(self) -> None:
        """Wait until every task of ours waits for a phone."""
        while any(not each.placed.expecting for each in self.desk.tasks.values()):
            await asyncio.sleep(0.001)

    async def pick_up(self) -> list[str]:
        """Let everybody whose phone rings answer and say what he says; return their numbers."""
        ringing = [(key, task.row.number) for key, task in self.desk.tasks.items() if task.placed.expecting]
        for opt_in_id, _ in ringing:
            channel: Any = Channels(opt_in_id)
            running = self.desk._running[opt_in_id]
            await self.desk.handle(channel)
            await asyncio.wait([running])
            self.dialler.hang_up(opt_in_id)
        return sorted(number for _, number in ringing)

    @property
    def called(self) -> list[str]:
        return [number for _, number, _, _ in self.dialler.placed]


@pytest.fixture
async def campaign(database: Database, clock: Clock) -> AsyncIterator[Campaign]:
    made = Campaign(database, clock)
    yield made
    await made.desk.close()


async def due(store: OptIns, *numbers: int, announcement: str = "a1", area: str = AREA) -> list[str]:
    whole = [f"+48601000{n:03}" for n in numbers]
    for each in whole:
        await store.add(announcement, each, account="", area=area, language="ru", dnis="100", call_id="1", now=NOW)
    await store.release(announcement, NOW)
    return whole


async def states(store: OptIns, announcement: str = "a1") -> dict[str, str]:
    return {each.number: each.outcome if each.state == DONE else each.state for each in await store.of(announcement)}


async def test_called_at_once_and_over_when_he_answered(campaign: Campaign) -> None:
    """The number he had called is shown, the context is that of restorations."""
    (number,) = await due(campaign.store, 1)
    await campaign.look()
    (row,) = await campaign.store.of("a1")
    answered = await campaign.pick_up()

    assert campaign.dialler.placed == [(row.opt_in_id, number, "100", "restored")]
    assert answered == [number]
    assert await states(campaign.store) == {number: "works"}
    await campaign.look()
    assert len(campaign.dialler.placed) == 1


@pytest.mark.parametrize(("local", "called"), [("07:59", 0), ("08:00", 1), ("19:59", 1), ("20:00", 0), ("03:00", 0)])
async def test_quiet_hours(campaign: Campaign, local: str, called: int) -> None:
    """On the hotline's own clock; 8 to 20 o'clock unless set. Who waits for the morning is called then."""
    await due(campaign.store, 1)
    hour, minute = map(int, local.split(":"))
    today = NOW.replace(hour=hour, minute=minute) - timedelta(hours=1)  # Warsaw in winter
    campaign.clock.at = today if today >= NOW else today + timedelta(days=1)
    await campaign.look()

    assert len(campaign.called) == called


async def test_limits(campaign: Campaign) -> None:
    """Two at once, four a minute: the trunks are for callers. All are called in the end, each once."""
    numbers = await due(campaign.store, *range(10))
    per_minute = []
    for _ in range(4):
        before = len(campaign.called)
        for _ in range(6):
            await campaign.look()
            await campaign.pick_up()
        per_minute.append(len(campaign.called) - before)
        campaign.clock.move(61)

    assert campaign.dialler.most_up == 2
    assert per_minute == [4, 4, 2, 0]
    assert sorted(campaign.called) == numbers


async def test_three_attempts_with_a_pause(campaign: Campaign) -> None:
    """Busy: not before the pause is over; the third time was the last."""
    (number,) = await due(campaign.store, 1)
    campaign.dialler.ways[number] = "busy"
    tries = []
    for _ in range(4):
        await campaign.look()
        while campaign.desk.tasks:
            await asyncio.sleep(0.001)
        tries.append(len(campaign.called))
        campaign.clock.move(299)
        await campaign.look()
        tries.append(len(campaign.called))
        campaign.clock.move(2)

    assert tries == [1, 1, 2, 2, 3, 3, 3, 3]
    assert await states(campaign.store) == {number: "busy"}


async def test_not_answered_and_unreachable(campaign: Campaign) -> None:
    """Both are tried again, and are said apart."""
    silent, wrong = await due(campaign.store, 1, 2)
    campaign.dialler.ways = {silent: "not_answered", wrong: "unknown"}
    await campaign.look()
    while campaign.desk.tasks:
        await asyncio.sleep(0.001)
    rows = {each.number: (each.state, each.outcome) for each in await campaign.store.of("a1")}

    assert rows == {silent: (DUE, "no_answer"), wrong: (DUE, "unreachable")}


async def test_a_number_is_looked_at_again_before_it_is_called(database: Database, clock: Clock) -> None:
    """The setting was narrowed meanwhile: no phone rings, and there is no second try."""
    (number,) = await due(OptIns(database), 1)
    database.settings = database.settings.model_copy(update={"callback_prefixes": "22"})
    campaign = Campaign(database, clock)
    await campaign.look()
    while campaign.desk.tasks:
        await asyncio.sleep(0.001)

    assert campaign.called == []
    assert await states(campaign.store) == {number: "refused"}


async def test_a_text_message_first(campaign: Campaign) -> None:
    """Where a server says it sent one nobody is called; where it fails or refuses, the phone rings."""
    campaign.webhooks["sms_restored"] = "http://sms.example/send"
    campaign.sms.results = ["sent"]
    first, second = await due(campaign.store, 1, 2)
    await campaign.look()
    while len(campaign.desk.tasks) > 1:
        await asyncio.sleep(0.001)

    sent, called = campaign.sms.asked[0][1], campaign.called
    assert sorted([sent, *called]) == [first, second]
    assert (await states(campaign.store))[sent] == "sms"
    assert campaign.sms.asked[0][0::2] == ("sms_restored", "ru")
    assert campaign.sms.asked[0][3] == "restored_sms ru"


async def test_nobody_is_claimed_while_the_dialler_is_away(campaign: Campaign) -> None:
    """No attempt is counted for a fault of ours that is known."""
    await due(campaign.store, 1)
    campaign.dialler.connected = False
    await campaign.look()
    (row,) = await campaign.store.of("a1")

    assert (row.state, row.attempts) == (DUE, 0)


async def test_a_dead_controllers_call_is_taken_on_and_he_is_not_called_again(
    database: Database, clock: Clock
) -> None:
    """He is on the phone: the next controller waits for him and leads him."""
    one = Campaign(database, clock)
    two = Campaign(database, clock, "two", one.dialler)
    (number,) = await due(one.store, 1)
    await one.look()
    kill(one)
    await two.look()
    early = list(two.desk.tasks)
    clock.move(HELD_S)
    await two.look()
    answered = await two.pick_up()

    assert early == []
    assert answered == [number]
    assert one.called == [number]
    assert await states(two.store) == {number: "works"}
    await two.desk.close()


async def test_what_he_said_to_a_dead_controller_counts(database: Database, clock: Clock) -> None:
    """He has hung up since: nobody calls him again to ask the same."""
    one = Campaign(database, clock)
    two = Campaign(database, clock, "two", one.dialler)
    (number,) = await due(one.store, 1)
    await one.look()
    (row,) = await one.store.dialling()
    await one.store.answered(row.opt_in_id, "still_out")
    kill(one)
    one.dialler.hang_up(row.opt_in_id)
    await two.look()
    clock.move(HELD_S)
    await two.desk.look_round()
    while two.desk.tasks:
        await asyncio.sleep(0.001)

    assert await states(two.store) == {number: "still_out"}
    assert one.called == [number]
    await two.desk.close()


async def test_a_call_that_died_with_its_controller_is_placed_again(database: Database, clock: Clock) -> None:
    """He had not said anything: an attempt more, after the pause."""
    one = Campaign(database, clock)
    two = Campaign(database, clock, "two", one.dialler)
    (number,) = await due(one.store, 1)
    await one.look()
    kill(one)
    one.dialler.up.clear()
    for seconds in (0, HELD_S, 301):
        clock.move(seconds)
        await two.desk.look_round()
        while any(not task.placed.expecting for task in two.desk.tasks.values()):
            await asyncio.sleep(0.001)
    await two.pick_up()

    assert one.called == [number, number]
    assert await states(two.store) == {number: "works"}
    await two.desk.close()


async def test_one_who_was_stopped_and_goes_on_lets_go(database: Database, clock: Clock) -> None:
    """Another has taken his call on: what he makes of it is not written down."""
    one = Campaign(database, clock)
    two = Campaign(database, clock, "two", one.dialler)
    await due(one.store, 1)
    await one.look()
    await two.look()
    clock.move(HELD_S)
    await two.look()
    await one.desk.look_round()
    await asyncio.sleep(0)
    (row,) = await one.store.dialling()

    assert row.holder == "two"
    assert one.desk.tasks == {}
    await two.desk.close()


async def test_one_who_stops_lets_others_go_on_at_once(database: Database, clock: Clock) -> None:
    """A controller that drains holds nothing any more."""
    one = Campaign(database, clock)
    two = Campaign(database, clock, "two", one.dialler)
    (number,) = await due(one.store, 1)
    await one.look()
    await one.desk.close()
    await two.look()

    assert [task.row.number for task in two.desk.tasks.values()] == [number]
    await two.desk.close()


async def test_somebody_nobody_holds_is_asked_for_again_and_one_who_is_done_may_go(campaign: Campaign) -> None:
    """What [restored] of the dialplan hears."""
    await due(campaign.store, 1)
    await campaign.look()
    (row,) = await campaign.store.dialling()
    await campaign.pick_up()
    done: Any = Channels(row.opt_in_id)
    unknown: Any = Channels("oi-nobody")
    await campaign.desk.handle(done)
    await campaign.desk.handle(unknown)

    assert (done.variables, unknown.variables) == ({"HOTLINE_DONE": "over"}, {"HOTLINE_DONE": "unknown"})


# -- still out


async def announced(campaign: Campaign, *, area: str = AREA, announcement: str = "a1") -> Version:
    """Keep an announcement that was live and is restored."""
    texts = {"pl": "Awaria.", "ru": "Авария."}
    live = Version(
        announcement, 1, LIVE, "ops", NOW, Target(areas=(area,)), "internet", texts, None, NOW + timedelta(hours=3)
    )
    await campaign.publisher.store.add(live)
    await campaign.publisher.store.add(replace(live, version=2, state=RESTORED, texts={"pl": "Naprawione."}))
    return live


async def say(campaign: Campaign, *, no: int, yes: int, first: int = 0, announcement: str = "a1") -> None:
    """Let so many customers be called and answer."""
    numbers = await due(campaign.store, *range(first, first + no + yes), announcement=announcement)
    for each in numbers[:no]:
        Answers.said[each] = "still_out"
    while "due" in (await states(campaign.store, announcement)).values():
        await campaign.look()
        await campaign.pick_up()
        campaign.clock.move(61)
    await campaign.look()


async def drafts(campaign: Campaign) -> list[Version]:
    return [each for each in await campaign.publisher.store.newest() if each.source != OPS]


async def test_still_out_in_one_area_is_drafted(campaign: Campaign) -> None:
    """With the words of the fault, not of its end; who said no is told about that one as well."""
    restored = await announced(campaign)
    await say(campaign, no=0, yes=4)
    await say(campaign, no=3, yes=0, first=10)
    (draft,) = await drafts(campaign)
    again = await campaign.store.of(draft.announcement_id)

    assert (draft.state, draft.source, draft.author) == ("draft", "reopened", "restoration")
    assert (draft.target, draft.service, draft.texts) == (restored.target, "internet", restored.texts)
    assert draft.note == f"3 of 7 say it is still out in {AREA}, after a1"
    assert [each.state for each in again] == ["waiting"] * 3
    assert sorted(each.number for each in again) == [f"+486010000{n}" for n in (10, 11, 12)]


async def test_more_answers_change_the_same_draft(campaign: Campaign) -> None:
    """One draft, its note new; none beside one that ops has approved or published."""
    await announced(campaign)
    await say(campaign, no=3, yes=0)
    await say(campaign, no=0, yes=2, first=10)
    await say(campaign, no=2, yes=0, first=15)
    (draft,) = await drafts(campaign)
    await campaign.publisher.store.add(replace(draft, version=draft.version + 1, state=APPROVED))
    await say(campaign, no=1, yes=0, first=20)

    assert draft.note.startswith("5 of 7 say")
    assert [each.state for each in await drafts(campaign)] == [APPROVED]
    assert len(await campaign.store.of(draft.announcement_id)) == 6


async def test_out_again_a_second_time(campaign: Campaign) -> None:
    """What was re-opened, repaired and is still out is drafted once more."""
    await announced(campaign)
    await say(campaign, no=3, yes=0)
    (first,) = await drafts(campaign)
    live = replace(first, version=first.version + 1, state=LIVE)
    for version in (live, replace(live, version=live.version + 1, state=RESTORED)):
        await campaign.publisher.store.add(version)
    await say(campaign, no=3, yes=0, announcement=first.announcement_id)
    second = [each for each in await drafts(campaign) if each.announcement_id != first.announcement_id]

    assert [each.state for each in second] == ["draft"]
    assert second[0].note.endswith(f"after {first.announcement_id}")


async def test_one_household_is_no_fault(campaign: Campaign) -> None:
    """Nor are two of eleven."""
    await announced(campaign)
    await say(campaign, no=0, yes=9)
    await say(campaign, no=2, yes=0, first=20)

    assert await drafts(campaign) == []


async def test_answers_heard_by_a_controller_that_died_are_looked_at(database: Database, clock: Clock) -> None:
    """At its start the next one looks at the answers of the last hour."""
    one = Campaign(database, clock)
    await announced(one)
    await say(one, no=2, yes=0)
    await due(one.store, 7)
    held = await one.store.claim("one", clock(), per_minute=9, at_once=9)
    assert held
    await one.store.settle(held, "one", "still_out", clock())
    two = Campaign(database, clock, "two")
    running = asyncio.create_task(two.desk.run())
    while not await drafts(two):
        await asyncio.sleep(0.01)
    running.cancel()

    assert (await drafts(two))[0].note.startswith("3 of 3")
    assert ENDED not in {each.state for each in await drafts(two)}


def kill(campaign: Campaign) -> None:
    """End a controller without its having a say in it."""
    for running in campaign.desk._running.values():
        running.cancel()
