"""What happens around an announcement: who calls again, who waits when it is published, who wants to be called."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from ivr.db import Database
from ivr.desk.agents import Agents
from ivr.desk.opt_ins import OptIns
from ivr.phone.ear import RATE
from ivr.phone.phone import PhoneCall, Phones
from ivr.record.hearing import Hearing, Hearings
from tests.calls.conftest import (
    CUSTOMERS,
    INSIDE,
    INSIDE_BUSINESS,
    OUTSIDE,
    UNKNOWN,
    AgentLogin,
    agent_phone,
    heard,
    heard_names,
    last_call,
    sign_in,
    wait_until,
)
from tests.support.hotline import Hotline
from tests.support.outage import Outage, outage, post
from tests.support.ports import free_port

__all__ = ["outage"]
pytestmark = pytest.mark.timeout(300)  # most of it is listening: prompts are heard to their end

Logins = dict[str, AgentLogin]
WITHIN_S = 10.0  # far less than he waits; how soon it is heard is measured by bench-announce
AGENT_HZ = 700


@pytest.fixture(scope="module")
def way_out() -> int:
    """The port our phones listen on: where Asterisk's trunk leads."""
    return free_port(socket.SOCK_DGRAM)


@pytest.fixture(scope="module")
def hotline(tmp_path_factory: pytest.TempPathFactory, way_out: int) -> Iterator[Hotline]:
    """The hotline of dialplans/, with a way out: callers can be called when it is over."""
    folder = tmp_path_factory.mktemp("announced", numbered=False)
    running = Hotline(folder, trunk_to=f"127.0.0.1:{way_out}", trunk_number="+48221000000")
    try:
        running.cli("setup", timeout_s=300)
        (folder / "customers.csv").write_text(CUSTOMERS)
        running.cli("customers", "import", str(folder / "customers.csv"))
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="module")
def logins(hotline: Hotline) -> Logins:
    """Anna takes faults; Boris invoices."""
    hotline.cli("agent", "add", "anna", "--skill", "internet:5", "--pin", "4711", "--ring", "8", "--wrap-up", "1")
    hotline.cli("agent", "add", "boris", "--skill", "billing:5", "--pin", "4712")

    async def read() -> Logins:
        database = Database(hotline.settings)
        found = await Agents(database).list()
        await database.close()
        return {each.agent_id: AgentLogin(each.agent_id, each.endpoint, each.sip_password, "4711") for each in found}

    return asyncio.run(read())


@pytest.fixture(autouse=True)
def healthy(hotline: Hotline, logins: Logins, healthy: None) -> None:
    """The agents are known to the hotline before anybody signs them out."""


@pytest.fixture
async def phones(hotline: Hotline, way_out: int) -> AsyncIterator[Phones]:
    """Real SIP phones where the trunk leads."""
    async with Phones(hotline.server, port=way_out) as opened:
        yield opened


async def hears(hotline: Hotline, call: PhoneCall, outage: Outage | None, name: str, timeout_s: float = 40) -> None:
    """Wait until `name` was heard."""

    async def there() -> bool:
        return name in heard_names(hotline, call.heard, outage)

    await wait_until(there, name, timeout_s)


async def hearings(hotline: Hotline, outage: Outage) -> list[Hearing]:
    """Return who heard it, the oldest first."""
    database = Database(hotline.settings)
    try:
        return sorted(await Hearings(database).of(outage.id), key=lambda each: each.at)
    finally:
        await database.close()


async def story(hotline: Hotline, number: str) -> tuple[str, str]:
    """Return how the last call of `number` ended, and its story."""
    record = await last_call(hotline, number)
    told = await asyncio.to_thread(hotline.cli, "call", "show", record.call_id)
    return record.disposition, told.stdout


async def test_first_second_and_third_call(
    hotline: Hotline, phones: Phones, logins: Logins, outage: Outage
) -> None:
    """All of it; what is new; what is new, and an agent, who takes him before others and knows that he calls again."""
    names, ends, told = [], [], []
    for known in (outage, None):  # the expected end is a sentence of the announcement as well
        call = await phones.call("100", from_number=INSIDE)
        await call.wait_ended(60)
        names.append(heard_names(hotline, call.heard, known))
        disposition, text = await story(hotline, INSIDE)
        ends.append(disposition)
        told.append(text)
    anna = await agent_phone(phones, logins["anna"])
    anna.auto_answer(0.5, tone_hz=AGENT_HZ, hang_up_after_s=8)
    await sign_in(hotline, "anna")
    call = await phones.call("100", from_number=INSIDE)
    await call.wait_answered()
    await hears(hotline, call, None, "pl/offer_menu", 60)
    await call.send_keys("0")
    await call.wait_ended(60)
    names.append(heard_names(hotline, call.heard))
    disposition, text = await story(hotline, INSIDE)
    whispered = heard_names(hotline, (await anna.incoming.get()).heard)
    rows = await hearings(hotline, outage)

    assert names[0] == ["pl/welcome", "outage", "pl/goodbye_announcement"]
    assert names[1][:2] == ["pl/welcome", "pl/heard_outage"]
    assert names[1][2] in ("pl/eta_at", "pl/eta_tomorrow_at")  # two hours from now, whenever that is
    assert all(name.startswith("pl/clock") for name in names[1][3:-1])
    assert names[1][-1] == "pl/goodbye_announcement"
    assert names[2][: len(names[1]) + 2] == [
        *names[1][:-1], "pl/offer_agent", "pl/offer_opt_in", "pl/offer_menu",
    ]  # fmt: skip
    assert ["announced", "announced", "agent"] == [*ends, disposition]
    assert [("ended", 1, True), ("ended", 2, True), ("agent", 3, True)] == [
        (each.outcome, each.nth, each.percent >= 95) for each in rows
    ]
    assert "second time, only what is new" in told[1]
    assert "third time, only what is new, an agent is offered" in text
    assert "30 points more" in text
    assert {"pl/whisper_heard_internet", "pl/whisper_calls_again"} <= set(whispered)


