"""Ringing an agent, fixed targets, feature codes: dialplans/asterisk/agent.conf and codes.conf."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from ivr import asterisk
from ivr.asterisk import AgentPhone
from ivr.ringing import REJECTED
from tests.asterisk.conftest import ANN, BOB, SOUNDS, agent
from tests.support.agi_stub import Stub, StubCall, agi_stub
from tests.support.ami import manager
from tests.support.asterisk import RealAsterisk
from tests.support.sip import Leg, SipPhone, sip_phone
from tests.support.wait import until

pytestmark = pytest.mark.real


async def waiting(caller: SipPhone, controller: Stub) -> tuple[Leg, StubCall]:
    """Bring a call to where a controller rings agents: answered, music on, no lease."""
    leg = caller.call("100")
    call = await controller.next()
    for command in ("EXEC Answer ,i", "SET VARIABLE HOTLINE_STEP line|pl", "SET MUSIC ON default", "SET AUTOHANGUP 0"):
        await call.command(command)
    await leg.status()
    return leg, call


async def test_agent_answers_talks_and_hangs_up(caller: SipPhone, controller: Stub, ann: SipPhone) -> None:
    """Connected both ways beyond every lease; the subroutine comes back with who answered."""
    leg, call = await waiting(caller, controller)
    call.ring(ann.user, shown="48221234567")
    ringing = await asyncio.wait_for(ann.offered.get(), 5)
    assert ringing.invite is not None
    shown = ringing.invite.headers["from"]
    ringing.answer()
    await until(lambda: ringing.media and leg.media)
    for step in range(20):
        assert leg.media
        assert ringing.media
        caller.send_rtp(0, step * 160, b"\x55" * 160, leg.media)
        ann.send_rtp(0, step * 160, b"\x66" * 160, ringing.media)
        await asyncio.sleep(0.02)
    await asyncio.sleep(3.2)
    assert not leg.ended.is_set()
    ringing.hang_up()
    reply = await call.reply()

    assert "Gosub complete" in reply
    assert "48221234567" in shown
    assert b"\x55" * 160 in ann.heard
    assert b"\x66" * 160 in caller.heard
    assert await call.variable("HOTLINE_DIALSTATUS") == "ANSWER"
    assert (await call.variable("HOTLINE_ANSWERED_BY")).startswith(f"PJSIP/{ann.user}-")
    assert not leg.ended.is_set()  # the caller is the controller's again


async def test_music_goes_on_while_the_agent_rings(caller: SipPhone, controller: Stub, ann: SipPhone) -> None:
    """No gap: about 50 packets a second, not all the same."""
    _, call = await waiting(caller, controller)
    call.ring(ann.user)
    await asyncio.wait_for(ann.offered.get(), 5)
    packets, heard = caller.packets, len(caller.heard)
    await asyncio.sleep(1)

    assert caller.packets - packets > 40
    assert len(set(caller.heard[heard:])) > 20


@pytest.mark.parametrize(("answer", "status"), [
    ("486 Busy Here", "BUSY"), ("404 Not Found", "CHANUNAVAIL"), ("480 Temporarily Unavailable", "NOANSWER"),
    ("503 Service Unavailable", "CONGESTION"), ("603 Decline", "BUSY"),
])
async def test_refusal_comes_back_at_once(
    caller: SipPhone, controller: Stub, ann: SipPhone, answer: str, status: str,
) -> None:
    """The caller stays, the controller hears why."""
    leg, call = await waiting(caller, controller)
    call.ring(ann.user)
    (await asyncio.wait_for(ann.offered.get(), 5)).refuse(answer)
    began = time.monotonic()
    await call.reply()

    assert time.monotonic() - began < 0.3
    assert status == await call.variable("HOTLINE_DIALSTATUS")
    assert (await call.variable("HOTLINE_DIALCAUSE") == REJECTED) is answer.startswith("603")
    assert not leg.ended.is_set()


async def test_no_answer_ends_after_the_ring_time(caller: SipPhone, controller: Stub, ann: SipPhone) -> None:
    """Ring time over: the agent's phone is told, the caller stays."""
    _, call = await waiting(caller, controller)
    call.ring(ann.user, ring_s=1)
    ringing = await asyncio.wait_for(ann.offered.get(), 5)
    await call.reply()
    await asyncio.wait_for(ringing.cancelled.wait(), 1)

    assert await call.variable("HOTLINE_DIALSTATUS") == "NOANSWER"


