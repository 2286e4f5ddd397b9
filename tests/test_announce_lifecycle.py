"""From draft to restored: approval, what time makes of an announcement, drafts by machines."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ivr.announce.model import (
    APPROVED,
    CONTINUE,
    DRAFT,
    EXPIRED,
    INFO,
    LIVE,
    MONITORING,
    OFFER,
    OVERDUE,
    PLANNED,
    RADAR,
    RESTORED,
    SCHEDULED,
    Target,
    condition,
    overdue,
)
from ivr.announce.publish import Draft, NeedsConfirmation, Publisher
from ivr.desk.opt_ins import OptIns
from ivr.errors import InputError
from tests.support.desk import NOW
from tests.support.publishing import OUTAGE, TEXTS, WOLA, database, publisher

__all__ = ["database", "publisher"]


async def test_a_draft_is_approved_and_a_change_takes_that_back(publisher: Publisher) -> None:
    """Approved is not heard; who publishes it may be somebody else."""
    await publisher.post(OUTAGE, "ops", NOW, hold=True)
    approved = (await publisher.approve("last", "anna", NOW)).version
    silent = await publisher.store.version()
    with pytest.raises(InputError, match="is not a draft, it is approved"):
        await publisher.approve("last", "anna", NOW)
    changed = (await publisher.update("last", "ola", NOW, texts={"pl": "Inaczej."})).version
    await publisher.approve("last", "anna", NOW)
    live = (await publisher.publish("last", "ola", NOW, confirmed=True)).version

    assert [(APPROVED, "anna"), (DRAFT, "ola"), (LIVE, "ola")] == [
        (each.state, each.author) for each in (approved, changed, live)
    ]
    assert 0 == silent
    assert [1, 2, 3, 4, 5] == [each.version for each in await publisher.store.history("last")]


async def test_restoring_says_so_and_lets_it_expire(publisher: Publisher) -> None:
    """A standard sentence, or one's own, in every language; heard for an hour; no call ends after it."""
    await publisher.post(replace(OUTAGE, eta_from=NOW + timedelta(hours=2), as_of=True), "ops", NOW, confirmed=True)
    at = NOW + timedelta(hours=2)
    restored = (await publisher.restore("last", "anna", at, texts={"pl": "Na Woli internet działa."})).version

    assert ("Na Woli internet działa.", "The internet works again. Thank you for your patience.") == (
        restored.texts["pl"], restored.texts["en"],
    )  # fmt: skip
    assert (RESTORED, CONTINUE, None, None, False) == (
        restored.state, restored.after, restored.eta, restored.eta_from, restored.as_of,
    )  # fmt: skip
    assert {"pl", "ru", "en"} == restored.clips.keys()
    assert {"restored"} == {which for clips in restored.clips.values() for which in clips}
    assert (restored,) == await publisher.store.live(at + timedelta(minutes=59))
    assert () == await publisher.store.live(at + timedelta(minutes=60))
    with pytest.raises(InputError, match="is not live, it is restored"):
        await publisher.restore("last", "anna", at)


async def test_who_asked_to_be_told_is_called(publisher: Publisher) -> None:
    """Those of this announcement are due from then on."""
    posted = (await publisher.post(OUTAGE, "ops", NOW, confirmed=True)).version
    wants = OptIns(publisher.database)
    for number, announcement_id in (("+48221234567", posted.announcement_id), ("+48221234568", "other")):
        await wants.add(
            announcement_id, number, account="", area="", language="pl", dnis="100", call_id="1.1"
        )  # fmt: skip
    outcome = await publisher.restore("last", "ops", NOW)

    assert 1 == outcome.opt_ins
    assert ["due"] == [each.state for each in await wants.of(posted.announcement_id)]
    assert ["waiting"] == [each.state for each in await wants.of("other")]


@pytest.mark.parametrize("minutes", [0, -5, 1441])
async def test_for_how_long_it_can_be_restored(publisher: Publisher, minutes: int) -> None:
    """A minute to a day."""
    await publisher.post(OUTAGE, "ops", NOW, confirmed=True)
    with pytest.raises(InputError, match="expected 1 to 1440"):
        await publisher.restore("last", "ops", NOW, minutes=minutes)


async def test_planned_work_goes_on_the_phones_by_itself(publisher: Publisher) -> None:
    """Stored as live now, with the audio for its time; nobody hears it before."""
    tomorrow = NOW + timedelta(days=1)
    work = Draft(WOLA, TEXTS, "internet", tomorrow + timedelta(hours=4), kind=PLANNED, starts=tomorrow)
    version = (await publisher.post(work, "ops", NOW, confirmed=True)).version

    assert (SCHEDULED, LIVE) == (condition(version, NOW), condition(version, tomorrow))
    assert {"today", "passed"} == version.clips["pl"].keys()
    assert tomorrow + timedelta(hours=8) == version.until
    assert not version.is_live(tomorrow - timedelta(seconds=1))


