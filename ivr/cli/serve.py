"""`ivr serve`: one controller."""

from __future__ import annotations

import click

from ivr.settings import settings


@click.command()
def command() -> None:
    """Run one controller in the foreground, until SIGTERM."""
    from ivr.app import serve
    from ivr.setup import ready_line

    serve(settings(), lambda: click.echo(ready_line(settings())))
