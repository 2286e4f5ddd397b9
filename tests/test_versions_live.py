"""What new calls follow: swapped within the poll, kept when anything fails; a canary that does harm is taken away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr.call import Call
from ivr.db import Database
from ivr.errors import ConfigError
from ivr.record.store import Records
from ivr.settings import Settings
from ivr.versions import canary as canary_module
from ivr.versions import live as module
from ivr.versions.canary import CanaryWatch
from ivr.versions.folder import read_folder, unpublished
from ivr.versions.live import LiveDialplans
from ivr.versions.model import ROLLED_BACK, Content
from ivr.versions.publish import Publisher
from tests.support.desk import bring_back, opened, take_away
from tests.support.flows import NUMBERS
from tests.support.versions import content, spoil, steps, versions_settings, write
from tests.support.wait import until

CALLS = [f"1.{n}" for n in range(400)]


@dataclass
class Room:
    """One database, a publisher, and the controllers a test starts on it."""

    settings: Settings
    database: Database
    publisher: Publisher
    running: list[asyncio.Task[None]] = field(default_factory=list)
    changes: int = 0

    async def controller(self, name: str = "one") -> LiveDialplans:
        live = LiveDialplans(self.database, None, self.settings, name, on_change=self._changed)
        await live.start()
        self.running.append(asyncio.create_task(live.run()))
        return live

    async def _changed(self) -> None:
        self.changes += 1

    async def publish(self, step: str, share: float | None = None) -> Content:
        made = content(self.settings, step)
        await self.publisher.publish(made, "", author="anna", share=share)
        return made

    async def stop(self) -> None:
        for task in self.running:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@pytest.fixture
async def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    """Polls take a hundredth of a second."""
    monkeypatch.setattr(module, "POLL_S", 0.01)
    monkeypatch.setattr(canary_module, "LOOK_S", 0.01)
    settings = versions_settings(tmp_path)
    write(settings)
    async with opened(settings) as database:
        room = Room(settings, database, Publisher(database))
        yield room
        await room.stop()


def followed(live: LiveDialplans, dnis: str = "100") -> set[str]:
    """Return the steps new calls find."""
    return set().union(*(steps(live.edition(call, dnis)) for call in CALLS))


async def test_the_first_start_makes_the_folder_live(room: Room) -> None:
    """Of two controllers that start at once, one publishes; both follow it."""
    one, two = await asyncio.gather(room.controller("one"), room.controller("two"))
    (line,) = await room.publisher.store.history()

    assert "start" == line.by
    assert ({"one"}, {"one"}) == (followed(one), followed(two))
    assert 2 == room.changes


async def test_a_start_follows_what_is_live_not_the_folder(room: Room) -> None:
    """Changes in the folder wait for a reload, and so does a broken file; both are told."""
    await room.publish("one")
    write(room.settings, "two")
    changed = await room.controller("one")
    told = unpublished(room.settings, changed.snapshot.change)
    spoil(room.settings)
    broken = await room.controller("two")

    assert ({"one"}, {"one"}) == (followed(changed), followed(broken))
    assert "dialplans/ holds changes that are not live: ivr dialplan reload" == told
    assert unpublished(room.settings, broken.snapshot.change).startswith("dialplans/ holds mistakes and is not live")


async def test_a_swap_reaches_new_calls_and_no_old_one(room: Room) -> None:
    """Who holds an edition keeps it; it is forgotten with its last call."""
    live = await room.controller()
    kept = live.edition("1.1", "100")
    await room.publish("two")
    await until(lambda: followed(live) == {"two"})
    before = len(live._known())
    held = steps(kept)
    del kept

    assert {"one"} == held
    assert before > len(live._known())


async def test_a_canary_is_tried_by_its_share(room: Room) -> None:
    """The same calls at every controller; a number only one version knows is led by that one."""
    one, two = await room.controller("one"), await room.controller("two")
    write(room.settings, "two", numbers=NUMBERS + '[numbers.105]\nflow = "main"\nlanguage = "pl"\n')
    await room.publisher.publish(read_folder(room.settings)[1], "", author="anna", share=25)
    await until(lambda: one.snapshot.canary and two.snapshot.canary)
    tried = {call for call in CALLS if steps(one.edition(call, "100")) == {"two"}}

    assert 60 < len(tried) < 140
    assert tried == {call for call in CALLS if steps(two.edition(call, "100")) == {"two"}}
    assert {"two"} == followed(one, "105")


async def test_a_dead_database_changes_nothing_for_calls(room: Room) -> None:
    """When it is back, so are changes."""
    live = await room.controller()
    await room.publish("two")
    await until(lambda: followed(live) == {"two"})
    take_away(room.settings)
    await until(lambda: live._database_lost)
    kept = followed(live)
    bring_back(room.settings)
    await room.publish("three")
    await until(lambda: followed(live) == {"three"})

    assert {"two"} == kept


async def test_a_database_that_is_dead_at_the_start(room: Room) -> None:
    """Calls follow the folder until there is one; a broken folder is all that is left to stop it."""
    await room.publish("one")
    take_away(room.settings)
    write(room.settings, "two")
    live = await room.controller()
    before = followed(live)
    spoil(room.settings)
    with pytest.raises(ConfigError):
        await LiveDialplans(room.database, None, room.settings, "three").start()
    bring_back(room.settings)
    await until(lambda: followed(live) == {"one"})

    assert {"two"} == before


async def test_a_version_that_cannot_be_built_here_is_refused(room: Room, capsys: pytest.CaptureFixture[str]) -> None:
    """Software older than the version: the old one stays, it is logged once, the next version is taken."""
    live = await room.controller()
    made = content(room.settings, "two")
    flow = made.files["flows/main.toml"].replace('"say"', '"sing"')
    newer = replace(made, version="0123456789ab", files={**made.files, "flows/main.toml": flow})
    await room.publisher.publish(newer, "", author="newer")
    await until(lambda: live._refused)
    kept = followed(live)
    fresh = await room.controller("fresh")
    await room.publish("three")
    await until(lambda: followed(live) == {"three"})

    assert {"one"} == kept
    assert {"three"} == followed(live)
    assert {"two"} == followed(fresh) or {"three"} == followed(fresh)


async def test_a_call_taken_over_keeps_its_version(room: Room) -> None:
    """From memory or from the database; when it cannot be had, it follows what is live."""
    one = await room.publish("one")
    await room.publish("two")
    live = await room.controller()
    before = await live.edition_of(one.version)
    unknown = await live.edition_of("nothing")
    take_away(room.settings)
    held = await live.edition_of(one.version)
    lost = await live.edition_of("older")
    bring_back(room.settings)

    assert {"two"} == steps(unknown) == steps(lost)
    assert {"one"} == steps(before) == steps(held)


# -- the canary's watch


@dataclass
class Lines:
    """A controller with its records: calls begin and end as a test says."""

    live: LiveDialplans
    watch: CanaryWatch
    records: Records
    calls: int = 0

    def call(self, disposition: str, *, tried: bool) -> None:
        change = self.live.snapshot.change
        version = change.canary if tried else change.version
        self.calls += 1
        call = Call(f"{self.live.name}.{self.calls}", "", "100", "")
        self.records.begin(call, datetime.now(UTC), flow_version=version).finish(disposition)


async def lines(room: Room, name: str) -> Lines:
    live = await room.controller(name)
    watch = CanaryWatch(live)
    room.running.append(asyncio.create_task(watch.run()))
    return Lines(live, watch, Records(room.database, on_call=watch.noted))


async def test_a_flow_that_fails_is_gone_after_a_handful_of_calls(room: Room) -> None:
    """Before any record is in the database; two controllers see it, one writes it down."""
    one, two = await lines(room, "one"), await lines(room, "two")
    bad = await room.publish("two", share=10)
    await until(lambda: one.live.snapshot.canary and two.live.snapshot.canary)
    for _ in range(30):
        one.call("agent", tried=False)
    for each in (one, two):
        for _ in range(3):
            each.call("failed", tried=True)
    await until(lambda: not one.live.snapshot.canary and not two.live.snapshot.canary)
    await until(lambda: one.live.snapshot.change.state == two.live.snapshot.change.state == ROLLED_BACK)
    history = await room.publisher.store.history()

    assert {"one"} == followed(one.live) == followed(two.live)
    assert (3, ROLLED_BACK, bad.version) == (len(history), history[-1].state, history[-1].canary)
    assert "calls failed" in history[-1].why
    assert "automatic" == history[-1].by


async def test_calls_of_all_controllers_count_together(room: Room) -> None:
    """Hang-ups no controller alone would see: the records are counted."""
    one, two = await lines(room, "one"), await lines(room, "two")
    await room.publish("two", share=10)
    await until(lambda: one.live.snapshot.canary and two.live.snapshot.canary)
    for each in (one, two):
        for n in range(60):
            each.call("hung_up" if n % 10 == 0 else "agent", tried=False)
        for _ in range(15):
            each.call("hung_up", tried=True)
    await asyncio.sleep(0.05)
    alone = one.live.snapshot.canary and two.live.snapshot.canary
    await one.records.flush()
    await two.records.flush()
    await until(lambda: one.live.snapshot.change.state == ROLLED_BACK)

    assert alone
    assert "30 of 30 callers hung up" in one.live.snapshot.change.why


async def test_a_dead_database_does_not_keep_a_bad_canary_alive(room: Room) -> None:
    """This controller gives it no more calls; the history is written when the database is back."""
    one = await lines(room, "one")
    await room.publish("two", share=50)
    await until(lambda: one.live.snapshot.canary)
    for _ in range(40):
        one.call("agent", tried=False)
    take_away(room.settings)
    for _ in range(3):
        one.call("failed", tried=True)
    await until(lambda: not one.live.snapshot.canary)
    during = followed(one.live)
    bring_back(room.settings)
    await until(lambda: one.live.snapshot.change.state == ROLLED_BACK)

    assert {"one"} == during


async def test_a_good_canary_stays(room: Room) -> None:
    """One failed call and the usual hang-ups are no reason."""
    one = await lines(room, "one")
    await room.publish("two", share=10)
    await until(lambda: one.live.snapshot.canary)
    for n in range(300):
        one.call("hung_up" if n % 3 == 0 else "agent", tried=n % 10 == 0)
    one.call("failed", tried=True)
    await one.records.flush()
    await asyncio.sleep(0.1)

    assert one.live.snapshot.canary
