"""The way out: who may place calls, where they go, and [callback] of dialplans/asterisk/callback.conf."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.agi_stub import Stub, agi_stub
from tests.support.ami import Manager, manager
from tests.support.asterisk import RealAsterisk, real_asterisk
from tests.support.sip import Leg, SipPhone, sip_phone
from tests.support.wait import until

pytestmark = pytest.mark.real

NUMBER = "+48601999888"
MAY_NOT = [  # action, headers, what the answer says
    ("Originate", {"Channel": f"PJSIP/{NUMBER}@trunk-out", "Application": "System", "Data": "id"}, "Forbidden"),
    ("Originate", {"Channel": f"PJSIP/{NUMBER}@trunk-out", "Application": "AGI", "Data": "x"}, "Forbidden"),
    ("Command", {"Command": "core show channels"}, "Permission denied"),
    ("Status", {}, "Permission denied"),
    ("Getvar", {"Variable": "HOTLINE_AGI_TOKEN"}, "Permission denied"),
    ("Setvar", {"Variable": "X", "Value": "1"}, "Permission denied"),
    ("Redirect", {"Channel": "x", "Context": "entry", "Exten": "s", "Priority": "1"}, "Permission denied"),
    ("Hangup", {"Channel": "x"}, "Permission denied"),
    ("GetConfig", {"Filename": "manager.conf"}, "Permission denied"),
    ("ModuleLoad", {"Module": "app_system.so", "LoadType": "load"}, "Permission denied"),
    ("Reload", {}, "Permission denied"),
]


@dataclass
class Out:
    """An Asterisk whose way out leads to a phone."""

    pbx: RealAsterisk
    phone: SipPhone

    async def originate(self, ami: Manager, callback_id: str = "cb-1", timeout_s: float = 5) -> Leg:
        """Place the call as the controller does; return it as it rings."""
        answer = await ami.action(
            "Originate", Channel=f"PJSIP/{NUMBER}@trunk-out", Context="callback", Exten="s", Priority="1",
            Timeout=str(int(timeout_s * 1000)), CallerID="<100>", ChannelId=callback_id, Async="true",
        )  # fmt: skip
        assert "Success" in answer
        return await asyncio.wait_for(self.phone.offered.get(), 5)


@pytest.fixture
async def out(tmp_path: Path) -> AsyncIterator[Out]:
    """Leases are short: 3 s."""
    async with sip_phone(("127.0.0.1", 1), NUMBER) as phone:
        way = f"127.0.0.1:{phone.here[1]}"
        async with real_asterisk(tmp_path, trunk_to=way, entry_lease_s=1, lease_s=3) as pbx:
            phone.server = ("127.0.0.1", pbx.settings.sip_port)
            yield Out(pbx, phone)
            await until(lambda: pbx.channels() == 0, what="no channels left")


async def test_the_dialler_may_nothing_else(out: Out) -> None:
    """Commands, variables, channels, configuration; applications that run programs."""
    async with manager(out.pbx, "hotline-dialler", out.pbx.secrets.ami_dialler) as ami:
        for action, headers, says in MAY_NOT:
            answer = await ami.action(action, **headers)

            assert "Response: Error" in answer, (action, headers)
            assert says in answer, (action, headers)


async def test_the_controllers_own_user_may_not_place_calls(out: Out) -> None:
    """With call-backs on as without."""
    async with manager(out.pbx) as ami:
        answer = await ami.action("Originate", Channel=f"PJSIP/{NUMBER}@trunk-out", Context="callback", Exten="s")

    assert "Permission denied" in answer


async def test_nobody_calls_in_by_the_way_out(out: Out) -> None:
    """A caller who names himself as that endpoint is the trunk's caller at most; what he reaches is a number."""
    leg = out.phone.call("s", sender="<sip:trunk-out@127.0.0.1>")

    assert await leg.status() == 404


