"""The way of a call into a controller, and back into one after a death: dialplans/asterisk/entry.conf."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.asterisk.conftest import SOUNDS
from tests.support import sipp
from tests.support.agi_stub import Stub, StubCall, agi_stub
from tests.support.asterisk import RealAsterisk, real_asterisk
from tests.support.sip import SipPhone
from tests.support.wait import until

pytestmark = pytest.mark.real

FROM = [  # From header, number the controller sees
    ("<sip:+48221234567@example.org>", "+48221234567"),
    ("sip:4455@example.org", "4455"),
    ('"Kowalski, Jan" <sip:48221234567@example.org;user=phone>', "48221234567"),
    ('"x> <sip:911@example.org>" <sip:123456@example.org>', "123456"),
    ('"a)b(\\"${EPOCH},user)" <sip:77777@example.org>', "77777"),
    ("<sip:0022;phone-context=example.org@example.org>", "0022"),
    ("<sip:1234567890123456789012345@example.org>", "12345678901234567890"),
    ("<sip:%31%32%33%0d%0aagi_arg_1%3a@example.org>", ""),
    ("<sip:123%0d%0a@example.org>", "123"),
    ("<sip:anonymous@anonymous.invalid>", ""),
    ("<sip:restricted1@example.org>", ""),
    ("<sip:192.0.2.7>", ""),
    ('"123" <sip:h>', ""),
]


@pytest.mark.parametrize("number", ["999", "s", "T", "h", "i", "*11", "1000", "10"])
async def test_unknown_number_is_404(caller: SipPhone, number: str) -> None:
    """Only numbers of dialplans/numbers.toml exist; names of special extensions cannot be dialled."""
    status = await caller.call(number).status()

    assert status == 404


@pytest.mark.parametrize(("sender", "number"), FROM)
async def test_caller_number_is_filtered(caller: SipPhone, controller: Stub, sender: str, number: str) -> None:
    """Whatever the From header holds, the controller gets digits with an optional + in front, or nothing."""
    leg = caller.call("100", sender=sender)
    call = await controller.next()
    await call.command("SET VARIABLE HOTLINE_DONE 1")
    call.die()
    await leg.status()

    assert number == call.headers["agi_arg_2"]
    assert (number or "unknown") == call.headers["agi_callerid"]
    assert call.headers["agi_calleridname"] == "unknown"
    assert len(call.headers) == 27  # nothing added, nothing doubled


async def test_from_header_that_breaks_the_grammar_reaches_nothing(caller: SipPhone, controller: Stub) -> None:
    """A malformed From is dropped by the SIP parser before a channel exists."""
    leg = caller.call("100", sender="<sip:${SHELL(id)}12@example.org>")
    with pytest.raises(TimeoutError):
        await leg.status(0.3)

    assert controller.taken == 0


async def test_new_call_reaches_the_controller_with_its_facts(caller: SipPhone, controller: Stub) -> None:
    """Number dialled, caller, attempt, no step, no dial status: all in the header block, no round trip."""
    leg = caller.call("+48221000")
    call = await controller.next()
    answered = await call.command("EXEC Answer ,i")
    lease = await call.command("GET VARIABLE TIMEOUT(absolute)")
    await call.command("SET VARIABLE HOTLINE_DONE 1")
    call.die()
    await asyncio.wait_for(leg.ended.wait(), 5)

    assert answered == "200 result=0"
    assert [call.headers[f"agi_arg_{i}"] for i in range(1, 6)] == ["+48221000", "48221234567", "1", "", ""]
    assert 0 < float(lease.partition("(")[2].rstrip(")")) <= 1
    assert controller.taken == 1  # HOTLINE_DONE set: not tried again


async def test_answer_immediately_does_not_wait_for_media(caller: SipPhone, controller: Stub) -> None:
    """`EXEC Answer ,i` returns without the 500 ms wait for the caller's first packet."""
    caller.call("100")
    call = await controller.next()
    began = time.monotonic()
    await call.command("EXEC Answer ,i")

    assert time.monotonic() - began < 0.2


async def test_new_call_takes_the_next_controller_when_the_first_refuses(pbx: RealAsterisk, caller: SipPhone) -> None:
    """A refused port costs the caller nothing he could notice."""
    async with agi_stub(pbx.settings.agi_port_next) as second:
        began = time.monotonic()
        caller.call("100")
        call = await second.next()

        assert time.monotonic() - began < 0.15
        assert call.headers["agi_arg_3"] == "1"  # a refused connection is no attempt


async def test_dead_controllers_answer_within_moments(caller: SipPhone) -> None:
    """No controller at all: a new call is answered by the ladder at once."""
    began = time.monotonic()
    leg = caller.call("100")

    assert await leg.status() == 200
    assert time.monotonic() - began < 0.4


async def test_hung_controller_loses_a_new_call_to_the_ladder(caller: SipPhone, controller: Stub) -> None:
    """The lease of the first command: a controller that accepts and says nothing is left after entry_lease_s."""
    began = time.monotonic()
    leg = caller.call("100")
    hung = await controller.next()
    assert await leg.status() == 200
    took = time.monotonic() - began
    await hung.wait_closed()

    assert 0.9 < took < 1.6


async def test_hung_controller_loses_the_call_to_the_next_one(
    pbx: RealAsterisk, caller: SipPhone, controller: Stub,
) -> None:
    """After the lease the next controller gets the call, with its step; music meanwhile."""
    async with agi_stub(pbx.settings.agi_port_next) as second:
        caller.call("100")
        hung = await controller.next()
        await hung.command("EXEC Answer ,i")
        await hung.command("SET VARIABLE HOTLINE_STEP line|pl")
        await hung.command("SET AUTOHANGUP 1")
        call = await second.next()

        assert call.headers["agi_arg_4"] == "line|pl"
        assert call.headers["agi_arg_3"] == "2"


