"""Call-backs and messages with real phones: what callers and agents heard, and whom they spoke to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from ivr.app import router_redis
from ivr.db import Database
from ivr.desk.agents import Agents
from ivr.desk.callbacks import CallBack, CallBacks, now_utc
from ivr.desk.messages import Messages
from ivr.phone.ear import tone
from ivr.phone.phone import Phone, PhoneCall, Phones
from routing.model import AgentView
from routing.router import Router
from tests.calls.conftest import (
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
from tests.support.faults import number_of, to_queue
from tests.support.hotline import Hotline
from tests.support.ports import free_port

pytestmark = pytest.mark.timeout(300)  # most of it is listening: prompts are heard to their end

Logins = dict[str, AgentLogin]
AGENT_HZ, CALLER_HZ = 700, 1100
PINS = {"anna": "4711", "boris": "4712"}
PAUSE_S, RING_S = 2, 6


@pytest.fixture(scope="module")
def way_out() -> int:
    """The port our phones listen on: where Asterisk's trunk leads."""
    return free_port(socket.SOCK_DGRAM)


@pytest.fixture(scope="module")
def hotline(tmp_path_factory: pytest.TempPathFactory, way_out: int) -> Iterator[Hotline]:
    """A hotline with a way out, that tries again after two seconds."""
    running = Hotline(
        tmp_path_factory.mktemp("callback", numbered=False),
        trunk_to=f"127.0.0.1:{way_out}",
        trunk_number="+48221000000",
        callback_pause_s=PAUSE_S,
        callback_ring_s=RING_S,
    )
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="module")
def logins(hotline: Hotline) -> Logins:
    """Two agents: anna and boris."""
    found = {}
    for agent_id, pin in PINS.items():
        skills = ("--skill", "internet:5", "--language", "pl")
        hotline.cli("agent", "add", agent_id, *skills, "--pin", pin, "--ring", "8", "--wrap-up", "1")

    async def read() -> None:
        database = Database(hotline.settings)
        for agent in await Agents(database).list():
            found[agent.agent_id] = AgentLogin(
                agent.agent_id, agent.endpoint, agent.sip_password, PINS[agent.agent_id]
            )
        await database.close()

    asyncio.run(read())
    return found


@pytest.fixture
async def phones(hotline: Hotline, way_out: int) -> AsyncIterator[Phones]:
    """Real SIP phones where the trunk leads."""
    async with Phones(hotline.server, port=way_out) as opened:
        yield opened


@pytest.fixture
async def anna(phones: Phones, logins: Logins, hotline: Hotline) -> Phone:
    """Anna's phone; she is signed in and answers at once, with a tone, until somebody hangs up."""
    phone = await agent_phone(phones, logins["anna"])
    phone.auto_answer(0.1, tone_hz=AGENT_HZ)
    await sign_in(hotline, "anna")
    return phone


async def test_a_caller_is_called_back_at_his_place(hotline: Hotline, phones: Phones, anna: Phone) -> None:
    """He presses 1, leaves, and when anna is free his phone rings, he confirms, and they hear each other."""
    talking = await talk(phones, anna, OUTSIDE)
    caller = await phones.phone(UNKNOWN)
    booking = await book(hotline, caller, listens=True)
    first = await last_call(hotline, UNKNOWN)
    row = await the_callback(hotline)
    caller.behave(caller_manner(answers_after_s=0.5))
    await talking.hang_up()
    ringing = await rings(caller)
    await confirm(hotline, ringing, listens=True)
    at_agent = await rings(anna)
    await at_agent.wait_answered()
    await asyncio.sleep(2)
    await at_agent.hang_up()
    await ringing.wait_ended(10)
    record = await last_call(hotline, UNKNOWN)

    assert "pl/callback_booked" in heard_names(hotline, booking.heard)
    assert (first.disposition, row.number, row.state, row.attempts) == ("callback", UNKNOWN, "waiting", 0)
    assert number_of(ringing) == "+48221000000"
    assert number_of(at_agent) == UNKNOWN
    assert f"tone {AGENT_HZ}" in [piece.name for piece in heard(hotline, ringing.heard)]
    assert f"tone {CALLER_HZ}" in [piece.name for piece in heard(hotline, at_agent.heard)]
    assert (record.call_id, record.disposition, record.agent_id) == (row.callback_id, "agent", "anna")
    closed = await the_callback(hotline, state="closed")
    assert (closed.callback_id, closed.outcome, closed.attempts) == (row.callback_id, "talked", 1)
    assert "will be called back" in hotline.cli("call", "show", first.call_id).stdout


