"""The hour when everything is down: a district's customers call at once, a minute later an announcement is published.

`make bench-storm` runs it on a hotline of its own, on loopback: 10,000 customers of one district and 2,000 elsewhere,
SIPp as callers who wait until they are hung up on (or lose patience), robot phones as agents. Everybody calls the
same number and, unless an announcement ends the call, waits for the same agents. Figures come from call records,
hearings and SIPp's own counts.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import platform
import random
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from bench.storm_report import Plan, Seen, report
from ivr import db
from ivr.announce.model import RADAR, Target
from ivr.announce.preview import Preview
from ivr.announce.publish import Draft, Publisher
from ivr.app import router_redis
from ivr.area import contains
from ivr.db import Database
from ivr.desk.agents import Agents
from ivr.phone.phone import Phones
from ivr.phone.robot import Robot, Temper
from ivr.record.model import CallRecord
from ivr.settings import PROJECT
from tests.support.hotline import Hotline
from tests.support.outage import DISTRICT
from tests.support.sipp import Stats, call, patient

ELSEWHERE = "pl/mazowieckie/warszawa/ochota"
MANY, OTHERS = 10_000, 2_000
WEEKS, USUAL_CALLS = 8, 20  # calls of the district in an ordinary hour, in the records of past weeks
TEXTS = {"pl": "Trwa awaria internetu na Woli. Pracujemy nad jej usunięciem."}
WANTED = Draft(Target(areas=(DISTRICT,)), TEXTS)
FLOW = """title = "storm"
start = "known"
rescue = "wait"
[steps.known]
kind = "announce"
only_certain = true
after = "end"
next = "wait"
[steps.wait]
kind = "queue"
queue = "support"
on.nobody = "sorry"
on.timeout = "sorry"
[steps.sorry]
kind = "hangup"
prompt = "goodbye"
disposition = "no_agent"
"""
QUEUES = '[queues.support]\nneed = "internet"\nring_s = 10\nmax_wait_s = 900\nmax_len = 5000\newt = false\n'
NUMBERS = '[numbers.100]\nflow = "storm"\nlanguage = "pl"\n'
MOST_S = 900


def main() -> None:
    """Run the storm and print its figures."""
    plan = chosen()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before, "
        f"Python {platform.python_version()}, seed {plan.seed}"
    )
    print(
        f"{plan.storm_calls} calls of {MANY} customers of one district, {plan.rate:g} a second for {plan.seconds} s, "
        f"announcement after {plan.publish_s} s; {plan.others:g} other calls a second, {plan.agents} agents, "
        f"talks of {plan.talk_s:g} s, patience {plan.patience_s} s; the district's usual calls: {USUAL_CALLS} an hour"
    )
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as name:
        folder = Path(name)
        hotline = Hotline(folder, dialplans=dialplans(folder), log_level="warning", max_calls=5000,
                          rtp_start=40000, rtp_end=55999)  # fmt: skip
        try:
            prepare(hotline, plan)
            asyncio.run(run(hotline, plan))
        finally:
            hotline.stop()


def chosen() -> Plan:
    """Return the plan of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=30, help="storm calls a second, at most 100")
    parser.add_argument("--seconds", type=int, default=210, help=f"length of the storm, at most {MOST_S}")
    parser.add_argument("--others", type=float, default=0.5, help="other calls a second")
    parser.add_argument("--agents", type=int, default=6)
    parser.add_argument("--patience", type=int, default=60, help="seconds until a caller hangs up by himself")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="4 calls a second for 40 s, published after 15 s")
    given = parser.parse_args()
    if not (0 < given.rate <= 100 and 0 < given.seconds <= MOST_S and 0 < given.agents <= 20):
        parser.error(f"expected --rate up to 100, --seconds up to {MOST_S}, --agents up to 20")
    if given.quick:
        return Plan(4, 40, 15, 10, given.others, given.agents, 3.0, 20, given.seed)
    return Plan(given.rate, given.seconds, 60, 30, given.others, given.agents, 5.0, given.patience, given.seed)


def dialplans(folder: Path) -> Path:
    """Write a flow that tells what is known and else leads straight to the agents."""
    where = folder / "dialplans"
    shutil.copytree(PROJECT / "dialplans/asterisk", where / "asterisk")
    (where / "flows").mkdir()
    (where / "flows/storm.toml").write_text(FLOW)
    (where / "queues.toml").write_text(QUEUES)
    (where / "numbers.toml").write_text(NUMBERS)
    (where / "hours.toml").write_text('timezone = "Europe/Warsaw"\n')
    return where


def numbers(first: int, count: int) -> list[str]:
    return [f"+4822{first + n:07d}" for n in range(count)]


