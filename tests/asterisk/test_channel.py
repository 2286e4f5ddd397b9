"""Our FastAGI channel, AMI client and watch with the real Asterisk and the product's own configuration."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from ivr import asterisk
from ivr.agi.channel import Channel
from ivr.agi.server import AgiServer
from ivr.ami.client import AmiClient
from ivr.ami.watch import Watch
from ivr.errors import AgiError, CallerHungUp
from tests.asterisk.conftest import ANN
from tests.support.asterisk import RealAsterisk
from tests.support.sip import Leg, SipPhone
from tests.support.wait import until

pytestmark = pytest.mark.real


@contextlib.asynccontextmanager
async def calls(pbx: RealAsterisk) -> AsyncIterator[asyncio.Queue[Channel]]:
    """Serve FastAGI in place of a controller; each call comes out of the queue and lives until the block ends."""
    came: asyncio.Queue[Channel] = asyncio.Queue()
    over = asyncio.Event()

    async def handler(channel: Channel) -> None:
        came.put_nowait(channel)
        await over.wait()

    server = AgiServer(token=pbx.secrets.agi_token, handler=handler)
    await server.start("127.0.0.1", pbx.settings.agi_port)
    try:
        yield came
    finally:
        over.set()
        await server.close()


@contextlib.asynccontextmanager
async def ear(pbx: RealAsterisk) -> AsyncIterator[tuple[AmiClient, Watch]]:
    """A connected AMI client feeding a watch."""
    watch = Watch()

    async def resync() -> None:
        await watch.resync_from(client)

    client = AmiClient("127.0.0.1", pbx.settings.ami_port, asterisk.AMI_USER, pbx.secrets.ami_controller,
                       on_event=watch.feed, on_resync=resync)
    task = asyncio.create_task(client.run())
    try:
        await until(lambda: client.connected, 10)
        yield client, watch
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def enter(caller: SipPhone, came: asyncio.Queue[Channel]) -> tuple[Leg, Channel]:
    """Call 100 and be answered without a lease."""
    leg = caller.call("100")
    channel = await asyncio.wait_for(came.get(), 5)
    await channel.answer()
    await channel.set_autohangup(0)
    await leg.status()
    return leg, channel


async def test_every_verb(pbx: RealAsterisk, caller: SipPhone, sounds: Path) -> None:
    """Each verb of the channel does with the real server what it does with the fake one."""
    async with calls(pbx) as came:
        leg, channel = await enter(caller, came)
        await channel.set_variable("NAME", 'żółw "x" \\ y')
        assert await channel.get_variable("NAME") == 'żółw "x" \\ y'
        assert await channel.get_variable("NOT_SET") is None
        await channel.set_music(True)
        await channel.set_music(False)
        assert await channel.stream_file(str(sounds / "news"), timeout_s=5) == ""
        leg.press("7")
        assert await channel.wait_for_digit(3000) == "7"
        leg.press("2")
        assert await channel.stream_file(str(sounds / "news"), "2", timeout_s=5) == "2"
        assert await channel.wait_for_digit(50) == ""
        for impossible in (channel.stream_file("gone", timeout_s=5), channel.exec("NoSuchApp"),
                           channel.gosub("nowhere", "s", "1"), channel.command("NO SUCH")):
            with pytest.raises(AgiError):
                await impossible
        await channel.hangup()
        await asyncio.wait_for(leg.ended.wait(), 5)


async def test_keys_are_heard_over_ami_while_music_plays(pbx: RealAsterisk, caller: SipPhone) -> None:
    """A waiting caller's keys reach his watch, and his channel is in the list with write = call alone."""
    async with calls(pbx) as came, ear(pbx) as (client, watch):
        leg, channel = await enter(caller, came)
        call_id = channel.headers["agi_uniqueid"]
        with watch.follow(call_id) as call:
            await channel.set_music(True)
            listed = await client.action_list("Status")
            leg.press("19#")
            heard = [await asyncio.wait_for(call.keys.get(), 5) for _ in range(3)]
            leg.hang_up()
            await asyncio.wait_for(channel.wait_hung_up(), 2)
            await asyncio.wait_for(call.hung_up.wait(), 2)

    assert ["1", "9", "#"] == heard
    assert call_id in [c["Uniqueid"] for c in listed]
    assert call.cause in (0, 16)  # Asterisk does not always keep the cause of a BYE


async def test_the_agents_leg_is_followed(pbx: RealAsterisk, caller: SipPhone, ann: SipPhone) -> None:
    """Ringing, answer, bridge and the agent's hang-up are told while GOSUB runs the dial."""
    async with calls(pbx) as came, ear(pbx) as (_, watch):
        leg, channel = await enter(caller, came)
        with watch.follow(channel.headers["agi_uniqueid"]) as call:
            talk = asyncio.create_task(channel.gosub("dial-agent", "s", "1", ann.user, "10", "48221234567", "", ""))
            await asyncio.wait_for(call.ringing.wait(), 5)
            ringing = await asyncio.wait_for(ann.offered.get(), 5)
            assert not call.answered.is_set()
            ringing.answer()
            await asyncio.wait_for(call.answered.wait(), 5)
            await asyncio.wait_for(call.bridged.wait(), 5)
            assert call.leg is not None
            assert (ANN.endpoint, call.leg.channel) == (call.leg.endpoint, call.answered_by)
            ringing.hang_up()
            await asyncio.wait_for(call.agent_hung_up.wait(), 5)
            await asyncio.wait_for(talk, 5)
            assert await channel.get_variable("HOTLINE_DIALSTATUS") == "ANSWER"
            leg.hang_up()


WAITS: dict[str, Callable[[Channel], Awaitable[object]]] = {
    "key": lambda channel: channel.wait_for_digit(20_000),
    "file": lambda channel: channel.exec("Wait", "20"),
    "agent": lambda channel: channel.gosub("dial-agent", "s", "1", ANN.endpoint, "20", "", "", ""),
    "music": lambda channel: channel.wait_hung_up(),
}


@pytest.mark.parametrize("wait", WAITS)
async def test_hang_up_ends_the_wait(pbx: RealAsterisk, caller: SipPhone, ann: SipPhone, wait: str) -> None:
    """Whatever is awaited, the caller's leaving is known within half a second."""
    async with calls(pbx) as came:
        leg, channel = await enter(caller, came)
        if wait == "music":
            await channel.set_music(True)
        waiting = asyncio.ensure_future(WAITS[wait](channel))
        await asyncio.sleep(0.3)
        began = asyncio.get_running_loop().time()
        leg.hang_up()
        with contextlib.suppress(CallerHungUp):
            await asyncio.wait_for(waiting, 3)
        with contextlib.suppress(CallerHungUp):
            await channel.command("NOOP")
        await asyncio.wait_for(channel.wait_hung_up(), 3)

        assert asyncio.get_running_loop().time() - began < 0.5
        assert channel.caller_left
