"""`ivr prompts`: render, audit, import, list, say."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from ivr.call import LANGUAGES
from ivr.settings import settings
from ivr.sound import readable_name

LANGUAGE = click.Choice(LANGUAGES)


@click.group()
def command() -> None:
    """Render, import and audit what callers hear."""


@command.command()
@click.option("--force", is_flag=True, help="Make every prompt again, whatever exists.")
def render(force: bool) -> None:
    """Bring the spoken prompts up to date with prompts/*.toml and prompts/audio/."""
    from ivr.speech.render import render_prompts

    outcome = render_prompts(settings(), click.echo, force=force)
    if not outcome.counts["new"] and not outcome.counts["cache"]:
        click.echo(f"prompts: {outcome.counts['kept']} unchanged")
    sys.exit(1 if outcome.failed else 0)


@command.command()
@click.option("--strict", is_flag=True, help="Advice counts as a problem.")
def audit(strict: bool) -> None:
    """Find prompts that are missing, too quiet, clipped or too long. Status 1 when a caller would notice."""
    from ivr.speech.audit import audit as find_problems

    problems = find_problems(settings())
    for problem in problems:
        click.echo(f"{'problem' if problem.severe else 'advice '}  {problem.name}: {problem.what}")
    severe = sum(problem.severe for problem in problems)
    click.echo(f"{severe} problems, {len(problems) - severe} pieces of advice")
    sys.exit(1 if severe or (strict and problems) else 0)


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--key", "-k", required=True, help="The prompt it becomes, see `ivr prompts list`.")
@click.option("--locale", "-l", required=True, help="Its language: pl, ru or en.")
@click.option("--value", type=int, help="Which number, for a prompt that has a range.")
@click.option("--from", "from_s", type=click.FloatRange(0), default=0.0, help="Cut: begin at this second.")
@click.option("--to", "to_s", type=click.FloatRange(0), help="Cut: end at this second.")
def import_(file: Path, key: str, locale: str, value: int | None, from_s: float, to_s: float | None) -> None:
    """Make a studio recording the audio of a prompt. Any sound format; the original is kept."""
    from ivr.speech import catalog, recording
    from ivr.speech.render import render_prompts

    taken = recording.take(
        settings(), catalog.wording(settings()), file, key, locale, value=value, from_s=from_s, to_s=to_s
    )
    measured = taken.measure
    click.echo(
        f"{readable_name(locale, key, value)} is now {taken.file}: {measured.seconds:.1f} s, "
        f"{measured.loudness:.1f} LUFS, peak {measured.peak:.1f} dBFS on the phone"
    )
    render_prompts(settings(), click.echo)


@command.command("list")
@click.option("--locale", "-l", type=LANGUAGE, help="Only this language.")
@click.option("--key", "-k", default="", help="Only prompts whose name holds this.")
@click.option("--all", "all_", is_flag=True, help="Every number of prompts that have a range.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_(locale: str | None, key: str, all_: bool, as_json: bool) -> None:
    """List the prompts: what they say, how long, by which voice."""
    from ivr.speech import catalog

    entries = [
        entry for entry in catalog.read_index(settings()).entries if locale in (None, entry.locale) and key in entry.key
    ]
    if as_json:
        click.echo(json.dumps([vars(entry) for entry in entries], ensure_ascii=False, indent=1))
        return
    firsts: dict[tuple[str, str], catalog.Entry] = {}
    counts: dict[tuple[str, str], int] = {}
    for entry in entries:
        firsts.setdefault((entry.locale, entry.key), entry)
        counts[entry.locale, entry.key] = counts.get((entry.locale, entry.key), 0) + 1
    shown = entries if all_ else list(firsts.values())
    table = Table("prompt", "s", "voice", "says")
    rows = []
    for entry in shown:
        more = counts[entry.locale, entry.key] - 1 if not all_ else 0
        name = readable_name(entry.locale, entry.key, entry.value) + (f" and {more} more" if more else "")
        rows.append((name, f"{entry.seconds:.1f}", entry.voice, entry.text))
    if sys.stdout.isatty():
        for row in rows:
            table.add_row(*row)
        Console().print(table)
    else:
        for row in rows:
            click.echo("\t".join(row))
    if not rows:
        click.echo("no such prompts are rendered; `ivr prompts render` makes them")


@command.command()
@click.argument("text")
@click.option("--locale", "-l", type=LANGUAGE, default=lambda: settings().default_language, help="Its language.")
@click.option(
    "--out",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("said.wav"),
    help="WAV file to write, as a caller hears it.",
    show_default=True,
)
def say(text: str, locale: str, out: Path) -> None:
    """Speak TEXT as an announcement would be, and tell which voice did."""
    from ivr.speech.clip import make_clip, preview

    folder = Path(tempfile.mkdtemp(prefix="hotline-say-"))
    try:
        clip = asyncio.run(make_clip(text, locale, folder))
        preview([clip.stem], out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    click.echo(f"{out}: {clip.seconds:.1f} s by {clip.voice}: {clip.spoken}")
    for warning in clip.warnings:
        click.echo(f"warning: {warning}", err=True)