async def test_who_hangs_up_at_once_is_called_back_too_and_nobody_is_overtaken(
    hotline: Hotline, phones: Phones, anna: Phone
) -> None:
    """In line: one who holds on, one who is called back, one who holds on. They are served in this order."""
    talking = await talk(phones, anna, OUTSIDE)
    early = await to_queue(phones, "+48500000001")
    caller = await phones.phone(UNKNOWN)
    asking = await caller.call("100")
    assert await asking.wait_answered()
    await asking.send_keys("w0.6,1,w2.5,1")
    await asyncio.sleep(1.5)
    await asking.hang_up()
    await the_callback(hotline)
    late = await to_queue(phones, "+48500000003")
    caller.behave(caller_manner(answers_after_s=0.2))
    anna.auto_answer(0.1, tone_hz=AGENT_HZ, hang_up_after_s=3)
    await talking.hang_up()
    served = [number_of(await rings(anna))]
    ringing = await rings(caller)
    await confirm(hotline, ringing)
    served += [number_of(await rings(anna)), number_of(await rings(anna))]
    await asyncio.gather(*(call.wait_ended(20) for call in (early, late, ringing)))

    assert served == ["+48500000001", UNKNOWN, "+48500000003"]
    assert (await the_callback(hotline, state="closed")).outcome == "talked"


async def test_nobody_answers_the_call_back(hotline: Hotline, phones: Phones, anna: Phone) -> None:
    """Three times in vain: each time the agent is free again for others, and no agent's phone ever rings."""
    talking = await talk(phones, anna, OUTSIDE)
    caller = await phones.phone(UNKNOWN)
    await book(hotline, caller)
    caller.never_answer()
    await talking.hang_up()
    tries = []
    for _ in range(3):
        ringing = await rings(caller, 20)
        reserved = await agent(hotline, "anna")
        tries.append((reserved.call_id.startswith("cb-"), reserved.status))
        await ringing.wait_ended(RING_S + 5)
        await wait_until(lambda: is_ready(hotline, "anna"), "anna ready again", 5)
    closed = await the_callback(hotline, state="closed", timeout_s=5)

    assert tries == [(True, "in")] * 3
    assert (closed.outcome, closed.attempts) == ("not_answered", 3)
    assert anna.incoming.qsize() == 0
    assert "did not answer" in hotline.cli("callback", "list", "--all").stdout


async def test_an_answering_machine_gets_no_agent(hotline: Hotline, phones: Phones, anna: Phone) -> None:
    """It answers and talks, but presses nothing: no agent's phone rings; the one who refuses is busy."""
    talking = await talk(phones, anna, OUTSIDE)
    caller = await phones.phone(UNKNOWN)
    await book(hotline, caller)
    caller.behave(caller_manner(answers_after_s=0.1))
    await talking.hang_up()
    machine = await rings(caller)
    await machine.wait_ended(60)
    caller.auto_busy()
    busy = await rings(caller, 20)
    await busy.wait_ended(5)
    row = await the_callback(hotline, attempts=2, state="waiting")
    database = Database(hotline.settings)
    await CallBacks(database).cancel(UNKNOWN, now_utc())
    await database.close()
    closed = await the_callback(hotline, state="closed")

    assert heard_names(hotline, machine.heard).count("pl/callback_hello_keys") == 3
    assert anna.incoming.qsize() == 0
    assert (row.outcome, closed.outcome) == ("busy", "cancelled")


