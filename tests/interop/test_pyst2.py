"""pyst2 reads the same AMI and AGI traffic as we do; its AGI script class and ours get the same from the fake."""

from __future__ import annotations

import asyncio
import contextlib
import io
import socket
from collections.abc import Callable
from typing import Any

import pytest

from ivr.agi import protocol as agi
from ivr.agi.channel import Channel
from ivr.agi.server import AgiServer
from ivr.ami import protocol as ami
from ivr.errors import AgiError
from tests.support import recordings
from tests.support.fake_asterisk import FakeAsterisk, FakeCall

pytestmark = [
    pytest.mark.filterwarnings("ignore:setDaemon:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:isSet:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning"),
]


@pytest.fixture
def pyst(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import pyst2 without letting it take over SIGHUP or log off while Python ends."""
    import asterisk.agi
    import asterisk.manager

    monkeypatch.setattr(asterisk.agi.signal, "signal", lambda *_: None)
    if hasattr(asterisk.manager.Manager, "__del__"):
        del asterisk.manager.Manager.__del__
    return asterisk


@pytest.mark.parametrize("name", [n for n in recordings.names() if n.startswith("ami-")])
def test_reads_the_same_messages(pyst: Any, name: str) -> None:
    """Every recorded message gives the same keys and values."""
    data = recordings.received(name)
    ours = [m for m in ami.Parser().feed(data) if isinstance(m, ami.Event | ami.Response)]
    body = data.decode().partition("\r\n")[2]
    theirs = [
        pyst.manager.ManagerMsg([line + "\r\n" for line in part.split("\r\n")])
        for part in body.split("\r\n\r\n")
        if part
    ]

    assert [dict(m.fields) for m in ours] == [m.headers for m in theirs]


def test_runs_through_a_recorded_session(pyst: Any) -> None:
    """Header block, results, refusals and usage texts are understood alike, in step to the end."""
    received = recordings.received("agi-commands")
    script = pyst.agi.AGI(io.StringIO(received.decode()), io.StringIO(), io.StringIO())
    events = agi.Parser().feed(received)
    block, replies = events[0], [e for e in events if isinstance(e, agi.Reply)]

    assert isinstance(block, agi.HeaderBlock)
    assert block.headers == script.env
    for ours in replies:
        assert theirs_of(pyst, script) == (ours.code, ours.result, ours.value or "")


def theirs_of(pyst: Any, script: Any) -> tuple[int, str, str]:
    """Read one reply with pyst2; what it raises is put back into code and result."""
    errors = pyst.agi
    try:
        value, data = script.get_result()["result"]
    except errors.AGIAppError:
        return 200, "-1", ""
    except errors.AGIInvalidCommand:
        return 510, "", ""
    except errors.AGIUsageError:
        return 520, "", ""
    return 200, value, data


def prepare(call: FakeCall) -> None:
    call.variables["GREETING"] = "hello world"
    call.missing_files.add("gone")
    call.press("12")


async def test_gets_the_same_from_the_fake_asterisk(pyst: Any) -> None:
    """The same steps done by a pyst2 script and by our channel: same results, same commands on the channel."""
    ours: list[object] = []

    async def handler(channel: Channel) -> None:
        ours.append(channel.headers["agi_callerid"])
        ours.append(await channel.get_variable("GREETING"))
        await channel.set_variable("NAME", "x y")
        ours.append(await channel.get_variable("NAME"))
        ours.append(await channel.wait_for_digit(100))
        ours.append(await channel.stream_file("hello", "12", timeout_s=5))
        with contextlib.suppress(AgiError):
            await channel.stream_file("gone", timeout_s=5)
        ours.append((await channel.command("CHANNEL STATUS")).result)

    def script(stream: Any) -> list[object]:
        call = pyst.agi.AGI(stream, stream, io.StringIO())
        heard: list[object] = [call.env["agi_callerid"], call.get_variable("GREETING")]
        call.set_variable("NAME", "x y")
        heard += [call.get_variable("NAME"), call.wait_for_digit(100), call.stream_file("hello", "12")]
        with contextlib.suppress(pyst.agi.AGIAppError):
            call.stream_file("gone")
        return [*heard, call.execute("CHANNEL STATUS")["result"][0]]

    server = AgiServer(token="TOKEN", handler=handler)
    await server.start("127.0.0.1", 0)
    async with FakeAsterisk().running() as asterisk:
        call = asterisk.call(f"agi://127.0.0.1:{server.port}/TOKEN")
        prepare(call)
        await asyncio.wait_for(call.ended.wait(), 5)
        theirs, commands = await classic(asterisk, script)
    await server.close()

    assert ours == theirs
    assert ours == ["+48225550100", "hello world", "x y", "1", "2", "6"]
    assert [word(c) for c in call.commands if c != ["NOOP"]] == [word(c) for c in commands]


def word(command: list[str]) -> list[str]:
    """Return a command without the sample offset pyst2 adds."""
    return command[:4] if command[0] == "STREAM" else command


async def classic(
    asterisk: FakeAsterisk, script: Callable[[Any], list[object]]
) -> tuple[list[object], list[list[str]]]:
    """Run a blocking AGI script on one call in a thread; return what it heard and what it sent."""

    def serve() -> list[object]:
        connection, _ = listener.accept()
        with connection, connection.makefile("rw", encoding="utf-8", newline="\n") as stream:
            return script(stream)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        serving = asyncio.create_task(asyncio.to_thread(serve))
        call = asterisk.call(f"agi://127.0.0.1:{listener.getsockname()[1]}/TOKEN")
        prepare(call)
        heard = await asyncio.wait_for(serving, 10)
        await call.ended.wait()
    return heard, call.commands


async def test_its_manager_talks_to_the_fake_asterisk(pyst: Any) -> None:
    """Login, ping and one event reach its threads."""
    heard: list[str] = []

    def talk(port: int) -> list[str]:
        manager = pyst.manager.Manager()
        manager.connect("127.0.0.1", port)
        manager.register_event("*", lambda event, _: heard.append(event.name))
        login = manager.login("hotline", "secret")
        ping = manager.ping()
        said = [login.get_header("Response"), ping.get_header("Ping")]
        manager.close()
        return said

    async with FakeAsterisk().running() as asterisk:
        said = await asyncio.wait_for(asyncio.to_thread(talk, asterisk.port), 10)

    assert said == ["Success", "Pong"]
    assert [a["Action"] for a in asterisk.actions] == ["Login", "Ping", "Logoff"]
