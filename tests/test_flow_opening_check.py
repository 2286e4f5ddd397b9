"""ivr/flow/opening_check.py: hours that never open, parts of them that never count."""

from __future__ import annotations

import time
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from ivr.flow.calendars import read_calendars
from ivr.flow.opening_check import find_useless
from ivr.flow.source import parse
from ivr.flow.tables import Report
from ivr.hours import Calendar, Span
from ivr.opening import read_opening
from ivr.settings import PROJECT

TODAY = date(2026, 11, 23)
EARLIER = {date(2026, 11, 22): (Span(480, 960),)}
LATER = {date(2029, 11, 1): (Span(480, 960),)}


def wrong(text: str, **special: object) -> list[str]:
    calendar = Calendar("office", ZoneInfo("Europe/Warsaw"), read_opening(text, "PL"), **special)  # type: ignore[arg-type]
    return [f"{found.calendar}: {found.wrong}" for found in find_useless({"office": calendar}, TODAY)]


@pytest.mark.parametrize("text", ["2025 Mo-Fr 08:00-16:00", "2031 Mo-Fr 08:00-16:00", "PH off", "Mo 08:00-16:00; off",
                                  "Feb 30-Feb 31 Mo 08:00-16:00; 2026-2030 off"])  # fmt: skip
def test_hours_that_never_open_are_told(text: str) -> None:
    """Neither in the past, nor four years ahead, nor behind an `off` for every day."""
    assert f"office: {text!r} never opens" in wrong(text)


def test_a_special_day_opens_a_calendar() -> None:
    """One that is over does not."""
    assert ["office: 'PH off' never opens"] == wrong("PH off", dated=EARLIER)
    assert [] == wrong("PH off", dated=LATER)


@pytest.mark.parametrize("text", ["off", "closed"])
def test_a_line_that_is_meant_to_be_closed_is_fine(text: str) -> None:
    """It was written so."""
    assert [] == wrong(text)


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("Mo-Fr 08:00-12:00; Mo-Fr 13:00-18:00", "Mo-Fr 08:00-12:00"),
        ("Mo-Fr 08:00-12:00; 13:00-18:00", "Mo-Fr 08:00-12:00"),
        ("PH off; Mo-Fr 08:00-20:00", "PH off"),
        ("Sa 09:00-12:00; Mo-Su 08:00-16:00; PH off", "Sa 09:00-12:00"),
    ],
)
def test_a_part_that_never_counts_is_told(text: str, lost: str) -> None:
    """A later part replaces the whole day: what was meant is a comma, or another order."""
    assert [f"office: {lost!r} never counts: a part after it replaces the whole day"] == wrong(text)


@pytest.mark.parametrize(
    "text",
    [
        "24/7", "Mo-Fr 08:00-20:00; Sa 09:00-14:00; PH off", "Mo-Fr 08:00-12:00, Mo-Fr 13:00-18:00",
        "Mo-Fr 08:00-20:00; Su off", "08:00-20:00; Jul-Aug 10:00-16:00",
        "Mo-Fr 08:00-20:00; PH off; Nov 11 10:00-12:00",
        "Mo-Fr 08:00-20:00; 2020 Dec 24 off", "Mo-Fr 08:00-20:00; Mo 12:00-13:00 off",
    ],
)  # fmt: skip
def test_hours_that_do_what_they_say_are_fine(text: str) -> None:
    """Also those that are over, and an exception of an exception."""
    assert [] == wrong(text)


def test_twenty_calendars_are_checked_at_once() -> None:
    """Within 0.3 s on an idle machine, for those that never open as well; the bound here is that of a busy one."""
    texts = ["Mo-Fr 08:00-20:00; Sa 09:00-14:00; PH off", "2031 Mo-Fr 08:00-16:00"] * 10
    calendars = {
        str(number): Calendar(str(number), ZoneInfo("Europe/Warsaw"), read_opening(text, "PL"))
        for number, text in enumerate(texts)
    }
    began = time.process_time()
    found = find_useless(calendars, TODAY)

    assert 10 == len(found)
    assert time.process_time() - began < 1.5


def test_the_hours_of_this_project_do_what_they_say() -> None:
    """What is shipped passes, the samples too."""
    folders = [PROJECT / "dialplans", *(PROJECT / "dialplans" / "samples").iterdir()]
    for file in (folder / "hours.toml" for folder in folders):
        source, mistake = parse(file, file.read_bytes())
        assert source, mistake
        report = Report(source)
        calendars = read_calendars(report, {})

        assert ([], ()) == (report.findings, find_useless(calendars, TODAY))
        assert calendars
