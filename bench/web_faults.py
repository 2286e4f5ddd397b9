"""The page killed, stopped and kept busy while calls go through the hotline: how many of them noticed (none may).

`make bench-web-faults`: SIPp places CALLS calls a round, the first round without a fault, while an announcement is live
for half of the callers. A call noticed when SIPp counts it as failed, or has no record, or its record ends otherwise
than that of the caller in the same place of the first round.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shutil
import signal
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from bench.announce_click import AREA, FLOW
from ivr import db
from ivr.access import ROLES
from ivr.db import Database
from ivr.settings import PROJECT
from tests.support.hotline import Hotline
from tests.support.outage import post
from tests.support.sipp import call, patient
from tests.support.web import add_users

CALLS, QUICK, RATE = 200, 20, 4.0
STOPPED_S, ASKERS = 20.0, 8
PATIENCE_S = 40
ROUNDS = 4
CALLERS = [f"+4822111{n:04}" for n in range(ROUNDS * CALLS)]  # each calls once: who calls again is treated otherwise
Ends = dict[int, str]
"""Place of a caller in his round -> how his call ended."""


def killed(hotline: Hotline, over: Callable[[], bool]) -> str:
    """kill -9 it every few seconds; start it again each time."""
    times = 0
    while not over():
        hotline.kill("web")
        times += 1
        hotline.start_web()
        time.sleep(2)
    return f"killed {times} times"


def stopped(hotline: Hotline, over: Callable[[], bool]) -> str:
    """SIGSTOP it for STOPPED_S, or for as long as the calls last."""
    hotline.signal("web", signal.SIGSTOP)
    ends = time.monotonic() + STOPPED_S
    while not over() and time.monotonic() < ends:
        time.sleep(0.2)
    hotline.signal("web", signal.SIGCONT)
    return f"stopped for {STOPPED_S - max(0.0, ends - time.monotonic()):.0f} s"


def busy(hotline: Hotline, over: Callable[[], bool]) -> str:
    """Ask it for pages as fast as it answers, over ASKERS connections at once."""
    def ask() -> int:
        answers = 0
        while not over():
            with contextlib.suppress(OSError, urllib.error.HTTPError):
                urllib.request.urlopen(f"{hotline.page}/login", timeout=10).close()
                answers += 1
        return answers

    with ThreadPoolExecutor(ASKERS) as pool:
        return f"asked for {sum(pool.map(lambda _: ask(), range(ASKERS)))} pages meanwhile"


async def round_of(
    hotline: Hotline, callers: list[str], fault: Callable[[Hotline, Callable[[], bool]], str] | None
) -> tuple[int, int, Ends, str]:
    """Place the calls under a fault. Returns calls SIPp failed, records, how each caller's calls ended, and words."""
    calls, began, done = len(callers), datetime.now(UTC), False
    causing = asyncio.create_task(asyncio.to_thread(fault, hotline, lambda: done)) if fault else None
    try:
        stats = await call(
            hotline.server, "100", calls=calls, rate=RATE, scenario=patient(1000 * PATIENCE_S), from_numbers=callers,
            timeout_s=calls / RATE + PATIENCE_S + 20,
        )  # fmt: skip
    finally:
        done = True
        told = await causing if causing else "no fault"
    ended, ends = 0, {}
    for _ in range(100):
        ended, ends = await read(hotline, began, callers)
        if ended >= calls:
            break
        await asyncio.sleep(0.1)
    return stats.failed + calls - stats.created, ended, ends, told


async def read(hotline: Hotline, since: datetime, callers: list[str]) -> tuple[int, Ends]:
    """Return how many calls ended since, and how."""
    database, c = Database(hotline.settings), db.call.c
    query = sa.select(c.ani, c.disposition).where(c.started_at >= since, c.ended_at.is_not(None))
    async with database.read() as connection:
        rows = (await connection.execute(query)).all()
    await database.close()
    return len(rows), {callers.index(ani): disposition for ani, disposition in rows}


async def measure(hotline: Hotline, calls: int) -> int:
    """Run all rounds and print them; return how many calls noticed."""
    noticed, usual = 0, {}
    rounds = (("no fault", None), ("kill -9", killed), ("SIGSTOP", stopped), ("kept busy", busy))
    for n, (name, fault) in enumerate(rounds):
        failed, ended, ends, told = await round_of(hotline, CALLERS[n * CALLS :][:calls], fault)
        usual = usual or ends
        other = sum(number in ends and ends[number] != way for number, way in usual.items())
        ways = sorted(set(ends.values()))
        print(f"{name}: {calls} calls, {failed} failed, {calls - ended} without a record, {other} that ended "
              f"otherwise than without a fault ({', '.join(ways)}); {told}", flush=True)  # fmt: skip
        noticed += failed + max(0, calls - ended) + other
    print(f"calls that noticed: {noticed}")
    return noticed


def main() -> int:
    """Set up, measure; exit status 1 when any call noticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} calls a round instead of {CALLS}")
    calls = QUICK if parser.parse_args().quick else CALLS
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as name:
        plans = Path(name) / "dialplans"
        shutil.copytree(PROJECT / "dialplans", plans)
        (plans / "flows/main.toml").write_text(FLOW)
        hotline = Hotline(Path(name), log_level="warning", dialplans=plans, confirm_share=1.0)
        try:
            hotline.cli("setup", timeout_s=300)
            rows = [f"{number},{n},Caller {n},{AREA if n % 2 else 'pl/pomorskie/gdansk'}/node-1,pl,normal"
                    for n, number in enumerate(CALLERS)]  # fmt: skip
            lines = ["number,account,name,area,language,class", *rows]
            (hotline.folder / "customers.csv").write_text("\n".join(lines) + "\n")
            hotline.cli("customers", "import", str(hotline.folder / "customers.csv"))
            asyncio.run(add_users(hotline.settings, ROLES))
            hotline.start()
            hotline.start_web()
            post(hotline)
            return min(1, asyncio.run(measure(hotline, calls)))
        finally:
            hotline.stop()


if __name__ == "__main__":
    raise SystemExit(main())
