"""What callers are told about the end of an outage, and from when to when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.announce.model import INFO, KINDS, LIVE, OUTAGE, PLANNED, RESTORED, Target, Version
from ivr.announce.sentences import MONTHS
from ivr.announce.wording import (
    language_order,
    restored_texts,
    text_warnings,
    true_until,
    variant,
    variants,
    wording,
)
from ivr.speech.expand import expand
from ivr.speech.wording import Expansion
from tests.support.desk import NOW

WARSAW = ZoneInfo("Europe/Warsaw")


def warsaw(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=WARSAW).astimezone(UTC)


def said(
    eta: datetime | None = None, *, texts: dict[str, str] | None = None, until: datetime | None = None,
    at: datetime = NOW, state: str = LIVE, kind: str = OUTAGE, starts: datetime | None = None,
    eta_from: datetime | None = None, as_of: bool = False,
) -> Version:  # fmt: skip
    return Version(
        "a1b2", 1, state, "ops", at, Target(), "", texts or {"pl": "Awaria.", "ru": "Авария.", "en": "Down."}, eta,
        until or at + timedelta(days=30), kind=kind, starts=starts, eta_from=eta_from, as_of=as_of,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-23T23:59", "later"),
        ("2026-11-24T00:00", "tomorrow"),
        ("2026-11-24T23:59", "tomorrow"),
        ("2026-11-25T00:00", "today"),
        ("2026-11-25T18:29", "today"),
        ("2026-11-25T18:30", "passed"),
    ],
)
def test_the_wording_changes_by_itself(now: str, expected: str) -> None:
    """At midnight in the hotline's zone and when the expected end is reached, not a minute later."""

    assert expected == variant(said(warsaw("2026-11-25T18:30")), warsaw(now), WARSAW)


def test_every_wording_that_will_be_needed_is_made() -> None:
    """From now on, in order; nothing that is over already."""
    tonight, friday = NOW + timedelta(hours=3), NOW + timedelta(days=4)

    assert ("unknown",) == variants(said(), NOW, WARSAW)
    assert ("today", "passed") == variants(said(tonight), NOW, WARSAW)
    assert ("later", "tomorrow", "today", "passed") == variants(said(friday), NOW, WARSAW)
    assert ("passed",) == variants(said(NOW), NOW, WARSAW)


def test_sentences() -> None:
    """The text of ops, ended by a full stop, then the expected end in local time."""
    version = said(warsaw("2026-11-26T06:05"), texts={"pl": "Awaria\n na Woli", "en": "Down!", "ru": "Авария."})

    assert "Awaria na Woli. Przewidywany czas usunięcia awarii: jutro, 06:05." == wording(
        version, "pl", "tomorrow", WARSAW
    )
    assert "Down! We expect the service to be back on Thursday, November 26, by 06:05." == wording(
        version, "en", "later", WARSAW
    )
    assert "Авария. Ожидаемое время восстановления: 06:05." == wording(version, "ru", "today", WARSAW)


RANGE = said(warsaw("2026-11-24T20:00"), eta_from=warsaw("2026-11-24T18:00"))
NIGHT = said(warsaw("2026-11-25T05:00"), eta_from=warsaw("2026-11-24T23:00"), kind=PLANNED)


@pytest.mark.parametrize(
    ("version", "now", "which", "en"),
    [
        (RANGE, "2026-11-23T15:00", "tomorrow-tomorrow", "We expect the service to be back tomorrow between 18:00 and"
         " 20:00."),
        (RANGE, "2026-11-24T17:59", "today-today", "We expect the service to be back between 18:00 and 20:00."),
        (RANGE, "2026-11-24T18:00", "today", "We expect the service to be back by 20:00."),
        (RANGE, "2026-11-24T20:00", "passed", "The repair is taking longer than expected. We are still working, and"
         " have no new time yet."),
        (NIGHT, "2026-11-23T15:00", "tomorrow-later", "Work is planned from 23:00 tomorrow until 05:00 on Wednesday,"
         " November 25."),
        (NIGHT, "2026-11-24T15:00", "today-tomorrow", "Work is planned from 23:00 today until 05:00 tomorrow."),
        (NIGHT, "2026-11-24T23:00", "tomorrow", "We expect the work to be finished tomorrow by 05:00."),
        (NIGHT, "2026-11-25T05:00", "passed", "The work is taking longer than planned. We have no new time yet."),
        (said(kind=PLANNED, eta_from=warsaw("2026-11-24T01:00")), "2026-11-23T15:00", "begins-tomorrow",
         "The work begins tomorrow at 01:00."),
        (said(kind=PLANNED), "2026-11-23T15:00", "unknown", "We do not know yet when the work will be finished."),
        (said(as_of=True), "2026-11-23T23:00", "unknown@today",
         "We do not know yet when the service will be back. This is as of 15:00."),
        (said(as_of=True, kind=INFO), "2026-11-24T01:00", "plain@yesterday", "This is as of yesterday, 15:00."),
        (said(as_of=True, kind=INFO), "2026-11-25T01:00", "plain@earlier", "This was said on Monday, November 23, at"
         " 15:00."),
        (said(kind=INFO), "2026-11-23T15:00", "plain", ""),
        (said(warsaw("2026-11-24T20:00"), state=RESTORED, as_of=True), "2026-11-23T15:00", "restored", ""),
    ],
)  # fmt: skip
def test_what_is_said_beside_the_text(version: Version, now: str, which: str, en: str) -> None:
    """A range until it begins, the time of planned work, the age of the news; nothing about no fault."""

    assert which == variant(version, warsaw(now), WARSAW)
    assert f"Down. {en}".strip() == wording(version, "en", which, WARSAW)
    assert which in variants(version, NOW, WARSAW)


