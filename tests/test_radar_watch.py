"""The radar at work: drafts once, keeps the draft's note fresh, leaves alone what callers or ops already know."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ivr.announce.live import Live
from ivr.announce.model import DRAFT, ENDED, RADAR, Target, Version
from ivr.announce.publish import Draft, Publisher
from ivr.call import LANGUAGES, Call, Customer
from ivr.db import Database
from ivr.desk.customers import Customers
from ivr.radar_watch import QUIET_S, WEEKS, RadarWatch
from ivr.record.store import Records
from tests.support.desk import NOW, FakeMaker, desk_settings, opened

WARSAW = "pl/mazowieckie/warszawa"
NODE = f"{WARSAW}/wola/node-17"


def number(n: int) -> str:
    return f"+4822{n:07d}"


CUSTOMERS = [Customer(number(n), f"A{n}", "Jan", f"{WARSAW}/{d}/node-{n % 20}")
             for d, start in (("wola", 0), ("ochota", 1000)) for n in range(start, start + 400)]  # fmt: skip


@dataclass
class Desk:
    """Two controllers' radars on one database, and the time."""

    database: Database
    publisher: Publisher
    live: Live
    records: Records
    watch: RadarWatch
    other: RadarWatch
    now: datetime = NOW
    calls: int = 0

    def clock(self) -> datetime:
        return self.now

    def call(self, customer: Customer, watch: RadarWatch | None = None) -> None:
        """A call begins; the radar of its controller takes note of it."""
        self.calls += 1
        log = self.records.begin(Call(f"c{self.calls}", customer.number[1:], "100", "PJSIP/t"), self.now)
        if watch:
            watch.noted(log.record)

    def storm(self, callers: int, watch: RadarWatch | None = None, node: int = 17) -> None:
        """Customers of one node call, a second apart."""
        concerned = [each for each in CUSTOMERS if each.area == f"{WARSAW}/wola/node-{node}"]
        for customer in concerned[:callers]:
            self.now += timedelta(seconds=1)
            self.call(customer, watch)

    async def drafts(self, *, ended: bool = False) -> tuple[Version, ...]:
        return await self.publisher.store.newest(ended=ended)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    settings = desk_settings(tmp_path, confirm_share=1.0)
    async with opened(settings) as database:
        await Customers(database, settings)._write(CUSTOMERS, None)
        publisher = Publisher(database, settings, maker=FakeMaker())
        live = Live(database, None, settings)
        await live.refresh()
        watches = [RadarWatch(live, publisher, None, name) for name in ("one", "two")]
        desk = Desk(database, publisher, live, Records(database), *watches)
        live.clock = watches[0].clock = watches[1].clock = desk.clock
        yield desk


async def test_a_storm_becomes_a_draft_and_does_not_go_live(desk: Desk) -> None:
    """One draft of the node, in every language, its note telling how many called since when."""
    desk.storm(14, desk.watch)
    await desk.watch.look()
    (draft,) = await desk.drafts()

    assert (DRAFT, RADAR, "radar", Target(areas=(NODE,))) == (draft.state, draft.source, draft.author, draft.target)
    assert set(LANGUAGES) == set(draft.texts)
    assert draft.note.startswith(f"14 calls from {NODE} in 3 min (usual 0.05), first 15:00")
    assert () == await desk.publisher.store.live(desk.now)


async def test_ordinary_calls_are_no_storm(desk: Desk) -> None:
    """Five callers from all over the town."""
    for customer in CUSTOMERS[::160]:
        desk.call(customer, desk.watch)

    assert () == await desk.watch.look()
    assert () == await desk.drafts()


async def test_the_note_of_an_open_draft_follows_the_storm(desk: Desk) -> None:
    """Not at every look; the first caller's time stays."""
    desk.storm(8, desk.watch)
    await desk.watch.look()
    desk.storm(14, desk.watch)
    await desk.watch.look()
    (soon,) = await desk.drafts()
    desk.now += timedelta(seconds=31)
    await desk.watch.look()
    (later,) = await desk.drafts()

    assert (1, 2) == (soon.version, later.version)
    assert "8 calls" in soon.note
    assert "14 calls" in later.note
    assert later.note.endswith("first 15:00")


async def test_two_controllers_make_one_draft(desk: Desk) -> None:
    """Half of the calls at each; both look, as they would without Redis: each knows the other's from their records."""
    for n, customer in enumerate([each for each in CUSTOMERS if each.area == NODE][:10]):
        desk.call(customer, (desk.watch, desk.other)[n % 2])
    await desk.records.flush()
    desk.now += timedelta(seconds=1)
    found = [await desk.watch.look(), await desk.other.look()]

    assert [10, 10] == [each[0].callers for each in found]
    assert 1 == len(await desk.drafts(ended=True))


