"""asterisk-ami, in an environment of its own, agrees with our AMI parser and talks to our fake Asterisk."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from ivr.ami import protocol
from ivr.ami.protocol import Event, Response
from tests.interop import environment
from tests.support import recordings
from tests.support.fake_asterisk import FakeAsterisk, fastagi, until

PEER = Path(__file__).with_name("asterisk_ami_peer.py")


async def peer(argument: str, given: bytes = b"") -> Any:
    """Run the peer's process, return what it printed."""
    folder = await asyncio.to_thread(environment.main)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "ignore::DeprecationWarning", str(PEER), argument,
        env=os.environ | {"PYTHONPATH": str(folder)}, stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(given), 30)

    assert process.returncode == 0, err.decode()[-2000:]
    return json.loads(out)


@pytest.mark.parametrize("name", ["ami-actions", "ami-answered", "ami-channels", "ami-keys"])
async def test_reads_the_same_messages(name: str) -> None:
    """Every recorded message gives the same name, keys and values (it trims values)."""
    data = recordings.received(name).partition(b"\r\n")[2]
    ours = [
        [m.fields[0][1], {key: value.strip() for key, value in m.fields[1:]}]
        for m in protocol.Parser().feed(recordings.received(name))
        if isinstance(m, Event | Response)
    ]

    assert ours == await peer("-", data)


async def test_talks_to_the_fake_asterisk() -> None:
    """Login, ping, a refusal and events reach it as they reach our client."""
    async with fastagi() as url, FakeAsterisk().running() as asterisk:
        talking = asyncio.create_task(peer(str(asterisk.port)))
        await until(lambda: asterisk.actions and asterisk.actions[-1]["Action"] == "Hangup", 20)
        asterisk.call(url).press("5")
        result = await talking
    expected = {"login": "Success", "ping": "Pong", "refused": "No such channel",
                "events": ["FullyBooted", "DTMFBegin", "DTMFEnd"]}  # fmt: skip

    assert expected == result
