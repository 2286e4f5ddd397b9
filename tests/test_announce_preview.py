"""Who will hear an announcement, counted in SQL and by real matching: the same; and the audio publishing will find."""

from __future__ import annotations

import random
import wave
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ivr.announce.audience import Reach
from ivr.announce.match import match
from ivr.announce.model import LIVE, PLANNED, Target
from ivr.announce.preview import Concerned, Preview, replay
from ivr.announce.publish import Draft, Publisher
from ivr.call import CLASSES, Call, Customer
from ivr.db import Database
from ivr.desk.customers import Customers
from ivr.errors import InputError
from ivr.flow.model import Number
from ivr.record.store import Records
from tests.support.desk import NOW, FakeMaker, desk_settings, opened

AREAS = ("", "a", "a/b", "a/b/c", "a/bc", "b", "b/a", "x_y/a", "x%y")
DRAFT = Draft(Target(areas=("a",)), {"pl": "Awaria.", "en": "Outage."}, eta=NOW + timedelta(hours=3))


class Wave(FakeMaker):
    """Also writes the sound browsers are given."""

    async def __call__(self, text: str, language: str, folder: Path) -> object:  # type: ignore[override]
        made = await super().__call__(text, language, folder)
        made.stem.with_suffix(".sln").write_bytes(b"\1\0" * 8000)
        return made


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(desk_settings(tmp_path)) as database:
        yield database


@pytest.fixture
def preview(database: Database) -> Preview:
    return Preview(database, database.settings, Wave())


def people(chance: random.Random, count: int) -> list[Customer]:
    return [
        Customer(f"+48{22 + n % 3}{1000000 + n}", f"A{n % 40}", "", chance.choice(AREAS), "", chance.choice(CLASSES))
        for n in range(count)
    ]  # fmt: skip


def targets(chance: random.Random) -> Target:
    """Return a target of any mixture."""
    prefix = chance.choice(["", "", "+4822", "+48231"])
    return Target(
        tuple(chance.sample(AREAS[1:], chance.choice([0, 0, 1, 2]))), "", prefix, "",
        tuple(chance.sample(CLASSES, chance.choice([0, 0, 1, 2]))), chance.choice(["", "", "b", "a", "c"]),
        tuple(chance.sample(["A1", "A2", "A77", "+48221000000", "+48231000001"], chance.choice([0, 0, 1, 3]))),
    )  # fmt: skip


async def test_counting_is_matching(database: Database) -> None:
    """200 targets of every mixture over 300 customers: SQL counts exactly those whose calls match."""
    chance = random.Random(7)
    customers = people(chance, 300)
    await Customers(database, database.settings)._write(customers, None)
    counted, matched = [], []
    for _ in range(200):
        target = targets(chance)
        version = replace(replace(DRAFT, target=target).version("a", 1, "", NOW), state=LIVE)
        counted.append((target, *await Reach(database).customers(target)))
        hits = [each for each in customers
                if match([version], number=each.number, dnis="", customer=each, service="", now=NOW)]  # fmt: skip
        matched.append((target, len(hits), 300))

    assert matched == counted
    assert len({found for _, found, _ in counted}) > 30


async def test_a_sample_is_of_those_concerned(database: Database) -> None:
    """By list, area or class; no more than asked for."""
    chance = random.Random(8)
    customers = people(chance, 100)
    await Customers(database, database.settings)._write(customers, None)
    for _ in range(100):
        target = targets(chance)
        version = replace(replace(DRAFT, target=target).version("a", 1, "", NOW), state=LIVE)
        found = await Reach(database).sample(target, 5)

        assert len(found) == min(5, (await Reach(database).customers(target))[0])
        assert all(match([version], number=each.number, dnis="", customer=each, service="", now=NOW) for each in found)


async def test_the_preview_counts_customers_and_calls(database: Database, preview: Preview) -> None:
    """Of the last 24 hours, by the caller's number, what he dialled and whom he is."""
    wola = [Customer(f"+4822100000{n}", f"A{n}", "", "a/b") for n in range(4)]
    await Customers(database, database.settings)._write([*wola, Customer("+48221000009", "A9", "", "b")], None)
    await record(database, ("221000000", "100", 1), ("221000000", "100", 2), ("+48221000001", "101", 3),
                 ("+48221000009", "100", 3), ("", "100", 3), ("+48221000002", "100", 25))  # fmt: skip
    audience = await preview.preview(DRAFT, NOW)
    narrow = await preview.preview(replace(DRAFT, target=Target(areas=("a",), dnis="100")), NOW)

    assert (4, 5, 3, 5) == (audience.customers, audience.total, audience.calls_24h, audience.calls_24h_all)
    assert Concerned("+48*******00", "a/b", "normal") == audience.sample[0]
    assert (4, 2) == (narrow.customers, narrow.calls_24h)


