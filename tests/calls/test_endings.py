"""Every way a call can end, with real phones, decided from what the phones heard."""

from __future__ import annotations

import asyncio
import json

import numpy as np

from ivr.phone.phone import Phones
from tests.calls.conftest import (
    DISTRICT,
    INSIDE,
    INSIDE_BUSINESS,
    OUTSIDE,
    UNKNOWN,
    AgentLogin,
    agent_phone,
    agent_status,
    heard,
    heard_names,
    last_call,
    sign_in,
    wait_until,
)
from tests.support.hotline import Hotline
from tests.support.outage import Outage, outage

__all__ = ["outage"]

Logins = dict[str, AgentLogin]


async def test_the_announcement_ends_the_call(hotline: Hotline, phones: Phones, outage: Outage) -> None:
    """A customer of the district hears welcome, the announcement and goodbye, and no menu; the record says why."""
    call = await phones.call("100", from_number=INSIDE)
    ending = await call.wait_ended(40)
    names = heard_names(hotline, call.heard, outage)
    record = await last_call(hotline, INSIDE)

    assert ending.by == "far"
    assert names == ["pl/welcome", "outage", "pl/goodbye_announcement"]
    assert record.disposition == "announced"
    story = hotline.cli("call", "show", record.call_id).stdout
    assert f"{outage.id} version 1" in story
    assert f"area {DISTRICT} contains" in story


async def test_who_may_not_be_ended_is_offered_an_agent_and_takes_him(
    hotline: Hotline, phones: Phones, outage: Outage, logins: Logins
) -> None:
    """A business customer hears the offer after the announcement; 0 brings him to an agent."""
    anna = await agent_phone(phones, logins["anna"])
    anna.auto_answer(0.5, tone_hz=700, hang_up_after_s=5)  # longer than the whisper
    await sign_in(hotline, "anna")
    call = await phones.call("100", from_number=INSIDE_BUSINESS)
    await call.wait_answered()

    async def offered() -> bool:
        return "pl/offer_menu" in heard_names(hotline, call.heard, outage)

    await wait_until(offered, "the offer", 30)
    await call.send_keys("0")
    await call.wait_ended(30)
    names = heard_names(hotline, call.heard, outage)
    record = await last_call(hotline, INSIDE_BUSINESS)

    assert names[:3] == ["pl/welcome", "outage", "pl/offer_menu"]
    assert "tone 700" in [piece.name for piece in heard(hotline, call.heard)]
    assert (record.disposition, record.agent_id) == ("agent", "anna")


async def test_a_different_problem_leads_to_the_menu(hotline: Hotline, phones: Phones, outage: Outage) -> None:
    """Key 3 during the announcement stops it and opens the menu."""
    call = await phones.call("100", from_number=INSIDE)
    await call.wait_answered()

    async def announced() -> bool:
        return "outage" in heard_names(hotline, call.heard, outage)

    await wait_until(announced, "the announcement", 20)
    await call.send_keys("3")

    async def menu() -> bool:
        return "pl/main_menu" in heard_names(hotline, call.heard, outage)

    await wait_until(menu, "the menu", 15)
    await call.hang_up()

    assert (await last_call(hotline, INSIDE)).disposition == "hung_up"


async def test_a_caller_outside_reaches_an_agent_and_both_hear_each_other(
    hotline: Hotline, phones: Phones, outage: Outage, logins: Logins
) -> None:
    """Outside the district: menu, 1, agent. The caller hears the agent's tone, the agent the caller's."""
    from ivr.phone.ear import tone

    anna = await agent_phone(phones, logins["anna"])
    anna.auto_answer(0.5, tone_hz=700, hang_up_after_s=4)
    await sign_in(hotline, "anna")
    call = await phones.call("100", from_number=OUTSIDE)
    call.say(tone(1100), loop=True)
    await call.wait_answered()
    await call.send_keys("w3,1")
    await call.wait_ended(40)
    agent_call = await asyncio.wait_for(anna.incoming.get(), 1)
    record = await last_call(hotline, OUTSIDE)

    names = heard_names(hotline, call.heard, outage)
    assert names[:2] == ["pl/welcome", "pl/main_menu"]
    assert "outage" not in names
    assert "tone 700" in [piece.name for piece in heard(hotline, call.heard)]
    assert "tone 1100" in [piece.name for piece in heard(hotline, agent_call.heard)]
    assert (record.disposition, record.agent_id, record.queue) == ("agent", "anna", "support")
    assert "of 1 ready agent" in hotline.cli("call", "show", record.call_id).stdout


