"""What commands on a folder of dialplans share: the option `--dialplans`, and how its mistakes are shown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ivr.carets import as_text, counted
from ivr.errors import ConfigError, Finding
from ivr.settings import Settings


def dialplans_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option `--dialplans DIR`; its value is passed as `folder`."""
    return click.option(
        "--dialplans", "folder", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="DIR",
        help="Another folder than HOTLINE_DIALPLANS.",
    )(command)  # fmt: skip


def with_folder(settings: Settings, folder: Path | None) -> Settings:
    """Return `settings` with this folder of dialplans, unchanged without one."""
    return settings.model_copy(update={"dialplans": folder.resolve()}) if folder else settings


@contextmanager
def mistakes_shown(last: Callable[[], str] = lambda: "") -> Iterator[None]:
    """Show mistakes in files as `ivr dialplan check` does, on standard error, and end with status 1.

    last  what else to say, asked for when there are some. Mistakes elsewhere, in settings, are left to the root.
    """
    try:
        yield
    except ConfigError as error:
        findings = [each for each in error.findings if isinstance(each, Finding) and (each.kind or each.line)]
        if not findings or len(findings) < len(error.findings):
            if told := last():
                raise ConfigError(*error.findings, told) from error
            raise
        contents = {
            each.file: each.file.read_bytes().decode("utf-8", "replace") for each in findings if each.file.is_file()
        }
        click.echo(as_text(findings, contents, Path.cwd()), err=True)
        click.echo(f"\n{counted(findings)}", err=True)
        if told := last():
            click.echo(told, err=True)
        sys.exit(1)
