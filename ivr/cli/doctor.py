"""`ivr doctor`: is every part well?"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys

import click

from ivr.settings import settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(as_json: bool) -> None:
    """Check every part and say how to mend what is wrong. Exit status 1 when a part is unwell."""
    from ivr.doctor import examine

    parts = asyncio.run(examine(settings()))
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(part) for part in parts], indent=2, ensure_ascii=False))
    else:
        for part in parts:
            mark = click.style("ok  ", fg="green") if part.ok else click.style("FAIL", fg="red", bold=True)
            click.echo(f"{mark} {part.part:10} {part.found}")
            if part.mend and not part.ok:
                click.echo(f"     {'':10} -> {part.mend}")
    unwell = [part.part for part in parts if not part.ok]
    click.echo(
        f"{len(parts) - len(unwell)} of {len(parts)} parts are well"
        + (f"; not well: {', '.join(unwell)}" if unwell else ""),
        err=as_json,
    )
    sys.exit(1 if unwell else 0)
