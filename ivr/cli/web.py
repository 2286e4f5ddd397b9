"""`ivr web`: the page and its API."""

from __future__ import annotations

import click

from ivr.settings import settings


@click.command()
def command() -> None:
    """Serve the page and its API in the foreground, until SIGTERM."""
    from ivr.web.server import serve

    serve(settings(), click.echo)
