"""What is known of a call: quickly, or not at all."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ivr import call_facts as module
from ivr.call import Customer
from ivr.call_facts import LATE_MOST, PATIENCE_S, look, plain_fact
from ivr.errors import DatabaseError
from ivr.flow.facts import CALL_FACTS, Value
from ivr.flow.model import QueueConfig
from ivr.settings import load
from routing.errors import RouterUnavailable
from routing.measure import Measure
from routing.model import AgentView, Need, Snapshot
from tests.support.known_call import KnownCall

VIP = Customer("+48601999888", "1", "Ola", "pl/mazowieckie", "ru", "vip")
SNAPSHOT = Snapshot(0, {"support": 3}, (), (AgentView("anna", "", "", {"internet": 5}, "in", "talking", 0),))
QUEUES = ("waiting.support", "agents.support", "ewt_s.support")


class Records:
    """Counts calls, or does not. asked  how often."""

    def __init__(self, answer: int | Exception | None) -> None:
        self.answer, self.asked = answer, 0

    async def count(self, number: str, since: datetime, *, but: str) -> int:
        self.asked += 1
        if self.answer is None:
            await asyncio.sleep(60)
        if isinstance(self.answer, Exception):
            raise self.answer
        assert (number, but) == ("+48601999888", "1.1")
        return int(self.answer or 0)


class Router:
    """Gives a snapshot, or does not."""

    def __init__(self, answer: Snapshot | Exception | None) -> None:
        self.answer, self.asked, self.measure = answer, 0, Measure()

    async def snapshot(self) -> Snapshot:
        self.asked += 1
        if self.answer is None:
            await asyncio.sleep(60)
        if isinstance(self.answer, Exception):
            raise self.answer
        assert self.answer is not None
        return self.answer


@pytest.fixture
def call(tmp_path: Path) -> Any:
    known = KnownCall(load(var=tmp_path, timezone="Europe/Warsaw"))
    known.queues["support"] = QueueConfig("support", Need("internet"))
    return known


@pytest.mark.parametrize(
    ("customer", "caller", "values"),
    [
        (VIP, "+48601999888", ("100", "pl", "known", "vip", "pl/mazowieckie", "no")),
        (None, "+48601999888", ("100", "pl", "unknown", "normal", None, "no")),
        (None, "", ("100", "pl", "withheld", "normal", None, "no")),
        (Customer("", "", "", "pl/x"), "", ("100", "pl", "known", "normal", "pl/x", "no")),
    ],
)
async def test_facts_of_the_caller(
    call: Any, customer: Customer | None, caller: str, values: tuple[Value, ...]
) -> None:
    """As a trial answers them, for the same names."""
    call.customer, call.caller = customer, caller
    asked = tuple(name for name in CALL_FACTS if name != "repeat")

    assert dict(zip(asked, values, strict=True)) == (await look(call, asked)).values


def test_the_clock_is_that_of_the_hotline(call: Any) -> None:
    """Not that of the machine."""
    at = datetime(2026, 12, 24, 18, 5, tzinfo=ZoneInfo("Europe/Warsaw"))

    assert ["18:05", "thu", "2026-12-24"] == [plain_fact(call, name, at) for name in ("time", "weekday", "date")]


async def test_an_announcement_he_heard(call: Any) -> None:
    """Counts from the record of this call."""
    call.log.record.announcements = ("ab12 v1",)

    assert {"announced": "yes"} == (await look(call, ("announced",))).values


async def test_repeated_calls(call: Any) -> None:
    """Counted for his number; a withheld one is nobody's, and nothing is asked."""
    call.parts.records = records = Records(2)
    known = (await look(call, ("repeat",))).values
    call.caller = ""
    withheld = (await look(call, ("repeat",))).values

    assert ({"repeat": 2}, {"repeat": None}, 1) == (known, withheld, records.asked)


async def test_queues(call: Any) -> None:
    """Who waits and who could answer; the wait is not known before talks were seen, a queue that is none neither."""
    call.parts.router = Router(SNAPSHOT)
    values = (await look(call, (*QUEUES, "waiting.other"))).values

    assert {"waiting.support": 3, "agents.support": 1, "ewt_s.support": None, "waiting.other": None} == values


async def test_many_calls_ask_redis_once(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once or within FRESH_S; later it is asked again."""
    call.parts.router = router = Router(SNAPSHOT)
    await asyncio.gather(*(look(call, QUEUES) for _ in range(20)))
    await look(call, QUEUES)
    before = router.asked
    monkeypatch.setattr(module, "FRESH_S", 0.0)
    await look(call, QUEUES)

    assert (1, 2) == (before, router.asked)


@pytest.mark.parametrize("error", [DatabaseError("away"), None])
async def test_a_dead_or_slow_part_makes_facts_unknown(call: Any, error: Exception | None) -> None:
    """And costs PATIENCE_S once, whatever is asked together."""
    call.parts.records = Records(error)
    call.parts.router = Router(None if error is None else RouterUnavailable("away"))
    began = time.monotonic()
    values = (await look(call, ("repeat", *QUEUES, "dialled"))).values

    assert time.monotonic() - began < PATIENCE_S + 0.2
    assert dict.fromkeys(("repeat", *QUEUES)) | {"dialled": "100"} == values


async def test_a_hanging_database_is_not_asked_by_everybody(call: Any) -> None:
    """After LATE_MOST questions nobody waits for any more, the next ones are unknown at once."""
    call.parts.records = records = Records(None)
    await asyncio.gather(*(look(call, ("repeat",)) for _ in range(LATE_MOST)))
    began = time.monotonic()
    values = (await look(call, ("repeat",))).values
    late = list(call.parts.questions._late)
    for task in late:
        task.cancel()
    await asyncio.wait(late)
    await asyncio.sleep(0)

    assert {"repeat": None} == values
    assert time.monotonic() - began < 0.1
    assert LATE_MOST == records.asked
    assert not call.parts.questions._late


def test_every_fact_is_answered(call: Any) -> None:
    """None that a flow may name is forgotten here."""
    call.customer = VIP
    at = datetime(2026, 12, 24, tzinfo=ZoneInfo("Europe/Warsaw"))
    plain = [name for name in (*CALL_FACTS, "time", "weekday", "date") if name != "repeat"]

    assert [] == [name for name in plain if plain_fact(call, name, at) is None]