@pytest.mark.parametrize("endpoint", ["nobody", "ag-bob-77e02d", "ag-ann-4f1b9c/sip:x@127.0.0.1", "trunk", ""])
async def test_unreachable_or_hostile_endpoint_is_unavailable(
    caller: SipPhone, controller: Stub, endpoint: str,
) -> None:
    """Unknown, not registered, or more than a name: no leg, an answer at once."""
    _, call = await waiting(caller, controller)
    call.ring(endpoint)
    await call.reply(3)

    assert await call.variable("HOTLINE_DIALSTATUS") in ("CHANUNAVAIL", "CONGESTION", "INVALIDARGS")


async def test_caller_hanging_up_stops_the_ringing(caller: SipPhone, controller: Stub, ann: SipPhone) -> None:
    """The agent's leg is cancelled within 200 ms, and the session ends."""
    leg, call = await waiting(caller, controller)
    call.ring(ann.user)
    ringing = await asyncio.wait_for(ann.offered.get(), 5)
    leg.hang_up()
    began = time.monotonic()
    await asyncio.wait_for(ringing.cancelled.wait(), 2)
    assert time.monotonic() - began < 0.2
    await call.wait_closed()


async def test_caller_hanging_up_ends_the_talk(caller: SipPhone, controller: Stub, ann: SipPhone) -> None:
    """The agent gets a BYE."""
    leg, call = await waiting(caller, controller)
    call.ring(ann.user)
    ringing = await asyncio.wait_for(ann.offered.get(), 5)
    ringing.answer()
    await asyncio.sleep(0.1)
    leg.hang_up()
    await asyncio.wait_for(ringing.ended.wait(), 1)
    await call.wait_closed()


async def test_agent_hears_the_whisper_before_the_caller(
    caller: SipPhone, controller: Stub, ann: SipPhone, sounds: Path,
) -> None:
    """ARG5 is played to the agent alone."""
    _, call = await waiting(caller, controller)
    call.ring(ann.user, whisper=str(sounds / "whisper"))
    (await asyncio.wait_for(ann.offered.get(), 5)).answer()
    whisper = bytes([SOUNDS["whisper"]]) * 800
    await until(lambda: whisper in ann.heard)

    assert whisper not in caller.heard


async def test_manager_tells_keys_and_the_agents_leg(
    pbx: RealAsterisk, caller: SipPhone, controller: Stub, ann: SipPhone,
) -> None:
    """Keys pressed during music, dialling, bridge and hang-up arrive as events of the call's Uniqueid."""
    async with manager(pbx) as ami:
        leg, call = await waiting(caller, controller)
        unique_id = call.headers["agi_uniqueid"]
        leg.press("5")
        key = await ami.event("DTMFEnd")
        call.ring(ann.user)
        begin = await ami.event("DialBegin")
        ringing = await asyncio.wait_for(ann.offered.get(), 5)
        ringing.answer()
        end = await ami.event("DialEnd")
        entered = {(await ami.event("BridgeEnter"))["Uniqueid"] for _ in range(2)}
        ringing.hang_up()
        gone = await ami.event("Hangup")

    assert (key["Uniqueid"], key["Digit"]) == (unique_id, "5")
    assert begin["Uniqueid"] == unique_id
    assert end["DialStatus"] == "ANSWER"
    assert entered == {unique_id, begin["DestUniqueid"]}
    assert gone["Uniqueid"] == begin["DestUniqueid"]


async def test_fixed_target_is_dialled_by_name(caller: SipPhone, controller: Stub, ann: SipPhone) -> None:
    """[dial-target] knows the names of dialplans/numbers.toml."""
    _, call = await waiting(caller, controller)
    call.writer.write(b"GOSUB dial-target s 1 reception\n")
    (await asyncio.wait_for(ann.offered.get(), 5)).refuse("486 Busy Here")
    await call.reply()

    assert await call.variable("HOTLINE_DIALSTATUS") == "BUSY"


async def test_fixed_target_rings_as_long_as_it_is_told(caller: SipPhone, controller: Stub, ann: SipPhone) -> None:
    """The second argument of [dial-target]: seconds."""
    _, call = await waiting(caller, controller)
    call.writer.write(b"GOSUB dial-target s 1 reception,1\n")
    await asyncio.wait_for(ann.offered.get(), 5)
    await asyncio.wait_for(call.reply(), 5)

    assert await call.variable("HOTLINE_DIALSTATUS") == "NOANSWER"


