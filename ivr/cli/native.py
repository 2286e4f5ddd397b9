"""`ivr native`: become one native part (Redis or Asterisk), as the Procfile starts it."""

from __future__ import annotations

import os

import click

from ivr.settings import settings


@click.command()
@click.argument("part", type=click.Choice(["redis", "asterisk"]))
def command(part: str) -> None:
    """Run one native part in the foreground."""
    from ivr import asterisk
    from ivr.setup import redis_argv

    argv = redis_argv(settings()) if part == "redis" else asterisk.argv(settings())
    os.execv(argv[0], argv)
