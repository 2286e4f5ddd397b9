"""Tables that stay on the terminal, refreshed. Called by `ivr queue show`, `ivr agent list`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import click

from ivr.cli.table import print_table

REFRESH_S = 1.0


@dataclass(frozen=True)
class Board:
    """One table: what it is called, its headings, its rows, and the sentence for none."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    empty: str


def show(boards: Sequence[Board]) -> None:
    """Print tables, below each other; off a terminal without titles, a blank line between them."""
    for n, board in enumerate(boards):
        if n:
            click.echo()
        if sys.stdout.isatty():
            click.echo(board.title)
        print_table(board.head, board.rows, empty=board.empty)


async def watch(read: Callable[[], Awaitable[Sequence[Board]]]) -> None:
    """Show what `read` gives, anew every second until Ctrl-C. Off a terminal: once."""
    if not sys.stdout.isatty():
        show(await read())
        return
    from rich.console import Group
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

    def drawn(board: Board) -> Table:
        table = Table(title=board.title, title_justify="left", box=None, pad_edge=False, header_style="bold")
        for name in board.head:
            table.add_column(name, overflow="fold")
        for row in board.rows:
            table.add_row(*(Text(cell) for cell in row))
        if not board.rows:
            table.caption = board.empty
        return table

    with Live(refresh_per_second=4, screen=True) as screen:
        while True:
            screen.update(Group(*(drawn(board) for board in await read())))
            await asyncio.sleep(REFRESH_S)
