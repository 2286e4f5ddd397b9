"""`ivr dialplan import`: the IVR menus of an Asterisk extensions.conf as a dialplan folder."""

from __future__ import annotations

from pathlib import Path

import click

from ivr.call import LANGUAGES
from ivr.extensions_folder import import_folder
from ivr.flow.extensions.convert import Options
from ivr.flow.load import prompt_keys
from ivr.settings import settings

SHOWN = 20


@click.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--to", "folder", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder to make.")
@click.option(
    "--context", "contexts", multiple=True, metavar="NAME", help="Where calls come in (guessed unless given)."
)
@click.option("--queues", type=click.Path(path_type=Path), metavar="FILE", help="Take queues from this queues.conf.")
@click.option("--language", type=click.Choice(LANGUAGES), help="Language calls begin in, where the file tells none.")
@click.option("--timezone", "zone", default="", metavar="ZONE", help="Of opening hours (the hotline's unless given).")
def command(
    file: Path, folder: Path, contexts: tuple[str, ...], queues: Path | None, language: str | None, zone: str
) -> None:
    """Make a dialplan folder of FILE, Asterisk's extensions.conf.

    What cannot be converted is named, line by line; DIR/IMPORT.md tells what became of each line.
    """
    found = settings()
    options = Options(language or found.default_language, zone or found.timezone, contexts)
    imported = import_folder(file, folder, options, prompt_keys(found.prompts_dir), queues)
    for title, lines in (("not converted", imported.refused), ("differs", imported.differs)):
        for line in lines[:SHOWN]:
            click.echo(f"{title}: {line}")
        if len(lines) > SHOWN:
            click.echo(f"{title}: {len(lines) - SHOWN} lines more: {folder / 'IMPORT.md'}")
    click.echo(
        f"{folder}: {imported.numbers} numbers, {imported.flows} flows with {imported.steps} steps, "
        f"{len(imported.recordings)} recordings to bring; {len(imported.refused)} lines not converted. "
        f"Read {folder / 'IMPORT.md'}"
    )
