"""Change the call flows under load: `make bench-reload`. A hotline of its own, SIPp as the callers.

1  RATE calls a second; every EVERY_S another of two versions goes live. Goals: no call fails, no call's trace holds
   steps or prompts of two versions, every controller has it within a second.
2  A file with mistakes, twice: refused, the old version stays live, calls go on.
3  A version that fails every call is tried on a share of calls. Goal: gone after a handful of them.

Exit status 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ivr import db
from ivr.db import Database
from ivr.reload import reload
from ivr.versions.model import ROLLED_BACK, Change
from ivr.versions.store import Versions
from tests.support.hotline import Hotline
from tests.support.sipp import Stats, call

EVERY_S = 2.0
SHARE = 10.0
LATENCY_MS = 1000  # from the commit until the last controller has it
CANARY_ENDED, CANARY_S = 5, 10.0  # calls that ended badly before it was gone; seconds
PROMPTS = {"a": ("welcome", "closed"), "b": ("too_many_tries", "no_agents")}  # no prompt in both
NUMBERS = '[numbers.100]\nflow = "main"\nlanguage = "pl"\n[targets]\nnowhere = "PJSIP/nowhere"\n'
QUEUES = '[queues.support]\nneed = "internet"\nkeys = "*"\n'


def good(which: str) -> str:
    """Return the flow of one version: its steps and prompts are its own."""
    first, second = PROMPTS[which]
    return f"""title = "Version {which}"
start = "{which}_first"
rescue = "{which}_end"
[steps.{which}_first]
kind = "say"
prompt = "{first}"
next = "{which}_second"
[steps.{which}_second]
kind = "say"
prompt = "{second}"
next = "{which}_end"
[steps.{which}_end]
kind = "hangup"
"""


BAD = """title = "Connects to a phone nobody has registered"
start = "c_first"
rescue = "c_first"
[steps.c_first]
kind = "transfer"
target = "nowhere"
"""


@dataclass
class Report:
    """What was measured: rows of the table, and which goals were missed."""

    rows: list[tuple[str, str, str]] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def add(self, what: str, found: object, goal: str = "", met: bool = True) -> None:
        """Note a figure and whether its goal was met."""
        self.rows.append((what, str(found), goal if met else f"{goal}  MISSED"))
        if not met:
            self.missed.append(what)

    def show(self) -> None:
        """Print the table."""
        wide = max(len(row[0]) for row in self.rows)
        for what, found, goal in self.rows:
            print(f"{what:{wide}}  {found:>24}  {goal}")


def main() -> None:
    """Run it and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rate", type=float, default=20)
    arguments.add_argument("--seconds", type=float, default=60)
    chosen = arguments.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as name:
        folder = Path(name)
        dialplans = folder / "dialplans"
        (dialplans / "flows").mkdir(parents=True)
        (dialplans / "numbers.toml").write_text(NUMBERS)
        (dialplans / "queues.toml").write_text(QUEUES)
        (dialplans / "hours.toml").write_text('timezone = "Europe/Warsaw"\n')
        write(dialplans, good("a"))
        hotline = Hotline(folder, dialplans=dialplans, log_level="warning", rtp_start=40000, rtp_end=45999)
        try:
            hotline.start()
            asyncio.run(measure(hotline, dialplans, chosen.rate, chosen.seconds, report))
        finally:
            hotline.stop()
    report.show()
    sys.exit(f"missed: {', '.join(report.missed)}" if report.missed else 0)


def write(dialplans: Path, flow: str) -> None:
    """Write the one flow."""
    (dialplans / "flows" / "main.toml").write_text(flow)


async def measure(hotline: Hotline, dialplans: Path, rate: float, seconds: float, report: Report) -> None:
    """Run the three parts one after the other."""
    database = Database(hotline.settings)
    try:
        await change_under_load(hotline, dialplans, database, rate, seconds, report)
        await fail_as_canary(hotline, dialplans, database, rate, report)
    finally:
        await database.close()


# -- 1 and 2


async def change_under_load(
    hotline: Hotline, dialplans: Path, database: Database, rate: float, seconds: float, report: Report
) -> None:
    """Let calls come, change versions meanwhile, then two broken files; look at every call afterwards."""
    calls = int(rate * seconds)
    load = asyncio.create_task(_calls(hotline, calls, rate, seconds))
    moments, latencies, ends = [], [], time.monotonic() + seconds - 8
    which = "a"
    while time.monotonic() < ends:
        await asyncio.sleep(EVERY_S)
        which = "b" if which == "a" else "a"
        write(dialplans, good(which))
        done = await reload(hotline.settings, author="bench")
        assert done.change is not None
        moments.append(datetime.now(UTC))
        latencies.append(done.heard.after_ms if done.heard.taken else 10_000)
    refused = [await _refused(hotline, dialplans, database, mistake) for mistake in ("rescu", "prompts")]
    stats = await load
    await asyncio.sleep(2)
    rows, traces = await _records(database)
    lengths = [(row.ended_at - row.started_at).total_seconds() for row in rows if row.ended_at]
    failed = stats.failed + sum(row.disposition != "completed" for row in rows) + abs(calls - len(rows))
    mixed = sum(_mixed(traces.get(row.call_id, ())) for row in rows)
    over = sum(any(row.started_at < at < (row.ended_at or at) for at in moments) for row in rows)
    report.add("calls", f"{calls} at {rate:g}/s")
    report.add("length of a call", f"{statistics.median(lengths):.1f} s")
    report.add("versions made live meanwhile", len(moments))
    report.add("calls a version changed under", over, "more than half", over * 2 > calls)
    report.add("calls failed", failed, "0", failed == 0)
    report.add("calls of two versions", mixed, "0", mixed == 0)
    report.add("trace entries looked at", sum(map(len, traces.values())))
    told = f"{statistics.median(latencies):.0f} / {max(latencies)} ms"
    report.add("until live, median / longest", told, f"at most {LATENCY_MS} ms", max(latencies) <= LATENCY_MS)
    report.add("broken files refused", f"{sum(refused)} of {len(refused)}", "all", all(refused))


