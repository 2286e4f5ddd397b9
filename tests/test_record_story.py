"""A trace becomes a story a supervisor can read; every word of the vocabulary has its sentence."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from ivr.call import DISPOSITIONS, TraceEntry
from ivr.record import story
from ivr.record import trace as t
from ivr.record.model import CallRecord
from ivr.record.story import clock, tell
from ivr.settings import PROJECT
from tests.support.desk import NOW

WARSAW = ZoneInfo("Europe/Warsaw")
RECORD = CallRecord(
    "17.1", "+48221234567", "100", "acme", "support", "abc123", "pl", NOW, NOW + timedelta(seconds=41), "support", 8000,
    "anna", 1, 20500, ("a1b2 v2",), "agent",
)  # fmt: skip


def entry(at_ms: int, event: str, step: str = "s", **detail: str | int | bool | None) -> TraceEntry:
    return TraceEntry(at_ms, step, event, dict(detail))


def test_the_story_of_a_call() -> None:
    """In the order it happened; what was played stands where it began."""
    trace = [
        entry(0, t.ENTERED, "known", kind="announce"),
        entry(100, t.MATCHED, announcement="a1b2", version=2, why="it is for everyone"),
        entry(7000, t.INTERRUPTED, prompt="announcement:a1b2 v2", from_ms=3000),
        entry(7001, t.PRESSED, key="0"),
        entry(12000, t.QUEUED, queue="support", position=3),
        entry(20000, t.OFFERED, agent="anna", why="longest idle of 2 ready agents", token=7, waited_ms=8000),
        entry(20500, t.ANSWERED, agent="anna"),
        entry(41000, t.TALK_ENDED, agent="anna", talk_ms=20500),
        entry(41000, t.ENDED, disposition="agent"),
    ]

    assert [
        "call 17.1: +48*******67 called 100 on 23.11.2026 at 15:00:00, flow support version abc123",
        "00:00 step known (announce) begins",
        "00:03 heard 4.0 s of announcement a1b2 version 2 (pl): it is for everyone",
        "00:07 pressed 0",
        "00:12 in queue support at position 3",
        "00:20 offered to anna: longest idle of 2 ready agents",
        "00:20 anna answered",
        "00:41 the talk with anna is over after 20 s",
        "00:41 ended: talked to an agent",
        "      waited 8.0 s for queue support; talked 20.5 s to anna; heard announcement a1b2 v2",
    ] == tell(RECORD, trace, WARSAW, caller="+48*******67")


@pytest.mark.parametrize("event", t.EVENTS)
def test_every_event_has_a_sentence(event: str) -> None:
    """With its details and, from an older trace, without them."""
    full = entry(1000, event, "menu", **dict.fromkeys(details(event), 5))
    lines = tell(RECORD, [full], WARSAW, caller="x") + tell(RECORD, [entry(1000, event)], WARSAW, caller="x")

    assert event in story.SENTENCES
    assert all(line.strip() for line in lines)
    assert all("{" not in line for line in lines)


@pytest.mark.parametrize("event", t.EVENTS)
def test_every_event_is_documented(event: str) -> None:
    """docs/trace.md has a row for it, with the details written in the code."""
    (row,) = re.findall(rf"^\| `{event}` \|[^|]*\|([^|]*)\|$", (PROJECT / "docs/trace.md").read_text(), re.M)

    assert set(details(event)) <= set(re.findall(r"\w+", row))


def details(event: str) -> list[str]:
    """Return what the vocabulary says an event carries."""
    source = (PROJECT / "ivr/record/trace.py").read_text()
    (comment,) = re.findall(rf'^[A-Z_]+ = "{event}"  # [^:\n]*(?:: (.*))?$', source, re.M)
    return [name for name in re.findall(r"[a-z_]+", re.sub(r"\([^)]*\)", "", comment)) if name in KNOWN]


KNOWN = (
    "kind", "outcome", "detail", "prompt", "from_ms", "key", "keys", "language", "announcement", "version", "why",
    "live", "calendar", "open", "queue", "position", "agent", "token", "waited_ms", "cause", "talk_ms", "target",
    "error", "talk", "by", "disposition", "webhook", "ms", "survey", "question", "points",
)  # fmt: skip


def test_an_unknown_event_is_shown_as_it_is() -> None:
    """A trace of a newer version is still readable."""
    lines = tell(RECORD, [entry(0, "beamed", to="Mars")], WARSAW, caller="x")

    assert "00:00 beamed (to Mars)" == lines[1]


def test_languages_are_followed() -> None:
    """After a change the new one; before it nobody knows."""
    trace = [
        entry(0, t.PLAYED, prompt="announcement:a v1", from_ms=0),
        entry(5, t.LANGUAGE, language="ru"),
        entry(9, t.PLAYED, prompt="announcement:a v1", from_ms=9),
    ]
    lines = tell(RECORD, trace, WARSAW, caller="x")

    assert ["00:00 heard announcement a version 1", "00:00 spoken to in Russian from now on"] == lines[1:3]
    assert "00:00 heard announcement a version 1 (ru)" == lines[3]


def test_an_announcement_that_was_not_heard_is_told() -> None:
    """It matched, and the caller left first."""
    trace = [entry(0, t.MATCHED, announcement="a", version=1, why="so")]

    assert "00:00 announcement a version 1 concerns him: so" == tell(RECORD, trace, WARSAW, caller="x")[1]


def test_an_end_that_was_not_seen_is_said() -> None:
    """The controller died, or the call is still up."""
    alive = replace(RECORD, ended_at=None, disposition="", wait_ms=None, talk_ms=None, announcements=())

    assert "      its end was not seen: it is still up, or a controller died" == tell(alive, [], WARSAW, caller="")[-1]
    assert "a withheld number called 100" in tell(alive, [], WARSAW, caller="")[0]


@pytest.mark.parametrize("disposition", DISPOSITIONS)
def test_every_disposition_is_told(disposition: str) -> None:
    """In the words of ivr/call.py; a failure with its reason."""
    record = replace(RECORD, disposition=disposition, end_reason="ControllerLost")
    lines = tell(record, [entry(1000, t.ENDED, disposition=disposition)], WARSAW, caller="x")
    reason = " (the connection to Asterisk broke)" if disposition == "failed" else ""

    assert f"00:01 ended: {DISPOSITIONS[disposition]}{reason}" in lines


def test_times() -> None:
    """Minutes and seconds, hours when there are any; never below zero."""

    assert ["00:00", "00:00", "01:01", "1:00:00"] == [clock(ms) for ms in (-5, 999, 61_999, 3_600_000)]