async def test_callers_of_a_live_announcement_are_left_out(desk: Desk) -> None:
    """They are told already: no draft; without it there would be one."""
    await desk.publisher.post(Draft(Target(areas=(f"{WARSAW}/wola",)), {"pl": "Awaria."}), "ops", desk.now)
    await desk.live.refresh()
    desk.storm(14, desk.watch)

    assert () == await desk.watch.look()
    await desk.publisher.end("last", "ops", desk.now)
    await desk.live.refresh()
    assert [NODE] == [each.area for each in await desk.watch.look()]


async def test_what_ops_threw_away_does_not_come_back_at_once(desk: Desk) -> None:
    """For an hour; then a storm is a storm again."""
    desk.storm(14, desk.watch)
    await desk.watch.look()
    await desk.publisher.end("last", "anna", desk.now)
    desk.storm(14, desk.watch)
    await desk.watch.look()
    quiet = await desk.drafts()
    desk.now += timedelta(seconds=QUIET_S)
    desk.storm(14, desk.watch)
    await desk.watch.look()

    assert () == quiet
    assert [NODE] == [each.target.areas[0] for each in await desk.drafts()]


async def test_a_storm_that_spreads_is_one_draft(desk: Desk) -> None:
    """First a node, then the whole district: the district's draft takes the node's place."""
    desk.storm(8, desk.watch)
    await desk.watch.look()
    for node in range(20):
        desk.storm(5, desk.watch, node)
    await desk.watch.look()
    await desk.watch.look()

    assert [f"{WARSAW}/wola"] == [each.target.areas[0] for each in await desk.drafts()]
    assert {DRAFT, ENDED} == {each.state for each in await desk.drafts(ended=True)}


async def test_a_text_a_person_has_changed_stays(desk: Desk) -> None:
    """The radar writes into the note alone."""
    desk.storm(8, desk.watch)
    await desk.watch.look()
    await desk.publisher.update("last", "anna", desk.now, texts={"pl": "Awaria na Woli."})
    desk.now += timedelta(seconds=31)
    desk.storm(14, desk.watch)
    await desk.watch.look()
    (draft,) = await desk.drafts()

    assert "Awaria na Woli." == draft.texts["pl"]
    assert "14 calls" in draft.note


async def test_last_is_not_what_the_radar_drafted(desk: Desk) -> None:
    """`ivr announce end last` is meant for what somebody did last, whatever was drafted meanwhile."""
    mine = await desk.publisher.post(Draft(Target(prefix="+4899"), {"pl": "Awaria."}), "ops", desk.now)
    desk.storm(14, desk.watch)
    await desk.watch.look()

    assert mine.version == await desk.publisher.store.last("last")


async def test_what_is_usual_is_read_from_past_weeks(desk: Desk) -> None:
    """Where forty call at this hour every week, forty are no storm; in another district they are."""
    busy = [each for each in CUSTOMERS if "/wola/" in each.area][:300]
    today = desk.now
    for week in range(1, WEEKS + 1):
        for n, customer in enumerate(busy * 3):
            then = today.astimezone(desk.watch.zone) - timedelta(weeks=week)  # by the clock's hands
            desk.now = then.astimezone(UTC) + timedelta(seconds=4 * n - 1800)
            desk.call(customer)
    desk.now = today
    await desk.records.flush()
    for n in range(40):
        desk.call(busy[n * 7], desk.watch)
    usual = await desk.watch.look()
    for n in range(40):
        desk.call(CUSTOMERS[400 + n * 7], desk.watch)
    found = await desk.watch.look()

    assert () == usual
    assert [f"{WARSAW}/ochota"] == [each.area for each in found]
    assert desk.watch.usuals is not None
    assert 39 == pytest.approx(desk.watch.usuals.of(f"{WARSAW}/wola").mean, rel=0.1)


async def test_old_calls_are_forgotten(desk: Desk) -> None:
    """After the window nothing of the storm is left, in memory or in the next look."""
    desk.storm(14, desk.watch)
    desk.now += timedelta(seconds=181)

    assert () == await desk.watch.look()
    assert {} == desk.watch._seen


async def test_an_ended_call_is_not_counted_again(desk: Desk) -> None:
    """Records are told twice, when a call begins and when it ended."""
    log = desk.records.begin(Call("x", number(17)[1:], "100", ""), desk.now)
    desk.watch.noted(replace(log.record, ended_at=desk.now))

    assert {} == desk.watch._seen