async def test_what_time_makes_of_an_announcement(publisher: Publisher) -> None:
    """Past its expected end it is overdue until somebody says what holds; past its expiry it is silent."""
    version = (await publisher.post(OUTAGE, "ops", NOW, confirmed=True)).version
    eta = NOW + timedelta(hours=3)
    later = (await publisher.update("last", "ops", eta, eta=eta + timedelta(hours=1))).version

    assert [LIVE, OVERDUE, EXPIRED] == [condition(version, at) for at in (NOW, eta, version.until)]
    assert ((version,), ()) == (overdue([version], eta), overdue([later], eta))
    assert () == overdue([replace(version, kind=INFO), replace(version, state=RESTORED)], eta)


async def test_a_new_end_takes_the_range_away(publisher: Publisher) -> None:
    """Unless a new one is given; planned work keeps its beginning."""
    ranged = replace(OUTAGE, eta_from=NOW + timedelta(hours=1))
    await publisher.post(ranged, "ops", NOW, confirmed=True)
    later = NOW + timedelta(hours=5)
    plain = (await publisher.update("last", "ops", NOW, eta=later)).version
    again = (await publisher.update("last", "ops", NOW, eta_from=NOW + timedelta(hours=4))).version
    await publisher.post(replace(ranged, kind=PLANNED), "ops", NOW + timedelta(seconds=1), confirmed=True)
    work = (await publisher.update("last", "ops", NOW + timedelta(seconds=2), eta=later)).version

    assert (None, NOW + timedelta(hours=4), NOW + timedelta(hours=1)) == (
        plain.eta_from, again.eta_from, work.eta_from,
    )  # fmt: skip
    assert {"today-today", "today", "passed"} == again.clips["pl"].keys()


async def test_everything_of_it_can_be_revised(publisher: Publisher) -> None:
    """All but where it came from; a new target is asked about like a new announcement."""
    await publisher.post(replace(OUTAGE, source=RADAR), "radar", NOW, hold=True)
    other = Draft(Target(areas=("pl/x",)), {"pl": "Inna."}, "tv", after=OFFER, note="checked")
    revised = (await publisher.revise("last", other, "anna", NOW)).version
    await publisher.publish("last", "anna", NOW, confirmed=True)
    with pytest.raises(NeedsConfirmation):
        await publisher.revise("last", replace(other, target=WOLA), "anna", NOW)
    live = (await publisher.revise("last", replace(other, texts={"pl": "Jeszcze inna."}), "anna", NOW)).version

    assert (DRAFT, RADAR, "tv", OFFER, "checked") == (
        revised.state, revised.source, revised.service, revised.after, revised.note,
    )  # fmt: skip
    assert (LIVE, "Jeszcze inna.", 4) == (live.state, live.texts["pl"], live.version)


async def test_a_machine_drafts_once(publisher: Publisher) -> None:
    """The same news is no new version, other news are one; another target is another draft."""
    alarm = replace(OUTAGE, source=MONITORING, note="3 alarms")
    first = (await publisher.draft_again(alarm, "alerts", NOW)).version
    same = (await publisher.draft_again(alarm, "alerts", NOW + timedelta(minutes=1))).version
    more = (await publisher.draft_again(replace(alarm, note="9 alarms"), "alerts", NOW + timedelta(minutes=2))).version
    other = (await publisher.draft_again(replace(alarm, target=Target(areas=("pl/x",))), "alerts", NOW)).version

    assert first == same
    assert (first.announcement_id, 2, "9 alarms") == (more.announcement_id, more.version, more.note)
    assert first.announcement_id != other.announcement_id
    assert 2 == len(await publisher.store.newest())


async def test_what_a_person_wrote_in_a_draft_stays(publisher: Publisher) -> None:
    """The machine's later news are only noted; once it is live the next news are another draft."""
    alarm = replace(OUTAGE, source=RADAR, note="14 calls")
    first = (await publisher.draft_again(alarm, "radar", NOW)).version
    await publisher.update(first.announcement_id, "anna", NOW, texts={"pl": "Od Anny."})
    more = (await publisher.draft_again(replace(alarm, note="40 calls"), "radar", NOW)).version
    await publisher.publish(first.announcement_id, "anna", NOW, confirmed=True)
    other = (await publisher.draft_again(alarm, "radar", NOW)).version

    assert ("Od Anny.", "40 calls", "anna", 3) == (more.texts["pl"], more.note, more.author, more.version)
    assert first.announcement_id != other.announcement_id
