"""Routing on a virtual clock: expected waits in a storm and on an ordinary day, and 300 agents with 3,000 calls.

    python -m bench.routing_sim [storm|day|mixed|scripts ...] [--seed N] [--agents N] [--calls N]

Every figure follows from the seed: the same seed gives the same figures on any machine. Calls go through the reference
model (`routing.reference`); `scripts` shows that the scripts in Redis do the same. Ends with 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.simulation import report
from bench.simulation.clock import Simulation
from bench.simulation.engines import FirstCome, Skilled
from bench.simulation.load import CALM_MIN, MINUTE_MS, START_MS, Load, day, mixed, storm, storm_wait_s
from bench.simulation.order import Order
from bench.simulation.scripted import Scripted, plain_redis
from bench.simulation.waits import HOUR, LES, RUNNING, Errors, Told, Waits, errors_of

STORMS: tuple[tuple[str, int, bool, Callable[[int], Load]], ...] = (
    ("x10, 30 agents", 3, True, storm),
    ("x50, 30 agents", 1, True, lambda seed: storm(seed, times=50)),
    ("x100, 30 agents", 1, True, lambda seed: storm(seed, times=100)),
    ("x10, 100 agents", 1, True, lambda seed: storm(seed, agents=100)),
    ("x10, 10 agents", 3, False, lambda seed: storm(seed, agents=10)),
    ("x3, 30 agents", 3, False, lambda seed: storm(seed, times=3)),
    ("x10, talks half as long", 3, False, lambda seed: storm(seed, talk_factor=0.5)),
    ("x10, all equally patient", 3, False, lambda seed: storm(seed, patience_variation=0.7)),
)
STORM_NOTE = (
    "Told as a call began to wait, from the first minute of the storm on. "
    "Errors in parts of the mean wait (times ours).\n"
    "means known: the same sum with the true means of talks and patience, which no estimate can know.\n"
    "* no goal. Few agents, small wave: mostly chance, as `means known` shows. Talks that become shorter as the storm "
    "begins,\n  patience far from exponential (log-normal, deviation 0.7 of its mean): nothing learnt before tells."
)


def main() -> None:
    """Run what was asked for and print it."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("what", nargs="*", metavar="storm|day|mixed|scripts", help="all of them when left out")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--agents", type=int, default=300)
    arguments.add_argument("--calls", type=int, default=3_000)
    chosen = arguments.parse_args()
    parts: Mapping[str, Callable[[], bool]] = {
        "storm": lambda: storms(chosen.seed),
        "day": lambda: ordinary_day(chosen.seed),
        "mixed": lambda: many(chosen.seed, chosen.agents, chosen.calls),
        "scripts": lambda: scripts(chosen.seed, chosen.agents, chosen.calls),
    }
    unknown = sorted(set(chosen.what) - set(parts))
    if unknown:
        arguments.error(f"{unknown[0]}: expected {', '.join(parts)}")
    began = time.perf_counter()
    print(f"routing on a virtual clock, seed {chosen.seed}, Python {platform.python_version()}\n")
    held = [parts[what]() for what in chosen.what or parts]
    print(f"{time.perf_counter() - began:.0f} s; goals {'held' if all(held) else 'MISSED'}")
    sys.exit(0 if all(held) else 1)


def storms(seed: int) -> bool:
    """Estimates of all ways in storms of several sizes; the goal is that of the storm x10, x50 and x100."""
    rows, held = [], True
    for name, seeds, goal, make in STORMS:
        told = [each for n in range(seeds) for each in told_in_storm(make(seed + n))]
        errors = by_way(told)
        rows.append(report.storm_row(name + ("" if goal else " *"), errors))
        held = held and (not goal or report.holds_g14(errors))
    report.show("Expected wait in a storm: one queue", report.STORM_HEAD, rows, f"{STORM_NOTE}\n{report.NEAR_NOTE}")
    return held


def told_in_storm(load: Load) -> list[Told]:
    """Run a storm; return what was told at entry once it had begun. One queue needs no skills: first come is enough."""
    waits = Waits(storm_wait_s)
    Simulation(load, FirstCome(load), (waits,), asks=1, skilled=False).run()
    return [told for told in waits.told if not told.later and told.at_ms >= START_MS + CALM_MIN * MINUTE_MS]


def ordinary_day(seed: int) -> bool:
    """Eight queues, four languages, agents of several skills, through the reference model."""
    load, waits = day(seed), Waits()
    Simulation(load, Skilled(load), (waits,), asks=60).run()
    entering = [told for told in waits.told if not told.later]
    parts = {"all, as they began to wait": entering, "all, each minute later": [t for t in waits.told if t.later]}
    for told in sorted(entering, key=lambda told: told.life.caller.line.name):
        parts.setdefault(told.life.caller.line.name, []).append(told)
    rows = [report.day_row(name, by_way(part)) for name, part in parts.items()]
    title = f"Expected wait on an ordinary day: {len(load.callers)} calls, {len(load.agents)} agents of several skills"
    report.show(title, report.DAY_HEAD, rows, report.NEAR_NOTE)
    errors = by_way(entering)
    return all(errors["QLm"].rmse_s < errors[way].rmse_s for way in (LES, RUNNING, HOUR))


def by_way(told: list[Told]) -> dict[str, Errors]:
    """Return the errors of each way to estimate."""
    return {each.way: each for each in errors_of(told)}


def many(seed: int, agents: int, calls: int) -> bool:
    """Mixed skills, relax steps, priorities; against first come, first served without skills."""
    load = mixed(seed, agents=agents, calls=calls)
    simulation = Simulation(load, Skilled(load))
    order = Order(load, simulation.lives)
    simulation.watchers = (order,)
    run = simulation.run()
    plain = Simulation(load, FirstCome(load), skilled=False).run()
    minutes = run.open_ms / MINUTE_MS
    title = f"{agents} agents, {calls} calls within {minutes:.0f} minutes: mixed skills, relax steps, priorities"
    report.show(title, report.COMPARED_HEAD, report.compared(run, plain))
    report.show(
        "By class of calls", report.CLASS_HEAD, report.class_rows(run, plain), "\n".join(report.order_lines(order, run))
    )
    return not (order.not_able or order.not_best or order.overtaken)


def scripts(seed: int, agents: int, calls: int) -> bool:
    """The same calls over the scripts on a real Redis whose time is moved: is every call's fate the model's?"""
    load = mixed(seed, agents=agents, calls=calls)
    expected = Simulation(load, Skilled(load)).run().fates
    with tempfile.TemporaryDirectory(prefix="hotline-sim-") as folder, plain_redis(Path(folder)) as real:
        found = Simulation(load, Scripted(load, real)).run().fates
    same = sum(mine == theirs for mine, theirs in zip(found, expected, strict=True))
    print(f"The same {calls} calls over the scripts on a real Redis: {same} of {calls} as the model has it\n")
    return same == len(expected)


if __name__ == "__main__":
    main()
