"""`ivr dialplan reload`, `versions`, `diff`, `rollback`, `promote`: change what is live while calls are up."""

from __future__ import annotations

import asyncio
import getpass
import json
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from ivr.cli.folder import dialplans_option, mistakes_shown, with_folder
from ivr.errors import DatabaseError, InputError
from ivr.settings import settings

if TYPE_CHECKING:
    from ivr.answers import Heard
    from ivr.versions.model import Change
    from ivr.versions.publish import Outcome, Publisher
    from ivr.versions.store import Versions

WORDS_MOST = 20
HISTORY_SHOWN = 10
COLOURS = {"+": "green", "-": "red", "@": "cyan"}

author_option = click.option("--author", default="", metavar="NAME", help="Who does it (default: your login name).")
note_option = click.option("--note", default="", metavar="TEXT", help="Why, in a few words; `versions` shows it.")


@click.command()
@dialplans_option
@click.option("--share", metavar="PERCENT", help="Let only this share of new calls try it, such as 10%.")
@note_option
@author_option
@click.option("--dry-run", is_flag=True, help="Check, and say what would change; change nothing.")
@click.option("--skip-scenarios", is_flag=True, help="Do not run the scenarios of the folder before.")
def reload(folder: Path | None, share: str | None, note: str, author: str, dry_run: bool, skip_scenarios: bool) -> None:
    """Make the files of dialplans/ live, flows and words. Calls that are up keep what they began with.

    With a mistake anywhere nothing happens: the old version stays. Without --share it is for every new call, and ends
    the trial of a version that was tried on a share.
    """
    from ivr.reload import reload as do

    part = None if share is None else _share(share)
    used = with_folder(settings(), folder)
    with mistakes_shown(_nothing_changed):
        done = asyncio.run(
            do(
                used, author=_author(author), note=note, share=part, dry_run=dry_run, scenarios=not skip_scenarios,
                report=_note,
            )
        )  # fmt: skip
    version, before = done.content.version, done.before
    for text in done.notes:
        _note(f"note: {text}")
    if dry_run:
        click.echo(f"dialplans {version}: no mistake, nothing was changed")
    elif done.change is None:
        click.echo(f"nothing changed: version {version} is {'tried' if before and before.tried == version else 'live'}")
        return
    else:
        click.echo(_became(done.change))
    for text in done.words[:WORDS_MOST]:
        click.echo(f"  {text}")
    if len(done.words) > WORDS_MOST:
        click.echo(f"  and {len(done.words) - WORDS_MOST} more: ivr dialplan diff")
    if done.change:
        _print_heard(done.heard)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def versions(as_json: bool) -> None:
    """List every version: who made it, what is with it since when, how its calls went; then what was done last."""
    from ivr.versions.model import since, state_of, told

    async def work(store: Versions) -> tuple[Any, ...]:
        found = await store.list()
        return found, await store.history(), await store.counts([each.version for each in found])

    found, history, counts = _read(work)
    last = history[-1] if history else None
    rows = []
    for each in found:
        state, went = state_of(each.version, history), counts[each.version]
        began = since(each.version, history)
        rows.append(
            {
                "version": each.version, "at": each.at.isoformat(), "since": began.isoformat() if began else None,
                "by": each.author, "note": each.note, "state": state, "share": _part(each.version, last),
                "calls": went.calls, "failed": went.failed, "hung_up": went.left, "why": _why(each.version, history),
            }
        )  # fmt: skip
    lines = [
        {"at": change.at.isoformat(), "by": change.by, "what": told(change, before), "note": change.why}
        for change, before in zip(history, (None, *history), strict=False)
    ]
    if as_json:
        found = {"versions": rows, "history": lines, "pending": _pending(last)}
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    from ivr.cli.table import print_table

    print_table(
        ("version", "since", "by", "state", "share", "calls", "failed", "hung up", "note"),
        [
            (
                row["version"], _local(row["since"]), row["by"], row["state"],
                f"{row['share']:g} %" if row["share"] else "", str(row["calls"]), str(row["failed"]),
                str(row["hung_up"]), "; ".join(dict.fromkeys(text for text in (row["note"], row["why"]) if text)),
            )
            for row in rows
        ],
        empty="nothing is live yet: ivr dialplan reload makes dialplans/ live",
    )  # fmt: skip
    if lines:
        click.echo()
        shown = [(_local(each["at"]), each["by"], each["what"], each["note"]) for each in lines[-HISTORY_SHOWN:]]
        print_table(("at", "by", "what", "note"), shown, empty="")
    if pending := _pending(last):
        _note(pending)


