"""What calls see: swapped within the poll, kept when the database dies, spoken in the best language there is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ivr.announce import live as module
from ivr.announce.live import Live
from ivr.announce.model import CONTINUE, OFFER, PLANNED, Target
from ivr.announce.publish import Draft, Publisher
from ivr.call import Call, Customer
from ivr.db import Database
from ivr.desk.customers import Customers
from ivr.sound import Clip, Prompt
from tests.support.desk import NOW, FakeMaker, bring_back, desk_settings, opened, take_away
from tests.support.wait import until

JAN = Customer("+48221234567", "A1", "Jan", "pl/mazowieckie/warszawa/wola/node-17", "ru")
CALL = Call("1.1", "48221234567", "100", "PJSIP/trunk-1")
WOLA = Target(areas=("pl/mazowieckie/warszawa/wola",))
OUTAGE = Draft(WOLA, {"pl": "Awaria.", "en": "Outage."}, "internet", NOW + timedelta(hours=3))
GENERAL = Draft(Target(), {"pl": "Dziś krócej."}, until=NOW + timedelta(hours=9))


@dataclass
class Desk:
    database: Database
    publisher: Publisher
    live: Live
    now: datetime = NOW
    changes: int = 0

    def clock(self) -> datetime:
        return self.now

    async def changed(self) -> None:
        self.changes += 1

    def heard(self, language: str = "pl", call: Call = CALL, service: str = "internet") -> list[str]:
        found = self.live.match(call, language=language, service=service, now=self.now)
        return [phrase.file.rpartition("/")[2] for each in found for phrase in each.phrases if isinstance(phrase, Clip)]


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """A desk whose poll takes a hundredth of a second."""
    monkeypatch.setattr(module, "POLL_S", 0.01)
    settings = desk_settings(tmp_path)
    async with opened(settings) as database:
        await Customers(database, settings)._write([JAN], None)
        publisher = Publisher(database, settings, maker=FakeMaker())
        live = Live(database, None, settings)
        desk = Desk(database, publisher, live)
        live.clock, live.on_change = desk.clock, desk.changed
        running = asyncio.create_task(live.run())
        await live.wait_loaded()
        yield desk
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_publishing_and_ending_reach_calls(desk: Desk) -> None:
    """Within the poll; on_change is awaited for both."""
    before = desk.heard()
    await desk.publisher.post(OUTAGE, "ops", NOW, confirmed=True)
    await until(desk.heard)
    during, changes = desk.heard(), desk.changes
    await desk.publisher.end("last", "ops", NOW)
    await until(lambda: not desk.heard())

    assert ([], ["pl-1"]) == (before, during)
    assert 1 == len(during)
    await until(lambda: desk.changes > changes)


async def test_a_call_hears_its_language_or_the_next_best(desk: Desk) -> None:
    """Russian has no text: the default, Polish, is heard."""
    await desk.publisher.post(OUTAGE, "ops", NOW, confirmed=True)
    await until(desk.heard)

    assert ["pl-1"] == desk.heard("ru")
    assert ["en-3"] == desk.heard("en")


async def test_the_wording_follows_the_clock(desk: Desk) -> None:
    """After the expected end callers hear that it takes longer, and the ladder's copy is written again."""
    await desk.publisher.post(OUTAGE, "ops", NOW, confirmed=True)
    await until(lambda: desk.heard() and desk.changes)
    changes = desk.changes
    desk.now += timedelta(hours=3)

    assert ["pl-2"] == desk.heard()
    await until(lambda: desk.changes > changes)


async def test_expiry_needs_nobody(desk: Desk) -> None:
    """At `until` it is silent, without any change in the database."""
    await desk.publisher.post(OUTAGE, "ops", NOW, confirmed=True)
    await until(desk.heard)
    desk.now += timedelta(hours=7)

    assert [] == desk.heard()