async def test_the_first_agent_does_not_answer_and_the_next_one_does(
    hotline: Hotline, phones: Phones, logins: Logins
) -> None:
    """Anna's phone is busy, Boris's answers: one caller, one talk, Boris's tone."""
    anna, boris = [await agent_phone(phones, logins[name]) for name in ("anna", "boris")]
    anna.auto_busy()
    boris.auto_answer(0.2, tone_hz=900, hang_up_after_s=3)
    await sign_in(hotline, "anna", "boris")
    call = await phones.call("100", from_number=UNKNOWN)
    await call.wait_answered()
    await call.send_keys("w3,1")
    await call.wait_ended(40)
    record = await last_call(hotline, UNKNOWN)

    assert "tone 900" in [piece.name for piece in heard(hotline, call.heard)]
    assert (record.disposition, record.agent_id, record.offers) == ("agent", "boris", 2)
    assert anna.incoming.qsize() == 1


async def test_nobody_is_signed_in(hotline: Hotline, phones: Phones) -> None:
    """Without an agent the caller is told so and the call ends."""
    call = await phones.call("100", from_number=UNKNOWN)
    await call.wait_answered()
    await call.send_keys("w3,1")
    await call.wait_ended(30)

    assert "pl/no_agents" in heard_names(hotline, call.heard)
    assert (await last_call(hotline, UNKNOWN)).disposition == "no_agent"


async def test_hang_up_in_the_menu(hotline: Hotline, phones: Phones) -> None:
    """Leaving during the menu is recorded as that."""
    call = await phones.call("100", from_number=UNKNOWN)
    await call.wait_answered()
    await asyncio.sleep(3)
    await call.hang_up()

    assert (await last_call(hotline, UNKNOWN)).disposition == "hung_up"


async def test_hang_up_in_the_queue(hotline: Hotline, phones: Phones, logins: Logins) -> None:
    """A caller waits behind a busy agent, hears his position and music, leaves: abandoned, nothing left behind."""
    anna = await agent_phone(phones, logins["anna"])
    anna.auto_answer(0.1, tone_hz=700)
    await sign_in(hotline, "anna")
    talking = await phones.call("100", from_number=OUTSIDE)
    await talking.wait_answered()
    await talking.send_keys("w2,1")
    await asyncio.wait_for(anna.incoming.get(), 15)
    waiting = await phones.call("100", from_number=UNKNOWN)
    await waiting.wait_answered()
    await waiting.send_keys("w2,1")

    async def music() -> bool:
        return "music" in [piece.name for piece in heard(hotline, waiting.heard)]

    await wait_until(music, "music", 30)
    await waiting.hang_up()
    record = await last_call(hotline, UNKNOWN)
    await talking.hang_up()

    pieces = [piece.name for piece in heard(hotline, waiting.heard)]
    assert "pl/queue_position 1" in pieces
    assert "music" in pieces
    assert record.disposition == "abandoned"


async def test_hang_up_while_the_agent_rings_stops_the_ringing(
    hotline: Hotline, phones: Phones, logins: Logins
) -> None:
    """The agent's phone stops ringing at once and he can take the next call."""
    anna = await agent_phone(phones, logins["anna"])
    anna.never_answer()
    await sign_in(hotline, "anna")
    call = await phones.call("100", from_number=UNKNOWN)
    await call.wait_answered()
    await call.send_keys("w2,1")
    ringing = await asyncio.wait_for(anna.incoming.get(), 15)
    await call.hang_up()
    await ringing.wait_ended(1.0)
    record = await last_call(hotline, UNKNOWN)
    anna.auto_answer(0.1, tone_hz=700, hang_up_after_s=3)
    again = await phones.call("100", from_number=OUTSIDE)
    await again.wait_answered()
    await again.send_keys("w2,1")
    await again.wait_ended(30)

    assert record.disposition == "abandoned"
    assert (await last_call(hotline, OUTSIDE)).disposition == "agent"


