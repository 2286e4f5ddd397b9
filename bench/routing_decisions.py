"""Redis microseconds per decision at every size, rounds interleaved with the naive router. Used by routing_bench."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import redis

from bench.routing_cells import Cell, Size, Wire, script_us
from bench.routing_naive import NaiveRouter

MOVED = 1.2
LONGEST_LOG = 100_000
# A slow machine gets fewer rounds: none begins after so long, but for the first few.
ROUNDS_S, ROUNDS_LEAST = 100, 3
PROBE = "local n = 0 for i = 1, 2000 do n = n + #redis.call('ECHO', 'x' .. i) end return n"
# What each operation is called in the tables.
SHORT = {
    "enqueue, nobody ready": "enqueue", "idle -> call": "idle>call", "ready, nobody waits": "ready",
    "enqueue, agent ready": "enq>agent", "take": "take", "accept": "accept", "refuse": "refuse", "abandon": "abandon",
    "complete": "complete", "position": "position",
}  # fmt: skip
DECISIONS = tuple(SHORT)[:4]
Costs = dict[str, float]


@dataclass(frozen=True)
class Sizes:
    """What is measured: each axis with the others at 1000 waiting, 1000 ready, 4 needs, 4 fitting."""

    rounds: int
    cycles: int
    waiting: tuple[int, ...]
    ready: tuple[int, ...]
    needs: tuple[int, ...]
    naive: tuple[int, ...]

    def all(self) -> list[Size]:
        """Return every size once."""
        found = [Size(waiting=n) for n in self.waiting] + [Size(ready=n) for n in self.ready]
        found += [Size(needs=n) for n in self.needs] + [Size(needs=64, fitting=64)]
        return list(dict.fromkeys(found))


@dataclass
class Visit:
    """One measured visit. probe_ms  the slower of the probes before and after, `moved` times the other."""

    costs: Costs
    probe_ms: float
    moved: float


Arm = Size | str


class Visits:
    """All visits of all arms, by round."""

    def __init__(self) -> None:
        self.rounds: list[dict[Arm, Visit]] = []

    def of(self, arm: Arm) -> list[Visit]:
        """Return the visits that are not void; all when fewer than three are left."""
        found = [visits[arm] for visits in self.rounds]
        kept = [visit for visit in found if visit.moved <= MOVED]
        return kept if len(kept) >= ROUNDS_LEAST else found

    def median(self, arm: Arm, operation: str) -> float:
        """Return the median over the visits of an arm."""
        return statistics.median(visit.costs[operation] for visit in self.of(arm))

    def ratio(self, one: Arm, other: Arm, operation: str, other_operation: str = "") -> tuple[float, float, float]:
        """Return the quartiles of one/other, each ratio within a round."""
        kept = []
        for void_too in (False, True):
            kept = [
                visits[one].costs[operation] / visits[other].costs[other_operation or operation]
                for visits in self.rounds
                if void_too or max(visits[one].moved, visits[other].moved) <= MOVED
            ]
            if len(kept) >= ROUNDS_LEAST:
                break
        low, middle, high = statistics.quantiles(kept, n=4, method="inclusive") if len(kept) > 1 else kept * 3
        return low, middle, high


def measure(client: redis.Redis, wire: Wire, sizes: Sizes, seed: int) -> tuple[Visits, dict[Size, Cell]]:
    """Load everything, then visit every arm in every round, in random order."""
    chance, now_ms, begin = random.Random(seed), int(time.time() * 1000), time.monotonic()
    cells = {size: Cell(client, wire, size, random.Random(f"{seed} {size}"), now_ms) for size in sizes.all()}
    naive = [NaiveRouter(client, n, packed=packed) for packed in (False, True) for n in sizes.naive]
    for cell in cells.values():
        cell.load()
    for other in naive:
        other.load()
    waiting = sum(size.waiting for size in cells)
    print(f"{len(cells)} groups with {waiting:,} waiting calls loaded in {time.monotonic() - begin:.0f} s", flush=True)
    arms: dict[Arm, Callable[[], Costs]] = {other.name: other.costs for other in naive}
    for size, cell in cells.items():
        arms[size] = partial(cell_costs, cell, sizes.cycles)
        if size == Size(waiting=size.waiting) and size.waiting in sizes.naive:
            arms[f"hotline {size.waiting}"] = partial(one_by_one, cell, 20)
    visits, end = Visits(), time.monotonic() + ROUNDS_S
    for number in range(sizes.rounds):
        if number >= ROUNDS_LEAST and time.monotonic() > end:
            break
        order = chance.sample(list(arms), len(arms))
        visits.rounds.append({arm: visited(client, arms[arm]) for arm in order})
    return visits, cells


def visited(client: redis.Redis, work: Callable[[], Costs]) -> Visit:
    """Measure between two probes."""
    before = probe_ms(client)
    costs = work()
    after = probe_ms(client)
    return Visit(costs, max(before, after), max(before, after) / min(before, after))


def probe_ms(client: redis.Redis) -> float:
    """Return how long a fixed script takes just now: the least of three."""

    def once() -> float:
        begin = time.perf_counter()
        client.eval(PROBE, 0)
        return (time.perf_counter() - begin) * 1000

    return min(once() for _ in range(3))


def cell_costs(cell: Cell, cycles: int) -> Costs:
    """Return the median Redis microseconds of each operation over some cycles."""

    def work() -> None:
        for _ in range(cycles):
            cell.line_cycle()
        for _ in range(cycles // 5):
            cell.desk_cycle(min(8, cell.size.ready))

    return {label: statistics.median(us) for label, us in server_us(cell.client, cell, work).items()}


def server_us(client: redis.Redis, cell: Cell, work: Callable[[], None]) -> dict[str, list[int]]:
    """Run `work` on a cell; return label -> microseconds of each script by Redis's own clock."""
    cell.labels.clear()
    client.config_set("slowlog-max-len", LONGEST_LOG)
    client.slowlog_reset()
    client.config_set("slowlog-log-slower-than", 0)
    work()
    cell.send()
    client.config_set("slowlog-log-slower-than", -1)
    costs: dict[str, list[int]] = {}
    for label, us in zip(cell.labels, script_us(client), strict=True):
        costs.setdefault(label, []).append(us)
    return costs


