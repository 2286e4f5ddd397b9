"""A hotline's two days for looking at the page: customers, agents, calls with their stories, announcements, who waits.

Everything is drawn from one seed: the same two days each time, ending now.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from ivr import db
from ivr.announce.draft import Draft
from ivr.announce.model import INFO, PLANNED, RADAR, Target
from ivr.announce.publish import Publisher
from ivr.call import TraceEntry
from ivr.db import Database
from ivr.record import trace as t
from ivr.record.hearing import Hearing
from ivr.record.model import CallRecord
from ivr.record.rows import call_row, hearing_row, trace_row
from ivr.versions import publish as dialplan_versions
from ivr.versions.folder import read_folder
from routing.router import Router
from tests.support.hotline import Hotline

CALLS_A_DAY = 700
CITY = "pl/mazowieckie/warszawa"
DISTRICTS = {"wola": (24, 9), "mokotow": (31, 12), "praga-polnoc": (18, 8), "ursynow": (22, 6), "bielany": (14, 5)}
"""District -> customers, nodes."""
AGENTS = {
    "anna": ("Anna Kowalska", ("internet:5", "router:3", "lang/pl:5", "lang/en:3")),
    "boris": ("Boris Sokolov", ("internet:4", "lang/ru:5", "lang/pl:4")),
    "celina": ("Celina Zając", ("internet:3", "billing:2", "lang/pl:5")),
    "dawid": ("Dawid Nowak", ("billing:5", "sales:2", "lang/pl:5", "lang/en:4")),
    "ewa": ("Ewa Łukasiewicz", ("sales:5", "billing:1", "lang/pl:5")),
    "filip": ("Filip Ostrowski", ("internet:2", "lang/pl:5", "lang/en:5")),
    "galina": ("Galina Petrova", ("internet:5", "router:5", "lang/ru:5", "lang/pl:3")),
}
HOURS = (1, 1, 1, 1, 1, 2, 4, 8, 16, 20, 18, 15, 14, 14, 13, 14, 16, 19, 20, 17, 12, 8, 4, 2)
FIRST_NAMES = ("Anna", "Jan", "Olga", "Piotr", "Zofia", "Marek", "Irina", "Tomasz", "Łucja", "Paweł")
LAST_NAMES = ("Wolska", "Mazur", "Ivanova", "Kaczmarek", "Wójcik", "Zieliński", "Żak", "Dąbrowski", "Szymańska")


@dataclass(frozen=True)
class Customer:
    """One line of the customers' file."""

    number: str
    account: str
    area: str
    language: str


def customers() -> list[Customer]:
    """Return all customers, district by district."""
    chance, found = random.Random(5), []
    for district, (many, nodes) in DISTRICTS.items():
        for _ in range(many):
            n = len(found)
            area = f"{CITY}/{district}/node-{1 + chance.randrange(nodes)}"
            language = chance.choices(("pl", "ru", "en"), (8, 2, 1))[0]
            found.append(Customer(f"+4822{3_000_000 + 7919 * n}", str(20_000 + n), area, language))
    return found


def customers_file() -> str:
    """Return them as `ivr customers import` reads them."""
    chance, lines = random.Random(6), ["number,account,name,area,language,class"]
    for each in customers():
        name = f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}"
        kind = chance.choices(("normal", "business"), (9, 1))[0]
        lines.append(f"{each.number},{each.account},{name},{each.area},{each.language},{kind}")
    return "\n".join(lines) + "\n"


def fill(hotline: Hotline, *, lines: bool = True) -> None:
    """Fill the hotline's folders, whose set-up is done and whose Redis runs.

    lines  also sign agents in and queue calls. These have no channel: only without a controller, which would end them.
    """
    (hotline.folder / "customers.csv").write_text(customers_file())
    hotline.cli("customers", "import", str(hotline.folder / "customers.csv"))
    for n, (agent_id, (name, skills)) in enumerate(AGENTS.items()):
        wanted = [word for skill in skills for word in ("--skill", skill)]
        hotline.cli("agent", "add", agent_id, "--name", name, *wanted, "--pin", str(4711 + n))
    asyncio.run(_fill(hotline))
    if lines:
        hotline.cli("agent", "in", *[name for name in AGENTS if name != "filip"])
        hotline.cli("agent", "pause", "celina", "--reason", "break", check=False)
        asyncio.run(_queue(hotline))


