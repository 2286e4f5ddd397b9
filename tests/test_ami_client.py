"""ivr.ami.client against the fake Asterisk: it comes back, never repeats, never waits for a handler."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from ivr.ami import client as module
from ivr.ami.client import AmiClient
from ivr.ami.protocol import Event
from ivr.errors import AsteriskError
from tests.support.fake_asterisk import FakeAsterisk, fastagi, until


class Owner:
    """Who uses the client: keeps what he was told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.resyncs = 0
        self.story: list[str] = []

    def on_event(self, event: Event) -> None:
        self.events.append(event)
        self.story.append(event.name)

    async def on_resync(self) -> None:
        self.resyncs += 1
        self.story.append("resync")


@contextlib.asynccontextmanager
async def linked(
    asterisk: FakeAsterisk, owner: Owner, *, wait: bool = True, secret: str = "secret", **options: float
) -> AsyncIterator[AmiClient]:
    """Run a client against the fake until the block ends."""
    client = AmiClient("127.0.0.1", asterisk.port, "hotline", secret, on_event=owner.on_event,
                       on_resync=owner.on_resync, **options)  # type: ignore[arg-type]  # fmt: skip
    task = asyncio.create_task(client.run())
    try:
        if wait:
            await until(lambda: client.connected)
        yield client
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_asks_and_hears() -> None:
    """Answers go to who asked, events to the owner, a list's items to who asked for the list."""
    owner = Owner()
    async with FakeAsterisk().running() as asterisk, linked(asterisk, owner) as client:
        pong, channels = await asyncio.gather(client.action("Ping"), client.action_list("CoreShowChannels"))
        asterisk.emit("Hangup", Uniqueid="1.1")
        await until(lambda: "Hangup" in owner.story)

        assert (pong["Ping"], channels) == ("Pong", [])
        assert {"resync", "Hangup"} == set(owner.story) - {"FullyBooted"}
        assert owner.resyncs == 1


async def test_lists_channels() -> None:
    """`Status` and `CoreShowChannels` give one message per channel."""
    async with (
        fastagi() as url,
        FakeAsterisk().running() as asterisk,
        linked(asterisk, Owner()) as client,
    ):
        ids = {asterisk.call(url).unique_id for _ in range(3)}

        for name in ("Status", "CoreShowChannels"):
            assert ids == {channel["Uniqueid"] for channel in await client.action_list(name)}


async def test_resyncs_before_later_events() -> None:
    """Events that come while the owner catches up are handled after it, in order."""
    owner, release = Owner(), asyncio.Event()

    async def slow() -> None:
        await release.wait()
        owner.story.append("resync")

    owner.on_resync = slow  # type: ignore[method-assign]
    async with FakeAsterisk().running() as asterisk, linked(asterisk, owner, wait=False) as client:
        await until(lambda: asterisk.logins)
        for name in ("Newchannel", "Hangup"):
            asterisk.emit(name)
        assert not client.connected
        release.set()
        await until(lambda: "Hangup" in owner.story)

        assert [s for s in owner.story if s != "FullyBooted"] == ["resync", "Newchannel", "Hangup"]
        assert client.connected


async def test_comes_back_and_resyncs() -> None:
    """A cut link is noticed, waiting actions fail and are not sent again, and the owner catches up."""
    owner = Owner()
    async with FakeAsterisk().running() as asterisk, linked(asterisk, owner) as client:
        asterisk.deaf = True
        lost = asyncio.create_task(client.action("Setvar", Variable="A", Value="1"))
        await until(lambda: asterisk.actions[-1]["Action"] == "Setvar")
        asterisk.deaf = False
        asterisk.cut()
        with pytest.raises(AsteriskError, match="lost before Setvar"):
            await lost
        await until(lambda: owner.resyncs == 2)

        assert client.connected
        assert [action["Action"] for action in asterisk.actions] == ["Login", "Setvar", "Login"]


async def test_waits_for_fully_booted() -> None:
    """A starting Asterisk accepts the login before it can be asked."""
    owner = Owner()
    asterisk = FakeAsterisk()
    asterisk.booted = False
    async with asterisk.running(), linked(asterisk, owner, wait=False) as client:
        await until(lambda: asterisk.logins)
        asterisk.emit("Newchannel")
        await asyncio.sleep(0.05)
        assert (owner.resyncs, client.connected) == (0, False)
        asterisk.emit("FullyBooted", Privilege="system,all")
        await until(lambda: client.connected)

        assert owner.resyncs == 1


async def test_a_link_that_does_not_answer_is_dead() -> None:
    """A ping without an answer ends the link within ping_s + ping_timeout_s."""
    owner = Owner()
    async with (
        FakeAsterisk().running() as asterisk,
        linked(asterisk, owner, ping_s=0.02, ping_timeout_s=0.05) as client,
    ):
        asterisk.deaf = True
        await until(lambda: not client.connected)
        asterisk.deaf = False
        await until(lambda: owner.resyncs == 2)

        assert client.connected


