"""Going live, changing and ending: versions, clips, warnings, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ivr.announce.cautions import overlap
from ivr.announce.model import (
    DRAFT,
    ENDED,
    LIVE,
    Target,
)
from ivr.announce.publish import Draft, NeedsConfirmation, Publisher
from ivr.call import Call
from ivr.db import Database
from ivr.errors import InputError, SpeechError
from ivr.flow.model import Number
from ivr.record.store import Records
from tests.support.desk import NOW, FakeMaker
from tests.support.publishing import OUTAGE, TEXTS, WOLA, database, publisher

__all__ = ["database", "publisher"]


async def test_posting_makes_every_clip_then_goes_live(publisher: Publisher) -> None:
    """Each language with and without the expected end; stored once, and the snapshot's version goes up."""
    outcome = await publisher.post(OUTAGE, "ops", NOW, confirmed=True)
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
    await publisher.post(OUTAGE, "ops", NOW, confirmed=True)
    publisher.store.folder = tmp_path / "elsewhere"
    (live,) = await publisher.store.live(NOW)

    assert str(tmp_path / "elsewhere" / "announcements") == str(Path(live.clips["pl"]["today"].file).parent)


async def test_a_change_is_a_new_version(publisher: Publisher) -> None:
    """The old one stays as it was; the newest alone is live."""
    first = (await publisher.post(OUTAGE, "ops", NOW, confirmed=True)).version
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
    first = (await publisher.post(OUTAGE, "ops", NOW, confirmed=True)).version
    changed = (await publisher.update("last", "ops", NOW, texts={"en": "Repaired."})).version

    assert {**TEXTS, "en": "Repaired."} == changed.texts
    assert (first.eta, first.until) == (changed.eta, changed.until)


async def test_an_expired_end_does_not_stop_another_change(publisher: Publisher) -> None:
    """After the expected end has passed, a text can still be corrected; only `passed` is made then."""
    await publisher.post(OUTAGE, "ops", NOW, confirmed=True)
    changed = await publisher.update("last", "ops", NOW + timedelta(hours=4), texts={"en": "Still down."})

    assert {"passed"} == set(changed.version.clips["en"])


async def test_ending_takes_it_off(publisher: Publisher) -> None:
    """A last version says who and when; it cannot be ended or changed again."""
    posted = (await publisher.post(OUTAGE, "ops", NOW, confirmed=True)).version
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
    live = (await publisher.publish("last", "anna", NOW, confirmed=True)).version

    assert (DRAFT, {}, 0) == (held.version.state, held.version.clips, before)
    assert (2, LIVE) == (live.version, live.state)
    with pytest.raises(InputError, match="is not a draft, it is live"):
        await publisher.publish("last", "anna", NOW, confirmed=True)


@pytest.mark.parametrize("maker", [FakeMaker(fails=3), FakeMaker(silent=True)])
async def test_nothing_goes_live_without_all_its_audio(publisher: Publisher, maker: FakeMaker) -> None:
    """A voice that fails, or writes no file, leaves a draft and says how to try again."""
    publisher.maker = maker
    with pytest.raises(SpeechError, match=r"kept as a draft, `ivr announce publish \w{4}` tries again"):
        await publisher.post(OUTAGE, "ops", NOW, confirmed=True)
    (kept,) = await publisher.store.newest()

    assert DRAFT == kept.state
    assert 0 == await publisher.store.version()