async def _fill(hotline: Hotline) -> None:
    database, now = Database(hotline.settings), datetime.now(UTC)
    publisher = Publisher(database, hotline.settings, None)
    try:
        outage = await publisher.post(_outage(now), "ops", now, confirmed=True)
        await publisher.post(_planned(now), "ops", now, confirmed=True)
        await publisher.post(_info(now), "ops", now, confirmed=True)
        seen = replace(_outage(now), target=Target(areas=(f"{CITY}/bielany/node-3",)), source=RADAR,
                       note="14 of 14 calls of the last 3 minutes come from node-3")  # fmt: skip
        await publisher.draft(seen, "radar", now)
        over = replace(_outage(now), target=Target(areas=(f"{CITY}/ursynow",)))
        ended = await publisher.post(over, "ops", now, confirmed=True)
        await publisher.end(ended.version.announcement_id, "ops", now)
        _, content = read_folder(hotline.settings)
        await dialplan_versions.Publisher(database).publish(content, "", author="ewa", note="shorter main menu")
        await _store(database, now, outage.version.announcement_id)
    finally:
        await database.close()


def _outage(now: datetime) -> Draft:
    return Draft(
        Target(areas=(f"{CITY}/wola", f"{CITY}/praga-polnoc/node-4")),
        {"pl": "Na Woli nie działa internet. Uszkodzony jest kabel światłowodowy.",
         "en": "The internet is down in Wola. A fibre cable is damaged.",
         "ru": "В районе Воля не работает интернет. Повреждён кабель."},
        service="internet", eta=now + timedelta(hours=2), eta_from=now + timedelta(hours=1),
    )  # fmt: skip


def _planned(now: datetime) -> Draft:
    night = (now.astimezone(ZoneInfo("Europe/Warsaw")) + timedelta(days=1)).replace(hour=1, minute=0)
    return Draft(
        Target(areas=(f"{CITY}/mokotow",)),
        {"pl": "W nocy wymieniamy urządzenia na Mokotowie.", "en": "Tonight we replace equipment in Mokotów."},
        service="internet", kind=PLANNED, eta_from=night, eta=night + timedelta(hours=3),
    )  # fmt: skip


def _info(now: datetime) -> Draft:
    return Draft(
        Target(), {"pl": "Nowy cennik obowiązuje od pierwszego grudnia."}, kind=INFO, after="continue",
        until=now + timedelta(days=7),
    )  # fmt: skip


async def _store(database: Database, now: datetime, outage: str) -> None:
    calls, traces, hearings = [], [], []
    for record, entries, hearing in _calls(now, outage):
        part = int(record.started_at.timestamp() * 1000)
        calls.append(call_row(record))
        traces += [trace_row(entry, record.call_id, part, n) for n, entry in enumerate(entries)]
        hearings += [hearing_row(hearing, record.call_id, part, 0)] if hearing else []
    async with database.write() as connection:
        for table, rows in ((db.call, calls), (db.call_trace, traces), (db.hearing, hearings)):
            for at in range(0, len(rows), 500):
                await connection.execute(sa.insert(table), rows[at : at + 500])


Story = tuple[CallRecord, list[TraceEntry], Hearing | None]


def _calls(now: datetime, outage: str) -> Iterator[Story]:
    chance, known = random.Random(7), customers()
    zone = ZoneInfo("Europe/Warsaw")
    for n in range(2 * CALLS_A_DAY):
        at = now - timedelta(seconds=chance.random() * 48 * 3600)
        if chance.random() * max(HOURS) > HOURS[at.astimezone(zone).hour]:
            continue
        storm = now - at < timedelta(minutes=90) and chance.random() < 0.7
        who = chance.choice([each for each in known if "/wola/" in each.area] if storm else known)
        yield _call(n, who, at, chance, outage if storm else "")
    for n in range(60):
        who = chance.choice([each for each in known if "/wola/" in each.area])
        yield _call(10_000 + n, who, now - timedelta(minutes=75 * chance.random() + 5), chance, outage)


