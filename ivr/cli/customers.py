"""`ivr customers`: import and look up customers."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import click

from ivr.area import area_path
from ivr.call import Customer
from ivr.db import Database
from ivr.desk.customers import COLUMNS, Customers
from ivr.errors import InputError
from ivr.settings import settings

HEAD = COLUMNS


@click.group()
def command() -> None:
    """Import and look up customers."""


@command.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--skip-bad", is_flag=True, help="Leave bad rows out instead of importing nothing.")
def import_(file: Path, skip_bad: bool) -> None:
    """Add and change customers from a CSV file with columns number, account, name, area, language, class, postcode."""

    def progress(rows: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{rows} rows", nl=False, err=True)

    async def work(customers: Customers) -> None:
        done = await customers.import_file(file, skip_bad=skip_bad, progress=progress)
        if sys.stderr.isatty():
            click.echo("\r", nl=False, err=True)
        for finding in done.skipped:
            click.echo(f"skipped: {finding}", err=True)
        click.echo(f"{done.new} new, {done.changed} changed, {done.same} as before"
                   + (f", {len(done.skipped)} mistakes in rows left out" if done.skipped else ""))  # fmt: skip

    _run(work)


@command.command(name="list")
@click.option("--area", default="", metavar="PATH", help="Only those at or below it.")
@click.option("--last", "most", default=50, show_default=True, type=click.IntRange(1), help="At most so many.")
def list_(area: str, most: int) -> None:
    """List customers by number."""
    from ivr.cli.table import print_table

    async def work(customers: Customers) -> None:
        try:
            found, total = await customers.list(area=area_path(area) if area else "", most=most)
        except ValueError as error:
            raise InputError(str(error)) from error
        print_table(HEAD, [_cells(each) for each in found], empty="no customer" + (f" lives in {area}" if area else ""))
        if total > len(found):
            click.echo(f"{len(found)} of {total} customers; --last {total} shows all", err=True)

    _run(work)


@command.command()
@click.argument("number")
def show(number: str) -> None:
    """Show the customers with a NUMBER or account."""
    from ivr.cli.table import print_table

    async def work(customers: Customers) -> None:
        print_table(HEAD, [_cells(each) for each in await customers.show(number)], empty="")

    _run(work)


def _cells(each: Customer) -> tuple[str, ...]:
    return each.number, each.account, each.name, each.area, each.language, each.class_, each.postcode


def _run(work: Callable[[Customers], Awaitable[None]]) -> None:
    async def main() -> None:
        database = Database(settings())
        try:
            await work(Customers(database, settings()))
        finally:
            await database.close()

    asyncio.run(main())