async def test_a_failing_change_leaves_the_old_version_live(publisher: Publisher) -> None:
    """What callers hear does not change."""
    posted = (await publisher.post(OUTAGE, "ops", NOW, confirmed=True)).version
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
        ({"eta": None, "eta_from": NOW + timedelta(hours=1)}, "a range needs its latest end as well"),
        ({"eta_from": NOW + timedelta(hours=3)}, "2026-11-23 18:00 is not before 2026-11-23 18:00"),
        ({"starts": NOW + timedelta(days=1)}, "it would begin at 2026-11-24 15:00, when it is over"),
        ({"starts": datetime.min.replace(tzinfo=UTC)}, "the year 1 is none to announce"),
        ({"until": datetime.max.replace(tzinfo=UTC)}, "the year 9999 is none to announce"),
        ({"kind": "fault"}, "kind 'fault' is not known; expected one of outage, planned, info"),
        ({"after": "ring"}, "after 'ring' is not known"),
    ],
)
async def test_what_is_refused(publisher: Publisher, change: dict[str, object], wrong: str) -> None:
    """Nothing is kept and no voice is asked."""
    with pytest.raises(InputError, match=wrong):
        await publisher.post(replace(OUTAGE, **{"until": NOW + timedelta(days=1), **change}), "ops", NOW)  # type: ignore[arg-type]

    assert () == await publisher.store.newest(ended=True)


async def test_what_is_warned_about(publisher: Publisher) -> None:
    """Long texts, an early expiry, an area nobody lives in, one that hides another, missing languages."""
    await publisher.post(OUTAGE, "ops", NOW, confirmed=True)
    target = Target(areas=("pl/mazowieckie/warszawa/wolla",))
    long = Draft(target, {"pl": "a" * 200}, "tv", NOW + timedelta(hours=3), NOW + timedelta(hours=1))
    first = (await publisher.post(long, "ops", NOW, confirmed=True)).warnings
    hiding = (await publisher.post(OUTAGE, "ops", NOW, confirmed=True)).warnings

    assert "no ru text: callers of that language hear it in pl" in first
    assert "it ends before the time it promises: set a later --until" in first
    assert "no customer lives in pl/mazowieckie/warszawa/wolla; did you mean pl/mazowieckie/warszawa/wola?" in first
    assert any("lasts 24 s; 15 s or less is advised" in warning for warning in first)
    assert any("has the same target and service and is no longer heard" in warning for warning in hiding)


async def test_many_are_asked_about(publisher: Publisher) -> None:
    """Above the set share nothing happens until it is confirmed; drafts and later changes are not asked about."""
    with pytest.raises(NeedsConfirmation, match=r"this concerns 1 of 2 customers \(50%\); expected a second") as asked:
        await publisher.post(OUTAGE, "ops", NOW)
    nothing = await publisher.store.newest(ended=True)
    held = await publisher.post(OUTAGE, "ops", NOW, hold=True)
    with pytest.raises(NeedsConfirmation):
        await publisher.publish("last", "ops", NOW)
    await publisher.publish("last", "ops", NOW, confirmed=True)
    changed = await publisher.update("last", "ops", NOW, eta=None)

    assert ((1, 2), "customers", ()) == (asked.value.audience, asked.value.of, nothing)
    assert (held.version.announcement_id, 3) == (changed.version.announcement_id, changed.version.version)


async def test_few_are_not_asked_about(publisher: Publisher) -> None:
    """At the share itself it is not; nor where nobody is known to be concerned."""
    publisher.settings = publisher.settings.model_copy(update={"confirm_share": 0.5})

    assert LIVE == (await publisher.post(OUTAGE, "ops", NOW)).version.state
    assert LIVE == (await publisher.post(replace(OUTAGE, target=Target(areas=("pl/z",))), "ops", NOW)).version.state


async def test_a_number_many_dial_is_asked_about(publisher: Publisher) -> None:
    """By the calls of the last 24 hours, for it is not known who will dial it."""
    await called(publisher.database, *["100"] * 9, "101")
    with pytest.raises(NeedsConfirmation, match=r"9 of 10 calls of the last 24 hours \(90%\)"):
        await publisher.post(replace(OUTAGE, target=Target(dnis="100")), "ops", NOW)

    assert LIVE == (await publisher.post(replace(OUTAGE, target=Target(dnis="101")), "ops", NOW)).version.state
    with pytest.raises(NeedsConfirmation, match="10 of 10 calls"):
        await publisher.post(replace(OUTAGE, target=Target(project="acme")), "ops", NOW)


