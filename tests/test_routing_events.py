"""Whether a line may have changed, told from the events of the group."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest

from routing.events import DEAF_S, OF_ALL_QUEUES, OF_NO_LINE, Events

NET, TV = "0:internet>=1@0:0:100:1:/longest_idle", "0:tv>=1@0:0:100:1:/longest_idle"


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Events:
    """A reader that heard Redis just now, of a queue `net` and `other` in one line and `tv` in its own."""
    it = Events(None, "root", lambda _: None)  # type: ignore[arg-type]
    it._heard_at = time.monotonic()
    for queue, class_ in (("net", NET), ("other", NET.replace("@0:0", "@0:5")), ("tv", TV)):
        it.take(event("waiting", queue=queue, **{"class": class_}))
    return it


def event(kind: str, **fields: str) -> Mapping[str, str]:
    return {"type": kind, "at_ms": "1", "call": "1.1", **fields}


def moved(it: Events, **fields: Any) -> set[str]:
    """Return the queues that may have changed by one event."""
    since = {queue: it.number(queue) for queue in ("net", "other", "tv", "new")}
    it.take(event(**fields))
    return {queue for queue, number in since.items() if it.changed(queue, number)}


@pytest.mark.parametrize("kind", ["waiting", "offered", "refused", "offer_cancelled", "ended", "detached"])
def test_what_happens_to_a_call_moves_its_queue_and_those_that_share_its_line(events: Events, kind: str) -> None:
    assert {"net", "other"} == moved(events, kind=kind, queue="net")
    assert {"tv"} == moved(events, kind=kind, queue="tv")
    assert {"new"} == moved(events, kind=kind, queue="new")


@pytest.mark.parametrize("kind", sorted(OF_ALL_QUEUES))
def test_who_may_answer_concerns_all_queues(events: Events, kind: str) -> None:
    queue = {"queue": "tv", "class": TV} if kind == "changed" else {}

    assert {"net", "other", "tv", "new"} == moved(events, kind=kind, **queue)


@pytest.mark.parametrize("kind", [*sorted(OF_NO_LINE), "controller_dead"])
def test_what_moves_nobody_is_no_change(events: Events, kind: str) -> None:
    assert set() == moved(events, kind=kind, **({"queue": "net"} if kind in ("ringing", "bridged") else {}))


def test_a_deaf_reader_and_an_emptied_redis_never_say_unchanged(events: Events) -> None:
    """Nobody may believe that nothing happened."""
    since = events.number("net")
    assert not events.changed("net", since)
    events._heard_at = time.monotonic() - DEAF_S - 1
    assert events.changed("net", since)
    events._heard_at = time.monotonic()
    events.restart()
    assert events.changed("net", since)
    assert events._last == "0"


def test_every_event_is_handed_on_once_and_changes_of_calls_twice(events: Events) -> None:
    fed, changes = [], []
    events._feed = fed.append
    events.on_changed = changes.append
    for kind in ("waiting", "ringing", "changed", "agent_paused"):
        events.take(event(kind, queue="net", **{"class": NET}))

    assert ["waiting", "ringing", "changed", "agent_paused"] == [each["type"] for each in fed]
    assert ["changed"] == [each["type"] for each in changes]


def test_lines_are_forgotten_rather_than_kept_without_bound(events: Events) -> None:
    for n in range(5000):
        events.take(event("waiting", queue="net", **{"class": f"0:skill{n}>=1@0:0:100:1:/longest_idle"}))

    assert len(events._queues_of) <= 1000
