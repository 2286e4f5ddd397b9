"""`ivr queue`: who waits, who is ready."""

from __future__ import annotations

import asyncio

import click
from rich.console import Console
from rich.table import Table

from ivr.settings import settings
from routing.model import Snapshot


@click.group()
def command() -> None:
    """Show who waits and who is ready."""


@command.command()
@click.option("--watch", is_flag=True, help="Refresh every second until Ctrl-C.")
def show(watch: bool) -> None:
    """Calls in line order, and agents with what they do."""
    asyncio.run(_show(watch))


async def _show(watch: bool) -> None:
    from rich.live import Live as Screen

    from ivr.app import router_redis
    from routing.router import Router

    redis = router_redis(settings())
    router = Router(redis, controller_id="command-line")
    try:
        if not watch:
            console = Console()
            for table in _tables(await router.snapshot()):
                console.print(table)
            return
        with Screen(refresh_per_second=4) as screen:
            while True:
                grid = Table.grid()
                for table in _tables(await router.snapshot()):
                    grid.add_row(table)
                screen.update(grid)
                await asyncio.sleep(1)
    finally:
        await router.close()
        await redis.aclose()


def _tables(snapshot: Snapshot) -> tuple[Table, Table]:
    calls = Table(title=f"Calls ({len(snapshot.waiting)} waiting)", title_justify="left")
    for heading in ("#", "call", "queue", "need", "priority", "state", "waited", "agent"):
        calls.add_column(heading)
    for n, call in enumerate(snapshot.calls, 1):
        calls.add_row(
            str(n),
            call.call_id,
            call.queue,
            call.need,
            str(call.priority),
            call.state,
            _age(snapshot.now_ms - call.entered_ms),
            call.agent_id,
        )
    agents = Table(title=f"Agents ({len(snapshot.agents)})", title_justify="left")
    for heading in ("agent", "name", "status", "state", "for", "skills", "call"):
        agents.add_column(heading)
    for agent in snapshot.agents:
        skills = ", ".join(f"{skill} {level}" for skill, level in sorted(agent.skills.items()))
        agents.add_row(
            agent.agent_id,
            agent.name,
            agent.status,
            agent.state,
            _age(snapshot.now_ms - agent.since_ms),
            skills,
            agent.call_id,
        )
    return calls, agents


def _age(ms: int) -> str:
    seconds = max(0, ms // 1000)
    return f"{seconds // 60}:{seconds % 60:02d}"