async def test_caller_hangs_up_while_talking(hotline: Hotline, phones: Phones, logins: Logins) -> None:
    """The talk counts as a talk and the agent's leg ends."""
    anna = await agent_phone(phones, logins["anna"])
    anna.auto_answer(0.1, tone_hz=700)
    await sign_in(hotline, "anna")
    call = await phones.call("100", from_number=UNKNOWN)
    await call.wait_answered()
    await call.send_keys("w2,1")
    ringing = await asyncio.wait_for(anna.incoming.get(), 15)
    await ringing.wait_answered()
    await asyncio.sleep(2.5)
    await call.hang_up()
    await ringing.wait_ended(2.0)
    record = await last_call(hotline, UNKNOWN)

    assert (record.disposition, record.agent_id) == ("agent", "anna")
    assert (record.talk_ms or 0) > 1000


async def test_closed_hours(hotline: Hotline, phones: Phones) -> None:
    """Number 103 is always closed: the caller hears so."""
    call = await phones.call("103", from_number=UNKNOWN)
    await call.wait_ended(20)

    assert "pl/closed" in heard_names(hotline, call.heard)
    assert (await last_call(hotline, UNKNOWN)).disposition == "closed"


async def test_an_unknown_number_is_refused(hotline: Hotline, phones: Phones) -> None:
    """A number nobody configured answers 404 and never opens a channel."""
    call = await phones.call("199", from_number=UNKNOWN)
    ending = await call.wait_ended(5)

    assert (ending.by, ending.status) == ("refused", 404)


async def test_a_withheld_number_is_served(hotline: Hotline, phones: Phones, outage: Outage) -> None:
    """Nobody knows where he lives, so he hears no announcement of a district, but the menu."""
    call = await phones.call("100", from_number="")
    await call.wait_answered()

    async def menu() -> bool:
        return "pl/main_menu" in heard_names(hotline, call.heard, outage)

    await wait_until(menu, "the menu", 20)
    names = heard_names(hotline, call.heard, outage)
    await call.hang_up()

    assert "outage" not in names


async def test_the_russian_number_speaks_russian(hotline: Hotline, phones: Phones) -> None:
    """102 greets in Russian."""
    call = await phones.call("102", from_number=UNKNOWN)
    await call.wait_answered()
    await asyncio.sleep(4)
    await call.hang_up()

    assert heard_names(hotline, call.heard)[0] == "ru/welcome"


async def test_an_agent_signs_in_from_his_phone_with_his_pin(hotline: Hotline, phones: Phones, logins: Logins) -> None:
    """*11 and the right PIN sign in, a wrong one does not; *12 signs out."""
    from ivr.phone.robot import Robot

    login = logins["anna"]
    robot = await Robot.start(phones, login.endpoint, login.password, name="anna")
    await robot.dial("*11", "w1,0000#,w3,0000#,w3,0000#")
    after_wrong = await agent_status(hotline, "anna")
    await robot.dial("*11", "w1,4711#")
    after_right = await agent_status(hotline, "anna")
    await robot.dial("*12")
    after_out = await agent_status(hotline, "anna")

    assert (after_wrong, after_right, after_out) == ("out", "in", "out")


def test_led_through_the_same_flows_again_every_call_ends_the_same_way(hotline: Hotline) -> None:
    """`ivr dialplan replay` on what real calls left in the trace: keys, silences, announcements, queues."""
    found = json.loads(hotline.cli("dialplan", "replay", "dialplans", "--since", "24h", "--json").stdout)["calls"]
    ends = {call["ended"] for call in found}

    assert {"announced", "agent in support", "hung_up", "abandoned in support", "no_agent", "closed"} <= ends
    assert [] == [call for call in found if call["verdict"] != "same"]


def test_silence_is_not_heard_as_a_prompt(hotline: Hotline) -> None:
    """The judge of these tests hears nothing in silence."""
    assert heard_names(hotline, np.zeros(80_000, np.int16)) == []
