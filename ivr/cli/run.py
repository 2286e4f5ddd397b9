"""`ivr run`: the whole hotline in the foreground."""

from __future__ import annotations

import sys

import click

from ivr.settings import settings


@click.command()
def command() -> None:
    """Set everything up, then run Redis, Asterisk, a controller and the page until Ctrl-C."""
    from ivr.setup import only_one, run_all, set_up

    with only_one(settings()):
        set_up(settings(), click.echo)
        sys.exit(run_all(settings()))
