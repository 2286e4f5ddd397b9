"""What a call knows of the announcements it meets: how often before, how much of each, what came then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ivr.announce.live import Live
from ivr.announce.model import Target
from ivr.announce.news import News
from ivr.announce.publish import Draft, Publisher
from ivr.call import Call, Customer
from ivr.db import Database
from ivr.errors import CallerHungUp
from ivr.flow.commands import Announcement
from ivr.listening import Listening, Meter
from ivr.record.hearing import Hearing, Hearings
from ivr.record.store import Records
from ivr.sound import Clip, Prompt, PromptSet, Rendered
from tests.support.desk import FakeMaker, desk_settings, opened, take_away
from tests.support.known_call import KnownCall

WOLA = "pl/mazowieckie/warszawa/wola"
JAN = Customer("+48601999888", "1001", "Jan", f"{WOLA}/node-17", "pl")
OUTAGE = Announcement("a", 1, (Clip("/a", "announcement:a v1"),), True, True, "why", service="internet", nth=2)
AGAIN = replace(OUTAGE, nth=3, lately=2, known_version=1, brief=(Prompt("heard_outage"),))
BRIEF = {("pl", "heard_outage", None): Rendered("/heard", 2.0, "", "")}


class ListeningCall(KnownCall):
    """A call that plays. plays  ms each file really lasts; a negative one: he hangs up then."""

    def __init__(self, live: Live, database: Database) -> None:
        super().__init__(database.settings, live=live, customer=JAN)
        self.records = self.parts.records = Records(database)
        self.log = self.records.begin(Call("1.1", "48601999888", "100", ""), datetime.now(UTC))  # type: ignore[assignment]
        self.prompts = PromptSet("1", BRIEF, clip_seconds=lambda _: 10.0)
        self.plays: list[int] = []
        self.key = ""
        self.listening = Listening(self)  # type: ignore[arg-type]

    async def play(self, phrases: tuple[Any, ...], keys: str, meter: Meter) -> str:
        ms = self.plays.pop(0)
        meter.played(abs(ms), 10.0)
        if ms < 0:
            raise CallerHungUp("gone")
        return self.key if ms < 10_000 else ""

    @property
    def heard(self) -> list[Hearing]:
        return self.log.hearings  # type: ignore[attr-defined,no-any-return]

    def traced(self, event: str) -> list[dict[str, Any]]:
        return [entry.detail for entry in self.log.entries if entry.event == event]  # type: ignore[attr-defined]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(desk_settings(tmp_path)) as database:
        yield database


@pytest.fixture
async def call(database: Database) -> ListeningCall:
    live = Live(database, None, database.settings)
    await live.refresh()
    return ListeningCall(live, database)


async def published(call: ListeningCall, **values: Any) -> str:
    """Bring an announcement for Wola to the calls; return its id."""
    now = datetime.now(UTC)
    draft = Draft(Target(areas=(WOLA,)), {"pl": "Uwaga."}, "internet", until=now + timedelta(hours=3))
    live = call.parts.live
    outcome = await Publisher(live.database, live.settings, maker=FakeMaker()).post(
        replace(draft, **values), "ops", now, confirmed=True
    )
    await live.refresh()
    return outcome.version.announcement_id


async def earlier(call: ListeningCall, announcement_id: str, *ago: timedelta, version: int = 1) -> None:
    """Let him have heard all of it so long ago, on as many calls."""
    records = call.records
    for n, each in enumerate(ago):
        at = datetime.now(UTC) - each
        log = records.begin(Call(f"0.{n}", "48601999888", "100", ""), at)
        log.heard(
            Hearing(f"0.{n}", announcement_id, version, JAN.number, "", "", at, "menu", 100, 100, "", "ended", 1),
            brief=False,
        )
    await records._store(everything=True)


async def test_earlier_calls_are_remembered(call: ListeningCall) -> None:
    """How often, how lately, which version; only what he can be called about offers that."""
    name = await published(call)
    await earlier(call, name, timedelta(minutes=5), timedelta(hours=1), timedelta(hours=5))
    (found,) = await call.listening.match("")
    call.parts.callbacks = object()
    (with_a_way_out,) = await call.listening.match("")

    assert (4, 2, 1) == (found.nth, found.lately, found.known_version)
    assert (Prompt("heard_outage"), Prompt("eta_unknown")) == found.brief
    assert (False, True) == (found.opt_in, with_a_way_out.opt_in)


async def test_the_database_is_asked_once_for_each_announcement(
    call: ListeningCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many steps look; again when it turns out whose call it is."""
    asked = list[tuple[str, str]]()
    before = Hearings.before

    async def counted(self: Hearings, caller: str, account: str, *rest: Any, **but: Any) -> tuple[Hearing, ...]:
        asked.append((caller, account))
        return await before(self, caller, account, *rest, **but)

    monkeypatch.setattr(Hearings, "before", counted)
    await call.listening.match("")
    await published(call)
    for _ in range(3):
        await call.listening.match("")
    call.customer = replace(JAN, account="77")
    await call.listening.match("")

    assert [(JAN.number, "1001"), (JAN.number, "77")] == asked


async def test_a_dead_database_makes_it_a_first_call(call: ListeningCall) -> None:
    """At once."""
    name = await published(call)
    await earlier(call, name, timedelta(minutes=5))
    take_away(call.parts.settings)
    (found,) = await call.listening.match("")

    assert (1, 0, 0) == (found.nth, found.lately, found.known_version)


