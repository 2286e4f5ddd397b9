"""`ivr setup`: everything a hotline needs before it starts."""

from __future__ import annotations

import click

from ivr.settings import settings


@click.command()
def command() -> None:
    """Bring native parts, render prompts, prepare the database, secrets and Asterisk's configuration."""
    from ivr.setup import set_up

    set_up(settings(), click.echo)