@pytest.mark.parametrize("name", ["unknown", "PJSIP/ag-ann-4f1b9c", "", "../x"])
async def test_unknown_target_is_unavailable(caller: SipPhone, controller: Stub, name: str) -> None:
    """A text that is no name of the map dials nothing."""
    _, call = await waiting(caller, controller)
    await call.command(f'GOSUB dial-target s 1 "{name}"')

    assert await call.variable("HOTLINE_DIALSTATUS") == "CHANUNAVAIL"


@pytest.mark.parametrize(
    ("code", "word"),
    [("*11", "in"), ("*12", "out"), ("*13", "pause"), ("*135", "pause/5"), ("*14", "ready"), ("*15", "longer"),
     ("*20", "announce")],
)  # fmt: skip
async def test_feature_code_reaches_the_controller(controller: Stub, ann: SipPhone, code: str, word: str) -> None:
    """The controller learns the code and the phone that dialled it."""
    leg = await _call_as_agent(ann, code)
    call = await controller.next()
    await call.command("EXEC Answer ,i")
    call.die()
    await asyncio.wait_for(leg.ended.wait(), 2)

    assert call.headers["agi_network_script"].endswith(f"/agent/{word}")
    assert call.headers["agi_arg_1"] == ANN.endpoint


async def test_feature_code_without_controller_is_503(ann: SipPhone) -> None:
    """The phone shows that the service is away."""
    leg = await _call_as_agent(ann, "*11")

    assert await leg.status() == 503


@pytest.mark.parametrize("number", ["100", "911", "*136", "0048221234567", "trunk", "*99", "run", ANN.endpoint])
async def test_agents_dial_nothing_but_codes(ann: SipPhone, number: str) -> None:
    """No way from an agent's phone to numbers, other phones or the public network."""
    leg = await _call_as_agent(ann, number)

    assert await leg.status() == 404


async def test_new_phone_registers_after_a_reload_while_a_call_is_up(
    pbx: RealAsterisk, caller: SipPhone, controller: Stub, ann: SipPhone,
) -> None:
    """`ivr agent add`: accounts rendered and reloaded; calls and registrations stay."""
    eve = AgentPhone("ag-eve-09c1d2", "eve-password-0123456789", "eve", "Ewa Żak; [x]")
    leg, call = await waiting(caller, controller)
    try:
        asterisk.render_phones(pbx.settings, (ANN, BOB, eve))
        asterisk.reload_phones(pbx.settings)
        await until(lambda: "Endpoint:  ag-eve" in pbx.console("pjsip show endpoints"))
        async with agent(pbx, eve):
            call.ring(ann.user)
            (await asyncio.wait_for(ann.offered.get(), 5)).refuse("486 Busy Here")
            await call.reply()
    finally:
        asterisk.render_phones(pbx.settings, (ANN, BOB))
        asterisk.reload_phones(pbx.settings)

    assert not leg.ended.is_set()
    await until(lambda: "ag-eve" not in pbx.console("pjsip show endpoints"))


async def _call_as_agent(phone: SipPhone, number: str) -> Leg:
    """Call from a registered phone, answering the challenge."""
    leg = phone.call(number)
    challenge = await asyncio.wait_for(asyncio.shield(leg.final), 5)
    if challenge.status != 401:
        return leg
    return phone.call_with(number, challenge, ANN.password)


async def test_second_controller_gets_feature_codes(pbx: RealAsterisk, ann: SipPhone) -> None:
    """The next controller's port is tried when the first refuses."""
    async with agi_stub(pbx.settings.agi_port_next) as second, sip_phone(("127.0.0.1", pbx.settings.sip_port)):
        await _call_as_agent(ann, "*12")
        call = await second.next()

        assert call.headers["agi_arg_1"] == ANN.endpoint


async def test_agent_who_hangs_up_on_the_whisper_did_not_answer(
    caller: SipPhone, controller: Stub, ann: SipPhone, sounds: Path,
) -> None:
    """The controller learns it as such, and the caller is still there for the next agent."""
    leg, call = await waiting(caller, controller)
    call.ring(ann.user, whisper=f"{sounds / 'whisper'}&{sounds / 'whisper'}")
    ringing = await asyncio.wait_for(ann.offered.get(), 5)
    ringing.answer()
    await until(lambda: bytes([SOUNDS["whisper"]]) * 800 in ann.heard)
    ringing.hang_up()
    await call.reply()

    assert await call.variable("HOTLINE_DIALSTATUS") == "NOANSWER"
    assert not leg.ended.is_set()
