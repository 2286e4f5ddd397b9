"""`ivr message`: messages callers left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from zoneinfo import ZoneInfo

import click

from ivr.call import mask
from ivr.db import Database
from ivr.desk.messages import Message, Messages
from ivr.settings import settings

HEAD = ("id", "number", "queue", "language", "left", "seconds", "done")


@click.group()
def command() -> None:
    """Messages callers left instead of waiting."""


@command.command(name="list")
@click.option("--all", "everything", is_flag=True, help="Those somebody has seen to as well.")
@click.option("--reveal", is_flag=True, help="Show whole numbers.")
def list_(everything: bool, reveal: bool) -> None:
    """List messages nobody has seen to yet, the oldest first."""
    from ivr.cli.table import print_table

    zone = ZoneInfo(settings().timezone)

    async def work(messages: Messages) -> None:
        found = await messages.list(everything=everything)
        print_table(HEAD, [_cells(each, zone, reveal) for each in found], empty="no messages")

    _run(work)


@command.command()
@click.argument("message")
def play(message: str) -> None:
    """Print the sound file of MESSAGE, an id or `last`: aplay "$(ivr message play last)"."""

    async def work(messages: Messages) -> None:
        click.echo(messages.path(await messages.find(message)))

    _run(work)


@command.command()
@click.argument("message")
def done(message: str) -> None:
    """Note that somebody saw to MESSAGE: it is not listed any more, its file stays."""

    async def work(messages: Messages) -> None:
        closed = await messages.done(message)
        click.echo(f"message {closed.message_id} is done")

    _run(work)


def _cells(each: Message, zone: ZoneInfo, reveal: bool) -> tuple[str, ...]:
    number = (each.number if reveal else mask(each.number)) or "withheld"
    left, ended = (at and f"{at.astimezone(zone):%d.%m. %H:%M}" for at in (each.left_at, each.done_at))
    return each.message_id, number, each.queue, each.language, left or "", str(each.length_ms // 1000), ended or ""


def _run(work: Callable[[Messages], Awaitable[None]]) -> None:
    async def main() -> None:
        database = Database(settings())
        try:
            await work(Messages(database))
        finally:
            await database.close()

    asyncio.run(main())
