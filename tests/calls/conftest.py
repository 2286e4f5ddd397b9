"""One real hotline for all tests of this folder: Redis, Asterisk, a controller; two agents, some customers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from ivr.app import router_redis
from ivr.db import Database
from ivr.desk.agents import Agents
from ivr.phone.ear import Pcm
from ivr.phone.hear import Heard, Recogniser
from ivr.phone.phone import Phone, Phones
from ivr.record.store import CallRecord, Records
from ivr.settings import load
from ivr.speech.catalog import load_prompt_set
from routing.router import Router
from tests.support.hotline import Hotline
from tests.support.outage import Outage
from tests.support.slots import slot

DISTRICT = "pl/mazowieckie/warszawa/wola"
INSIDE = "+48221110001"
INSIDE_BUSINESS = "+48221110002"
OUTSIDE = "+48221110003"
OUTSIDE_RU = "+48221110004"
UNKNOWN = "+48601999888"

CUSTOMERS = f"""number,account,name,area,language,class
{INSIDE},1001,Anna Wolska,{DISTRICT}/node-17,pl,normal
{INSIDE_BUSINESS},1002,Piekarnia Wola,{DISTRICT}/node-17,pl,business
{OUTSIDE},1003,Jan Mokotowski,pl/mazowieckie/warszawa/mokotow/node-3,pl,normal
{OUTSIDE_RU},1004,Olga Ivanova,pl/mazowieckie/warszawa/mokotow/node-3,ru,normal
"""


@dataclass(frozen=True)
class AgentLogin:
    """What an agent's phone needs."""

    agent_id: str
    endpoint: str
    password: str
    pin: str


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Wait for a slot before the test's own time begins to count. This hook is called for tests of all folders."""
    with slot() if Path(__file__).parent in item.path.parents else nullcontext():
        return (yield)


@pytest.fixture(scope="session")
def hotline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hotline]:
    """A running hotline."""
    folder = tmp_path_factory.mktemp("hotline", numbered=False)
    running = Hotline(folder)
    try:
        running.cli("setup", timeout_s=300)
        (folder / "customers.csv").write_text(CUSTOMERS)
        running.cli("customers", "import", str(folder / "customers.csv"))
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="session")
def logins(hotline: Hotline) -> dict[str, AgentLogin]:
    """Two agents for internet faults: anna and boris. Wrap-up is short."""
    found = {}
    for agent_id, pin in (("anna", "4711"), ("boris", "4712")):
        hotline.cli(
            "agent",
            "add",
            agent_id,
            "--name",
            agent_id.title(),
            "--skill",
            "internet:5",
            "--pin",
            pin,
            "--ring",
            "8",
            "--wrap-up",
            "1",
        )

    async def read() -> None:
        database = Database(hotline.settings)
        for agent in await Agents(database).list():
            pin = {"anna": "4711", "boris": "4712"}[agent.agent_id]
            found[agent.agent_id] = AgentLogin(agent.agent_id, agent.endpoint, agent.sip_password, pin)
        await database.close()

    asyncio.run(read())
    return found


@pytest.fixture(autouse=True)
def healthy(hotline: Hotline) -> Iterator[None]:
    """Every test begins and ends with one controller, nobody signed in and nothing announced."""
    hotline.watched_from = datetime.now(UTC)
    if hotline.processes["controller"].poll() is not None:
        hotline.start_controller()
    yield
    hotline.cli("agent", "out", "anna", "boris", check=False)


@pytest.fixture
async def phones(hotline: Hotline) -> AsyncIterator[Phones]:
    """Real SIP phones."""
    async with Phones(hotline.server) as opened:
        yield opened


@cache
def recogniser(var: Path, *extra: tuple[str, Path]) -> Recogniser:
    """Recogniser of every rendered prompt below `var` and of announcement clips."""
    names = load_prompt_set(load(var=var)).names
    files = {name: Path(stem + ".ulaw") for stem, name in names.items()}
    return Recogniser(files | dict(extra))


def heard(hotline: Hotline, pcm: Pcm, outage: Outage | None = None) -> list[Heard]:
    """Return what a phone heard, from its audio alone."""
    extra = outage.files().items() if outage else ()
    return recogniser(hotline.settings.var_dir, *extra).recognise(pcm)


def heard_names(hotline: Hotline, pcm: Pcm, outage: Outage | None = None) -> list[str]:
    """Return the prompts a phone heard, in order, without labels; the outage in Polish is `outage`."""
    names = [piece.name for piece in heard(hotline, pcm, outage) if piece.known]
    return ["outage" if name.startswith("outage/pl/") else name for name in names]


async def agent_phone(phones: Phones, login: AgentLogin) -> Phone:
    """Return an agent's registered phone."""
    return await phones.phone(login.endpoint, login.password)


async def sign_in(hotline: Hotline, *agents: str) -> None:
    """Sign agents in, the first one longest idle."""
    for agent_id in agents:
        await asyncio.to_thread(hotline.cli, "agent", "in", agent_id)


async def last_call(hotline: Hotline, number: str, *, timeout_s: float = 10) -> CallRecord:
    """Return the newest finished record of a caller in this test."""
    database = Database(hotline.settings)
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                records = await Records(database).list(number=number, last=1)
                if records and records[0].ended_at and records[0].started_at >= hotline.watched_from:
                    return records[0]
                await asyncio.sleep(0.1)
    finally:
        await database.close()


async def agent_status(hotline: Hotline, agent_id: str) -> str:
    """Return what the agent wishes, as the router knows it."""
    redis = router_redis(hotline.settings)
    router = Router(redis, controller_id="test")
    try:
        agents = (await router.snapshot()).agents
    finally:
        await router.close()
        await redis.aclose()
    return next((agent.status for agent in agents if agent.agent_id == agent_id), "out")


async def wait_until(condition, what: str, timeout_s: float = 10) -> None:  # type: ignore[no-untyped-def]
    """Wait until `await condition()` is true."""
    ends = asyncio.get_running_loop().time() + timeout_s
    while not await condition():
        if asyncio.get_running_loop().time() > ends:
            raise AssertionError(f"{what} did not happen within {timeout_s} s")
        await asyncio.sleep(0.05)