async def _calls(hotline: Hotline, calls: int, rate: float, seconds: float) -> Stats:
    return await call(hotline.server, "100", calls=calls, rate=rate, talk_ms=None, timeout_s=seconds + 60)


async def _refused(hotline: Hotline, dialplans: Path, database: Database, word: str) -> bool:
    """Write a mistake, reload by the command; tell whether it was refused with a finding and nothing changed."""
    file = dialplans / "flows" / "main.toml"
    right = file.read_text()
    before = await Versions(database).last()
    file.write_text(right.replace("rescue", word) if word == "rescu" else right.replace("prompt =", "prompts ="))
    run = await asyncio.to_thread(hotline.cli, "dialplan", "reload", check=False)
    file.write_text(right)
    told = "main.toml" in run.stderr and "nothing changed" in run.stderr
    return run.returncode == 1 and told and before == await Versions(database).last()


def _mixed(entries: Iterable[Any]) -> bool:
    """Tell whether a call's trace holds steps or prompts of more than one version."""
    seen = set()
    for entry in entries:
        if entry.step:
            seen.add(entry.step.partition("_")[0])
        spoken = str(entry.detail.get("prompt", "")).rpartition("/")[2]
        seen |= {which for which, prompts in PROMPTS.items() if spoken in prompts}
    return len(seen) != 1


async def _records(database: Database, since: datetime | None = None) -> tuple[list[Any], dict[str, list[Any]]]:
    """Return the calls and their traces."""
    async with database.read() as connection:
        query = sa.select(db.call)
        rows = (await connection.execute(query if since is None else query.where(db.call.c.started_at >= since))).all()
        entries = (await connection.execute(sa.select(db.call_trace))).all()
    traces: dict[str, list[Any]] = {}
    for entry in entries:
        traces.setdefault(entry.call_id, []).append(entry)
    return list(rows), traces


# -- 3


async def fail_as_canary(hotline: Hotline, dialplans: Path, database: Database, rate: float, report: Report) -> None:
    """Let a version that fails every call be tried; wait until it is gone."""
    seconds = 25.0
    load = asyncio.create_task(_calls(hotline, int(rate * seconds), rate, seconds))
    await asyncio.sleep(5)
    write(dialplans, BAD)
    began = datetime.now(UTC)
    done = await reload(hotline.settings, author="bench", share=SHARE)
    change = await _rolled_back(database, seconds)
    stats = await load
    await asyncio.sleep(2)
    rows, _ = await _records(database, began)
    tried = [row for row in rows if row.flow_version == done.content.version]
    failed = sum(row.disposition == "failed" for row in rows)
    assert done.change is not None
    took = (change.at - done.change.at).total_seconds() if change else float("nan")
    report.add("a version that fails, tried on", f"{SHARE:g} % of {int(rate * seconds)} calls")
    report.add("rolled back", "yes" if change else "no", "yes", change is not None)
    report.add("gone after", f"{took:.1f} s", f"at most {CANARY_S:g} s", took <= CANARY_S)
    until = change.at if change else datetime.now(UTC)
    ended = sum(row.ended_at is not None and row.ended_at <= until for row in tried)
    late = sum(row.started_at > until for row in tried)
    report.add("its calls that had ended by then", ended, f"at most {CANARY_ENDED}", ended <= CANARY_ENDED)
    report.add("its calls that were up, and kept it", len(tried) - ended - late)
    report.add("calls it got afterwards", late, "0", late == 0)
    report.add("calls failed in total", failed, "only its own", failed <= len(tried))
    report.add("calls cut off", stats.failed, "0", stats.failed == 0)
    print(f"reason: {change.why if change else ''}")


async def _rolled_back(database: Database, patience_s: float) -> Change | None:
    """Return the line of the history that says so, None when there was none in time."""
    ends = time.monotonic() + patience_s
    while time.monotonic() < ends:
        last = await Versions(database).last()
        if last and last.state == ROLLED_BACK:
            return last
        await asyncio.sleep(0.1)
    return None


if __name__ == "__main__":
    main()