async def test_who_answers_reaches_the_controller_that_holds_him(out: Out) -> None:
    """The id is the channel's; the number shown is the one given; the dialler hears how it went and nothing else."""
    async with (
        agi_stub(out.pbx.settings.agi_port) as stub,
        manager(out.pbx, "hotline-dialler", out.pbx.secrets.ami_dialler) as ami,
    ):
        leg = await out.originate(ami)
        leg.answer()
        call = await stub.next()
        assert leg.invite
        shown, dialled = leg.invite.headers["from"], leg.invite.first
        outcome = await ami.event("OriginateResponse")
        await call.command("SET VARIABLE HOTLINE_DONE done")
        call.die()
        await asyncio.wait_for(leg.ended.wait(), 5)

        assert call.headers["agi_network_script"].endswith("/callback")
        assert call.headers["agi_uniqueid"] == "cb-1"
        assert "<sip:100@" in shown
        assert f"sip:{NUMBER}@127.0.0.1" in dialled
        assert (outcome["Response"], outcome["Uniqueid"]) == ("Success", "cb-1")
        assert {event["Event"] for event in ami.events} <= {"FullyBooted"}


@pytest.mark.parametrize(("status", "cause"), [("486 Busy Here", "17"), ("404 Not Found", "1")])
async def test_who_refuses_is_told_of_with_his_cause(out: Out, status: str, cause: str) -> None:
    """The dialler hears of the failure, the controller's own session of the cause; both by the call-back's id."""
    async with (
        manager(out.pbx) as own,
        manager(out.pbx, "hotline-dialler", out.pbx.secrets.ami_dialler) as ami,
    ):
        (await out.originate(ami)).refuse(status)
        hangup, failure = await own.event("Hangup"), await ami.event("OriginateResponse")

    assert (hangup["Uniqueid"], hangup["Cause"]) == ("cb-1", cause)
    assert (failure["Uniqueid"], failure["Response"]) == ("cb-1", "Failure")


async def test_nobody_dialled_longer_than_allowed(out: Out) -> None:
    """Asterisk ends the ringing by itself."""
    async with manager(out.pbx, "hotline-dialler", out.pbx.secrets.ami_dialler) as ami:
        leg = await out.originate(ami, timeout_s=1)
        await asyncio.wait_for(leg.cancelled.wait(), 5)
        failure = await ami.event("OriginateResponse")

    assert (failure["Uniqueid"], failure["Response"]) == ("cb-1", "Failure")


async def test_a_controller_that_does_not_hold_him_is_asked_again(out: Out) -> None:
    """`unknown` is no death: he hears music and is asked for again, until the call-back has been taken on."""
    async with (
        agi_stub(out.pbx.settings.agi_port) as stub,
        manager(out.pbx, "hotline-dialler", out.pbx.secrets.ami_dialler) as ami,
    ):
        leg = await out.originate(ami)
        leg.answer()
        for _ in range(3):
            call = await stub.next()
            await call.command("SET VARIABLE HOTLINE_DONE unknown")
            call.die()
        call = await stub.next()
        await end(call, stub)
        await asyncio.wait_for(leg.ended.wait(), 5)


async def test_a_controller_that_dies_or_hangs_loses_him_to_the_next(out: Out) -> None:
    """What he confirmed is remembered; the hanging one is left when its lease is over."""
    async with (
        agi_stub(out.pbx.settings.agi_port) as stub,
        manager(out.pbx, "hotline-dialler", out.pbx.secrets.ami_dialler) as ami,
    ):
        leg = await out.originate(ami)
        leg.answer()
        first = await stub.next()
        await first.command("SET VARIABLE HOTLINE_STEP confirmed")
        first.die()
        second = await stub.next()  # and says nothing
        third = await stub.next()
        await end(third, stub)
        await asyncio.wait_for(leg.ended.wait(), 5)

    assert first.headers["agi_arg_1"] == ""
    assert second.headers["agi_arg_1"] == third.headers["agi_arg_1"] == "confirmed"


async def end(call, stub: Stub) -> None:  # type: ignore[no-untyped-def]
    """Let a controller end the call on purpose."""
    await call.command("SET VARIABLE HOTLINE_DONE done")
    call.die()
    assert stub.taken
