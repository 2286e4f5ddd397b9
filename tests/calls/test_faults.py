"""What callers hear when a part dies: decided from the audio their phones received."""

from __future__ import annotations

import asyncio

from ivr.phone.ear import RATE
from ivr.phone.phone import Phones
from tests.calls.conftest import (
    UNKNOWN,
    AgentLogin,
    agent_phone,
    heard,
    heard_names,
    last_call,
    recogniser,
    sign_in,
    wait_until,
)
from tests.support.faults import (
    AGENT_TONE_HZ,
    kill_with_callers_waiting,
    longest_gap_s,
    stop_controller,
    to_queue,
    wait_waiting,
)
from tests.support.hotline import Hotline

Logins = dict[str, AgentLogin]


async def test_controller_killed_while_a_caller_is_in_the_menu(hotline: Hotline, phones: Phones) -> None:
    """Another controller takes the call over and the menu is heard again."""
    call = await phones.call("100", from_number=UNKNOWN)
    await call.wait_answered()

    async def menu() -> bool:
        return "pl/main_menu" in heard_names(hotline, call.heard)

    await wait_until(menu, "the menu", 15)
    await asyncio.to_thread(hotline.kill, "controller")
    killed = len(call.heard)
    await asyncio.to_thread(hotline.start_controller)

    async def menu_again() -> bool:
        return "pl/main_menu" in heard_names(hotline, call.heard[killed:])

    await wait_until(menu_again, "the menu again", 15)
    await call.hang_up()
    record = await last_call(hotline, UNKNOWN)

    assert record.disposition == "hung_up"
    assert "took the call over" in hotline.cli("call", "show", record.call_id).stdout


async def test_controller_killed_with_callers_waiting_and_one_talking(
    hotline: Hotline, phones: Phones, logins: Logins
) -> None:
    """The talk goes on unbroken; all who waited get their agent, in their old order."""
    anna = await agent_phone(phones, logins["anna"])
    await sign_in(hotline, "anna")
    survival = await kill_with_callers_waiting(hotline, phones, anna, 4)

    assert survival.served == survival.entered
    assert survival.longest_gap_s < 0.2
    assert (await last_call(hotline, "+48500000000")).disposition == "agent"


async def test_a_talk_that_outlives_the_controller_is_recorded_once(
    hotline: Hotline, phones: Phones, logins: Logins
) -> None:
    """The agent hangs up while no controller runs: the next one closes the record, nobody is queued again."""
    anna = await agent_phone(phones, logins["anna"])
    anna.auto_answer(0.1, tone_hz=AGENT_TONE_HZ)
    await sign_in(hotline, "anna")
    call = await to_queue(phones, UNKNOWN)
    talk = await asyncio.wait_for(anna.incoming.get(), 15)
    await talk.wait_answered()

    async def talking() -> bool:
        said = call.heard[-RATE:]
        return len(said) == RATE and longest_gap_s(said, AGENT_TONE_HZ) < 0.2

    await wait_until(talking, "the talk", 20)
    await asyncio.sleep(1.5)  # the record is written every half second
    await asyncio.to_thread(hotline.kill, "controller")
    gap_from = len(call.heard)
    await asyncio.sleep(2)
    gap_s = longest_gap_s(call.heard[gap_from:], AGENT_TONE_HZ)
    await talk.hang_up()
    await asyncio.to_thread(hotline.start_controller)
    await call.wait_ended(15)
    record = await last_call(hotline, UNKNOWN)

    assert gap_s < 0.2
    assert (record.disposition, record.agent_id) == ("agent", "anna")
    assert anna.incoming.qsize() == 0


async def test_controller_stopped(hotline: Hotline, phones: Phones, logins: Logins) -> None:
    """A controller that hangs: new and waiting callers hear the fallback when their lease is over."""
    anna = await agent_phone(phones, logins["anna"])
    anna.auto_answer(0.1, tone_hz=AGENT_TONE_HZ)
    await sign_in(hotline, "anna")
    talking = await to_queue(phones, "+48500000000")
    await asyncio.wait_for(anna.incoming.get(), 15)
    waiting = await to_queue(phones, "+48500000001")
    await wait_waiting(hotline, 1)
    fallback = await stop_controller(hotline, phones, recogniser(hotline.settings.var_dir), waiting)
    settings = hotline.settings
    talking_on = longest_gap_s(talking.heard[-RATE:], AGENT_TONE_HZ)
    await talking.hang_up()

    assert fallback.new_s < settings.entry_lease_s * 2 + 3
    assert fallback.waiting_s < settings.lease_s + settings.entry_lease_s + 3
    assert talking_on < 0.2


async def test_redis_stopped_before_the_queue(hotline: Hotline, phones: Phones, logins: Logins) -> None:
    """Without Redis a caller who wants an agent hears that there is trouble, and the call ends in words."""
    await asyncio.to_thread(hotline.kill, "redis")
    try:
        call = await phones.call("100", from_number=UNKNOWN)
        await call.wait_answered()
        await call.send_keys("w1,1")
        await call.wait_ended(40)
    finally:
        await asyncio.to_thread(hotline.spawn, "redis", "native", "redis")
    names = heard_names(hotline, call.heard)

    assert names[0] == "pl/welcome"
    assert "pl/fallback_trouble" in names
    assert (await last_call(hotline, UNKNOWN)).disposition == "failed"


async def test_redis_restarted_while_a_caller_waits(hotline: Hotline, phones: Phones, logins: Logins) -> None:
    """Music goes on while Redis is away; afterwards the caller gets his agent."""
    anna = await agent_phone(phones, logins["anna"])
    anna.auto_answer(0.1, tone_hz=AGENT_TONE_HZ)
    await sign_in(hotline, "anna")
    talking = await to_queue(phones, "+48500000000")
    first = await asyncio.wait_for(anna.incoming.get(), 15)
    await first.wait_answered()
    waiting = await to_queue(phones, UNKNOWN)
    await wait_waiting(hotline, 1)

    async def music() -> bool:
        return "music" in [piece.name for piece in heard(hotline, waiting.heard)]

    await wait_until(music, "music", 30)
    await asyncio.to_thread(hotline.kill, "redis")
    await asyncio.sleep(3)
    await asyncio.to_thread(hotline.spawn, "redis", "native", "redis")
    await asyncio.sleep(3)
    anna.auto_answer(0.1, tone_hz=AGENT_TONE_HZ, hang_up_after_s=3)
    await talking.hang_up()
    await waiting.wait_ended(40)
    pieces = [piece.name for piece in heard(hotline, waiting.heard)]

    assert "music" in pieces
    assert f"tone {AGENT_TONE_HZ}" in pieces
    assert (await last_call(hotline, UNKNOWN)).disposition == "agent"


async def test_no_controller_at_all(hotline: Hotline, phones: Phones) -> None:
    """Without any controller a new caller is answered by Asterisk itself."""
    await asyncio.to_thread(hotline.kill, "controller")
    try:
        call = await phones.call("100", from_number=UNKNOWN)
        await call.wait_ended(30)
    finally:
        await asyncio.to_thread(hotline.start_controller)

    assert heard_names(hotline, call.heard)[0] == "pl/fallback_trouble"
