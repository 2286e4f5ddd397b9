"""What callers are told about the end of an outage, and from when to when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ivr.announce.wording import eta_time, language_order, point_in_time, text_warnings, variant, variants, wording
from tests.support.desk import NOW

WARSAW = ZoneInfo("Europe/Warsaw")


def warsaw(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=WARSAW).astimezone(UTC)


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

    assert expected == variant(warsaw("2026-11-25T18:30"), warsaw(now), WARSAW)


def test_every_wording_that_will_be_needed_is_made() -> None:
    """From now on, in order; nothing that is over already."""
    tonight, friday = NOW + timedelta(hours=3), NOW + timedelta(days=4)

    assert ("unknown",) == variants(None, NOW, WARSAW)
    assert ("today", "passed") == variants(tonight, NOW, WARSAW)
    assert ("later", "tomorrow", "today", "passed") == variants(friday, NOW, WARSAW)
    assert ("passed",) == variants(NOW, NOW, WARSAW)


def test_sentences() -> None:
    """The text of ops, ended by a full stop, then the expected end in local time."""
    eta = warsaw("2026-11-26T06:05")

    assert "Awaria na Woli. Przewidywany czas usunięcia awarii: jutro, 06:05." == wording(
        "Awaria\n na Woli", "pl", eta, "tomorrow", WARSAW
    )
    assert "Down! We expect the service to be back on Thursday, November 26, by 06:05." == wording(
        "Down!", "en", eta, "later", WARSAW
    )
    assert "Авария. Ожидаемое время восстановления: 06:05." == wording("Авария.", "ru", eta, "today", WARSAW)


@pytest.mark.parametrize(
    ("text", "now", "expected"),
    [
        ("18:30", "2026-11-23T15:00", "2026-11-23T18:30"),
        ("9:05", "2026-11-23T15:00", "2026-11-24T09:05"),
        ("15:00", "2026-11-23T15:00", "2026-11-24T15:00"),
        ("2026-11-24T06:00", "2026-11-23T15:00", "2026-11-24T06:00"),
        ("2026-11-24 06:00", "2026-11-23T15:00", "2026-11-24T06:00"),
        ("2026-11-24T05:00Z", "2026-11-23T15:00", "2026-11-24T06:00"),
        ("02:30", "2026-03-28T23:00", "2026-03-29T03:30"),  # skipped that night
        ("06:00", "2026-03-28T23:00", "2026-03-29T06:00"),  # a night of 23 hours
        ("06:00", "2026-10-24T23:00", "2026-10-25T06:00"),  # a night of 25 hours
    ],
)
def test_times_are_read(text: str, now: str, expected: str) -> None:
    """HH:MM is the next such time on the clock, through clock changes as well."""

    assert warsaw(expected) == point_in_time(text, warsaw(now), WARSAW)


def test_of_a_repeated_time_the_first_is_meant() -> None:
    """02:30 on the night of the change to winter time comes twice."""
    found = point_in_time("02:30", warsaw("2026-10-24T23:00"), WARSAW)

    assert datetime(2026, 10, 25, 0, 30, tzinfo=UTC) == found


@pytest.mark.parametrize(
    "text", ["", "25:00", "18.30", "1830", "half past six", "2026-11-24", "2026-13-01T10:00", "18:3", "١٨:٣٠"]
)
def test_what_is_no_time_is_said(text: str) -> None:
    """The message shows both forms."""

    with pytest.raises(ValueError, match=r"expected HH:MM, for example 18:30, .* 2026-11-23T18:30"):
        point_in_time(text, NOW, WARSAW)


def test_unknown_is_an_expected_end() -> None:
    """`unknown` is None; a time is a time."""

    assert eta_time("unknown", NOW, WARSAW) is None
    assert warsaw("2026-11-23T18:30") == eta_time("18:30", NOW, WARSAW)


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
