"""`ivr phone`: a real SIP phone on the command line."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from ivr.settings import settings


@click.group()
def command() -> None:
    """Place a call with a real SIP phone."""


@command.command()
@click.option("--to", default="100", show_default=True, help="Number, or a complete sip: address.")
@click.option("--from", "from_number", default="+48221234567", show_default=True, help="Caller; '' withholds it.")
@click.option("--keys", default="", help="Keys to press once answered; w2 waits 2 s: 1,w2,3.")
@click.option(
    "--seconds",
    default=60.0,
    show_default=True,
    type=click.FloatRange(1, 3600),
    help="Hang up after this long.",
)
@click.option("--save", type=click.Path(dir_okay=False, path_type=Path), help="Write what was heard to this WAV file.")
def call(to: str, from_number: str, keys: str, seconds: float, save: Path | None) -> None:
    """Call, press keys, and tell what is heard while it is heard."""
    from ivr.phone.place import place, server_of

    try:
        outcome = asyncio.run(place(settings(), to, from_number, keys, click.echo, seconds=seconds, save=save))
    except KeyboardInterrupt:
        sys.exit(130)
    if not outcome.answered:
        where = server_of(settings())[1]
        hint = "" if outcome.refused else f"; is the hotline running at {where}? (make run)"
        click.echo(f"ivr: not answered: {outcome.refusal}{hint}", err=True)
        sys.exit(1)
    who = "the hotline hung up" if outcome.ending and outcome.ending.by == "far" else "we hung up"
    click.echo(f"\n{who} after {outcome.talk_s:.1f} s. Heard:")
    for heard in outcome.heard:
        click.echo(f"  {heard}")
    if save:
        click.echo(f"saved {save}")
