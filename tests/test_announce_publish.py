"""Going live, changing and ending: versions, clips, warnings, and what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ivr.announce.model import DRAFT, ENDED, LIVE, Target
from ivr.announce.publish import Draft, Publisher
from ivr.call import Customer
from ivr.db import Database
from ivr.desk.customers import Customers
from ivr.errors import InputError, SpeechError
from tests.support.desk import NOW, FakeMaker, desk_settings, opened

WOLA = Target(areas=("pl/mazowieckie/warszawa/wola",))
TEXTS = {"pl": "Awaria na Woli.", "en": "No internet.", "ru": "Нет сети."}
OUTAGE = Draft(WOLA, TEXTS, "internet", NOW + timedelta(hours=3))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(desk_settings(tmp_path)) as database:
        await Customers(database, database.settings)._write(
            [
                Customer("+48221234567", "A1", "Jan", WOLA.areas[0] + "/node-17"),
                Customer("+48221234568", "A2", "Ola", "pl/x"),
            ],
            None,
        )
        yield database


@pytest.fixture
def publisher(database: Database) -> Publisher:
    return Publisher(database, database.settings, maker=FakeMaker())


async def test_posting_makes_every_clip_then_goes_live(publisher: Publisher) -> None:
    """Each language with and without the expected end; stored once, and the snapshot's version goes up."""
    outcome = await publisher.post(OUTAGE, "ops", NOW)
    (live,) = await publisher.store.live(NOW)

    assert outcome.version == live
    assert (1, LIVE, "ops") == (live.version, live.state, live.author)
    assert {language: {"today", "passed"} for language in TEXTS} == {k: set(v) for k, v in live.clips.items()}
    assert NOW + timedelta(hours=7) == live.until
    assert (1, 2) == outcome.audience
    assert () == outcome.warnings
    assert 1 == await publisher.store.version()


async def test_clips_are_found_again_after_the_folder_moved(publisher: Publisher, tmp_path: Path) -> None:
    """Files are stored relative to the var folder."""
    await publisher.post(OUTAGE, "ops", NOW)
    publisher.store.folder = tmp_path / "elsewhere"
    (live,) = await publisher.store.live(NOW)

    assert str(tmp_path / "elsewhere" / "announcements") == str(Path(live.clips["pl"]["today"].file).parent)


async def test_a_change_is_a_new_version(publisher: Publisher) -> None:
    """The old one stays as it was; the newest alone is live."""
    first = (await publisher.post(OUTAGE, "ops", NOW)).version
    later = NOW + timedelta(hours=9)
    second = await publisher.update(first.announcement_id, "anna", NOW + timedelta(minutes=5), eta=later)
    history = await publisher.store.history(first.announcement_id)

    assert (first, second.version) == history
    assert (2, "anna", later, later + timedelta(hours=4)) == (
        second.version.version, second.version.author, second.version.eta, second.version.until,
    )  # fmt: skip
    assert (second.version,) == await publisher.store.live(NOW + timedelta(minutes=6))


async def test_a_text_can_be_changed_alone(publisher: Publisher) -> None:
    """The others, the expected end and the expiry stay."""
    first = (await publisher.post(OUTAGE, "ops", NOW)).version
    changed = (await publisher.update("last", "ops", NOW, texts={"en": "Repaired."})).version

    assert {**TEXTS, "en": "Repaired."} == changed.texts
    assert (first.eta, first.until) == (changed.eta, changed.until)


async def test_an_expired_end_does_not_stop_another_change(publisher: Publisher) -> None:
    """After the expected end has passed, a text can still be corrected; only `passed` is made then."""
    await publisher.post(OUTAGE, "ops", NOW)
    changed = await publisher.update("last", "ops", NOW + timedelta(hours=4), texts={"en": "Still down."})

    assert {"passed"} == set(changed.version.clips["en"])


async def test_ending_takes_it_off(publisher: Publisher) -> None:
    """A last version says who and when; it cannot be ended or changed again."""
    posted = (await publisher.post(OUTAGE, "ops", NOW)).version
    ended = (await publisher.end(posted.announcement_id, "anna", NOW)).version

    assert (2, ENDED, "anna") == (ended.version, ended.state, ended.author)
    assert () == await publisher.store.live(NOW)
    with pytest.raises(InputError, match=r"was ended by anna at 15:00 on 23\.11\."):
        await publisher.end("last", "ops", NOW)
    with pytest.raises(InputError, match="has ended; post a new one"):
        await publisher.update("last", "ops", NOW, eta=None)