async def test_a_new_version_is_heard_in_full(hotline: Hotline, phones: Phones, outage: Outage) -> None:
    """What he knows is not what holds now."""
    first = await phones.call("100", from_number=INSIDE)
    await first.wait_ended(60)
    await last_call(hotline, INSIDE)
    await asyncio.to_thread(hotline.cli, "announce", "update", outage.id, "--eta", "unknown")
    second = await phones.call("100", from_number=INSIDE)
    await second.wait_ended(60)
    names = heard_names(hotline, second.heard)
    await wait_until(lambda: _rows(hotline, outage, 2), "two hearings")
    rows = await hearings(hotline, outage)

    assert "pl/heard_outage" not in names
    assert [(1, 1), (2, 2)] == [(each.version, each.nth) for each in rows]


async def _rows(hotline: Hotline, outage: Outage, many: int) -> bool:
    return len(await hearings(hotline, outage)) >= many


async def test_he_wants_to_be_called_on_another_number(hotline: Hotline, phones: Phones, outage: Outage) -> None:
    """2, the number read back, 2, another one entered and read back, 1; the call ends, and the story says so."""
    call = await phones.call("100", from_number=INSIDE_BUSINESS)
    await call.wait_answered()
    await hears(hotline, call, outage, "pl/offer_opt_in")
    await call.send_keys("2")
    await hears(hotline, call, outage, "pl/opt_in_number_keys")
    await call.send_keys("2")
    await hears(hotline, call, outage, "pl/callback_enter")
    await call.send_keys("601999777#")
    await wait_until(
        lambda: _times(hotline, call, "pl/opt_in_number_keys", 2), "the number entered is read back", 40
    )
    await call.send_keys("1")
    await call.wait_ended(40)
    names = heard_names(hotline, call.heard, outage)
    disposition, text = await story(hotline, INSIDE_BUSINESS)
    database = Database(hotline.settings)
    wishes = await OptIns(database).of(outage.id)
    await database.close()
    rows = await hearings(hotline, outage)
    shown = [json.dumps(each.__dict__, default=str) for each in wishes]

    longer = [name for name in names if " " not in name]  # single digits are too short to be told apart for sure
    asked = ["pl/callback_number", "pl/opt_in_number_keys"]
    begin = longer.index(asked[0])
    assert [*asked, "pl/callback_enter", *asked] == longer[begin : begin + 5]
    assert text.count("heard digits") == 2 * 9
    assert ["pl/opt_in_booked", "pl/goodbye"] == names[-2:]
    assert ("announced", ["+48601999777"]) == (disposition, [each.number for each in wishes]), shown
    assert ("1002", "pl") == (wishes[0].account, wishes[0].language)
    assert ["opted_in"] == [each.outcome for each in rows]
    assert "will be called when it is over" in text
    assert "601999777" not in text


async def _times(hotline: Hotline, call: PhoneCall, name: str, many: int) -> bool:
    return heard_names(hotline, call.heard).count(name) >= many


async def test_who_waits_hears_what_is_published_and_keeps_his_place(
    hotline: Hotline, phones: Phones, logins: Logins
) -> None:
    """At once; who lives elsewhere hears only music; the first in line is the first to be answered."""
    anna = await agent_phone(phones, logins["anna"])
    anna.auto_answer(0.2, tone_hz=AGENT_HZ)
    await sign_in(hotline, "anna")
    busy = await phones.call("101", from_number=UNKNOWN)
    await busy.wait_answered()
    await busy.send_keys("0")
    await wait_until(lambda: _hears_tone(hotline, busy), "the talk", 40)
    waiting, other = [await _in_line(hotline, phones, number) for number in (INSIDE, OUTSIDE)]
    posted = await asyncio.to_thread(post, hotline)
    published_s = len(waiting.heard) / RATE  # on the clock of what he hears
    try:
        await hears(hotline, waiting, posted, "pl/waiting_opt_in", 40)
        await busy.hang_up()
        await wait_until(lambda: _hears_tone(hotline, waiting), "anna talks to the first in line", 40)
        early = await _hears_tone(hotline, other)
        await waiting.hang_up()
        await other.hang_up()
        disposition, text = await story(hotline, INSIDE)
        rows = await hearings(hotline, posted)
    finally:
        await asyncio.to_thread(hotline.cli, "announce", "end", posted.id)
    pieces = [piece for piece in heard(hotline, waiting.heard, posted) if piece.known]
    begins = next(piece.start_s for piece in pieces if piece.name.startswith("outage/pl"))

    assert begins < published_s + WITHIN_S
    assert not early
    assert "outage" not in heard_names(hotline, other.heard, posted)
    assert [(INSIDE, "queue", "waiting", 1)] == [(each.caller, each.where, each.outcome, each.nth) for each in rows]
    assert rows[0].percent >= 95
    assert disposition == "agent"
    assert "heard all of it in the queue" in text


async def _in_line(hotline: Hotline, phones: Phones, number: str) -> PhoneCall:
    call = await phones.call("100", from_number=number)
    await call.wait_answered()
    await wait_until(lambda: _times(hotline, call, "pl/welcome", 1), f"the welcome of {number}", 20)
    await call.send_keys("0")
    await hears(hotline, call, None, "pl/queue_position 1" if number == INSIDE else "pl/queue_position 2")
    return call


async def _hears_tone(hotline: Hotline, call: PhoneCall) -> bool:
    return f"tone {AGENT_HZ}" in [piece.name for piece in heard(hotline, call.heard)]
