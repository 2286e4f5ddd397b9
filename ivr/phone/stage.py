"""What the demo needs around it, and takes away again: a running hotline, customers, agents, one announcement.

Called by `demo`. Goes through the same services as the command line; nothing is written another way.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import os
import signal
import socket
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from redis.asyncio import Redis

from ivr.announce.model import Target, Version
from ivr.announce.publish import Draft, Publisher
from ivr.asterisk import AgentPhone, reload_phones, render_phones
from ivr.db import Database
from ivr.desk.agents import Added, Agents
from ivr.desk.customer_removal import remove_customers
from ivr.desk.customers import Customers
from ivr.errors import HotlineError, PeerError
from ivr.settings import PROJECT, Settings
from routing.errors import RoutingError
from routing.router import Router

Report = Callable[[str], None]

AREA = "pl/mazowieckie/warszawa/wola"
TEXTS = {
    "pl": "Na Woli nie działa internet. Nasi technicy usuwają awarię.",
    "en": "There is no internet in Wola. Our technicians are working on it.",
}
CUSTOMERS = (
    ("+48225550101", "demo-1", "Ewa Demo", AREA),
    ("+48225550102", "demo-2", "Piotr Demo", "pl/mazowieckie/warszawa/mokotow"),
    ("+48225550104", "demo-4", "Marta Demo", "pl/mazowieckie/warszawa/praga"),
)
AGENTS = {"demo-anna": "Anna", "demo-jan": "Jan"}
AUTHOR = "demo"
READY = b"ready: dial"
START_S = 900.0  # the first start brings native parts and renders every prompt
STOP_S = 15.0
OPTIONS_S = 1.0


@dataclass
class Stage:
    """What was put up. agents  with their PINs.  announcement  the live version."""

    agents: list[Added] = field(default_factory=list)
    announcement: Version | None = None
    heard_after_s: float | None = None

    def clips(self) -> dict[str, Path]:
        """Return the announcement's audio by a readable name, for the recogniser."""
        variants = self.announcement.clips if self.announcement else {}
        return {
            f"{language}/announcement ({which})": Path(clip.file)
            for language, clips in variants.items()
            for which, clip in clips.items()
        }


@contextlib.asynccontextmanager
async def stage(settings: Settings, report: Report) -> AsyncIterator[Stage]:
    """Put up customers, agents and the announcement; take everything down again, whatever happens."""
    database = Database(settings)
    redis = Redis.from_url(settings.redis_address, socket_timeout=3.0, decode_responses=True)
    built = Stage()
    try:
        await _remove_leftovers(settings, database, redis)
        await _customers(settings, database)
        built.agents = await _agents(settings, database)
        publisher = Publisher(database, settings, redis)
        outcome = await publisher.post(_outage(settings), AUTHOR, _now(settings), confirmed=True)
        built.announcement, built.heard_after_s = outcome.version, outcome.heard_after_s
        yield built
    finally:
        await asyncio.shield(_take_down(settings, database, redis, report))


def _outage(settings: Settings) -> Draft:
    """No service is named: then it ends the call before any menu."""
    now = _now(settings)
    return Draft(Target(areas=(AREA,)), TEXTS, "internet", now + timedelta(hours=2), now + timedelta(hours=3))


def _now(settings: Settings) -> datetime:
    return datetime.now(ZoneInfo(settings.timezone))


async def _customers(settings: Settings, database: Database) -> None:
    file = settings.var_dir / "demo" / "customers.csv"
    await asyncio.to_thread(_write_csv, file)
    await Customers(database, settings).import_file(file)