def prepare(hotline: Hotline, plan: Plan) -> None:
    """Set up, import the customers, add the agents, start."""
    hotline.cli("setup", timeout_s=300)
    rows = ["number,account,name,area,language,class"]
    for district, first, count in ((DISTRICT, 0, MANY), (ELSEWHERE, 5_000_000, OTHERS)):
        rows += [f"{number},{first + n},Customer {n},{district}/node-{n % 40},pl,normal"
                 for n, number in enumerate(numbers(first, count))]  # fmt: skip
    (hotline.folder / "customers.csv").write_text("\n".join(rows) + "\n")
    hotline.cli("customers", "import", str(hotline.folder / "customers.csv"), timeout_s=120)
    for n in range(plan.agents):
        hotline.cli("agent", "add", f"a{n}", "--skill", "internet:5", "--pin", "4711", "--wrap-up", "1")
    hotline.start()


async def run(hotline: Hotline, plan: Plan) -> None:
    """Let everybody call; print what came of it."""
    chance = random.Random(plan.seed)
    storm, others = numbers(0, MANY), numbers(5_000_000, OTHERS)
    chance.shuffle(storm)
    chance.shuffle(others)
    database, redis, seen = Database(hotline.settings), router_redis(hotline.settings), Seen()
    publisher = Publisher(database, hotline.settings, redis)
    await past_weeks(database, storm, others, plan, chance)
    await Preview(database, hotline.settings).sounds(WANTED, datetime.now(UTC))  # as the page does while one types
    async with Phones(hotline.server) as phones:
        for agent in await Agents(database).list():
            temper = Temper(answer_after_s=0.3, hang_up_after_s=plan.talk_s)
            await Robot.start(phones, agent.endpoint, agent.sip_password, name=agent.agent_id, temper=temper)
        await asyncio.to_thread(hotline.cli, "agent", "in", *(f"a{n}" for n in range(plan.agents)))
        total_s = plan.idle_s + plan.seconds
        other_calls = asyncio.create_task(
            callers(hotline, others, round(plan.others * total_s), plan.others, plan.patience_s, total_s)
        )
        await asyncio.sleep(plan.idle_s)
        seen.began = datetime.now(UTC)
        storm_calls = asyncio.create_task(
            callers(hotline, storm, plan.storm_calls, plan.rate, plan.patience_s, plan.seconds)
        )
        radar = asyncio.create_task(watch_radar(publisher, seen))
        await asyncio.sleep(plan.publish_s)
        await publish(publisher, seen)
        seen.storm, seen.others = await storm_calls, await other_calls
        radar.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await radar
    agents = await asyncio.to_thread(hotline.cli, "agent", "list")
    await asyncio.sleep(4)  # the last records are on their way to the database
    await report(database, plan, seen, set(storm))
    print(agents.stdout.rstrip())
    await redis.aclose()
    await database.close()


async def past_weeks(
    database: Database, storm: Sequence[str], others: Sequence[str], plan: Plan, chance: random.Random
) -> None:
    """Record the ordinary calls of this hour in past weeks: what is usual is learnt from them."""
    zone, around_s = ZoneInfo(database.settings.timezone), 2700
    for week in range(1, WEEKS + 1):
        then = datetime.now(zone) - timedelta(weeks=week)
        rows = []
        for known, per_hour in ((storm, USUAL_CALLS), (others, plan.others * 3600)):
            for number in chance.choices(known, k=round(per_hour * 2 * around_s / 3600)):
                at = then.astimezone(UTC) + timedelta(seconds=chance.uniform(-around_s, around_s))
                record = CallRecord(f"past-{week}-{len(rows)}", number, "100", "", "storm", "", "pl", at, at)
                rows.append(asdict(record) | {"announcements": [], "disposition": "agent"})
        async with database.write() as connection:
            await connection.execute(sa.insert(db.call), rows)


async def callers(
    hotline: Hotline, known: Sequence[str], calls: int, rate: float, patience_s: int, seconds: int
) -> Stats:
    """Place the calls of one group."""
    return await call(hotline.server, "100", calls=calls, rate=rate, from_numbers=known,
                      scenario=patient(patience_s * 1000), timeout_s=seconds + 2 * patience_s + 60)  # fmt: skip


async def watch_radar(publisher: Publisher, seen: Seen) -> None:
    """Note the first draft of the radar."""
    while seen.draft is None:
        drafts = [each for each in await publisher.store.newest(ended=True)
                  if each.source == RADAR and any(contains(area, DISTRICT) or contains(DISTRICT, area)
                                                  for area in each.target.areas)]  # fmt: skip
        if drafts:
            seen.draft = (await publisher.store.history(drafts[-1].announcement_id))[0]
        await asyncio.sleep(0.5)


async def publish(publisher: Publisher, seen: Seen) -> None:
    """Publish as ops would; the time is when it was wanted."""
    began = time.monotonic()
    seen.published = datetime.now(UTC)
    done = await publisher.post(WANTED, "ops", seen.published, confirmed=True)
    seen.live = done.version
    seen.heard_after_s = time.monotonic() - began


if __name__ == "__main__":
    main()