async def test_a_draft_is_kept_and_published(publisher: Publisher) -> None:
    """Callers hear nothing of a draft; publishing it is version 2."""
    held = await publisher.post(OUTAGE, "ops", NOW, hold=True)
    before = await publisher.store.version()
    live = (await publisher.publish("last", "anna", NOW)).version

    assert (DRAFT, {}, 0) == (held.version.state, held.version.clips, before)
    assert (2, LIVE) == (live.version, live.state)
    with pytest.raises(InputError, match="is not a draft, it is live"):
        await publisher.publish("last", "anna", NOW)


@pytest.mark.parametrize("maker", [FakeMaker(fails=3), FakeMaker(silent=True)])
async def test_nothing_goes_live_without_all_its_audio(publisher: Publisher, maker: FakeMaker) -> None:
    """A voice that fails, or writes no file, leaves a draft and says how to try again."""
    publisher.maker = maker
    with pytest.raises(SpeechError, match=r"kept as a draft, `ivr announce publish \w{4}` tries again"):
        await publisher.post(OUTAGE, "ops", NOW)
    (kept,) = await publisher.store.newest()

    assert DRAFT == kept.state
    assert 0 == await publisher.store.version()


async def test_a_failing_change_leaves_the_old_version_live(publisher: Publisher) -> None:
    """What callers hear does not change."""
    posted = (await publisher.post(OUTAGE, "ops", NOW)).version
    publisher.maker = FakeMaker(fails=1)
    with pytest.raises(SpeechError):
        await publisher.update("last", "ops", NOW, texts={"pl": "Inaczej."})

    assert (posted,) == await publisher.store.live(NOW)


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"texts": {}}, "needs a text"),
        ({"texts": {"pl": " .. "}}, "the pl text is empty"),
        ({"texts": {"de": "Ausfall"}}, "'de' is not a language"),
        ({"texts": {"pl": "a" * 1201}}, "has 1201 characters"),
        ({"until": NOW}, "its end 2026-11-23 15:00 is past"),
        ({"eta": NOW - timedelta(hours=1)}, "the expected end 2026-11-23 14:00 is past"),
    ],
)
async def test_what_is_refused(publisher: Publisher, change: dict[str, object], wrong: str) -> None:
    """Nothing is kept and no voice is asked."""
    with pytest.raises(InputError, match=wrong):
        await publisher.post(replace(OUTAGE, **{"until": NOW + timedelta(days=1), **change}), "ops", NOW)  # type: ignore[arg-type]

    assert () == await publisher.store.newest(ended=True)


async def test_what_is_warned_about(publisher: Publisher) -> None:
    """Long texts, an early expiry, an area nobody lives in, one that hides another, missing languages."""
    await publisher.post(OUTAGE, "ops", NOW)
    target = Target(areas=("pl/mazowieckie/warszawa/wolla",))
    long = Draft(target, {"pl": "a" * 200}, "tv", NOW + timedelta(hours=3), NOW + timedelta(hours=1))
    first = (await publisher.post(long, "ops", NOW)).warnings
    hiding = (await publisher.post(OUTAGE, "ops", NOW)).warnings

    assert "no ru text: callers of that language hear it in pl" in first
    assert "it ends before the time it promises: set a later --until" in first
    assert "no customer lives in pl/mazowieckie/warszawa/wolla; did you mean pl/mazowieckie/warszawa/wola?" in first
    assert any("lasts 29 s; 15 s or less is advised" in warning for warning in first)
    assert any("has the same target and service and is no longer heard" in warning for warning in hiding)


async def test_two_people_changing_at_once(publisher: Publisher) -> None:
    """The second one is told; the first one's version stays."""
    posted = (await publisher.post(OUTAGE, "ops", NOW)).version
    mine = replace(posted, version=2, author="anna")
    await publisher.store.add(mine)
    with pytest.raises(InputError, match="was changed by somebody else meanwhile"):
        await publisher.store.add(replace(posted, version=2, author="ola"))

    assert "anna" == (await publisher.store.history("last"))[-1].author


async def test_ids_are_found_by_their_beginning(publisher: Publisher) -> None:
    """Also `last`; an unknown one names the nearest."""
    posted = (await publisher.post(OUTAGE, "ops", NOW)).version
    full = posted.announcement_id
    wrong = full[:3] + ("0" if full[3] != "0" else "1")

    assert full == (await publisher.store.history(full[:2].upper()))[0].announcement_id
    with pytest.raises(InputError, match=f"there is no announcement '{wrong}'; did you mean '{full}'"):
        await publisher.store.history(wrong)
    with pytest.raises(InputError, match="there is no announcement ''"):
        await publisher.store.history("")
