"""`ivr announce preview`: who will hear it, how long it is, and the audio itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from ivr.announce.preview import Preview
from ivr.cli.announce_desk import Desk
from ivr.cli.announce_told import warn
from ivr.errors import InputError


async def tell_preview(desk: Desk, announcement: str, save: Path | None) -> None:
    """Print the preview of an announcement; `save` its audio into that folder."""
    version = await desk.publisher.store.last(announcement)
    preview = Preview(desk.publisher.database, desk.settings)
    audience = await preview.preview(version, desk.now)
    click.echo(f"{version.announcement_id} version {version.version}: for {version.target}, "
               f"service {version.service or 'all'}")  # fmt: skip
    click.echo(f"  concerns {audience.customers} of {audience.total} customers")
    for each in audience.sample:
        click.echo(f"    {each.number} {each.class_}, {each.area or 'area unknown'}")
    click.echo(f"  {audience.calls_24h} of the {audience.calls_24h_all} calls of the last 24 hours would have heard it")
    for language, sound in (await preview.sounds(version, desk.now)).items():
        more = f" and {len(sound.variants) - 1} more wordings later" if len(sound.variants) > 1 else ""
        click.echo(f"  {language}: {sound.seconds:.1f} s, voice {sound.voice}{more}: {sound.text}")
        if save:
            click.echo(f"    {_saved(Path(sound.file), save, f'{version.announcement_id}-{language}.wav')}")
    warn(await desk.publisher.cautions(version, desk.now))


def _saved(file: Path, folder: Path, name: str) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copyfile(file, folder / name))
    except OSError as error:
        raise InputError(f"{folder / name} cannot be written: {error.strerror}") from error
