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
import statistics
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from ivr import db
from ivr.announce.model import RADAR, Target, Version
from ivr.announce.preview import Preview
from ivr.announce.publish import Draft, Publisher
from ivr.app import router_redis
from ivr.area import contains
from ivr.db import Database
from ivr.desk.agents import Agents
from ivr.phone.phone import Phones
from ivr.phone.robot import Robot, Temper
from ivr.record.hearing import QUEUE, Hearing, Hearings
from ivr.record.model import CallRecord
from ivr.record.store import Records
from ivr.settings import PROJECT
from tests.support.hotline import Hotline
from tests.support.sipp import Stats, call, patient

DISTRICT, ELSEWHERE = "pl/mazowieckie/warszawa/wola", "pl/mazowieckie/warszawa/ochota"
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
MOST_CALLS, MOST_S = 20_000, 900


@dataclass(frozen=True)
class Plan:
    """What is run. rate  storm calls a second.  others  other calls a second.  patience_s  of every caller."""

    rate: float
    seconds: int
    publish_s: int
    idle_s: int
    others: float
    agents: int
    talk_s: float
    patience_s: int
    seed: int

    @property
    def storm_calls(self) -> int:
        return min(MOST_CALLS, round(self.rate * self.seconds))


@dataclass
class Seen:
    """What happened when. draft  the radar's first."""

    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    published: datetime = field(default_factory=lambda: datetime.now(UTC))
    heard_after_s: float | None = None
    draft: Version | None = None
    live: Version | None = None
    storm: Stats | None = None
    others: Stats | None = None


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


async def report(database: Database, plan: Plan, seen: Seen, storm: set[str]) -> None:
    """Print every figure."""
    assert seen.live
    records = await Records(database).list(last=4 * MOST_CALLS)
    hearings = await Hearings(database).of(seen.live.announcement_id, last=4 * MOST_CALLS)
    today = [each for each in records if not each.call_id.startswith("past-")]
    inside = [each for each in today if each.ani in storm]
    other = [each for each in today if each.ani not in storm]
    report_sipp(seen)
    print(f"published after {plan.publish_s} s; made, stored and heard by a controller in {seen.heard_after_s:.2f} s")
    report_minutes(inside, plan, seen)
    report_told(inside, hearings, seen)
    report_others(other, plan, seen)
    report_radar(inside, seen)


def report_sipp(seen: Seen) -> None:
    """Print the phones' own side."""
    for name, stats in (("district", seen.storm), ("others", seen.others)):
        if stats:
            p50, p99 = (stats.answer_percentile(share) for share in (0.5, 0.99))
            print(
                f"{name:9} {stats.created} calls placed, {stats.failed} failed, {stats.retransmissions} messages "
                f"resent, answered p50 {p50:.0f} ms, p99 {p99:.0f} ms"
            )
            why = {key: n for key, n in stats.columns.items() if key.startswith("Failed") and key.endswith("(C)")}
            told = ", ".join(f"{key[6:-3]} {n}" for key, n in why.items() if n.strip("0"))
            print(f"{'':9} failed: {told or 'none'}")


def report_minutes(inside: Iterable[CallRecord], plan: Plan, seen: Seen) -> None:
    """Print calls of the district per minute of the storm, and what became of them."""
    print(f"{'minute':>6} {'offered':>8} {'ended in the IVR':>17} {'to an agent':>12} {'gave up':>8}")
    known = list(inside)
    for minute in range(-(-plan.seconds // 60)):
        begins = seen.began + timedelta(minutes=minute)
        calls = [each for each in known if begins <= each.started_at < begins + timedelta(minutes=1)]
        count = {name: sum(each.disposition == name for each in calls) for name in ("announced", "agent")}
        share = count["announced"] / max(1, len(calls))
        gave_up = len(calls) - sum(count.values())
        print(f"{minute + 1:6} {len(calls):8} {count['announced']:9} {share:7.1%} {count['agent']:12} {gave_up:8}")
    after = [each for each in known if each.started_at > seen.published + timedelta(seconds=2)]
    ended = sum(each.disposition == "announced" for each in after)
    print(f"from 2 s after publishing on: {ended} of {len(after)} ended in the IVR ({ended / max(1, len(after)):.1%})")


def report_told(inside: Iterable[CallRecord], hearings: Iterable[Hearing], seen: Seen) -> None:
    """Print how many of those in line at the time were told."""
    told = {each.call_id for each in hearings if each.where == QUEUE}
    waiting = {each.call_id for each in inside if each.queue and each.started_at < seen.published
               and left_line(each) > seen.published + timedelta(seconds=2)}  # fmt: skip
    print(f"in line when it was published: {len(waiting)}; told there: {len(waiting & told)} "
          f"({len(waiting & told) / max(1, len(waiting)):.1%})")  # fmt: skip


def left_line(record: CallRecord) -> datetime:
    """Return when he was connected, or left."""
    ended = record.ended_at or record.started_at
    return ended - timedelta(milliseconds=record.talk_ms or 0)


def report_others(other: Iterable[CallRecord], plan: Plan, seen: Seen) -> None:
    """Print how long customers elsewhere waited for the agents: before the storm, in it, and after the announcement."""
    known = list(other)
    settled = seen.published + timedelta(seconds=plan.patience_s)
    ends = seen.began + timedelta(seconds=plan.seconds)
    far = timedelta(days=1)
    for name, begins, until in (
        ("before the storm", seen.began - far, seen.began), ("storm, not announced", seen.began, seen.published),
        (f"next {plan.patience_s} s", seen.published, settled), ("after that", settled, ends),
    ):  # fmt: skip
        calls = [each for each in known if begins <= each.started_at < until]
        waits = sorted(each.wait_ms / 1000 for each in calls if each.wait_ms is not None and each.agent_id)
        if waits:
            p95 = waits[min(len(waits) - 1, int(0.95 * len(waits)))]
            print(f"customers elsewhere, {name:21} {len(calls):4} calls, {len(waits):4} to an agent, waited "
                  f"{statistics.median(waits):5.1f} s (median), {p95:5.1f} s (95 %)")  # fmt: skip
        else:
            print(f"customers elsewhere, {name:21} {len(calls):4} calls, none to an agent")


def report_radar(inside: Iterable[CallRecord], seen: Seen) -> None:
    """Print after how many calls the radar drafted."""
    if seen.draft is None:
        print("radar: no draft")
        return
    before = sum(each.started_at <= seen.draft.at for each in inside)
    after_s = (seen.draft.at - seen.began).total_seconds()
    print(f"radar: draft after {before} calls, {after_s:.1f} s after the first; {seen.draft.target}; {seen.draft.note}")


if __name__ == "__main__":
    main()
