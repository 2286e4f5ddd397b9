"""`ivr serve`: one controller."""

from __future__ import annotations

import click

from ivr.errors import ConfigError
from ivr.settings import settings


@click.command()
def command() -> None:
    """Run one controller in the foreground, until SIGTERM."""
    from ivr.app import serve
    from ivr.setup import ready_line

    if not (settings().var_dir / "asterisk/etc/asterisk.conf").exists():
        raise ConfigError(f"{settings().var_dir} was never set up: run `ivr setup` (or make setup) first")
    serve(settings(), lambda plans: click.echo(ready_line(settings(), plans.numbers)))
