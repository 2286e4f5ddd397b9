"""`ivr dialplan list` and `reference`: what there is, and what there can be."""

from __future__ import annotations

import dataclasses
import json
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.table import Table

from ivr.cli.folder import dialplans_option, mistakes_shown, with_folder
from ivr.flow.load import load_spoken
from ivr.flow.model import plain
from ivr.flow.reference import markdown
from ivr.hours import is_open, next_change
from ivr.settings import settings


@click.command(name="list")
@dialplans_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folder: Path | None, as_json: bool) -> None:
    """List numbers, queues and opening hours."""
    used = with_folder(settings(), folder)
    with mistakes_shown():
        dialplans, _ = load_spoken(used.dialplans_dir, *used.prompt_dirs)
    now = datetime.now(ZoneInfo(settings().timezone))
    opened = {name: is_open(calendar, now) for name, calendar in dialplans.hours.items()}
    changes = {name: next_change(calendar, now) for name, calendar in dialplans.hours.items()}
    if as_json:
        numbers = [dataclasses.asdict(number) for number in dialplans.numbers.values()]
        queues = [plain(queue) for queue in dialplans.queues.values()]
        until = {name: change.isoformat() if change else None for name, change in changes.items()}
        listed = {"version": dialplans.version, "numbers": numbers, "queues": queues, "open": opened, "until": until}
        click.echo(json.dumps(listed, indent=2))
        return
    _print(
        ("number", "flow", "language", "name"),
        [(n.number, n.flow, n.language, n.name) for n in dialplans.numbers.values()],
    )
    _print(
        ("queue", "need", "priority", "longest wait", "then", "title"),
        [
            (q.name, str(q.plan().need), str(q.priority), f"{q.max_wait_s} s", str(q.overflow), q.title)
            for q in dialplans.queues.values()
        ],
    )
    _print(
        ("calendar", "now", "until", "hours", "title"),
        [
            (c.name, "open" if opened[c.name] else "closed", _until(changes[c.name]), c.opening.text, c.title)
            for c in dialplans.hours.values()
        ],
    )


@click.command()
def reference() -> None:
    """Print the reference of every step, key and outcome (docs/dialplan.md)."""
    click.echo(markdown(), nl=False)


def _print(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    if not sys.stdout.isatty():
        click.echo("\n".join("\t".join(row) for row in (head, *rows)) + "\n")
        return
    table = Table(*head)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def _until(change: datetime | None) -> str:
    return f"{change:%a %Y-%m-%d %H:%M}" if change else "for good"