def test_times_are_said_in_the_case_their_words_ask_for() -> None:
    """Ranges, beginnings and ages in Polish and Russian, as a voice is given them."""
    begins = said(kind=PLANNED, eta_from=warsaw("2026-11-26T01:00"), as_of=True)
    which = variant(begins, NOW, WARSAW)
    polish, russian = (spoken(begins, language, which) for language in ("pl", "ru"))

    assert "od godziny dwudziestej trzeciej dzisiaj do godziny piątej jutro." in spoken(NIGHT, "pl", "today-tomorrow")
    assert "с двадцати трёх часов сегодня до пяти часов завтра." in spoken(NIGHT, "ru", "today-tomorrow")
    assert "zaczną się w czwartek, dwudziestego szóstego listopada, o godzinie pierwszej." in polish
    assert polish.endswith("Ostatnia aktualizacja o godzinie piętnastej.")
    assert "начнутся в четверг, двадцать шестого ноября, в один час." in russian
    assert russian.endswith("Обновлено в пятнадцать часов.")


def spoken(version: Version, language: str, which: str) -> str:
    return expand(wording(version, language, which, WARSAW), language, Expansion({}, {}, MONTHS[language]))


def test_the_age_is_said_in_steps() -> None:
    """A publication three minutes after its preview finds the audio made."""
    at = NOW + timedelta(minutes=13)

    assert wording(said(as_of=True, at=at), "en", "unknown@today", WARSAW).endswith("as of 15:10.")
    assert wording(said(as_of=True, at=at), "pl", "unknown@today", WARSAW) == wording(
        said(as_of=True, at=at - timedelta(minutes=3)), "pl", "unknown@today", WARSAW
    )


def test_it_works_again_in_every_language() -> None:
    """By service; one that nobody foresaw is called a service."""

    assert {"pl", "ru", "en"} == restored_texts("internet").keys()
    assert "The internet works again. Thank you for your patience." == restored_texts("internet")["en"]
    assert "Usługa już działa. Dziękujemy za cierpliwość." == restored_texts("ip-tv")["pl"]


ZONES = st.sampled_from([ZoneInfo(name) for name in (
    "Europe/Warsaw", "America/Santiago", "Asia/Kolkata", "Pacific/Apia", "America/New_York", "Africa/Cairo", "UTC",
)])  # fmt: skip
HOURS = st.floats(0, 24 * 5).map(lambda hours: timedelta(hours=hours))


@given(
    ZONES, st.sampled_from(["2026-03-28T12:00", "2026-10-24T12:00", "2026-11-23T00:00", "2026-09-05T12:00"]),
    st.none() | HOURS, st.none() | HOURS, st.none() | HOURS, HOURS, st.booleans(), st.sampled_from(KINDS),
    st.lists(HOURS, min_size=1, max_size=5),
)  # fmt: skip
def test_at_any_time_what_is_true_was_made(
    zone: ZoneInfo, start: str, eta: timedelta | None, begin: timedelta | None, starts: timedelta | None,
    until: timedelta, as_of: bool, kind: str, later: list[timedelta],
) -> None:  # fmt: skip
    """Through clock changes: every variant a caller can need is among those made, can be said, and lasts as told."""
    now = datetime.fromisoformat(start).replace(tzinfo=zone).astimezone(UTC)
    if begin is not None and eta is not None and begin >= eta:
        begin = None
    if begin is not None and eta is None:
        kind = PLANNED
    ends, begins, heard_from = (None if each is None else now + each for each in (eta, begin, starts))
    version = said(
        ends, at=now, until=now + until, eta_from=begins, as_of=as_of, kind=kind, starts=heard_from
    )  # fmt: skip
    made = variants(version, now, zone)
    for moment in (now + each for each in later):
        if not version.is_live(moment):
            continue
        which, end = variant(version, moment, zone), true_until(version, moment, zone)
        assert which in made
        assert moment < end <= version.until
        assert which == variant(version, end - timedelta(microseconds=1), zone)
        assert all("{" not in wording(version, language, which, zone) for language in version.texts)


def test_a_missing_translation_falls_back() -> None:
    """The caller's language, then the default, then English, then any."""

    assert ("ru", "pl", "en") == language_order("ru", "pl", ["en", "pl", "ru"])
    assert ("pl", "en") == language_order("ru", "pl", ["en", "pl"])
    assert ("en",) == language_order("ru", "pl", ["en"])
    assert ("ru",) == language_order("en", "pl", ["ru"])


def test_doubtful_texts_are_warned_about() -> None:
    """A text in the wrong script, a typed time, a missing language."""
    warnings = text_warnings({"ru": "Awaria do 18:30"}, ("pl", "ru"), "pl")

    assert 3 == len(warnings)
    assert "ru text" in warnings[0]
    assert "names a time" in warnings[1]
    assert "no pl text: callers of that language hear it in ru" == warnings[2]