@click.command()
@click.argument("a", metavar="[A", default="")
@click.argument("b", metavar="[B]]", default="")
@dialplans_option
def diff(a: str, b: str, folder: Path | None) -> None:
    """Show line by line how two versions differ. B left out: the files of dialplans/; A left out: the live version.

    Words are compared as well: prompts/ is the dialplans' own folder, prompts/shared/ that of HOTLINE_PROMPTS.
    """
    from ivr.versions.compare import alike, difference
    from ivr.versions.folder import read_files

    async def work(store: Versions) -> list[tuple[str, dict[str, str]]]:
        last = await store.last()
        if not a and last is None:
            raise InputError("nothing is live yet that could be compared: ivr dialplan reload makes dialplans/ live")
        names = [await store.find(a) if a else last.version if last else "", *([await store.find(b)] if b else ())]
        sides = []
        for name in names:
            content = await store.read(name)
            assert content is not None, name
            sides.append((name, dict(content.files)))
        return sides

    if b and folder:
        raise InputError("--dialplans: two versions are compared; leave B or the folder out")
    sides = _read(work)
    if not b:
        sides.append((folder.name if folder else "dialplans", read_files(with_folder(settings(), folder))))
    (old, before), (new, after) = sides
    lines = difference(*alike(before, after), (old, new))
    for line in lines:
        colour = COLOURS.get(line[:1])
        bold = line.startswith(("---", "+++"))
        click.echo(click.style(line, bold=True) if bold else click.style(line, fg=colour) if colour else line)
    if not lines:
        _note(f"{old} and {new} are the same")


@click.command()
@click.argument("version", default="")
@note_option
@author_option
def rollback(version: str, note: str, author: str) -> None:
    """Make an older version live again. Without VERSION: end the one that is tried, else go back by one."""
    _change(lambda publisher: publisher.rollback(version, author=_author(author), note=note))


@click.command()
@note_option
@author_option
def promote(note: str, author: str) -> None:
    """Make the version that is tried on a share live for every new call."""
    _change(lambda publisher: publisher.promote(author=_author(author), note=note))


def _change(do: Callable[[Publisher], Awaitable[Outcome]]) -> None:
    from ivr.reload import change_live

    outcome, notes = asyncio.run(change_live(settings(), do))
    assert outcome.change is not None
    click.echo(_became(outcome.change))
    for text in notes:
        _note(f"note: {text}")
    _print_heard(outcome.heard)


def _read(work: Callable[[Versions], Awaitable[Any]]) -> Any:
    """Ask the store of this hotline's database."""
    from ivr.db import Database
    from ivr.versions.store import Versions as Store

    async def run() -> Any:
        database = Database(settings())
        try:
            return await work(Store(database))
        finally:
            await database.close()

    return asyncio.run(run())


def _nothing_changed() -> str:
    """Return what to say below mistakes; the database may be away as well."""
    try:
        last: Change | None = _read(lambda store: store.last())
    except DatabaseError:
        return "nothing changed"
    return f"nothing changed, version {last.version} stays live" if last else "nothing changed, nothing is live yet"


def _became(change: Change) -> str:
    if change.canary == change.version:
        if change.tried:
            share = f"{change.share:g} % of new calls"
            return f"the new recordings of version {change.version} are tried on {share}; nobody compares how they go"
        return f"version {change.version} is live for every new call, with the recordings it had before"
    if change.tried:
        return f"version {change.canary} is tried on {change.share:g} % of new calls, {change.version} has the others"
    ended = {"rolled_back": "rolled back", "ended": "no longer tried"}.get(change.state)
    return f"version {change.version} is live for every new call" + (f"; {change.canary} is {ended}" if ended else "")


def _print_heard(heard: Heard) -> None:
    if heard.note:
        _note(f"note: {heard.note}")
    elif not heard.listening:
        _note("no controller is running: it is live as soon as one starts")
    if heard.taken:
        many = "s" if len(heard.taken) > 1 else ""
        click.echo(f"on {len(heard.taken)} controller{many} after {heard.after_ms} ms")
    for name, why in heard.refused:
        _note(f"controller {name} keeps what it had: {why}")


def _part(version: str, last: Change | None) -> float:
    """Return which percentage of new calls follows `version`."""
    if last is None or version not in (last.version, last.tried):
        return 0.0
    if not last.tried:
        return 100.0
    return last.share if version == last.tried else 100.0 - last.share


def _why(version: str, history: tuple[Change, ...]) -> str:
    """Return the reason of the last thing that happened to `version`."""
    for change in reversed(history):
        if version == (change.canary or change.version):
            return change.why
    return ""


def _pending(last: Change | None) -> str:
    from ivr.versions.folder import unpublished

    return unpublished(settings(), last) if last else ""


def _local(at: str | None) -> str:
    return f"{datetime.fromisoformat(at).astimezone(ZoneInfo(settings().timezone)):%Y-%m-%d %H:%M}" if at else ""


def _share(text: str) -> float:
    found = re.fullmatch(r"(\d{1,2}(?:\.\d+)?)\s*%?", text.strip())
    if not found or not 0 < float(found[1]) < 100:
        raise InputError(f"--share: {text!r} is no share of the calls; expected more than 0 and less than 100, as 10%")
    return float(found[1])


def _author(name: str) -> str:
    return name.strip() or getpass.getuser()


def _note(text: str) -> None:
    click.echo(text, err=True)


COMMANDS = (reload, versions, diff, rollback, promote)
