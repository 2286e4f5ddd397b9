"""`ivr demo`: the whole thing at work."""

from __future__ import annotations

import asyncio
import sys

import click

from ivr.settings import settings


@click.command()
def command() -> None:
    """Show it working: an outage, four callers with real phones, two agents. Takes about a minute."""
    from rich.console import Console

    from ivr.phone.demo import show

    try:
        fine = asyncio.run(show(settings(), Console()))
    except KeyboardInterrupt:
        sys.exit(130)
    except asyncio.CancelledError:
        sys.exit(143)
    except TimeoutError:
        click.echo("ivr: the demo did not come to its end in time", err=True)
        sys.exit(1)
    sys.exit(0 if fine else 1)
