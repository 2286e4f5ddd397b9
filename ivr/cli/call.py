"""`ivr call`: list calls and tell a call's story."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from zoneinfo import ZoneInfo

import click

from ivr.call import mask
from ivr.db import Database
from ivr.record.model import CallRecord
from ivr.record.store import Records
from ivr.record.story import tell
from ivr.settings import settings

HEAD = ("id", "began", "from", "to", "flow", "language", "length", "queue", "agent", "ended")
reveal_option = click.option("--reveal", is_flag=True, help="Show callers' numbers in full.")


@click.group()
def command() -> None:
    """List calls and tell a call's story."""


@command.command(name="list")
@click.option("--last", default=20, show_default=True, type=click.IntRange(1), help="At most so many.")
@click.option("--from", "number", default="", metavar="NUMBER", help="Only calls from this number.")
@reveal_option
def list_(last: int, number: str, reveal: bool) -> None:
    """List calls, the newest first."""
    from ivr.cli.table import print_table

    async def work(records: Records) -> None:
        zone = ZoneInfo(settings().timezone)
        found = await records.list(last=last, number=number)
        empty = f"no call from {number} has been recorded" if number else "no call has been recorded yet"
        print_table(HEAD, [_cells(each, zone, reveal) for each in found], empty=empty)

    _run(work)


@command.command()
@click.argument("call")
@reveal_option
@click.option("--as-scenario", is_flag=True, help="Print it as a scenario for dialplans/scenarios/.")
@click.option("--with-number", is_flag=True, help="With --as-scenario: keep the caller's number.")
def show(call: str, reveal: bool, as_scenario: bool, with_number: bool) -> None:
    """Tell the story of a CALL: its id, the beginning or end of it, or `last`."""
    if as_scenario:
        _print_scenario(call, with_number)
        return

    async def work(records: Records) -> None:
        record, trace = await records.show(call)
        zone = ZoneInfo(settings().timezone)
        for line in tell(record, trace, zone, caller=_caller(record, reveal)):
            click.echo(line)

    _run(work)


def _print_scenario(call: str, with_number: bool) -> None:
    from ivr.scenarios.recorded import as_scenario

    draft = asyncio.run(as_scenario(settings(), call, with_number=with_number))
    click.echo(draft.text, nl=False)
    for text in draft.differs:
        click.echo(f"note: it does not come out the same: {text}", err=True)


def _caller(record: CallRecord, reveal: bool) -> str:
    return record.ani if reveal else mask(record.ani)


def _cells(each: CallRecord, zone: ZoneInfo, reveal: bool) -> tuple[str, ...]:
    length = f"{(each.ended_at - each.started_at).total_seconds():.0f} s" if each.ended_at else ""
    return (
        each.call_id, f"{each.started_at.astimezone(zone):%Y-%m-%d %H:%M:%S}", _caller(each, reveal) or "withheld",
        each.dnis, each.flow, each.language, length, each.queue, each.agent_id, each.disposition or "not seen",
    )  # fmt: skip


def _run(work: Callable[[Records], Awaitable[None]]) -> None:
    async def main() -> None:
        database = Database(settings())
        try:
            await work(Records(database))
        finally:
            await database.close()

    asyncio.run(main())
