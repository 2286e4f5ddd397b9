"""A private hotline for one stage of real scenarios: folder, customers, agents, phones, announcements, servers.

It has ports and a folder of its own; the hotline of these settings is not touched. Called by `real.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import os
import random
import shutil
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from ivr import settings as settings_module
from ivr.announce.model import OUTAGE, PLANNED, Target
from ivr.announce.publish import Draft, Publisher
from ivr.area import contains
from ivr.call import LANGUAGES
from ivr.db import Database, upgrade
from ivr.desk.agents import Added, Agents
from ivr.desk.customers import Customers
from ivr.flow.model import Dialplans
from ivr.flow.world import Known, Who
from ivr.phone.phone import Manner, Phone, Phones
from ivr.phone.place import server_of
from ivr.phone.robot import Robot, Temper
from ivr.phone.stage import start_hotline
from ivr.scenarios.plan import ANSWERED, AT_ONCE, NOBODY, WAITING, Part, Stage, agent_of, text_of
from ivr.scenarios.private_folder import FILLERS_FROM, write_folder
from ivr.scenarios.servers import serve_replies
from ivr.settings import Settings

TALK_S = 7.0  # from when an agent picks up: he is told about the caller first
LIVE = timedelta(hours=3)
PORTS = range(15_000, 30_000)


@dataclass
class Private:
    """A private hotline that is up. callers  the number each scenario calls from.  clips  audio by readable name."""

    settings: Settings
    environment: Mapping[str, str]
    phones: Phones
    database: Database
    callers: Mapping[str, str]
    clips: dict[str, Path] = field(default_factory=dict)
    robots: dict[str, list[Robot]] = field(default_factory=dict)
    fillers: list[Any] = field(default_factory=list)

    async def release(self) -> None:
        """Let the agents who were kept busy go."""
        for call in self.fillers:
            await call.hang_up()


def private_settings(used: Settings, folder: Path) -> tuple[Settings, dict[str, str]]:
    """Return settings and the environment of a hotline below `folder`, which speaks as `used` does."""
    ports = free_ports(6)
    rtp = random.SystemRandom().randrange(32_000, 60_000, 1000)
    values: dict[str, Any] = {
        "var": folder / "var", "dialplans": folder / "dialplans", "prompts": used.prompts_dir,
        "sip_port": ports[0], "ami_port": ports[1], "agi_port": ports[2], "agi_port_next": ports[3],
        "redis_port": ports[4], "metrics_port": ports[5], "redis_url": "", "database_url": "", "rtp_start": rtp,
        "rtp_end": rtp + 998,
        "host": "127.0.0.1", "log_level": "warning", "trunk_to": "", "trunk_from": "127.0.0.1/32",
        "agent_from": "127.0.0.1/32", "timezone": used.timezone, "default_language": used.default_language,
        "country_code": used.country_code, "cache_dir": used.path(used.cache_dir),
        "runtime_dir": used.path(used.runtime_dir),
    }  # fmt: skip
    environment = {f"HOTLINE_{name.upper()}": str(value) for name, value in values.items()}
    return settings_module.load(**values), {**os.environ, **environment}


def free_ports(count: int) -> list[int]:
    """Return ports of this machine nobody uses now, neither UDP nor TCP."""
    found: list[int] = []
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        with contextlib.suppress(OSError), socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("no port is free")


@contextlib.asynccontextmanager
async def private_hotline(used: Settings, stage: Stage, dialplans: Dialplans, folder: Path) -> AsyncIterator[Private]:
    """Put up what `stage` needs and a hotline with it; take everything down afterwards."""
    settings, environment = private_settings(used, folder)
    for old in (*settings.var_dir.glob("hotline.db*"), settings.var_dir / "redis"):
        shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    await asyncio.to_thread(upgrade, settings)
    callers = {part.scenario.name: f"+4822557{n:04}" for n, part in enumerate(stage.parts, 1)}
    async with contextlib.AsyncExitStack() as stack:
        database = Database(settings)
        stack.push_async_callback(database.close)
        await _customers(settings, database, stage, callers)
        agents, targets = await _people(database, stage, dialplans)
        server = stack.enter_context(serve_replies(stage))
        fillers = [name for name, mode in stage.modes().items() if mode == WAITING]
        await asyncio.to_thread(write_folder, used, settings, stage, targets, server, fillers, dialplans)
        await stack.enter_async_context(start_hotline(settings, lambda _: None, environment))
        redis = Redis.from_url(settings.redis_address, socket_timeout=3.0, decode_responses=True)
        stack.push_async_callback(redis.aclose)
        clips = await _announce(settings, database, redis, stage, callers)
        host, address = server_of(settings)
        phones = await stack.enter_async_context(Phones(address, host=host))
        built = Private(settings, environment, phones, database, callers, clips)
        await _target_phones(phones, stage, targets)
        await _robots(built, agents)
        await _keep_busy(built, fillers)
        yield built


# -- who there is


async def _customers(settings: Settings, database: Database, stage: Stage, callers: Mapping[str, str]) -> None:
    rows = []
    for part in stage.parts:
        customer = part.scenario.situation.customer
        if customer:
            rows.append(_row(callers[part.scenario.name], "", customer, own_area(part)))
    for index, (key, found) in enumerate(stage.needs.items(), 1):
        if key[0] == "account" and found:
            rows.append(_row(f"+4822558{index:04}", key[1], found[0], _account_area(key[1], found[0])))
    if not rows:
        return
    file = settings.var_dir / "customers.csv"
    with file.open("w", encoding="utf-8", newline="") as output:
        writer = csv.writer(output)
        writer.writerow(("number", "account", "area", "language", "class"))
        writer.writerows(rows)
    await Customers(database, settings).import_file(file)


def _row(number: str, account: str, who: Who, area: str) -> tuple[str, ...]:
    return number, account, area, who.language, who.class_


def own_area(part: Part) -> str:
    """Return an area nobody but the caller of `part` lives in, below the one he lives in."""
    customer = part.scenario.situation.customer
    return f"{customer.area}/{part.scenario.name}" if customer else ""


def _account_area(digits: str, who: Who) -> str:
    return f"{who.area}/account-{digits}"


async def _people(
    database: Database, stage: Stage, dialplans: Dialplans
) -> tuple[dict[str, list[Added]], dict[str, Added]]:
    """Add agents for the queues that need some, and a phone for each target; return both by name."""
    desk = Agents(database)
    agents: dict[str, list[Added]] = {}
    for name, mode in stage.modes().items():
        skills, projects = agent_of(dialplans.queues[name])
        count = {ANSWERED: AT_ONCE, WAITING: 1, NOBODY: 0}[mode]
        agents[name] = [
            await desk.add(
                f"{name.replace('_', '-')}-{number}", skills=skills or {"any": 1}, wrap_up_s=0, projects=projects,
                languages=LANGUAGES,
            )
            for number in range(1, count + 1)
        ]  # fmt: skip
    wanted = [key[1] for key in stage.needs if key[0] == "target"]
    return agents, {name: await desk.add(f"target-{name.replace('_', '-')}", skills={"any": 1}) for name in wanted}


async def _target_phones(phones: Phones, stage: Stage, targets: Mapping[str, Added]) -> None:
    manners = {
        "answered": Manner(0.3, hang_up_after_s=TALK_S), "busy": Manner(0.3, busy=True), "no_answer": Manner(None)
    }  # fmt: skip
    for name, added in targets.items():
        manner = manners.get(stage.needs["target", name])
        if manner:  # else it is switched off
            phone: Phone = await phones.phone(added.agent.endpoint, added.agent.sip_password)
            phone.behave(manner)


async def _robots(built: Private, agents: Mapping[str, list[Added]]) -> None:
    hz = 500
    for name, added in agents.items():
        for each in added:
            temper = Temper(answer_after_s=0.5, tone_hz=hz, hang_up_after_s=TALK_S)
            robot = await Robot.start(
                built.phones, each.agent.endpoint, each.agent.sip_password, name=each.agent.agent_id, pin=each.pin,
                temper=temper,
            )  # fmt: skip
            built.robots.setdefault(name, []).append(robot)
            hz += 20
    await asyncio.gather(*(robot.sign_in() for robots in built.robots.values() for robot in robots))


async def _keep_busy(built: Private, fillers: list[str]) -> None:
    """Let a caller of each of these queues talk to its only agent until `release`."""
    for number, name in enumerate(fillers, FILLERS_FROM):
        (robot,) = built.robots[name]
        robot.behave(Temper(answer_after_s=0.2, tone_hz=500))
        call = await built.phones.call(str(number), from_number=f"+4822559{number - FILLERS_FROM + 1:04}")
        built.fillers.append(call)
        for _ in range(200):
            if robot.talking_to:
                break
            await asyncio.sleep(0.1)
        robot.behave(Temper(answer_after_s=0.5, tone_hz=500, hang_up_after_s=TALK_S))


# -- what is on the phones


async def _announce(
    settings: Settings, database: Database, redis: Redis, stage: Stage, callers: Mapping[str, str]
) -> dict[str, Path]:
    publisher, now = Publisher(database, settings, redis), datetime.now(UTC)
    clips: dict[str, Path] = {}

    async def post(known: Known, target: Target, languages: tuple[str, ...], of: str) -> None:
        texts = dict.fromkeys(languages, text_of(known))
        kind = PLANNED if known.announcement.planned else OUTAGE
        draft = Draft(target, texts, known.service, None, now + LIVE, kind, after=known.announcement.after)
        outcome = await publisher.post(draft, "scenarios", now, confirmed=True)
        for language, variants in outcome.version.clips.items():
            for which, each in variants.items():
                clips[f"{language}/announcement {of} {which}"] = Path(each.file)

    for key, found in stage.needs.items():
        for known in found[1] if key[0] == "account" and found else ():
            await post(known, Target(areas=(_account_area(key[1], found[0]),)), LANGUAGES, key[1])
    posted: set[object] = set()
    for part in stage.parts:
        scenario, caller = part.scenario, callers[part.scenario.name]
        for known in scenario.situation.known:
            own = own_area(part)
            language = (scenario.speaks,)
            if not known.announcement.certain:
                await post(known, Target(prefix=caller), language, scenario.name)
            elif own and _concerns(known, scenario.situation.customer):
                await post(known, Target(areas=(own,)), language, scenario.name)
            elif known.area:
                await post(known, Target(areas=(f"{known.area}/{scenario.name}-elsewhere",)), language, scenario.name)
            elif str(known) not in posted:
                posted.add(str(known))
                await post(known, Target(), LANGUAGES, "everyone")
    return clips


def _concerns(known: Known, customer: Who | None) -> bool:
    return not known.area or bool(customer and contains(known.area, customer.area))
