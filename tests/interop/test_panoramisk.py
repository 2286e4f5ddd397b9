"""panoramisk reads the same AMI and AGI traffic as we do, and its client talks to our fake Asterisk."""

from __future__ import annotations

import asyncio

import pytest
from panoramisk import Manager
from panoramisk.message import Message
from panoramisk.utils import parse_agi_result

from ivr.agi import protocol as agi
from ivr.ami import protocol as ami
from ivr.ami.client import AmiClient
from tests.support import recordings
from tests.support.fake_asterisk import FakeAsterisk, fastagi, until


def plain(fields: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return fields the way it keeps them: keys without case, an empty last value dropped."""
    return {key.lower(): value for key, value in fields if value}


@pytest.mark.parametrize("name", [n for n in recordings.names() if n.startswith("ami-")])
def test_reads_the_same_messages(name: str) -> None:
    """Every recorded message gives the same keys and values."""
    data = recordings.received(name)
    theirs = [Message.from_line(part.strip()) for part in data.decode().split("\r\n\r\n")[:-1]]
    ours = [m for m in ami.Parser().feed(data) if isinstance(m, ami.Event | ami.Response)]

    assert [plain(m.fields) for m in ours] == [plain(tuple(m.items())) for m in theirs if m is not None]


@pytest.mark.parametrize("name", ["agi-commands", "agi-keys", "agi-busy"])
def test_reads_the_same_replies(name: str) -> None:
    """Code, result and value of every recorded reply line that holds a result (`result=` alone is beyond it)."""
    lines = [text for sign, text in recordings.lines(name) if sign == "<" and text.startswith("200 result=")]
    lines = [text for text in lines if not text.startswith(("200 result= ", "200 result=\n"))]
    parser = agi.Parser()
    parser.feed(recordings.received("agi-commands").partition(b"\n\n")[0] + b"\n\n")
    for line in lines:
        (ours,) = parser.feed(f"{line}\n".encode())
        assert isinstance(ours, agi.Reply)
        theirs = parse_agi_result(line)
        if "result" in theirs:
            value, data = theirs["result"]
            assert (theirs["status_code"], value, data or "") == (ours.code, ours.result, ours.value or "")


async def test_talks_to_the_fake_asterisk() -> None:
    """Its manager and our client see the same login, ping, list and events."""
    theirs: list[str] = []
    ours: list[str] = []

    async def nothing() -> None: ...

    async with fastagi() as url, FakeAsterisk().running() as asterisk:
        manager = Manager(loop=asyncio.get_running_loop(), host="127.0.0.1", port=asterisk.port,
                          username="hotline", secret="secret")  # fmt: skip
        manager.register_event("*", lambda _, event: theirs.append(event.event))
        await manager.connect()
        client = AmiClient("127.0.0.1", asterisk.port, "hotline", "secret",
                           on_event=lambda event: ours.append(event.name), on_resync=nothing)  # fmt: skip
        task = asyncio.create_task(client.run())
        await until(lambda: client.connected and manager.authenticated and "FullyBooted" in theirs)
        call = asterisk.call(url)
        their_list = await manager.send_action({"Action": "Status"}, as_list=True)
        our_list = await client.action_list("Status")
        pong = await manager.send_action({"Action": "Ping"})
        call.press("1")
        call.hang_up()
        await until(lambda: "Hangup" in theirs and "Hangup" in ours)
        task.cancel()
        manager.close()
        manager.connection_lost = lambda exc: None  # it would connect again for ever
        await asyncio.sleep(0)

    assert (pong.ping, bool(pong.success)) == ("Pong", True)
    assert [c["Uniqueid"] for c in our_list] == [m.uniqueid for m in their_list if m.event == "Status"]
    assert ours == [name for name in theirs if name != "FullyBooted"]
    assert ours == ["DTMFBegin", "DTMFEnd", "HangupRequest", "Hangup"]