def one_by_one(cell: Cell, count: int) -> Costs:
    """Return wall and client CPU microseconds of agent idle -> call, sent alone by the client the naive arm uses."""
    walls, cpus = [], []
    for _ in range(count):
        cell.labels.clear()
        cell.life()
        for label, (operation, values) in zip(cell.labels, cell.pending, strict=True):
            cpu, begin = time.process_time(), time.perf_counter()
            cell.client.execute_command(*cell.wire.words(operation, cell.root, **values))
            if label == "idle -> call":
                walls.append((time.perf_counter() - begin) * 1e6)
                cpus.append((time.process_time() - cpu) * 1e6)
        cell.pending.clear()
    return {"wall": statistics.median(walls), "cpu": statistics.median(cpus)}


def table(visits: Visits, sizes: Sizes) -> str:
    """Return Redis microseconds of each operation at each size."""
    some = [visit for each in visits.rounds for visit in each.values()]
    probes = sorted(visit.probe_ms for visit in some)
    lines = [
        f"probe {probes[0]:.2f} to {probes[-1]:.2f} ms, median {statistics.median(probes):.2f}; "
        f"{sum(visit.moved > MOVED for visit in some)} of {len(some)} visits void",
        "",
        f"Redis microseconds per operation, medians of {len(visits.rounds)} rounds (idle>call: an agent becomes ready "
        "and gets a call; ready: nobody waits; enq>agent: somebody is ready)",
        "waiting   ready needs fit" + "".join(f"{name:>10}" for name in SHORT.values()),
    ]
    for size in sizes.all():
        row = "".join(f"{visits.median(size, name):>10.1f}" for name in SHORT)
        lines.append(f"{size.waiting:>7} {size.ready:>7} {size.needs:>5} {size.fitting:>3}{row}")
    return "\n".join(lines)


def growth(visits: Visits, small: Size, large: Size) -> tuple[str, float]:
    """Return a line with the ratio large/small of every operation (quartiles), and the worst of the decisions."""
    found = {name: visits.ratio(large, small, name) for name in SHORT}
    words = ", ".join(f"{SHORT[name]} {q2:.2f} ({q1:.2f}-{q3:.2f})" for name, (q1, q2, q3) in found.items())
    return f"{large} against {small}:\n    {words}", max(found[name][1] for name in DECISIONS)
