"""The fake Asterisk says what the real one said: same keys in the same order, same replies."""

from __future__ import annotations

import asyncio

import pytest

from ivr.agi import protocol as agi
from ivr.ami import protocol as ami
from ivr.ami.client import AmiClient
from tests.support import recordings
from tests.support.fake_asterisk import FakeAsterisk, fastagi, until

TRUNK_ONLY = {"agi_accountcode"}


def keys_of(name: str, event: str) -> set[tuple[str, ...]]:
    """Return the key orders in which a recording shows one kind of event."""
    return {
        tuple(key for key, _ in block) for block in recordings.blocks(name) if block[0] == ("Event", event)
    }


async def talk(commands: list[str]) -> tuple[list[str], list[str]]:
    """Ask the fake each command; return header keys and reply lines."""
    heard: asyncio.Future[tuple[list[str], list[str]]] = asyncio.get_running_loop().create_future()

    async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\n\n")).decode().split("\n")[:-2]
        answers = []
        for command in commands:
            writer.write(f"{command}\n".encode())
            line = (await reader.readline()).decode().rstrip("\n")
            while line.startswith(("100", "520-", "HANGUP")) or not line[:3].isdigit():
                answers.append(line)
                line = (await reader.readline()).decode().rstrip("\n")
            answers.append(line)
        heard.set_result(([line.partition(":")[0] for line in head], answers))
        writer.close()

    async with fastagi(ask) as url, FakeAsterisk().running() as asterisk:
        call = asterisk.call(f"{url}/one/two")
        call.variables["GREETING"] = "hello world"
        call.missing_files.add("no-such-file")
        call.agents["busy"] = "BUSY"
        result = await heard
        await call.ended.wait()
    return result


async def test_header_block() -> None:
    """Same keys in the same order."""
    headers, _ = await talk([])
    recorded = [text.partition(":")[0] for _, text in recordings.lines("agi-commands") if text[:4] == "agi_"]

    assert recorded == headers


@pytest.mark.parametrize("name", ["agi-commands", "agi-busy"])
async def test_replies(name: str) -> None:
    """The same commands get the same replies; of usage texts only the frame is compared."""
    lines = recordings.lines(name)
    start = lines.index(("<", "")) + 1
    asked = [text for sign, text in lines[start:] if sign == ">" and text != "HANGUP"]
    recorded = [text for sign, text in lines[start:] if sign == "<" and text != "HANGUP"]
    _, answers = await talk(asked)
    frame = [line for line in recorded if line[:3].isdigit()]

    assert frame[:-1] == [line for line in answers if line[:3].isdigit()]


def test_recorded_order_of_minus_one_and_hangup() -> None:
    """The real one answers WAIT FOR DIGIT with -1 first, and says HANGUP before the next reply."""
    events = agi.Parser().feed(recordings.received("agi-hangup"))[1:]

    assert [agi.Reply, agi.HungUp, agi.Reply] == [type(e) for e in events[:3]]
    assert [e.code for e in events[2:] if isinstance(e, agi.Reply)] == [511, 200, 200, 200, 511]


async def test_events() -> None:
    """Keys, dialling, bridge and hang-up are told with the recorded keys in the recorded order."""
    told: list[ami.Event] = []

    async def nothing() -> None: ...

    async def dial(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'GOSUB "dial" "s" "1" "anna,5"\n')

    async with fastagi(dial) as url, FakeAsterisk().running() as asterisk:
        client = AmiClient("127.0.0.1", asterisk.port, "hotline", "secret", on_event=told.append,
                           on_resync=nothing)  # fmt: skip
        task = asyncio.create_task(client.run())
        await until(lambda: client.connected)
        call = asterisk.call(url)
        call.agents["anna"], call.exit_on_hangup = "ANSWER", True
        call.press("1")
        await call.talking.wait()
        call.hang_up()
        await call.ended.wait()
        await until(lambda: len([e for e in told if e.name == "Hangup"]) == 2)
        listed = await client.action_list("Status")
        task.cancel()

    assert listed == []
    for name, event in (("keys", "DTMFBegin"), ("keys", "DTMFEnd"), ("answered", "DialBegin"),
                        ("answered", "DialEnd"), ("answered", "BridgeEnter"), ("answered", "Hangup"),
                        ("answered", "HangupRequest")):  # fmt: skip
        fakes = {tuple(e) for e in told if e.name == event}
        assert fakes, event
        assert fakes <= keys_of(f"ami-{name}", event), event


@pytest.mark.parametrize("action", ["Status", "CoreShowChannels"])
async def test_lists(action: str) -> None:
    """A channel list has the recorded frame and items."""
    async with fastagi() as url, FakeAsterisk().running() as asterisk:
        asterisk.call(url)
        reader, writer = await asyncio.open_connection("127.0.0.1", asterisk.port)
        writer.write(b"Action: Login\r\nUsername: hotline\r\nSecret: secret\r\n\r\n")
        writer.write(f"Action: {action}\r\nActionID: h-3\r\n\r\n".encode())
        data = await reader.readuntil(b"Complete\r\nListItems: 1\r\n")
        data += await reader.readuntil(b"\r\n\r\n") if action == "Status" else await reader.readline()
        writer.close()
    found = [m for m in ami.Parser().feed(data) if not isinstance(m, ami.Banner | ami.Junk | ami.Broken)]
    items = [m for m in found if m.action_id == "h-3"]

    assert len(items) == 3
    recorded = {tuple(key for key, _ in block) for block in recordings.blocks("ami-channels")}
    for item in items:
        assert tuple(item) in recorded


async def test_refusals() -> None:
    """Login, unknown actions and channels are refused in the recorded words."""
    said = {text for name in ("ami-actions", "ami-refused") for _, text in recordings.lines(name)}
    async with FakeAsterisk().running() as asterisk:
        reader, writer = await asyncio.open_connection("127.0.0.1", asterisk.port)
        for action in ("Login\r\nUsername: hotline\r\nSecret: secret", "Hangup\r\nChannel: none", "NoSuch",
                       "Ping", "Logoff"):  # fmt: skip
            writer.write(f"Action: {action}\r\n\r\n".encode())
        good = await reader.read()
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", asterisk.port)
        writer.write(b"Action: Login\r\nUsername: hotline\r\nSecret: wrong\r\n\r\n")
        bad = await reader.read()
        writer.close()
    lines = [line for line in (good + bad).decode().split("\r\n") if line and not line.startswith("Timestamp")]

    assert [line for line in lines if line not in said] == []
