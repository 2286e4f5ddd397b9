"""What an operation costs the controller: each sent alone by the package's own client. Used by routing_bench."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import redis.asyncio

from bench.routing_cells import Cell
from routing.link import command_client
from routing.scripts import Scripts


@dataclass(frozen=True)
class ClientCost:
    """Microseconds of one operation. wall_us  median, from the call to the reply.  cpu_us  of this process, mean."""

    wall_us: float
    cpu_us: float


async def client_costs(url: str, cell: Cell, cycles: int) -> dict[str, ClientCost]:
    """Run cycles through `routing.scripts.Scripts`, one operation after the other; return label -> cost."""
    given = redis.asyncio.Redis.from_url(url, decode_responses=True)
    client = command_client(given)
    scripts = Scripts(client, cell.root)
    walls: dict[str, list[float]] = {}
    cpus: dict[str, list[float]] = {}
    for _ in range(cycles):
        cell.labels.clear()
        cell.line_cycle()
        for label, (operation, values) in zip(cell.labels, cell.pending, strict=True):
            script, arguments = cell.wire.arguments(operation, **values)
            cpu, begin = time.process_time(), time.perf_counter()
            await scripts.run(script, **arguments)
            walls.setdefault(label, []).append((time.perf_counter() - begin) * 1e6)
            cpus.setdefault(label, []).append((time.process_time() - cpu) * 1e6)
        cell.pending.clear()
    await client.aclose()
    await given.aclose()
    return {label: ClientCost(statistics.median(walls[label]), statistics.mean(cpus[label])) for label in walls}
