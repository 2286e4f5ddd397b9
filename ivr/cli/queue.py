"""`ivr queue`: who waits, who is ready, why; move a call, change its priority."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from ivr.cli.at_once import routed
from ivr.settings import settings

if TYPE_CHECKING:
    from ivr.cli.live import Board
    from ivr.record.store import Records
    from routing.router import Router

CALL = "CALL is an id as `ivr queue show` prints it, its beginning or end, or `last`."


@click.group()
def command() -> None:
    """Show who waits and why; move calls, change their priority."""


@command.command()
@click.option("--watch", is_flag=True, help="Refresh every second until Ctrl-C.")
def show(watch: bool) -> None:
    """Queues, calls in line order, and agents with what they do."""
    from ivr.cli import boards, live

    async def work(router: Router) -> None:
        async def read() -> Sequence[Board]:
            seen = await router.snapshot()
            return boards.queue_board(seen), boards.call_board(seen), boards.agent_board(seen)

        if watch:
            await live.watch(read)
        else:
            live.show(await read())

    asyncio.run(routed(settings(), work))


@command.command(epilog=CALL)
@click.argument("call")
@click.option("--reveal", is_flag=True, help="Show the caller's number in full.")
def why(call: str, reveal: bool) -> None:
    """Tell why a CALL waits, or why it went where it went, and what would have to change."""
    from ivr import supervisor

    async def work(router: Router, records: Records) -> None:
        zone = ZoneInfo(settings().timezone)
        for line in await supervisor.explain(router, records, call, zone, reveal=reveal):
            click.echo(line)

    _with_records(work)


@command.command(epilog=CALL)
@click.argument("call")
@click.argument("queue")
@click.option("--language", default="", metavar="LANGUAGE", help="The caller's; as recorded when not given.")
def move(call: str, queue: str, language: str) -> None:
    """Make a waiting CALL wait in QUEUE instead, since its first entry, by that queue's rules."""
    from ivr import supervisor
    from ivr.versions.folder import in_force

    wanted = supervisor.queue_named(asyncio.run(in_force(settings()))[-1].queues, queue)

    async def work(router: Router, records: Records) -> None:
        call_id = await supervisor.waiting_call(router, call)
        spoken = language or await supervisor.language_of(records, call_id)
        position = await supervisor.move(router, call_id, wanted, spoken)
        click.echo(f"call {call_id} now waits in queue {queue}{_place(position)}")

    _with_records(work)


@command.command(epilog=CALL, context_settings={"ignore_unknown_options": True})  # so that -5 is a number
@click.argument("call")
@click.argument("number", type=click.IntRange(-100, 100))
@click.option("--emergency/--no-emergency", default=None, help="Before all calls that are none.")
def priority(call: str, number: int, emergency: bool | None) -> None:
    """Give a waiting CALL the priority NUMBER: -100 to 100; a point is worth a minute of waiting."""
    from ivr import supervisor

    async def work(router: Router) -> None:
        call_id = await supervisor.waiting_call(router, call)
        position = await supervisor.raise_to(router, call_id, number, emergency)
        click.echo(f"call {call_id} has priority {number}{_place(position)}")

    asyncio.run(routed(settings(), work))


def _with_records(work: Callable[[Router, Records], Awaitable[None]]) -> None:
    from ivr.db import Database
    from ivr.record.store import Records

    async def main() -> None:
        database = Database(settings())
        try:
            await routed(settings(), lambda router: work(router, Records(database)))
        finally:
            await database.close()

    asyncio.run(main())


def _place(position: int | None) -> str:
    return f", place {position}" if position else ": it is being offered to an agent"
