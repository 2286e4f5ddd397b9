"""`ivr restoration`: who wants to be told that it works again, what they say, and calling it off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import click

from ivr.call import mask
from ivr.db import Database
from ivr.desk.callbacks import now_utc
from ivr.desk.opt_ins import DIALLING, DONE, OUTCOMES, WAITING, Campaign, OptIn, OptIns
from ivr.errors import InputError, nearest
from ivr.settings import settings

HEAD = ("announcement", "opted in", "waiting", "due", "reached", "works", "still out", "no answer", "cancelled")
OPT_IN_HEAD = ("id", "number", "area", "asked", "tried", "state")


@click.group()
def command() -> None:
    """Customers who are told when a fault is over, and asked whether it works."""


@command.command(name="list")
def list_() -> None:
    """List announcements with customers who want to be told, and what became of them."""
    from ivr.cli.table import print_table

    async def work(opt_ins: OptIns) -> None:
        rows = [_figures(each) for each in await opt_ins.campaigns()]
        print_table(HEAD, rows, empty="nobody wants to be told about any announcement")

    _run(work)


@command.command()
@click.argument("announcement")
@click.option("--reveal", is_flag=True, help="Show whole numbers.")
def show(announcement: str, reveal: bool) -> None:
    """Show the customers of one ANNOUNCEMENT, the oldest wish first."""
    from ivr.cli.table import print_table

    zone = ZoneInfo(settings().timezone)

    async def work(opt_ins: OptIns) -> None:
        await _check(opt_ins, announcement)
        campaign = await opt_ins.campaign(announcement)
        click.echo(", ".join(f"{name} {value}" for name, value in zip(HEAD[1:], _figures(campaign)[1:], strict=True)))
        rows = [_cells(each, zone, reveal) for each in await opt_ins.of(announcement)]
        print_table(OPT_IN_HEAD, rows, empty="nobody")

    _run(work)


@command.command()
@click.argument("which")
def cancel(which: str) -> None:
    """Tell nobody: WHICH is an id of `ivr restoration show`, a number, or an announcement with all its customers."""

    async def work(opt_ins: OptIns) -> None:
        for gone in await opt_ins.cancel(which, now_utc()):
            click.echo(f"{mask(gone.number)} will not be told about {gone.announcement_id}")

    _run(work)


@command.command()
@click.argument("announcement")
def start(announcement: str) -> None:
    """Tell them now, though the ANNOUNCEMENT was not restored but ended or expired."""

    async def work(opt_ins: OptIns) -> None:
        await _check(opt_ins, announcement)
        click.echo(f"{await opt_ins.release(announcement, now_utc())} customers are due to be told")

    _run(work)


@command.command()
@click.argument("announcement")
def stop(announcement: str) -> None:
    """Tell nobody more for now: it is not over after all. Who was not told yet waits again."""

    async def work(opt_ins: OptIns) -> None:
        await _check(opt_ins, announcement)
        click.echo(f"{await opt_ins.hold(announcement)} customers wait again")

    _run(work)


async def _check(opt_ins: OptIns, announcement: str) -> None:
    """Raise InputError for an announcement nobody wants to be told about."""
    known = [each.announcement_id for each in await opt_ins.campaigns()]
    if announcement not in known:
        near = nearest(announcement, known)
        hint = f"did you mean {near!r}?" if near else "`ivr restoration list` shows them"
        raise InputError(f"nobody wants to be told about {announcement!r}; {hint}")


def _figures(each: Campaign) -> tuple[str, ...]:
    figures = (
        each.opted_in, each.waiting, each.due, each.reached, each.works, each.still_out, each.no_answer, each.cancelled,
    )  # fmt: skip
    return each.announcement_id, *map(str, figures)


def _cells(each: OptIn, zone: ZoneInfo, reveal: bool) -> tuple[str, ...]:
    number = each.number if reveal else mask(each.number)
    asked = f"{each.at.astimezone(zone):%d.%m. %H:%M}"
    return each.opt_in_id, number, each.area, asked, str(each.attempts), _state(each, zone)


def _state(each: OptIn, zone: ZoneInfo) -> str:
    outcome = OUTCOMES.get(each.outcome, each.outcome)
    if each.state == DONE:
        return outcome
    if each.state == DIALLING:
        return "is being called"
    if each.state == WAITING:
        return "waits for the end of the fault"
    due = datetime.fromtimestamp(each.due_ms / 1000, zone)
    return f"{outcome}, again from {due:%d.%m. %H:%M:%S}" if outcome else "is due to be called"


def _run(work: Callable[[OptIns], Awaitable[None]]) -> None:
    async def main() -> None:
        database = Database(settings())
        try:
            await work(OptIns(database))
        finally:
            await database.close()

    asyncio.run(main())