async def called(database: Database, *dialled: str) -> None:
    """Record calls of an hour ago to these numbers."""
    records = Records(database)
    for n, dnis in enumerate(dialled):
        number = Number(dnis, "main", "pl", "acme", "")
        at = NOW - timedelta(hours=1)
        records.begin(Call(f"{n}.1", "+48221234567", dnis, ""), at, number=number).finish("agent")
    await records.flush()


async def test_what_is_warned_about_whom_it_concerns(publisher: Publisher) -> None:
    """Nodes, lists and classes that nobody is in; others that concern the same callers."""
    await publisher.post(OUTAGE, "ops", NOW, confirmed=True)
    listed = Target(node="node-71", numbers=("A1", "A7", "A8", "A9", "+48221234569"))
    said = (await publisher.post(replace(OUTAGE, target=listed), "ops", NOW, hold=True)).warnings
    nobody = (await publisher.post(replace(OUTAGE, target=Target(classes=("vip",))), "ops", NOW, hold=True)).warnings
    inner = Target(areas=(WOLA.areas[0] + "/node-17",))
    inside = (await publisher.post(replace(OUTAGE, target=inner), "ops", NOW, hold=True)).warnings

    assert "no customer is behind node node-71; did you mean node-17?" in said
    assert "4 of 5 listed numbers and accounts are no customer's: A7, A8, A9, ..." in said
    assert "no customer is concerned: none of vip customers" in nobody
    assert any("concerns some of the same callers: they hear the one that knows more" in each for each in inside)


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (Target(), Target(areas=("a",)), True),
        (Target(areas=("a/b",)), Target(areas=("x", "a")), True),
        (Target(areas=("a/b",)), Target(areas=("a/bc",)), False),
        (Target(areas=("a/b",), dnis="100"), Target(areas=("a",), dnis="101"), False),
        (Target(project="x"), Target(project="y"), False),
        (Target(classes=("vip",)), Target(classes=("normal", "vip")), True),
        (Target(classes=("vip",)), Target(classes=("normal",)), False),
        (Target(node="b"), Target(areas=("a/b/c",)), True),
        (Target(node="b"), Target(node="b"), True),
        (Target(node="b"), Target(areas=("a",)), False),
        (Target(prefix="+48"), Target(prefix="+4822"), True),
        (Target(prefix="+48"), Target(areas=("a",)), False),
        (Target(numbers=("A1", "A2")), Target(numbers=("A2",)), True),
    ],
)
def test_whether_two_concern_one_caller(one: Target, other: Target, together: bool) -> None:
    """Both ways round; what nobody can tell is no."""

    assert [together, together] == [overlap(one, other), overlap(other, one)]


async def test_two_people_changing_at_once(publisher: Publisher) -> None:
    """The second one is told; the first one's version stays."""
    posted = (await publisher.post(OUTAGE, "ops", NOW, confirmed=True)).version
    mine = replace(posted, version=2, author="anna")
    await publisher.store.add(mine)
    with pytest.raises(InputError, match="was changed by somebody else meanwhile"):
        await publisher.store.add(replace(posted, version=2, author="ola"))

    assert "anna" == (await publisher.store.history("last"))[-1].author


async def test_ids_are_found_by_their_beginning(publisher: Publisher) -> None:
    """Also `last`; an unknown one names the nearest."""
    posted = (await publisher.post(OUTAGE, "ops", NOW, confirmed=True)).version
    full = posted.announcement_id
    wrong = full[:3] + ("0" if full[3] != "0" else "1")

    assert full == (await publisher.store.history(full[:2].upper()))[0].announcement_id
    with pytest.raises(InputError, match=f"there is no announcement '{wrong}'; did you mean '{full}'"):
        await publisher.store.history(wrong)
    with pytest.raises(InputError, match="there is no announcement ''"):
        await publisher.store.history("")
