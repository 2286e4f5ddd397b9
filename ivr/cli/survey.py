"""`ivr survey`: what callers answered in surveys."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import click

from ivr.db import Database
from ivr.record.period import period
from ivr.record.surveys import CallAnswer, Result, Surveys
from ivr.settings import settings

ANSWERS = ("at", "survey", "question", "points", "agent", "call")
RESULTS = ("survey", "question", "answers", "mean", "points given")

since_option = click.option(
    "--since", default="", metavar="PERIOD", help="Only of today, yesterday, 2026-11-22, or the last 24h, 7d or 90min."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def command() -> None:
    """What callers answered in surveys."""


@command.command(name="list")
@since_option
@click.option("--last", default=50, show_default=True, type=click.IntRange(1), help="At most so many.")
@json_option
def list_(since: str, last: int, as_json: bool) -> None:
    """List answers, the newest first."""
    from ivr.cli.table import print_table

    zone = ZoneInfo(settings().timezone)
    begin, end = _period(since)

    async def work(surveys: Surveys) -> None:
        found = await surveys.list(begin=begin, end=end, last=last)
        if as_json:
            click.echo(json.dumps([_answer(each, zone) for each in found], indent=2))
            return
        rows = [tuple(str(value) for value in _answer(each, zone).values()) for each in found]
        print_table(ANSWERS, rows, empty="no answers")

    _run(work)


@command.command()
@since_option
@json_option
def report(since: str, as_json: bool) -> None:
    """Tell of each question how many answered, the mean, and how often each number of points was given."""
    from ivr.cli.table import print_table

    begin, end = _period(since)

    async def work(surveys: Surveys) -> None:
        found = await surveys.report(begin=begin, end=end)
        if as_json:
            click.echo(json.dumps([_result(each) for each in found], indent=2))
            return
        print_table(RESULTS, [_cells(each) for each in found], empty="no answers")

    _run(work)


def _answer(each: CallAnswer, zone: ZoneInfo) -> dict[str, str | int]:
    at = f"{each.at.astimezone(zone):%Y-%m-%d %H:%M}"
    return dict(zip(ANSWERS, (at, each.survey, each.question, each.points, each.agent_id, each.call_id), strict=True))


def _result(each: Result) -> dict[str, object]:
    return {
        "survey": each.survey, "question": each.question, "answers": each.count, "mean": round(each.mean, 2),
        "points": {str(points): many for points, many in each.answers.items()},
    }  # fmt: skip


def _cells(each: Result) -> tuple[str, ...]:
    given = ", ".join(f"{points}: {many}" for points, many in each.answers.items())
    return each.survey, each.question, str(each.count), f"{each.mean:.2f}", given


def _period(text: str) -> tuple[datetime | None, datetime | None]:
    if not text:
        return None, None
    wanted = period(text, datetime.now(UTC), ZoneInfo(settings().timezone))
    return wanted.begin, wanted.end


def _run(work: Callable[[Surveys], Awaitable[None]]) -> None:
    async def main() -> None:
        database = Database(settings())
        try:
            await work(Surveys(database))
        finally:
            await database.close()

    asyncio.run(main())
