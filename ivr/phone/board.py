"""The demo's calls in the terminal while they happen: a live table, or plain lines when there is no terminal."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table


@dataclass
class Row:
    """One caller. hears  what is heard now."""

    who: str
    number: str
    state: str = "has not called yet"
    hears: str = ""


class Board:
    """The calls. Context manager; change rows only through `show`."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._rows: dict[str, Row] = {}
        self._began = time.monotonic()
        self._live = Live(self._table(), console=console, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def add(self, row: Row) -> None:
        """Show a caller from now on."""
        self._rows[row.who] = row
        self._refresh()

    def show(self, who: str, *, state: str | None = None, hears: str | None = None) -> None:
        """Change what is shown of a caller."""
        row = self._rows[who]
        new_state, new_hears = (state or row.state), (row.hears if hears is None else hears)
        if (new_state, new_hears) == (row.state, row.hears):
            return
        row.state, row.hears = new_state, new_hears
        self._refresh()
        if not self._live and (state or hears):
            self.say(f"{who:9} {state or f'hears {hears}'}")

    def say(self, text: str) -> None:
        """Print one line with the time since the demo began."""
        line = f"{time.monotonic() - self._began:5.1f} s  {text}"
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _refresh(self) -> None:
        if self._live:
            self._live.update(self._table(), refresh=True)

    def _table(self) -> Table:
        table = Table(title="calls", title_justify="left", expand=False)
        for heading in ("caller", "number", "state", "hears now"):
            table.add_column(heading, no_wrap=True)
        for row in self._rows.values():
            table.add_row(row.who, row.number, row.state, row.hears)
        return table
