"""One Asterisk per test module, a caller and the controllers' ports: the tests here need the real server."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ivr.asterisk import AgentPhone
from tests.support.agi_stub import Stub, agi_stub
from tests.support.asterisk import RealAsterisk, start_asterisk
from tests.support.sip import SipPhone, sip_phone
from tests.support.wait import until

ANN = AgentPhone("ag-ann-4f1b9c", "ann-password-0123456789", "ann", "Ann Kowalska")
BOB = AgentPhone("ag-bob-77e02d", "bob-password-0123456789", "bob", "Bob")
SOUNDS = {"trouble": 0x11, "goodbye": 0x22, "news": 0x33, "whisper": 0x44}  # each file is one G.711 byte, repeated


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of 0.4 s files a phone can tell apart byte by byte."""
    folder = tmp_path_factory.mktemp("sounds")
    for name, byte in SOUNDS.items():
        (folder / f"{name}.ulaw").write_bytes(bytes([byte]) * 3200)
    return folder


@pytest.fixture(scope="module")
def pbx(tmp_path_factory: pytest.TempPathFactory, sounds: Path) -> Iterator[RealAsterisk]:
    """A running Asterisk: two numbers, two agents, Bob on the emergency list, short leases."""
    with start_asterisk(
        tmp_path_factory.mktemp("pbx"), numbers=("100", "+48221000"), phones=(ANN, BOB),
        emergency=(f"PJSIP/{BOB.endpoint}",), targets={"reception": f"PJSIP/{ANN.endpoint}"},
        fallback_prompt=str(sounds / "trouble"), goodbye_prompt=str(sounds / "goodbye"),
        entry_lease_s=1, lease_s=3, max_calls=40,
    ) as running:
        yield running


@pytest.fixture
async def caller(pbx: RealAsterisk) -> AsyncIterator[SipPhone]:
    """A phone behind the trunk; its calls are over when the test is."""
    async with sip_phone(("127.0.0.1", pbx.settings.sip_port)) as phone:
        yield phone
    await until(lambda: pbx.channels() == 0, what="no channels left")


@pytest.fixture
async def controller(pbx: RealAsterisk) -> AsyncIterator[Stub]:
    """A stub on the first controller's port."""
    async with agi_stub(pbx.settings.agi_port) as stub:
        yield stub


@contextlib.asynccontextmanager
async def agent(pbx: RealAsterisk, who: AgentPhone) -> AsyncIterator[SipPhone]:
    """A registered agent's phone."""
    async with sip_phone(("127.0.0.1", pbx.settings.sip_port), who.endpoint) as phone:
        assert await phone.register(who.password) == 200
        try:
            yield phone
        finally:
            await phone.register(who.password, expires=0)


@pytest.fixture
async def ann(pbx: RealAsterisk) -> AsyncIterator[SipPhone]:
    """Ann's registered phone."""
    async with agent(pbx, ANN) as phone:
        yield phone


@pytest.fixture
async def bob(pbx: RealAsterisk) -> AsyncIterator[SipPhone]:
    """Bob's registered phone, the only one on the emergency list."""
    async with agent(pbx, BOB) as phone:
        yield phone