async def test_he_gives_another_number_and_later_no_longer_wants_to_be_called(
    hotline: Hotline, phones: Phones, anna: Phone
) -> None:
    """A withheld number: he keys one in, a premium one is refused first. Called, he presses 2: closed, agent free."""
    talking = await talk(phones, anna, OUTSIDE)
    asking = await phones.call("100", from_number="")
    assert await asking.wait_answered()
    await asking.send_keys("w0.6,1,w2.5,1")
    await hears(hotline, asking, "pl/callback_enter")
    await asking.send_keys("700123456#")
    await hears(hotline, asking, "pl/callback_refused")
    await asking.send_keys("w3,601999777#")
    await hears(hotline, asking, "pl/callback_number_keys")
    await asking.send_keys("1")
    await asking.wait_ended(15)
    other = await phones.phone("+48601999777")
    other.behave(caller_manner(answers_after_s=0.2))
    await talking.hang_up()
    ringing = await rings(other)
    await hears(hotline, ringing, "pl/callback_hello_keys")
    await ringing.send_keys("2")
    await ringing.wait_ended(10)
    closed = await the_callback(hotline, state="closed")

    assert (closed.number, closed.outcome) == ("+48601999777", "declined")
    assert anna.incoming.qsize() == 0
    await wait_until(lambda: is_ready(hotline, "anna"), "anna ready again", 5)


async def test_the_reserved_agent_does_not_answer_and_the_next_one_does(
    hotline: Hotline, phones: Phones, anna: Phone, logins: Logins
) -> None:
    """He is on the phone by then: he hears music, and boris takes him as soon as he is there."""
    talking = await talk(phones, anna, OUTSIDE)
    caller = await phones.phone(UNKNOWN)
    await book(hotline, caller)
    caller.behave(caller_manner(answers_after_s=0.2))
    anna.auto_busy()
    boris = await agent_phone(phones, logins["boris"])
    boris.auto_answer(0.1, tone_hz=900, hang_up_after_s=4)
    await talking.hang_up()
    ringing = await rings(caller)
    await confirm(hotline, ringing)
    await rings(anna)
    await sign_in(hotline, "boris")
    await rings(boris)
    await ringing.wait_ended(10)
    record = await last_call(hotline, UNKNOWN)

    assert "tone 900" in [piece.name for piece in heard(hotline, ringing.heard)]
    assert (record.disposition, record.agent_id, record.offers) == ("agent", "boris", 2)


async def test_controller_killed_while_a_call_back_waits(hotline: Hotline, phones: Phones, anna: Phone) -> None:
    """The next controller takes it on and calls."""
    talking = await talk(phones, anna, OUTSIDE)
    caller = await phones.phone(UNKNOWN)
    await book(hotline, caller)
    before = await the_callback(hotline)
    await restart(hotline)
    caller.behave(caller_manner(answers_after_s=0.2))
    anna.auto_answer(0.1, tone_hz=AGENT_HZ, hang_up_after_s=3)
    await talking.hang_up()
    ringing = await rings(caller, 30)
    await confirm(hotline, ringing)
    await rings(anna)
    await ringing.wait_ended(10)
    closed = await the_callback(hotline, state="closed")

    assert (closed.callback_id, closed.outcome) == (before.callback_id, "talked")
    assert closed.entered_ms == before.entered_ms


