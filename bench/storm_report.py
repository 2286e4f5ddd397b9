"""What `make bench-storm` prints: from call records, hearings, SIPp's own counts, previews beside real matching."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from ivr.announce.match import match
from ivr.announce.model import Target, Version
from ivr.announce.preview import Preview
from ivr.call import Customer
from ivr.db import Database
from ivr.desk.customers import Customers
from ivr.number import normalise
from ivr.record.hearing import QUEUE, Hearing, Hearings
from ivr.record.model import CallRecord
from ivr.record.store import Records
from tests.support.outage import DISTRICT
from tests.support.sipp import Stats

MOST_CALLS = 20_000
PREVIEWED = {
    "the district": Target(areas=(DISTRICT,)),
    "one of its 40 nodes": Target(areas=(f"{DISTRICT}/node-7",)),
    "a node and a prefix": Target(areas=(f"{DISTRICT}/node-7",), prefix="+4822500"),
}


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
    await report_preview(database, seen.live, today)


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


async def report_preview(database: Database, live: Version, calls: Iterable[CallRecord]) -> None:
    """Print what previews say, and what matching every customer and every call of 24 hours one by one says."""
    now = datetime.now(UTC)
    customers = await Customers(database, database.settings).load()
    preview = Preview(database, database.settings)
    for name, target in PREVIEWED.items():
        version = replace(live, target=target)
        said = await preview.preview(version, now)
        concerned = sum(_hears(version, each.number, "100", each) for each in customers.values())
        matched = 0
        for each in calls:
            number = normalise(each.ani, database.settings.country_code)
            matched += _hears(version, number, each.dnis, customers.get(number))
        print(f"preview for {name:20} {said.customers:6} of {said.total} customers, {said.calls_24h:6} of "
              f"{said.calls_24h_all} calls of 24 hours; one by one {concerned:6} and {matched:6}")  # fmt: skip


def _hears(version: Version, number: str, dnis: str, customer: Customer | None) -> bool:
    return bool(match((version,), number=number, dnis=dnis, customer=customer, service="", now=version.at))
