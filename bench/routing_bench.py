"""What a routing decision costs, on a real Redis: goals G6-G10 and G13. `make bench-routing` runs it.

Groups of different sizes lie in one Redis (append-only file on, as in production) and are measured in turn, rounds
interleaved in random order with a naive router in Python; all figures are medians of rounds. Redis's microseconds are
its own: the slow log of every script. Before and after each visit a fixed script tells how fast the machine is just
now; a visit during which that moved by 20 % is void. Compare inside one run only.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import redis
import uvloop

from bench import routing_decisions as decisions
from bench.routing_cells import Size, Wire
from bench.routing_client import client_costs
from bench.routing_decisions import SHORT, Sizes, Visits
from bench.routing_lives import lives_on_redis, lives_through_router, rest, wave
from tests.support.redis import real_redis

FULL = Sizes(9, 60, (10, 100, 1000, 10_000, 100_000), (10, 100, 1000, 10_000), (1, 4, 16, 64), (10, 100, 1000, 10_000))
QUICK = Sizes(3, 15, (10, 1000), (10, 1000), (1, 4, 64), (10, 1000))


@dataclass
class Goals:
    """Goals as they come out."""

    lines: list[str] = field(default_factory=list)

    def most(self, name: str, what: str, value: float, limit: float) -> None:
        """Note a goal whose value must not be above the limit."""
        self._line(value <= limit, name, what, value, f"<= {limit:,g}")

    def least(self, name: str, what: str, value: float, limit: float) -> None:
        """Note a goal whose value must not be below the limit."""
        self._line(value >= limit, name, what, value, f">= {limit:,g}")

    def unknown(self, name: str, what: str) -> None:
        """Note a goal without a figure, with the reason."""
        self.lines.append(f"NOT MET  {name:<4} {what}")

    def _line(self, met: bool, name: str, what: str, value: float, limit: str) -> None:
        self.lines.append(f"{'met' if met else 'NOT MET':<8} {name:<4} {what:<76} {value:>10,.2f}   goal {limit}")


def main() -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="some seconds only, figures of little worth")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    uvloop.run(run(chosen.quick, chosen.seed))


async def run(quick: bool, seed: int) -> None:
    """Start a Redis, measure, print."""
    begin, goals, sizes = time.monotonic(), Goals(), QUICK if quick else FULL
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder:
        async with real_redis(Path(folder), appendonly=True) as server:
            client = redis.Redis.from_url(server.url, decode_responses=True)
            client.config_set("slowlog-log-slower-than", -1)
            print(heading(client, seed), flush=True)
            wire = Wire(client)
            visits, cells = await asyncio.to_thread(decisions.measure, client, wire, sizes, seed)
            redis_time(visits, sizes, goals)
            costs = await client_costs(server.url, cells[Size()], sizes.cycles * 2)
            print("\nThe controller's part, one operation at a time, microseconds: wall (median), CPU (mean)")
            for label, cost in costs.items():
                print(f"    {SHORT[label]:<10} {cost.wall_us:>7.0f} {cost.cpu_us:>7.0f}")
            lives_us = lives_on_redis(client, cells[Size()], sizes.cycles * 50)
            client.flushall()
            await whole_lives(server.url, quick, lives_us, goals)
            relaxation(client, wire, 1000 if quick else 10_000, goals)
            client.close()
    print("\nGoals\n" + "\n".join(goals.lines) + f"\n\n{time.monotonic() - begin:.0f} s in all")


def heading(client: redis.Redis, seed: int) -> str:
    """Return machine, versions, commit, seed."""
    server = client.info("server")
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    processor = models[0].partition(":")[2].strip() if models else platform.machine()
    return (
        f"{processor}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; "
        f"{server.get('server_name', 'redis')} {server['redis_version']}, append-only file every second; "
        f"Python {platform.python_version()}, redis-py {redis.__version__}; commit {commit.stdout.strip()}; seed {seed}"
    )


def redis_time(visits: Visits, sizes: Sizes, goals: Goals) -> None:
    """Print tables and note G6, G7, G8."""
    print(decisions.table(visits, sizes))
    usual, many = Size(), Size(needs=64, fitting=64)
    goals.most("G6", "Redis us, agent idle -> call, 4 fitting", visits.median(usual, "idle -> call"), 30)
    goals.most("G6", "Redis us, enqueue, 4 fitting", visits.median(usual, "enqueue, nobody ready"), 20)
    goals.most("G6", "Redis us, agent idle -> call, 64 classes fitting", visits.median(many, "idle -> call"), 80)
    goals.most("G6", "Redis us, enqueue, 64 groups fitting", visits.median(many, "enqueue, nobody ready"), 80)
    print("\nGrowth, ratios within a round: median (quartiles)")
    axes = (("waiting", sizes.waiting, 1.5), ("ready", sizes.ready, 1.5), ("needs", sizes.needs, 1.3))
    for axis, values, limit in axes:
        first, last = values[0], values[-1]
        line, worst = decisions.growth(visits, Size(**{axis: first}), Size(**{axis: last}))
        print(line)
        goals.most("G7", f"growth, {first:,} -> {last:,} {axis}: worst decision", worst, limit)
    print("\nAgent idle -> call against a naive router (ZRANGE and choosing in Python), wall / client CPU microseconds")
    for waiting in sizes.naive:
        arms = [f"hotline {waiting}", f"naive {waiting}", f"naive, packed {waiting}"]
        cells = "".join(f"{visits.median(arm, 'wall'):>14,.0f} / {visits.median(arm, 'cpu'):<9,.0f}" for arm in arms)
        ratios = " ".join(f"{visits.ratio(arm, arms[0], 'wall')[1]:>9,.0f} x" for arm in arms[1:])
        print(f"    {waiting:>7,} waiting: hotline{cells}(naive, naive packed){ratios}")
        if waiting in (1000, 10_000):
            goals.least(
                "G8", f"times faster than a ZRANGE scan in Python, {waiting:,} waiting",
                visits.ratio(arms[1], arms[0], "wall")[1], waiting / 10,
            )  # fmt: skip


async def whole_lives(url: str, quick: bool, lives_us: float, goals: Goals) -> None:
    """Note G9 and G10."""
    waiting = 100 if quick else 1000
    empty, full = await rest(url, waiting, 1 if quick else 5)
    print(
        f"\nAt rest, one controller: {empty.commands_per_s:.1f} Redis commands, {empty.cpu_us_per_s:,.0f} us CPU a "
        f"second; with {waiting:,} callers waiting {full.commands_per_s:.1f} and {full.cpu_us_per_s:,.0f}"
    )
    more = (full.commands_per_s - empty.commands_per_s) / waiting
    goals.most("G9", "Redis commands a second per waiting caller", round(max(0.0, more), 2), 0)
    more = (full.cpu_us_per_s - empty.cpu_us_per_s) / waiting
    goals.most("G9", "controller CPU us a second per waiting caller (1 is the clock's noise)", max(0.0, more), 1)
    goals.least(
        "G10", "call lives a second per Redis core: enqueue, match, take, accept, complete", 1e6 / lives_us, 10_000
    )
    lives = await lives_through_router(url, 50, 100, 1 if quick else 6)
    print(
        f"Whole lives: Redis {lives_us:.0f} us CPU each in pipelines; through one Router {lives.redis_us:.0f} us "
        f"Redis and {lives.client_us:.0f} us controller CPU each, 100 callers at once, 50 agents, {lives.failed} failed"
    )
    goals.least("G10", "call lives a second through one Router in one process", lives.lives_per_s, 2000)


def relaxation(client: redis.Redis, wire: Wire, calls: int, goals: Goals) -> None:
    """Note G13."""
    try:
        found = wave(client, wire, calls)
    except TimeoutError as error:
        goals.unknown("G13", str(error))
        return
    print(
        f"Relaxation wave: {found.matched:,} of {found.calls:,} calls offered in {found.all_ms:,.0f} ms by "
        f"{found.sweeps} sweeps, the longest {found.longest_ms:.1f} ms"
    )
    if found.matched < calls:
        goals.unknown("G13", f"only {found.matched:,} of {calls:,} calls were offered")
    goals.most("G13", f"relaxation wave of {calls:,}: longest script, ms", found.longest_ms, 5)
    goals.most("G13", f"relaxation wave of {calls:,}: all matched, ms", found.all_ms, 200)


if __name__ == "__main__":
    main()
