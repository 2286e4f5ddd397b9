"""[restored] of dialplans/asterisk/restored.conf, and the fake dialler of tests/support beside the real one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ivr import asterisk
from ivr.ami.client import AmiClient
from ivr.ami.watch import Watch
from ivr.dialler import Dialler
from ivr.errors import AsteriskError
from tests.support.agi_stub import Stub, agi_stub
from tests.support.asterisk import RealAsterisk, real_asterisk
from tests.support.dialler import FakeDialler
from tests.support.sip import Leg, SipPhone, sip_phone
from tests.support.wait import until

pytestmark = pytest.mark.real

NUMBER, ID = "+48601999888", "oi-1"


@dataclass
class Out:
    """An Asterisk whose way out leads to a phone, and what places calls there."""

    pbx: RealAsterisk
    phone: SipPhone

    @asynccontextmanager
    async def dialler(self) -> AsyncIterator[tuple[Dialler, Watch]]:
        """Give the real ones, connected."""
        watch, dialler = Watch(), Dialler(self.pbx.settings, self.pbx.secrets.ami_dialler)
        own = AmiClient(
            "127.0.0.1", self.pbx.settings.ami_port, asterisk.AMI_USER, self.pbx.secrets.ami_controller,
            on_event=watch.feed, on_resync=_nothing,
        )  # fmt: skip
        running = [asyncio.create_task(dialler.run()), asyncio.create_task(own.run())]
        try:
            await until(lambda: dialler.connected and own.connected, what="AMI connected")
            yield dialler, watch
        finally:
            for each in running:
                each.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def answers(self) -> Leg:
        """Let the phone answer."""
        leg = await asyncio.wait_for(self.phone.offered.get(), 5)
        leg.answer()
        return leg


async def _nothing() -> None: ...


@pytest.fixture
async def out(tmp_path: Path) -> AsyncIterator[Out]:
    """Leases are short: 3 s."""
    async with sip_phone(("127.0.0.1", 1), NUMBER) as phone:
        way = f"127.0.0.1:{phone.here[1]}"
        async with real_asterisk(tmp_path, trunk_to=way, entry_lease_s=1, lease_s=3) as pbx:
            phone.server = ("127.0.0.1", pbx.settings.sip_port)
            yield Out(pbx, phone)
            await until(lambda: pbx.channels() == 0, what="no channels left")


async def test_he_gets_to_the_controller_that_holds_him(out: Out) -> None:
    """By the id of his opt-in; one that does not hold him is asked again, one that has him ends the call."""
    async with agi_stub(out.pbx.settings.agi_port) as stub, out.dialler() as (dialler, _):
        await dialler.dial(ID, NUMBER, "100", "restored")
        leg = await out.answers()
        first = await stub.next()
        await end(first, stub, "unknown")
        second = await stub.next()
        await end(second, stub, "done")
        await asyncio.wait_for(leg.ended.wait(), 5)

    assert first.headers["agi_network_script"].endswith("/restored")
    assert (first.headers["agi_uniqueid"], second.headers["agi_arg_1"]) == (ID, "")


async def test_his_answer_outlives_the_controller(out: Out) -> None:
    """The next one hears it, and need not ask."""
    async with agi_stub(out.pbx.settings.agi_port) as stub, out.dialler() as (dialler, _):
        await dialler.dial(ID, NUMBER, "100", "restored")
        leg = await out.answers()
        first = await stub.next()
        await first.command("SET VARIABLE HOTLINE_STEP works")
        first.die()
        second = await stub.next()
        await end(second, stub, "done")
        await asyncio.wait_for(leg.ended.wait(), 5)

    assert second.headers["agi_arg_1"] == "works"


async def test_who_wants_to_speak_to_somebody_goes_on_as_a_caller(out: Out) -> None:
    """From his number, to the one he had called, in [entry]: a new call for the controller, the lease of one."""
    async with agi_stub(out.pbx.settings.agi_port) as stub, out.dialler() as (dialler, _):
        await dialler.dial(ID, NUMBER, "100", "restored")
        leg = await out.answers()
        first = await stub.next()
        for name, value in (("HOTLINE_STEP", "still_out"), ("HOTLINE_DNIS", "100"), ("HOTLINE_ANI", NUMBER)):
            await first.command(f"SET VARIABLE {name} {value}")
        await end(first, stub, "menu")
        second = await stub.next()
        await end(second, stub, "done")
        await asyncio.wait_for(leg.ended.wait(), 5)

    assert second.headers["agi_network_script"].endswith("/call")
    assert [second.headers[f"agi_arg_{n}"] for n in range(1, 6)] == ["100", NUMBER, "1", "", ""]


@pytest.mark.parametrize("kind", ["real", "fake"])
async def test_the_fake_dialler_behaves_as_the_real_one(out: Out, kind: str) -> None:
    """Busy: told of the failure and of the hang-up with its cause; not connected: refused at once."""
    async with out.dialler() as (real, watch):
        fake = FakeDialler()
        fake.ways[NUMBER] = "busy"
        dialler: Any = real if kind == "real" else fake
        following: AbstractContextManager[Any] = watch.follow(ID) if kind == "real" else fake.follow(ID)
        with dialler.failing(ID) as failed, following as followed:
            await dialler.dial(ID, NUMBER, "100", "restored")
            if kind == "real":
                leg = await asyncio.wait_for(out.phone.offered.get(), 5)
                leg.refuse("486 Busy Here")
            await asyncio.wait_for(failed.wait(), 5)
            await asyncio.wait_for(followed.hung_up.wait(), 5)
    fake.connected = False
    with pytest.raises(AsteriskError):
        await dialler.dial(ID, NUMBER, "100", "restored")

    assert followed.cause == 17
    assert dialler.connected is False


async def end(call, stub: Stub, how: str) -> None:  # type: ignore[no-untyped-def]
    """Let a controller end the call on purpose."""
    await call.command(f"SET VARIABLE HOTLINE_DONE {how}")
    call.die()
    assert stub.taken