def _write_csv(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as output:
        rows = csv.writer(output)
        rows.writerow(("number", "account", "name", "area", "language"))
        rows.writerows((*customer, "pl") for customer in CUSTOMERS)


async def _agents(settings: Settings, database: Database) -> list[Added]:
    agents = Agents(database)
    added = [
        await agents.add(agent_id, name=name, skills={"internet": 5}, wrap_up_s=2) for agent_id, name in AGENTS.items()
    ]
    await _give_phones(settings, agents)
    return added


async def _give_phones(settings: Settings, agents: Agents) -> None:
    phones = [AgentPhone(a.endpoint, a.sip_password, a.agent_id, a.name) for a in await agents.list()]
    await asyncio.to_thread(render_phones, settings, phones)
    await asyncio.to_thread(reload_phones, settings)


async def _take_down(settings: Settings, database: Database, redis: Redis, report: Report) -> None:
    try:
        await _remove_leftovers(settings, database, redis)
    except HotlineError as error:
        report(f"could not clean up: {error}")
    finally:
        await redis.aclose()
        await database.close()


async def _remove_leftovers(settings: Settings, database: Database, redis: Redis) -> None:
    """End the demo's announcements, remove its agents and customers; also those of a demo that was killed."""
    publisher, now = Publisher(database, settings, redis), _now(settings)
    for version in await publisher.store.live(now):
        if version.author == AUTHOR:
            await publisher.end(version.announcement_id, AUTHOR, now)
    agents = Agents(database)
    gone = [agent for agent in await agents.list() if agent.agent_id in AGENTS]
    for agent in gone:
        await agents.remove(agent.agent_id)
    if gone:
        await _sign_out(redis, [agent.agent_id for agent in gone])
        await _give_phones(settings, agents)
    await remove_customers(database, [number for number, *_ in CUSTOMERS])


async def _sign_out(redis: Redis, agent_ids: Iterable[str]) -> None:
    router = Router(redis, controller_id=f"demo-{uuid.uuid4().hex[:8]}")
    try:
        for agent_id in agent_ids:
            await router.sign_out(agent_id)
    except RoutingError as error:
        raise PeerError(f"the queues refused to sign {agent_id} out: {error}") from error
    finally:
        await router.close()


# -- the hotline itself


async def answers(server: str) -> bool:
    """Does something speak SIP at `server` (host:port)? Asks with OPTIONS over UDP."""
    host, port = server.rsplit(":", 1)
    return await asyncio.to_thread(_options, host, int(port))


def _options(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(OPTIONS_S)
        try:
            probe.connect((host, port))
            own_host, own_port = probe.getsockname()
            probe.send(
                f"OPTIONS sip:{host}:{port} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {own_host}:{own_port};branch=z9hG4bK{os.getpid()}\r\n"
                f"From: <sip:demo@{own_host}>;tag={os.getpid()}\r\nTo: <sip:{host}:{port}>\r\n"
                f"Call-ID: demo-{os.getpid()}-{own_port}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 1\r\n"
                f"Contact: <sip:demo@{own_host}:{own_port}>\r\nContent-Length: 0\r\n\r\n".encode()
            )
            return probe.recv(4096).startswith(b"SIP/2.0")
        except OSError:
            return False


@contextlib.asynccontextmanager
async def start_hotline(
    settings: Settings, report: Report, environment: Mapping[str, str] | None = None
) -> AsyncIterator[None]:
    """Run `ivr run` until its ready line, and stop it afterwards. Its output goes to VAR/demo/hotline.log.

    environment  for one with other settings than this process; None: the same.
    Raises PeerError with the end of that output when it does not become ready.
    """
    log = settings.var_dir / "demo" / "hotline.log"
    await asyncio.to_thread(log.parent.mkdir, parents=True, exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ivr", "run", cwd=PROJECT, start_new_session=True, env=environment,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    copying = asyncio.create_task(asyncio.sleep(0))
    try:
        report(f"starting the hotline (its output: {log})")
        copying = asyncio.create_task(_copy_until_ready(process, log))
        await asyncio.wait_for(copying, START_S)
        copying = asyncio.create_task(_copy(process, log))
        yield
    except TimeoutError:
        raise PeerError(f"the hotline was not ready in {START_S:.0f} s; see {log}") from None
    finally:
        copying.cancel()
        await asyncio.shield(_stop(process))


async def _copy_until_ready(process: asyncio.subprocess.Process, log: Path) -> None:
    assert process.stdout
    lines: list[str] = []
    async for line in process.stdout:
        await asyncio.to_thread(_append, log, line, new=not lines)
        lines.append(line.decode(errors="replace").rstrip())
        if READY in line:
            return
    raise PeerError("the hotline ended before it was ready:\n" + "\n".join(lines[-8:]))


async def _copy(process: asyncio.subprocess.Process, log: Path) -> None:
    assert process.stdout
    async for line in process.stdout:
        await asyncio.to_thread(_append, log, line, new=False)


def _append(log: Path, line: bytes, *, new: bool) -> None:
    with log.open("wb" if new else "ab") as output:
        output.write(line)


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Ask it to end; by force only when it does not."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    drain = asyncio.create_task(process.communicate())
    done, _ = await asyncio.wait({drain}, timeout=STOP_S)
    if not done:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its own session: itself and its parts, nobody else
        await drain