async def test_lease_is_moved_by_the_controller(caller: SipPhone, controller: Stub) -> None:
    """SET AUTOHANGUP keeps a call beyond its first lease, 0 for ever."""
    caller.call("100")
    call = await controller.next()
    await call.command("EXEC Answer ,i")
    await call.command("SET AUTOHANGUP 0")
    await asyncio.sleep(1.3)

    assert await call.command("NOOP") == "200 result=0"


async def test_waiting_call_comes_back_after_death(pbx: RealAsterisk, caller: SipPhone) -> None:
    """Controller killed, started again 1.5 s later: the caller hears music meanwhile and is given back."""
    async with agi_stub(pbx.settings.agi_port) as first:
        caller.call("100")
        call = await first.next()
        await call.command("EXEC Answer ,i")
        await call.command("SET VARIABLE HOTLINE_STEP line|pl")
        await first.close()
        call.die()
    await asyncio.sleep(0.3)
    packets = caller.packets
    await asyncio.sleep(1.2)
    during = caller.packets - packets
    async with agi_stub(pbx.settings.agi_port) as again:
        began = time.monotonic()
        back = await again.next()
        took = time.monotonic() - began
        await back.command("STREAM FILE /nowhere \"\"")

    assert took < 0.6
    assert during > 45  # 20 ms each: music went on
    assert (back.headers["agi_arg_3"], back.headers["agi_arg_4"]) == ("2", "line|pl")
    assert back.headers["agi_uniqueid"] == call.headers["agi_uniqueid"]


async def test_call_that_kills_every_controller_is_given_up(caller: SipPhone, pbx: RealAsterisk) -> None:
    """Nine controllers lost it: the ladder takes the call instead of a tenth."""
    async with agi_stub(pbx.settings.agi_port) as stub:
        leg = caller.call("100")
        for _ in range(9):
            (await stub.next()).die()
        assert await leg.status() == 200
        await asyncio.sleep(0.5)

        assert stub.taken == 9


async def test_talk_that_outlived_its_controller_is_closed_once(
    caller: SipPhone, controller: Stub, ann: SipPhone,
) -> None:
    """Controller dies during a talk: talk goes on; when the agent hangs up the next controller hears ANSWER."""
    leg = caller.call("100")
    call = await controller.next()
    await call.command("EXEC Answer ,i")
    await call.command("SET VARIABLE HOTLINE_STEP line|pl")
    await call.command("SET AUTOHANGUP 0")
    call.ring(ann.user)
    ringing = await asyncio.wait_for(ann.offered.get(), 5)
    ringing.answer()
    await until(lambda: ann.legs[ringing.call_id])
    await asyncio.sleep(0.2)
    call.die()
    await asyncio.sleep(1.5)
    assert not leg.ended.is_set()
    assert not ringing.ended.is_set()
    ringing.hang_up()
    back = await controller.next()
    await back.command("SET VARIABLE HOTLINE_DONE 1")
    back.die()
    await asyncio.wait_for(leg.ended.wait(), 5)

    assert back.headers["agi_arg_5"] == "ANSWER"
    assert controller.taken == 2


async def test_hang_up_ends_the_session_at_once(caller: SipPhone, controller: Stub) -> None:
    """The controller's connection closes when the caller hangs up, also while music plays."""
    leg = caller.call("100")
    call = await controller.next()
    await call.command("EXEC Answer ,i")
    await call.command("SET MUSIC ON default")
    await leg.status()
    leg.hang_up()
    began = time.monotonic()
    await call.wait_closed(3)

    assert time.monotonic() - began < 0.2


async def test_controller_may_hand_a_call_to_the_ladder(caller: SipPhone, controller: Stub) -> None:
    """HOTLINE_DONE=ladder: the controller itself says it cannot help."""
    leg = caller.call("100")
    call = await controller.next()
    await call.command("SET VARIABLE HOTLINE_DONE ladder")
    call.die()
    assert await leg.status() == 200
    await until(lambda: bytes([SOUNDS["trouble"]]) * 800 in caller.heard)

    assert controller.taken == 1


async def test_a_hundred_waiting_calls_all_come_back(tmp_path: Path) -> None:
    """Controller killed with 100 callers in line, back 1.5 s later: each is given back once, within a second."""
    async def wait_in_line(call: StubCall) -> None:
        if not call.headers["agi_arg_4"]:
            await call.command("EXEC Answer ,i")
            await call.command("SET VARIABLE HOTLINE_STEP line|pl")
        await call.command("SET AUTOHANGUP 0")
        await call.command("SET MUSIC ON default")
        seen.append(call.headers["agi_uniqueid"])
        await call.wait_closed(60)

    seen: list[str] = []
    async with real_asterisk(tmp_path) as pbx:
        load = asyncio.create_task(
            sipp.call(f"127.0.0.1:{pbx.settings.sip_port}", "100", calls=100, rate=100, talk_ms=8000))
        async with agi_stub(pbx.settings.agi_port, wait_in_line):
            await until(lambda: len(seen) == 100, 10, "100 in line")
            before = set(seen)
            seen.clear()
        await asyncio.sleep(1.5)
        async with agi_stub(pbx.settings.agi_port, wait_in_line):
            took = await until(lambda: len(seen) == 100, 10, "100 back")
            after = sorted(seen)
            load_result = await load

    assert after == sorted(before)
    assert took < 1
    assert load_result.failed == 0