async def test_controller_killed_while_he_is_on_the_phone(hotline: Hotline, phones: Phones, anna: Phone) -> None:
    """He hears music until the next controller has him, is asked, and gets the agent; he is dialled once."""
    talking = await talk(phones, anna, OUTSIDE)
    caller = await phones.phone(UNKNOWN)
    await book(hotline, caller)
    caller.behave(caller_manner(answers_after_s=0.2))
    anna.auto_answer(0.1, tone_hz=AGENT_HZ, hang_up_after_s=3)
    await talking.hang_up()
    ringing = await rings(caller)
    await ringing.wait_answered()
    await asyncio.sleep(1)
    await restart(hotline)
    already = len(ringing.heard)

    async def asked_again() -> bool:
        return "pl/callback_hello" in heard_names(hotline, ringing.heard[already:])

    await wait_until(asked_again, "the question again", 25)
    await confirm(hotline, ringing)
    await rings(anna)
    await ringing.wait_ended(10)
    closed = await the_callback(hotline, state="closed")

    assert (closed.outcome, closed.attempts) == ("talked", 1)
    assert caller.incoming.qsize() == 0


async def test_a_message_is_left_heard_recorded_again_and_found(hotline: Hotline, phones: Phones, anna: Phone) -> None:
    """2: he speaks, listens, speaks again, sends. The file holds the second tone; `ivr message` shows and closes it."""
    talking = await talk(phones, anna, OUTSIDE)
    call = await to_queue(phones, UNKNOWN)
    await call.send_keys("w2.5,2")
    await hears(hotline, call, "pl/message_intro")
    call.say(tone(600), loop=True)
    await asyncio.sleep(7)
    await call.send_keys("#")
    await hears(hotline, call, "pl/message_keys")
    await call.send_keys("3")
    await asyncio.sleep(0.5)
    call.hush()
    call.say(tone(1300), loop=True)
    await hears(hotline, call, "pl/message_intro", times=2)
    await asyncio.sleep(8)
    await call.send_keys("#")
    await hears(hotline, call, "pl/message_keys", times=2)
    await call.send_keys("1")
    await call.wait_ended(20)
    record = await last_call(hotline, UNKNOWN)
    await talking.hang_up()
    database = Database(hotline.settings)
    messages = Messages(database)
    left = (await messages.list())[-1]
    file = messages.path(left)
    await database.close()
    listed = hotline.cli("message", "list").stdout
    played = hotline.cli("message", "play", left.message_id).stdout.strip()
    hotline.cli("message", "done", left.message_id)

    assert record.disposition == "message"
    assert (left.number, left.queue) == (UNKNOWN, "support")
    assert "tone 1300" in tones(hotline, file)
    assert "tone 600" not in tones(hotline, file)
    assert left.length_ms > 1500
    assert left.message_id in listed
    assert played == str(file)
    assert left.message_id not in hotline.cli("message", "list").stdout


async def test_a_caller_who_simply_stops_talking_has_left_his_message(
    hotline: Hotline, phones: Phones, anna: Phone
) -> None:
    """Silence ends the recording, silence means send: what he said is kept."""
    talking = await talk(phones, anna, OUTSIDE)
    call = await to_queue(phones, UNKNOWN)
    await call.send_keys("w2.5,2")
    await hears(hotline, call, "pl/message_intro")
    await asyncio.sleep(6)  # past the words and the tone
    call.say(tone(900), loop=True)
    await asyncio.sleep(4)  # he speaks
    call.hush()
    await hears(hotline, call, "pl/message_keys")
    await call.wait_ended(30)
    record = await last_call(hotline, UNKNOWN)
    await talking.hang_up()
    database = Database(hotline.settings)
    messages = Messages(database)
    left = (await messages.list())[-1]
    file = messages.path(left)
    await database.close()

    assert (record.disposition, left.call_id) == ("message", record.call_id)
    assert "tone 900" in tones(hotline, file)