async def test_a_slow_database_makes_it_a_first_call(call: ListeningCall, monkeypatch: pytest.MonkeyPatch) -> None:
    """After 300 ms."""

    async def never(*_: Any, **__: Any) -> tuple[Hearing, ...]:
        await asyncio.Event().wait()
        return ()

    monkeypatch.setattr(Hearings, "before", never)
    await published(call)
    (found,) = await asyncio.wait_for(call.listening.match(""), 2)
    late = list(call.parts.questions._late)
    for each in late:
        each.cancel()
    await asyncio.wait(late)

    assert 1 == found.nth


# -- what is heard


async def test_how_much_was_heard_and_what_came_then(call: ListeningCall) -> None:
    """A key in the middle; then an agent: his place counts from the beginning of the announcement."""
    call.plays, call.key = [4_000], "0"
    assert "0" == await call.listening.play(OUTAGE, OUTAGE.phrases, "0123")
    call.listening.decided("agent")
    (row,) = call.heard
    first, second = call.listening.take_entered_ms(), call.listening.take_entered_ms()

    assert ("a", 1, 10_000, 4_000, "0", "agent", 2, "menu") == (
        row.announcement_id, row.version, row.length_ms, row.heard_ms, row.key, row.outcome, row.nth, row.where,
    )  # fmt: skip
    assert (JAN.number, "1001", JAN.area) == (row.caller, row.account, row.area)
    assert first is not None
    assert second is None
    assert ["internet"] == call.listening.services
    assert 0 == call.listening.raised


async def test_who_hangs_up_has_heard_that_much(call: ListeningCall) -> None:
    """The row is there although playing never ended."""
    call.plays = [-2_500]
    with pytest.raises(CallerHungUp):
        await call.listening.play(OUTAGE, OUTAGE.phrases, "")
    call.listening.decided("hung_up")

    assert [(2_500, "hung_up")] == [(row.heard_ms, row.outcome) for row in call.heard]


async def test_hearing_it_again_counts_once(call: ListeningCall) -> None:
    """The better of both times."""
    call.plays, call.key = [3_000, 10_000], "1"
    await call.listening.play(OUTAGE, OUTAGE.phrases, "1")
    await call.listening.play(OUTAGE, OUTAGE.phrases, "1")
    call.listening.decided("other")
    call.listening.decided("continue")

    assert [(10_000, "other")] == [(row.heard_ms, row.outcome) for row in call.heard]
    assert [] == call.listening.services  # it is not what he calls about


async def test_the_third_call_is_worth_more(call: ListeningCall) -> None:
    """Once, however often it is played; only what is new is said and measured."""
    call.plays = [2_000, 2_000]
    await call.listening.play(AGAIN, AGAIN.brief, "")
    await call.listening.play(AGAIN, AGAIN.brief, "")
    call.listening.decided("agent")

    assert 30 == call.listening.raised
    assert [{"points": 30}] == call.traced("raised")
    assert [(True, 100)] == [(each["brief"], each["percent"]) for each in call.traced("heard")]


async def test_who_is_called_when_it_is_over_has_opted_in_though_he_hangs_up(call: ListeningCall) -> None:
    """What was arranged holds."""
    call.plays = [10_000]
    await call.listening.play(OUTAGE, OUTAGE.phrases, "")
    call.listening.opted_in(["a"])
    call.listening.decided("hung_up")

    assert ["opted_in"] == [row.outcome for row in call.heard]
    assert call.listening.take_entered_ms() is None


# -- what is published meanwhile


async def test_only_what_is_new_and_concerns_him_is_news(call: ListeningCall) -> None:
    """Not what was live when he called, not what he has heard, not what he said is not his problem."""
    await published(call)
    call.listening = Listening(call)  # type: ignore[arg-type]
    before = await call.listening.news()
    await published(call, target=Target(areas=("pl/slaskie",)), service="phone")
    elsewhere = await call.listening.news()
    await published(call, service="tv")
    (found,) = await call.listening.news()
    call.plays = [10_000]
    await call.listening.play(found, found.phrases, "")
    after = await call.listening.news()

    assert ((), (), "tv", ()) == (before, elsewhere, found.service, after)


async def test_a_second_controller_knows_what_he_heard(call: ListeningCall) -> None:
    """From the channel; nobody hears it twice, and he is as urgent as before."""
    name = await published(call)
    call.plays = [10_000]
    await call.listening.play(replace(AGAIN, announcement_id=name), AGAIN.brief, "")
    await call.listening.remember()
    other = Listening(call)  # type: ignore[arg-type]
    other._known_then.clear()
    unknown = await other.news()
    await other.recall()

    assert 1 == len(unknown)
    assert () == await other.news()
    assert (30, True) == (other.raised, other.anything)


async def test_a_channel_that_holds_nonsense_is_no_harm(call: ListeningCall) -> None:
    """Somebody wrote into it."""
    call.channel.values["HOTLINE_HEARD"] = "raised=9999999&a=x&b=12&=&c"
    await call.listening.recall()

    assert (0, {("b", 12)}) == (call.listening.raised, call.listening._heard)


async def test_all_who_wait_are_woken_at_once() -> None:
    """And nobody who has gone."""
    news = News()
    with news.listen() as first, news.listen() as second:
        begun = first.is_set()
        first.clear()
        second.clear()
        news.tell()
        woken = first.is_set(), second.is_set()
    first.clear()
    news.tell()

    assert (True, (True, True), False) == (begun, woken, first.is_set())


def test_a_file_of_unknown_length_counts_as_long_as_it_played() -> None:
    """Nothing is divided by it."""
    meter = Meter()
    meter.played(700, 0.0)
    meter.played(1_200, 1.0)

    assert 1_700 == meter.heard_ms


