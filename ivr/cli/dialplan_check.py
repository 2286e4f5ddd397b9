"""`ivr dialplan check`: every mistake in a folder of dialplans, with the line and ^^^^ under the exact place."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from pathlib import Path

import click

from ivr.carets import as_text, counted, short
from ivr.desk.dialplan_check import Checked, check_folder, folder_to_check
from ivr.errors import Finding
from ivr.settings import settings


@click.command()
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path, exists=True))
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(folder: Path | None, as_json: bool) -> None:
    """Check every file of DIR (the hotline's dialplans unless given); exit status 1 when there is a mistake.

    In the hotline's own dialplans also that somebody answers every queue. Nothing is changed.
    Example: ivr dialplan check drafts/new-menu
    """
    whole = folder_to_check(folder).resolve() if folder else settings().dialplans_dir
    found = asyncio.run(check_folder(settings(), whole))
    if as_json:
        click.echo(json.dumps(_as_json(found), indent=2, ensure_ascii=False))
    else:
        _print(found)
    sys.exit(1 if found.findings else 0)


def _print(found: Checked) -> None:
    for note in found.notes:
        click.echo(f"note: {short(note, Path.cwd())}", err=True)
    if dialplans := found.dialplans:
        click.echo(
            f"dialplans {dialplans.version}: {len(dialplans.numbers)} numbers, {len(dialplans.flows)} flows, "
            f"{len(dialplans.queues)} queues, no mistake"
        )
        return
    click.echo(as_text(found.findings, found.contents, Path.cwd()))
    waiting = f"; {found.unchecked} not checked yet" if found.unchecked else ""
    click.echo(f"\n{counted(found.findings)}{waiting}")


def _as_json(found: Checked) -> dict[str, object]:
    return {
        "ok": not found.findings,
        "version": found.dialplans.version if found.dialplans else None,
        "findings": [_finding(finding) for finding in found.findings],
        "notes": [str(note) for note in found.notes],
    }


def _finding(finding: Finding) -> dict[str, object]:
    return dataclasses.asdict(finding) | {"file": str(finding.file)}