async def test_who_hangs_up_after_he_has_spoken_has_left_his_message(
    hotline: Hotline, phones: Phones, anna: Phone
) -> None:
    """And who says nothing has left none: he waits on."""
    talking = await talk(phones, anna, OUTSIDE)
    call = await to_queue(phones, UNKNOWN)
    await call.send_keys("w2.5,2")
    await hears(hotline, call, "pl/message_intro")
    call.say(tone(600), loop=True)
    await asyncio.sleep(7)
    await call.hang_up()
    record = await last_call(hotline, UNKNOWN)
    await talking.hang_up()
    database = Database(hotline.settings)
    left = (await Messages(database).list())[-1]
    await database.close()
    hotline.cli("message", "done", left.message_id)

    assert left.left_at > hotline.watched_from
    assert record.disposition == "message"
    assert left.length_ms > 1500


# -- the story's steps


async def talk(phones: Phones, agent_phone: Phone, number: str) -> PhoneCall:
    """Occupy an agent with a caller."""
    call = await to_queue(phones, number)
    taken = await rings(agent_phone)
    await taken.wait_answered()
    return call


async def book(hotline: Hotline, caller: Phone, *, listens: bool = False) -> PhoneCall:
    """Call, wait in line, press 1, confirm the number, and hear that it is booked; return the ended call."""
    call = await caller.call("100")
    assert await call.wait_answered(), call.ending
    await call.send_keys("w0.6,1,w2.5,1")
    if listens:
        await hears(hotline, call, "pl/callback_number_keys")
    await call.send_keys("w1.5,1")
    await call.wait_ended(20)
    return call


async def confirm(hotline: Hotline, call: PhoneCall, *, listens: bool = False) -> None:
    """Hear the question, or enough of it, and press 1."""
    await call.wait_answered()
    if listens:
        await hears(hotline, call, "pl/callback_hello_keys")
    await call.send_keys("w1,1")


async def hears(hotline: Hotline, call: PhoneCall, prompt: str, *, times: int = 1, timeout_s: float = 25) -> None:
    """Wait until a phone has heard a prompt so often."""

    async def heard_it() -> bool:
        names = await asyncio.to_thread(heard_names, hotline, call.heard)
        return names.count(prompt) >= times

    await wait_until(heard_it, prompt, timeout_s)


async def rings(phone: Phone, timeout_s: float = 15) -> PhoneCall:
    """Wait until a phone rings."""
    return await asyncio.wait_for(phone.incoming.get(), timeout_s)


def caller_manner(answers_after_s: float):  # type: ignore[no-untyped-def]
    """A caller who answers and says a tone."""
    from ivr.phone.phone import Manner

    return Manner(answers_after_s, says=tone(CALLER_HZ), loop=True)


async def the_callback(
    hotline: Hotline, *, state: str = "waiting", attempts: int = 0, timeout_s: float = 15
) -> CallBack:
    """Return the newest call-back as soon as it is in `state`, after so many attempts at least."""
    database = Database(hotline.settings)
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                rows = [r for r in await CallBacks(database).list(last=1) if r.booked_at >= hotline.watched_from]
                if rows and rows[0].state == state and rows[0].attempts >= attempts:
                    return rows[0]
                await asyncio.sleep(0.1)
    finally:
        await database.close()


async def agent(hotline: Hotline, agent_id: str) -> AgentView:
    """Return an agent as the router sees him."""
    redis = router_redis(hotline.settings)
    router = Router(redis, controller_id="test")
    try:
        agents = (await router.snapshot()).agents
    finally:
        await router.close()
        await redis.aclose()
    return next(each for each in agents if each.agent_id == agent_id)


async def is_ready(hotline: Hotline, agent_id: str) -> bool:
    """Has he no call, and no rest to take?"""
    return (await agent(hotline, agent_id)).state == "ready"


async def restart(hotline: Hotline) -> None:
    """Kill the controller and start another."""
    await asyncio.to_thread(hotline.kill, "controller")
    await asyncio.to_thread(hotline.start_controller)


def tones(hotline: Hotline, file) -> list[str]:  # type: ignore[no-untyped-def]
    """Return what is in a sound file."""
    import soundfile

    return [piece.name for piece in heard(hotline, soundfile.read(file, dtype="int16")[0])]