def _call(n: int, who: Customer, at: datetime, chance: random.Random, outage: str) -> Story:
    dnis = {"pl": "100", "en": "101", "ru": "102"}[who.language]
    record = CallRecord(f"{at.timestamp():.0f}.{n}", who.number, dnis, "provider", "main", "", who.language, at)
    entries = [TraceEntry(40, "welcome", t.ENTERED, {"kind": "say"}),
               TraceEntry(2600, "welcome", t.PLAYED, {"prompt": "welcome", "from_ms": 0})]  # fmt: skip
    if outage and chance.random() < 0.85:
        return _announced(record, entries, who, chance, outage)
    queue, skilled = chance.choice((("support", ("anna", "boris", "galina")), ("billing", ("dawid", "celina")),
                                    ("sales", ("ewa", "dawid"))))  # fmt: skip
    wait_ms = int(chance.expovariate(1 / 28) * 1000)
    entries.append(TraceEntry(9000, "queue", t.QUEUED, {"queue": queue, "position": 1 + chance.randrange(4)}))
    if wait_ms > 70_000 or chance.random() < 0.06:
        ended = at + timedelta(milliseconds=9000 + wait_ms)
        record = replace(record, queue=queue, wait_ms=wait_ms, ended_at=ended, disposition="abandoned")
        return record, [*entries, TraceEntry(9000 + wait_ms, "", t.ENDED, {"disposition": "abandoned"})], None
    agent, talk_ms = chance.choice(skilled), int(1000 * chance.lognormvariate(5.1, 0.6))
    there = 9000 + wait_ms
    entries += [TraceEntry(there - 3000, "queue", t.OFFERED, {"agent": agent, "reason": "the longest idle"}),
                TraceEntry(there, "queue", t.ANSWERED, {"agent": agent}),
                TraceEntry(there + talk_ms, "queue", t.TALK_ENDED, {"agent": agent, "talk_ms": talk_ms}),
                TraceEntry(there + talk_ms + 5, "", t.ENDED, {"disposition": "agent"})]  # fmt: skip
    record = replace(record, queue=queue, wait_ms=wait_ms, offers=1, agent_id=agent, talk_ms=talk_ms,
                     disposition="agent", ended_at=at + timedelta(milliseconds=there + talk_ms))  # fmt: skip
    return record, entries, None


def _announced(
    record: CallRecord, entries: list[TraceEntry], who: Customer, chance: random.Random, outage: str
) -> Story:
    percent = chance.choice((100, 100, 100, 92, 45))
    outcome = "ended" if percent > 80 else "hung_up"
    entries += [TraceEntry(2700, "outage", t.MATCHED, {"announcement": outage, "version": 1, "why": "area"}),
                TraceEntry(11_000, "outage", t.HEARD, {
                    "announcement": outage, "version": 1, "percent": percent, "nth": 1, "brief": False,
                    "where": "menu", "outcome": outcome}),
                TraceEntry(11_500, "", t.ENDED, {"disposition": "announced"})]  # fmt: skip
    hearing = Hearing(record.call_id, outage, 1, who.number, who.account, who.area,
                      record.started_at + timedelta(seconds=3), "menu", 8000, 80 * percent, "", outcome, 1)  # fmt: skip
    ended = record.started_at + timedelta(milliseconds=11_500)
    return replace(record, announcements=(f"{outage} v1",), disposition="announced", ended_at=ended), entries, hearing


async def _queue(hotline: Hotline) -> None:
    """Put a few callers in line, some of them a while ago, and let agents answer."""
    from ivr.app import load_dialplans, router_redis

    redis = router_redis(hotline.settings)
    router, plans = Router(redis, controller_id="believable"), load_dialplans(hotline.settings)
    database, known = Database(hotline.settings), customers()
    now = datetime.now(UTC)
    try:
        for n, queue in enumerate(("support", "support", "billing", "support", "support", "billing", "support")):
            who, waited_s = known[3 * n], (412, 205, 180, 96, 44, 21, 7)[n]
            config, at = plans.queues[queue], now - timedelta(seconds=waited_s)
            call_id = f"{at.timestamp():.0f}.{20_000 + n}"
            record = CallRecord(call_id, who.number, "100", "provider", "main", "", who.language, at, queue=queue)
            async with database.write() as connection:
                await connection.execute(sa.insert(db.call), [call_row(record)])
            placed = await router.enqueue(
                call_id, queue, config.plan(who.language), priority=config.priority,
                entered_ms=int(at.timestamp() * 1000),
            )  # fmt: skip
            if placed and placed.offer and n < 2:
                await router.accept(placed.offer)
    finally:
        await router.close()
        await database.close()
        await redis.aclose()
