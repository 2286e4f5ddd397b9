"""`ivr audit`: who did what, and whether it is still as it was written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from zoneinfo import ZoneInfo

import click

from ivr.db import Database
from ivr.desk.audit import Audit
from ivr.errors import ConfigError
from ivr.settings import settings


@click.group()
def command() -> None:
    """Who did what on the page; check that nothing was rewritten."""


@command.command(name="list")
@click.option("--who", default="", help="Part of the user's name.")
@click.option("--what", default="", help="Its beginning, such as announcement.")
@click.option("--subject", default="", help="Part of what it was done to.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 500), help="Rows at most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with what was before and after.")
def list_(who: str, what: str, subject: str, limit: int, as_json: bool) -> None:
    """List what was done, newest first."""
    from ivr.cli.table import print_table

    async def work(audit: Audit) -> None:
        zone = ZoneInfo(settings().timezone)
        found = await audit.list(who=who, what=what, subject=subject, most=limit)
        if as_json:
            for each in found:
                click.echo(json.dumps(vars(each), default=str, ensure_ascii=False))
            return
        rows = [
            (str(e.n), f"{e.at.astimezone(zone):%Y-%m-%d %H:%M:%S}", e.who, e.what, e.subject, e.address) for e in found
        ]
        print_table(("n", "at", "who", "what", "subject", "from"), rows, empty="nothing was done yet")

    _run(work)


@command.command()
def verify() -> None:
    """Check the chain of hashes; exit status 1 when a row was changed, put in or taken out."""

    async def work(audit: Audit) -> None:
        broken = await audit.verify()
        if broken is not None:
            raise ConfigError(f"the audit log is broken at row {broken}: it, or one before, is not as it was written")
        n, head = await audit.head()
        click.echo(f"{n} rows, as they were written; the last hash is {head}")

    _run(work)


def _run(work: Callable[[Audit], Awaitable[None]]) -> None:
    async def main() -> None:
        database = Database(settings())
        try:
            await work(Audit(database))
        finally:
            await database.close()

    asyncio.run(main())
