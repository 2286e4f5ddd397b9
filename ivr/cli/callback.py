"""`ivr callback`: who is to be called back, and what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import click

from ivr.call import mask
from ivr.db import Database
from ivr.desk.callbacks import CLOSED, CONNECTED, DIALLING, OUTCOMES, CallBack, CallBacks, now_utc
from ivr.settings import settings

HEAD = ("id", "number", "queue", "in line since", "tried", "state")


@click.group()
def command() -> None:
    """Callers who are called back."""


@command.command(name="list")
@click.option("--all", "everything", is_flag=True, help="Those that are over as well.")
@click.option("--last", default=50, show_default=True, type=click.IntRange(1), help="At most so many of all.")
@click.option("--reveal", is_flag=True, help="Show whole numbers.")
def list_(everything: bool, last: int, reveal: bool) -> None:
    """List call-backs by their place in line."""
    from ivr.cli.table import print_table

    zone = ZoneInfo(settings().timezone)

    async def work(callbacks: CallBacks) -> None:
        found = await callbacks.list(last=last) if everything else await callbacks.open()
        rows = [_cells(each, zone, reveal) for each in found]
        print_table(HEAD, rows, empty="nobody waits to be called back")

    _run(work)


@command.command()
@click.argument("callback")
def cancel(callback: str) -> None:
    """Do not call back: CALLBACK is an id of `ivr callback list`, or the number."""

    async def work(callbacks: CallBacks) -> None:
        gone = await callbacks.cancel(callback, now_utc())
        click.echo(f"{mask(gone.number)} will not be called back")

    _run(work)


def _cells(each: CallBack, zone: ZoneInfo, reveal: bool) -> tuple[str, ...]:
    entered = datetime.fromtimestamp(each.entered_ms / 1000, zone)
    number = each.number if reveal else mask(each.number)
    return each.callback_id, number, each.queue, f"{entered:%d.%m. %H:%M:%S}", str(each.attempts), _state(each, zone)


def _state(each: CallBack, zone: ZoneInfo) -> str:
    outcome = OUTCOMES.get(each.outcome, each.outcome)
    if each.state == CLOSED:
        return outcome
    if each.state in (DIALLING, CONNECTED):
        return "being called" if each.state == DIALLING else "on the phone"
    due = datetime.fromtimestamp(each.due_ms / 1000, zone)
    again = f", again from {due:%H:%M:%S}" if each.due_ms else ""
    return f"{outcome}{again}" if outcome else "waits in line"


def _run(work: Callable[[CallBacks], Awaitable[None]]) -> None:
    async def main() -> None:
        database = Database(settings())
        try:
            await work(CallBacks(database))
        finally:
            await database.close()

    asyncio.run(main())
