"""Publishing: all or nothing, one change after the other, back and forth. On a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ivr.call import Call
from ivr.db import Database
from ivr.errors import ConfigError, InputError
from ivr.record.store import Records
from ivr.settings import Settings
from ivr.versions.judge import Counts
from ivr.versions.model import CANARY, ENDED, LIVE, ROLLED_BACK, Change
from ivr.versions.publish import Publisher
from ivr.versions.store import Superseded
from tests.support.desk import NOW, opened
from tests.support.versions import content, versions_settings


@dataclass
class Desk:
    settings: Settings
    database: Database
    publisher: Publisher

    async def publish(self, step: str, share: float | None = None, prompts: str = "p") -> Change | None:
        made = content(self.settings, step)
        return (await self.publisher.publish(made, prompts, author="anna", note=step, share=share)).change

    async def lines(self) -> list[tuple[str, str, str]]:
        """Return the history: state and the notes of what is live and of the other version."""
        notes = {each.version: each.note for each in await self.publisher.store.list()}
        history = await self.publisher.store.history()
        return [(line.state, notes[line.version], notes.get(line.canary, "")) for line in history]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    settings = versions_settings(tmp_path)
    now = iter(range(1000))
    async with opened(settings) as database:
        yield Desk(settings, database, Publisher(database, clock=lambda: later(next(now))))


def later(seconds: int) -> datetime:
    return NOW + timedelta(seconds=seconds)


async def test_a_version_goes_live_and_is_kept_whole(desk: Desk) -> None:
    """With its author, time, note and every file."""
    change = await desk.publish("one")
    made = content(desk.settings, "one")
    (stored,) = await desk.publisher.store.list()

    assert change == Change(1, LIVE, made.version, "p", NOW, "anna", "one")
    assert (made.version, NOW, "anna", "one") == (stored.version, stored.at, stored.author, stored.note)
    assert made == await desk.publisher.store.read(made.version)
    assert None is await desk.publisher.store.read("nothing")


async def test_the_same_again_changes_nothing(desk: Desk) -> None:
    """Neither live nor as a canary; other prompts are a change."""
    await desk.publish("one")

    assert None is await desk.publish("one")
    assert None is await desk.publish("one", share=10)
    assert [(LIVE, "one", "")] == await desk.lines()
    assert None is not await desk.publish("one", prompts="q")


async def test_a_canary_is_tried_then_promoted(desk: Desk) -> None:
    """Its share may change meanwhile; the first version needs no share."""
    with pytest.raises(InputError, match="nothing is live yet"):
        await desk.publish("one", share=10)
    with pytest.raises(InputError, match="no version is tried"):
        await desk.publisher.promote(author="anna")
    await desk.publish("one")
    await desk.publish("two", share=10)
    again = await desk.publish("two", share=10)
    await desk.publish("two", share=20)
    await desk.publisher.promote(author="olga")
    last = await desk.publisher.store.last()

    assert None is again
    assert [(LIVE, "one", ""), (CANARY, "one", "two"), (CANARY, "one", "two"), (LIVE, "two", "")] == await desk.lines()
    assert last is not None
    assert ("olga", "canary of 20 % promoted", "") == (last.by, last.why, last.tried)


async def test_a_reload_for_everybody_ends_a_canary(desk: Desk) -> None:
    """Also one of what is live already."""
    await desk.publish("one")
    await desk.publish("two", share=10)
    await desk.publish("one")

    assert [(LIVE, "one", ""), (CANARY, "one", "two"), (LIVE, "one", "")] == await desk.lines()


async def test_rolling_back(desk: Desk) -> None:
    """First what is tried, then step by step, or to any version by the beginning of its name."""
    roll_back = desk.publisher.rollback
    with pytest.raises(InputError, match="nothing is live yet"):
        await roll_back(author="anna")
    for step in ("one", "two", "three"):
        await desk.publish(step)
    await desk.publish("four", share=10)
    await roll_back(author="anna")
    await roll_back(author="anna")
    await roll_back(author="anna")
    with pytest.raises(InputError, match="no version before"):
        await roll_back(author="anna")
    await roll_back(content(desk.settings, "three").version[:7], author="anna", note="it was right")
    with pytest.raises(InputError, match="is live already"):
        await roll_back(content(desk.settings, "three").version, author="anna")
    with pytest.raises(InputError, match="there is no version 'xyz'"):
        await roll_back("xyz", author="anna")

    assert [
        (ENDED, "three", "four"), (ROLLED_BACK, "two", "three"), (ROLLED_BACK, "one", "two"),
        (ROLLED_BACK, "three", "one"),
    ] == (await desk.lines())[4:]  # fmt: skip


async def test_only_the_last_change_is_undone(desk: Desk) -> None:
    """Of a version that came back with other recordings, the recordings; then what was before it."""
    await desk.publish("one", prompts="p1")
    await desk.publish("two", prompts="p2")
    await desk.publish("two", prompts="p3")
    back = [(await desk.publisher.rollback(author="anna")).change for _ in range(2)]
    one, two = content(desk.settings, "one").version, content(desk.settings, "two").version

    assert [(two, "p2"), (one, "p1")] == [(each.version, each.prompts) for each in back if each]


async def test_a_version_this_hotline_does_not_understand_is_not_made_live_again(desk: Desk) -> None:
    """Its mistakes are named, and nothing has changed."""
    await desk.publish("one")
    made = content(desk.settings, "two")
    files = {**made.files, "flows/main.toml": made.files["flows/main.toml"].replace('"say"', '"sing"')}
    other = type(made)("0123456789ab", files, made.prompt_keys)
    await desk.publisher.publish(other, "p", author="newer", note="newer")
    await desk.publish("three")

    with pytest.raises(ConfigError, match="there is no kind"):
        await desk.publisher.rollback(author="anna")
    assert "three" == (await desk.lines())[-1][1]


async def test_of_two_at_once_one_is_told(desk: Desk) -> None:
    """Nobody overwrites what he has not seen."""
    await desk.publish("one")
    first = await desk.publisher.store.last()
    assert first is not None
    await desk.publish("two")

    with pytest.raises(Superseded, match="somebody else"):
        await desk.publisher.store.add(Change(first.number + 1, LIVE, first.version, "p", NOW, "olga"))
    assert 2 == len(await desk.lines())


async def test_what_calls_of_a_version_did_is_counted(desk: Desk) -> None:
    """From the records: calls that are up count as calls; another time is not counted."""
    records = Records(desk.database)
    for n, (version, disposition) in enumerate(
        [("a", "agent"), ("a", "failed"), ("a", "hung_up"), ("b", "failed"), ("a", "abandoned"), ("a", "")]
    ):
        log = records.begin(Call(f"1.{n}", "", "100", ""), later(n), flow_version=version)
        if disposition:
            log.finish(disposition)
    await records.flush()
    store = desk.publisher.store

    assert {"a": Counts(5, 1, 2), "b": Counts(1, 1, 0), "c": Counts()} == await store.counts(["a", "b", "c"])
    assert {"a": Counts(2, 0, 1)} == await store.counts(["a"], later(3), later(9))
    assert {"a": Counts(2, 1, 0)} == await store.counts(["a"], until=later(2))