async def test_calls_are_not_read_at_every_key(database: Database, preview: Preview) -> None:
    """What was called meanwhile is counted half a minute later."""
    everyone = replace(DRAFT, target=Target())
    await record(database, ("+48221000000", "100", 1))
    before = await preview.preview(everyone, NOW)
    await record(database, ("+48221000001", "101", 2), ("+48221000002", "101", 2))
    counted = [(await preview.preview(everyone, NOW + timedelta(seconds=n))).calls_24h for n in (29, 31)]

    assert [1, 1, 2] == [before.calls_24h, *counted]


async def test_planned_work_is_previewed_before_it_begins(database: Database, preview: Preview) -> None:
    """As if it were on the phones already."""
    await record(database, ("+48221000000", "100", 1))
    tomorrow = NOW + timedelta(days=1)
    work = Draft(Target(), {"pl": "Prace."}, eta=tomorrow + timedelta(hours=5), kind=PLANNED, starts=tomorrow)

    assert 1 == (await preview.preview(work, NOW)).calls_24h
    assert "today" == (await preview.sounds(work, NOW))["pl"].variant


async def record(database: Database, *calls: tuple[str, str, int]) -> None:
    """Record calls: from, dialled, hours ago."""
    records = Records(database)
    for n, (ani, dnis, hours) in enumerate(calls):
        number = Number(dnis, "main", "pl", "provider", "")
        log = records.begin(Call(f"{n}.1", ani, dnis, ""), NOW - timedelta(hours=hours), number=number)
        log.finish("agent")
    await records.flush()


async def test_a_replay_counts_different_customers(database: Database) -> None:
    """Calls, customers and callers of a time; a number dialled by strangers has callers and no customers."""
    await Customers(database, database.settings)._write([Customer("+48221000000", "A0", "", "a/b")], None)
    await record(database, ("+48221000000", "100", 1), ("+48221000000", "100", 2), ("+48221000001", "100", 2),
                 ("", "100", 2), ("+48221000000", "100", 9))  # fmt: skip
    since = NOW - timedelta(hours=5)
    area = await replay(database, DRAFT.version("a", 1, "", NOW), since, NOW)
    dialled = await replay(database, replace(DRAFT, target=Target(dnis="100")).version("a", 1, "", NOW), since, NOW)

    assert (2, 4, 1, 1) == (area.calls, area.all_calls, area.customers, area.callers)
    assert (4, 4, 1, 2) == (dialled.calls, dialled.all_calls, dialled.customers, dialled.callers)


async def test_the_sound_is_the_one_publishing_finds(database: Database, preview: Preview) -> None:
    """Every wording is made; what browsers are given is a WAV file of what is heard first."""
    sounds = await preview.sounds(DRAFT, NOW)
    polish = sounds["pl"]
    with wave.open(polish.file) as file:
        heard = (file.getnchannels(), file.getframerate(), file.getnframes())
    publisher = Publisher(database, database.settings, maker=Wave())
    posted = (await publisher.post(DRAFT, "ops", NOW)).version

    assert ["pl", "en"] == list(sounds)
    assert ("today", ("today", "passed"), "fake") == (polish.variant, polish.variants, polish.voice)
    assert polish.text.startswith("Awaria. Przewidywany czas")
    assert (1, 8000, 8000) == heard
    assert set(posted.clips["pl"]) == set(polish.variants)
    assert not list(Path(polish.file).parent.glob("*.wav.*"))


async def test_while_somebody_types_only_what_is_played_is_made(preview: Preview) -> None:
    """One wording a language; a text nobody can speak is refused."""
    sounds = await preview.sounds(DRAFT, NOW, every=False)

    assert [("today",)] * 2 == [each.variants for each in sounds.values()]
    with pytest.raises(InputError, match="the pl text is empty"):
        await preview.sounds(replace(DRAFT, texts={"pl": "..."}), NOW)
