"""`ivr dialplan draw`: call flows as a picture, with counts of calls when asked for."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from ivr import graphviz
from ivr.call import LANGUAGES
from ivr.cli.folder import dialplans_option, mistakes_shown, with_folder
from ivr.db import Database
from ivr.errors import InputError
from ivr.flow.drawing.draw import draw as picture_of
from ivr.flow.drawing.draw import reached
from ivr.flow.drawing.picture import dot
from ivr.flow.drawing.svg import svg
from ivr.flow.drawing.ways import Ways
from ivr.flow.load import load_spoken
from ivr.picture import flows_of
from ivr.record.period import period
from ivr.record.ways import ways as count_ways
from ivr.settings import settings

ENDINGS = (".svg", ".dot")


@click.command()
@click.argument("names", nargs=-1, metavar="[FLOW|NUMBER ...]")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Where to write it: .svg or .dot; - prints the SVG (default: pictures/ in the var folder).",
)  # fmt: skip
@click.option("--calls", is_flag=True, help="Write on the arrows how many callers took them, and who hung up where.")
@click.option(
    "--since", default="yesterday", show_default=True, metavar="PERIOD",
    help="Of which calls: today, yesterday, 2026-11-22, 24h, 7d.",
)  # fmt: skip
@click.option("--version", "versions", multiple=True, help="Only calls that followed this version of the dialplans.")
@click.option(
    "--language", type=click.Choice(LANGUAGES), help="Language of the words shown (the number's unless given)."
)
@click.option("--alone", is_flag=True, help="Without the flows these ones lead to.")
@dialplans_option
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON; draws only with --out.")
@click.pass_context
def command(
    ctx: click.Context, names: tuple[str, ...], out: Path | None, calls: bool, since: str, versions: tuple[str, ...],
    language: str | None, alone: bool, folder: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Draw call flows: all of them, or those of the FLOWs and NUMBERs named and every flow they lead to.

    Example: ivr dialplan draw 100 --calls --since yesterday --out main.svg
    """
    if out is not None and str(out) != "-" and out.suffix.lower() not in ENDINGS:
        raise InputError(f"--out {out}: expected a name that ends in {' or '.join(ENDINGS)}, or - to print the SVG")
    given = ctx.get_parameter_source("since") is click.core.ParameterSource.COMMANDLINE
    counted = calls or as_json or given or bool(versions)
    used = with_folder(settings(), folder)
    with mistakes_shown():
        dialplans, texts = load_spoken(used.dialplans_dir, *used.prompt_dirs)
    flows = flows_of(dialplans, names)
    drawn = flows if alone else reached(dialplans, flows)
    found = _count(since, versions) if counted else None
    if as_json:
        assert found is not None
        click.echo(json.dumps(_as_json(found, drawn), indent=2, ensure_ascii=False))
        if out is None:
            return
    picture = picture_of(dialplans, drawn, texts, found, language or "")
    text = dot(picture)
    if out is None or out.suffix.lower() != ".dot":
        text = svg(picture, graphviz.place(text))
    if str(out) == "-":
        click.echo(text, nl=False)
        return
    if out is None:
        out = settings().var_dir / "pictures" / f"{drawn[0] if len(flows) == 1 else 'flows'}.svg"
        out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, "utf-8")
    steps = sum(len(dialplans.flows[name].steps) for name in drawn)
    counts = f", {found.total} calls ({found.period})" if found else ""
    click.echo(f"{out}: {', '.join(drawn)}: {steps} steps{counts}", err=as_json)


def _count(since: str, versions: tuple[str, ...]) -> Ways:
    wanted = period(since, datetime.now(UTC), ZoneInfo(settings().timezone))

    async def work() -> Ways:
        database = Database(settings())
        try:
            return await count_ways(database, wanted, versions)
        finally:
            await database.close()

    return asyncio.run(work())


def _as_json(ways: Ways, flows: Collection[str]) -> dict[str, object]:
    steps: dict[tuple[str, str], dict[str, object]] = {}
    for flow, step in sorted({*ways.entered, *ways.dropped, *((f, s) for f, s, _ in ways.left)}):
        if flow in flows:
            left = {outcome: count for (f, s, outcome), count in sorted(ways.left.items()) if (f, s) == (flow, step)}
            steps[flow, step] = {
                "flow": flow, "step": step, "entered": ways.entered.get((flow, step), 0), "left": left,
                "hung_up": ways.dropped.get((flow, step), 0),
            }  # fmt: skip
    fields = dataclasses.asdict(ways)
    return {"period": fields["period"], "calls": ways.total, "versions": fields["calls"], "steps": list(steps.values())}