async def test_overflow_drops_everything_and_resyncs() -> None:
    """A flood never stops the reader nor grows the queue: the owner catches up instead."""
    owner = Owner()
    async with FakeAsterisk().running() as asterisk, linked(asterisk, owner, queue_size=10) as client:
        flood = b"Event: Newstate\r\nUniqueid: 1\r\n\r\n" * 1000
        asterisk.send_raw(flood)
        pong = await client.action("Ping")
        await until(lambda: owner.resyncs > 1 and not client._events)

        assert pong["Ping"] == "Pong"
        assert client.overflows > 0
        assert owner.story.count("Newstate") < 1000


async def test_a_crashing_handler_does_not_stop_events() -> None:
    """One bad event is logged; the next is handled."""
    owner = Owner()

    def crash(event: Event) -> None:
        owner.on_event(event)
        if event.name == "Bad":
            raise AssertionError("a bug")

    async with FakeAsterisk().running() as asterisk:
        client = AmiClient("127.0.0.1", asterisk.port, "hotline", "secret", on_event=crash,
                           on_resync=owner.on_resync)  # fmt: skip
        task = asyncio.create_task(client.run())
        await until(lambda: client.connected)
        asterisk.emit("Bad")
        asterisk.emit("Good")
        await until(lambda: "Good" in owner.story)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_failed_resync_is_tried_again() -> None:
    """When the owner cannot catch up, the link is dropped and made anew."""
    owner = Owner()

    async def fails_once() -> None:
        owner.resyncs += 1
        if owner.resyncs == 1:
            raise OSError("database away")

    owner.on_resync = fails_once  # type: ignore[method-assign]
    async with FakeAsterisk().running() as asterisk, linked(asterisk, owner):
        assert (owner.resyncs, asterisk.logins) == (2, 2)


async def test_wrong_secret_is_retried_slowly(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused login is an error in the log with address and user; it is not hammered."""
    delays: list[float] = []
    sleep = asyncio.sleep

    async def noted(delay_s: float) -> None:
        if delay_s > 0.01:
            delays.append(delay_s)
        await sleep(min(delay_s, 0.001))

    async with FakeAsterisk().running() as asterisk:
        monkeypatch.setattr(module.asyncio, "sleep", noted)
        async with linked(asterisk, Owner(), wait=False, secret="wrong") as client:
            await until(lambda: asterisk.logins >= 2)

            assert not client.connected
    monkeypatch.undo()

    assert set(delays) == {module.LOGIN_RETRY_S}
    assert "ami_login_refused" in "".join(capsys.readouterr())


async def test_backs_off_up_to_five_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """While nobody listens the pauses grow from 0.1 to 5 s and stay there."""
    delays: list[float] = []
    sleep = asyncio.sleep

    async def noted(delay_s: float) -> None:
        delays.append(delay_s)
        await sleep(0)

    async with FakeAsterisk().running() as asterisk:
        pass
    client = AmiClient("127.0.0.1", asterisk.port, "a", "b", on_event=print, on_resync=Owner().on_resync)
    monkeypatch.setattr(module.asyncio, "sleep", noted)
    task = asyncio.create_task(client.run())
    while len(delays) < 9:
        await sleep(0.001)
    task.cancel()

    assert delays[:9] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]


async def test_actions_fail_cleanly() -> None:
    """Refused, unanswered, not connected, not writable: each is one clear error."""
    async with FakeAsterisk().running() as asterisk, linked(asterisk, Owner()) as client:
        with pytest.raises(AsteriskError, match="No such channel"):
            await client.action("Hangup", Channel="PJSIP/none")
        with pytest.raises(ValueError, match="line feed"):
            await client.action("Hangup", Channel="x\r\n\r\nAction: Originate")
        asterisk.deaf = True
        with pytest.raises(AsteriskError, match="did not answer Ping within"):
            await client.action("Ping", timeout_s=0.02)
        assert client._link is not None
        assert not client._link.pending
    with pytest.raises(AsteriskError, match="not connected"):
        await client.action("Ping")
    assert "Originate" not in [action["Action"] for action in asterisk.actions]


async def test_a_peer_that_is_no_ami_is_dropped() -> None:
    """Garbage instead of the banner ends the link, not the client."""
    seen = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        seen += 1
        writer.write(b"SSH-2.0-OpenSSH_9\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    fake = FakeAsterisk()
    fake.port = server.sockets[0].getsockname()[1]
    async with linked(fake, Owner(), wait=False) as client:
        await until(lambda: seen >= 2)

        assert not client.connected
    server.close()