async def test_a_dead_database_changes_nothing_for_calls(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The snapshot stays; when the database is back, so are changes."""
    await desk.publisher.post(OUTAGE, "ops", NOW, confirmed=True)
    await until(desk.heard)
    monkeypatch.setattr(module, "POLL_S", 60.0)
    desk.live._wake.set()
    await until(lambda: not desk.live._wake.is_set() and desk.live._wake._waiters)  # no connection is in use now
    await desk.database.close()
    take_away(desk.database.settings)
    monkeypatch.setattr(module, "POLL_S", 0.01)
    desk.live._wake.set()
    await until(lambda: desk.live._database_lost)
    kept, customer = desk.heard(), desk.live.customer("221234567")
    bring_back(desk.database.settings)
    await desk.publisher.end("last", "ops", NOW)
    await until(lambda: not desk.heard())

    assert (["pl-1"], JAN) == (kept, customer)


async def test_a_row_nobody_can_read_does_not_stop_calls(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug while loading is logged; the last snapshot stays and the poll goes on."""
    await desk.publisher.post(OUTAGE, "ops", NOW, confirmed=True)
    await until(desk.heard)
    tried = 0

    async def broken(now: datetime) -> None:
        nonlocal tried
        tried += 1
        raise KeyError("target")

    monkeypatch.setattr(desk.live._store, "live", broken)
    await desk.publisher.end("last", "ops", NOW)
    await until(lambda: tried > 2)

    assert ["pl-1"] == desk.heard()


async def test_customers_are_known_by_number(desk: Desk) -> None:
    """In every spelling; withheld and odd numbers are nobody."""

    assert JAN == desk.live.customer("0048 22 123 45 67")
    assert [None] * 4 == [desk.live.customer(ani) for ani in ("", "anonymous", "112", "+48999999999")]


async def test_an_import_reaches_calls(desk: Desk) -> None:
    """The customers' version makes controllers load them again."""
    new = Customer("+48221234568", "A2", "Ola", "pl/x", "")
    await Customers(desk.database, desk.database.settings)._write([new], None)
    await until(lambda: desk.live.customer("221234568"))

    assert {JAN.number: JAN, new.number: new} == desk.live.snapshot.customers.numbers


async def test_a_tainted_call_hears_only_what_is_for_everyone(desk: Desk) -> None:
    """Nothing it says about itself is believed."""
    await desk.publisher.post(OUTAGE, "ops", NOW, confirmed=True)
    await desk.publisher.post(GENERAL, "ops", NOW, confirmed=True)
    await until(lambda: len(desk.heard(service="")) == 2)

    assert ["pl-5"] == desk.heard(service="", call=Call("1.2", JAN.number, "100", "x", tainted=True))


async def test_missing_audio_is_never_silence(desk: Desk) -> None:
    """Another language's clip, then the general prompt of the service."""
    await desk.publisher.post(OUTAGE, "ops", NOW, confirmed=True)
    await until(desk.heard)
    for file in desk.database.settings.var_dir.glob("announcements/pl-*"):
        file.unlink()
    other = desk.heard()
    for file in desk.database.settings.var_dir.glob("announcements/*"):
        file.unlink()
    (announcement,) = desk.live.match(CALL, language="pl", service="internet", now=NOW)

    assert ["en-3"] == other
    assert (Prompt("outage_internet"),) == announcement.phrases


async def test_planned_work_begins_by_itself(desk: Desk) -> None:
    """Not heard before, heard from then on without any change in the database; the ladder's copy is written again."""
    begins = NOW + timedelta(hours=1)
    work = Draft(Target(), {"pl": "Prace."}, eta=NOW + timedelta(hours=5), kind=PLANNED, starts=begins)
    await desk.publisher.post(work, "ops", NOW, confirmed=True)
    await until(lambda: desk.live.snapshot.announcements)
    before, ladder, changes = desk.heard(), desk.live.fallback("100", "pl", desk.now), desk.changes
    desk.now = begins
    await until(lambda: desk.changes > changes)

    assert ([], ((), None)) == (before, ladder)
    assert ["pl-1"] == desk.heard()
    assert 1 == len(desk.live.fallback("100", "pl", desk.now)[0])


async def test_ops_is_told_once_that_the_expected_end_has_passed(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """A warning a version; a new expected end that passes as well is another one."""
    await desk.publisher.post(OUTAGE, "ops", NOW, confirmed=True)
    await until(desk.heard)
    desk.now += timedelta(hours=3)
    said = ""

    async def overdue(times: int) -> None:
        nonlocal said
        async with asyncio.timeout(5):
            while said.count("announcement overdue") < times:
                await asyncio.sleep(0.02)
                said += capsys.readouterr().out

    await overdue(1)
    await desk.publisher.update("last", "ops", desk.now, eta=desk.now + timedelta(minutes=5))
    await until(lambda: desk.live.version == 2)
    desk.now += timedelta(minutes=6)
    await overdue(2)
    version = desk.live.version
    await desk.publisher.post(GENERAL, "ops", desk.now, confirmed=True)
    await until(lambda: desk.live.version > version)
    said += capsys.readouterr().out

    assert 2 == said.count("announcement overdue")
    assert "area pl/mazowieckie/warszawa/wola" in said


async def test_what_a_call_is_told_of_an_announcement(desk: Desk) -> None:
    """What may follow, how long it is, whether it is over; by the project of the number dialled."""
    mine = replace(OUTAGE, target=Target(project="acme"), after=OFFER)
    await desk.publisher.post(mine, "ops", NOW, confirmed=True)
    await until(lambda: desk.live.snapshot.announcements)
    asked = {"language": "en", "service": "internet", "now": NOW}
    (found,) = desk.live.match(CALL, **asked, project="acme")  # type: ignore[arg-type]
    await desk.publisher.restore("last", "ops", NOW)
    await until(lambda: desk.live.version == 2)
    (over,) = desk.live.match(CALL, **asked, project="acme")  # type: ignore[arg-type]

    assert (OFFER, False, False) == (found.after, found.may_end, found.restored)
    assert 5.0 == found.length_s
    assert (CONTINUE, False, True) == (over.after, over.may_end, over.restored)
    assert () == desk.live.match(CALL, **asked, project="other")  # type: ignore[arg-type]
    assert 1 == len(desk.live.fallback("100", "pl", NOW, project="acme")[0])


async def test_the_ladder_gets_what_concerns_everybody(desk: Desk) -> None:
    """No areas; and only until the wording stops being true."""
    eta = NOW + timedelta(days=1)
    await desk.publisher.post(OUTAGE, "ops", NOW, confirmed=True)
    await desk.publisher.post(Draft(Target(dnis="100"), {"pl": "Awaria."}, eta=eta), "ops", NOW)
    await until(lambda: desk.live.fallback("100", "pl")[0])
    stems, ends = desk.live.fallback("100", "pl")
    tomorrow, then = desk.live.fallback("100", "pl", eta - timedelta(hours=1))
    late, end = desk.live.fallback("100", "pl", eta)

    assert [1, 1, 1] == [len(stems), len(tomorrow), len(late)]
    assert datetime.fromisoformat("2026-11-24T00:00+01:00") == ends
    assert eta == then
    assert eta + timedelta(hours=4) == end
    assert 3 == len({*stems, *tomorrow, *late})
    assert ((), None) == desk.live.fallback("101", "pl")
