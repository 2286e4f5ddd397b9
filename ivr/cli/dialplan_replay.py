"""`ivr dialplan replay`: lead the calls of a day through a draft of the flows."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from ivr.cli.folder import mistakes_shown
from ivr.cli.table import print_table
from ivr.db import Database
from ivr.flow.load import Dialplans, load_spoken
from ivr.flow.replay import SAME, UNDECIDED, Replayed, differences, replay, undecided
from ivr.record.past import count_calls, read_pasts
from ivr.record.period import Period, period
from ivr.settings import settings

CALLS_MOST = 100_000
PERIODS = ("today", "yesterday", "7d", "30d", "365d")  # where else calls are looked for
NAMED = 3  # calls named beside each difference


@click.command(name="replay")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--since", default="24h", show_default=True, metavar="PERIOD",
    help="Which calls: 24h, 7d, today, yesterday, 2026-11-22.",
)  # fmt: skip
@click.option("--number", default="", help="Only calls of this number dialled.")
@click.option("--calls", is_flag=True, help="List every call that would end differently.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folder: Path, since: str, number: str, calls: bool, as_json: bool) -> None:
    """Lead the calls that have been through the flows in DIR, and tell which would end differently.

    Each caller presses what he pressed then at the same step. What nobody can know is told, not guessed. Exit status 0
    also when there are differences: they may be what you want.
    Example: ivr dialplan replay drafts/new-menu --since 7d
    """
    with mistakes_shown():
        draft, _ = load_spoken(folder.resolve(), *settings().prompts_for(folder.resolve()))
    zone = ZoneInfo(settings().timezone)
    of = period(since, datetime.now(zone), zone)
    found, other = asyncio.run(_replay(draft, of, number, quiet=as_json))
    if as_json:
        click.echo(json.dumps(_as_json(found, of, draft), indent=2, ensure_ascii=False))
        return
    if not found:
        called = f" of number {number}" if number else ""
        click.echo(f"no call{called} in {of.name}{other}")
        return
    _print(found, of, draft, calls)


async def _replay(draft: Dialplans, of: Period, number: str, *, quiet: bool) -> tuple[list[Replayed], str]:
    """Return the calls, led again; and when there is none, where there are some."""
    from rich.console import Console
    from rich.progress import Progress

    database = Database(settings())
    found = []
    try:
        with Progress(
            console=Console(stderr=True), transient=True, disable=quiet or not sys.stderr.isatty()
        ) as progress:
            task = progress.add_task("replaying", total=None)
            async for past in read_pasts(database, of.begin, of.end, most=CALLS_MOST):
                if not number or past.dialled == number:
                    found.append(replay(past, draft))
                    progress.update(task, description=f"replaying {len(found)} calls")
        return found, "" if found else await _elsewhere(database, number)
    finally:
        await database.close()


async def _elsewhere(database: Database, number: str) -> str:
    """Return in words which shortest usual period has calls."""
    zone = ZoneInfo(settings().timezone)
    for text in PERIODS:
        of = period(text, datetime.now(zone), zone)
        if count := await count_calls(database, of.begin, of.end, number):
            return f"; {count} call{'s' if count > 1 else ''} in {of.name}: --since {text}"
    return ""


def _print(found: Sequence[Replayed], of: Period, draft: Dialplans, calls: bool) -> None:
    verdicts = Counter(each.verdict for each in found)
    different = len(found) - verdicts[SAME] - verdicts[UNDECIDED]
    click.echo(
        f"{of.name}: {len(found)} calls through dialplans {draft.version}: {verdicts[SAME]} end the same way, "
        f"{different} differently, {verdicts[UNDECIDED]} cannot be told"
    )
    ends = differences(found)
    if ends:
        rows = [(str(before), str(after), str(len(ids)), ", ".join(ids[:NAMED])) for before, after, ids in ends]
        print_table(("ended", "would end", "calls", "for example"), rows, empty="")
    if reasons := undecided(found):
        print_table(("cannot be told", "calls"), [(why, str(count)) for why, count in reasons], empty="")
    if calls:
        listed = [
            (each.past.call_id, f"{each.past.at:%Y-%m-%d %H:%M:%S}", str(each.past.end), str(each.after),
             " -> ".join(each.way))
            for each in found if each.verdict not in (SAME, UNDECIDED)
        ]  # fmt: skip
        print_table(("call", "at", "ended", "would end", "way through the draft"), listed, empty="")


def _as_json(found: Sequence[Replayed], of: Period, draft: Dialplans) -> dict[str, object]:
    return {
        "begin": of.begin.isoformat(),
        "end": of.end.isoformat(),
        "version": draft.version,
        "calls": [
            {"call": each.past.call_id, "verdict": each.verdict, "ended": str(each.past.end),
             "would_end": str(each.after), "why": each.why, "way": each.way}
            for each in found
        ],
    }  # fmt: skip
