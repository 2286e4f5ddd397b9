"""`ivr announce`: put an announcement on the phones, list, change, restore and end them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ivr.announce.publish import RESTORED_MIN
from ivr.cli.announce_desk import (
    Desk,
    at_desk,
    author_of,
    author_option,
    confirmed,
    draft_of,
    id_argument,
    kind_option,
    target_options,
    texts_of,
    texts_options,
    times_options,
    yes_option,
)
from ivr.errors import InputError

CHANGES = ("eta", "eta_from", "as_of", "starts", "until", "after")


@click.group()
def command() -> None:
    """Put an announcement on the phones, list, change, restore and end them.

    ANNOUNCEMENT is an id such as a1b2, its beginning, or `last`: the one changed last. Times are 18:30 (the next one)
    or 2026-11-24T06:00, on the hotline's clock.
    """


@command.command()
@texts_options
@target_options
@kind_option
@times_options
@author_option
@yes_option
@click.option("--draft", is_flag=True, help="Keep it; `ivr announce publish ID` brings it to the phones.")
def post(author: str, yes: bool, draft: bool, **typed: Any) -> None:
    """Put a new announcement on the phones.

    It concerns customers of any --area, --node, --number or --prefix, narrowed down by --dnis, --project and --class;
    without any of these it is for everyone. One that concerns a large share of all customers is asked about.

    Example: ivr announce post --area pl/mazowieckie/warszawa/wola --service internet --text-en "No internet in Wola."
    --eta-from 18:00 --eta 20:00
    """
    from ivr.cli import announce_told as told

    async def work(desk: Desk) -> None:
        read = draft_of(desk, typed)
        who = author_of(author)
        outcome = await confirmed(
            lambda sure: desk.publisher.post(read, who, desk.now, hold=draft, confirmed=sure), yes
        )  # fmt: skip
        told.tell(outcome, desk.now, desk.zone, until_chosen=typed["until"] is None)
        told.warn(told.unheard(read, desk.settings))

    at_desk(work)


@command.command()
@id_argument
@texts_options
@times_options
@author_option
def update(announcement: str, author: str, **typed: Any) -> None:
    """Change texts or times: a new version, heard at once.

    --eta-from unknown takes a range away, --starts now lets it be heard at once.
    """
    from ivr.cli import announce_told as told

    if all(typed[name] is None for name in CHANGES) and not texts_of(typed):
        raise InputError("nothing to change; expected a time such as --eta, --after or a --text-..")

    async def work(desk: Desk) -> None:
        starts = "now" if (typed["starts"] or "").strip().lower() == "now" else typed["starts"]
        outcome = await desk.publisher.update(
            announcement, author_of(author), desk.now, texts=texts_of(typed), until=desk.time(typed["until"]),
            eta="keep" if typed["eta"] is None else desk.eta(typed["eta"]),
            eta_from="keep" if typed["eta_from"] is None else desk.eta(typed["eta_from"]),
            starts="keep" if starts is None else None if starts == "now" else desk.time(starts),
            as_of=typed["as_of"], after=typed["after"],
        )  # fmt: skip
        told.tell(outcome, desk.now, desk.zone)

    at_desk(work)


@command.command()
@id_argument
@author_option
@yes_option
def publish(announcement: str, author: str, yes: bool) -> None:
    """Put a draft on the phones."""
    from ivr.cli import announce_told as told

    async def work(desk: Desk) -> None:
        who = author_of(author)
        outcome = await confirmed(
            lambda sure: desk.publisher.publish(announcement, who, desk.now, confirmed=sure), yes
        )  # fmt: skip
        told.tell(outcome, desk.now, desk.zone)

    at_desk(work)


@command.command()
@id_argument
@author_option
def approve(announcement: str, author: str) -> None:
    """Say that a draft is fit to be heard. Callers hear nothing yet; changing it takes the approval back."""
    from ivr.cli import announce_told as told

    async def work(desk: Desk) -> None:
        told.tell(await desk.publisher.approve(announcement, author_of(author), desk.now), desk.now, desk.zone)

    at_desk(work)


@command.command()
@id_argument
@texts_options
@click.option("--minutes", type=int, default=RESTORED_MIN, show_default=True, help="How long it is still heard.")
@author_option
def restore(announcement: str, minutes: int, author: str, **typed: Any) -> None:
    """Say that it works again, and call those who asked to be told.

    Callers it concerned hear so for --minutes more, in a standard sentence or in your --text-..; then it expires.
    """
    from ivr.cli import announce_told as told

    async def work(desk: Desk) -> None:
        outcome = await desk.publisher.restore(
            announcement, author_of(author), desk.now, texts=texts_of(typed), minutes=minutes
        )
        told.tell(outcome, desk.now, desk.zone)

    at_desk(work)


@command.command()
@id_argument
@author_option
def end(announcement: str, author: str) -> None:
    """Take an announcement off the phones. When the service works again, use `restore`: it says so."""
    from ivr.cli import announce_told as told

    async def work(desk: Desk) -> None:
        outcome = await desk.publisher.end(announcement, author_of(author), desk.now)
        version = outcome.version
        click.echo(f"{version.announcement_id} version {version.version}: ended{told.heard(outcome, 'off')}")
        told.warn(outcome.warnings)

    at_desk(work)


@command.command()
@id_argument
@click.option(
    "--save",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Also write its audio as WAV files.",
)
def preview(announcement: str, save: Path | None) -> None:
    """Show who will hear it and what it will sound like, of a draft or of what is live. Changes nothing."""
    from ivr.cli.announce_preview import tell_preview

    at_desk(lambda desk: tell_preview(desk, announcement, save))


@command.command()
@id_argument
@click.option(
    "--again", default=4.0, show_default=True, type=click.FloatRange(0, 168, min_open=True), metavar="HOURS",
    help="A customer who has not called again within so many hours did not have to.",
)  # fmt: skip
def figures(announcement: str, again: float) -> None:
    """Show what it achieved, by version: reached, heard, deflected, how quickly."""
    from ivr.cli.announce_figures import tell_figures

    at_desk(lambda desk: tell_figures(desk, announcement, again))


@command.command(name="list")
@click.option("--all", "everything", is_flag=True, help="Ended ones as well.")
def list_(everything: bool) -> None:
    """List announcements, the newest first.

    State: draft, approved, scheduled (its beginning is to come), live, overdue (its expected end has passed: callers
    hear that it takes longer, give a new --eta), restored, expired.
    """
    from ivr.announce.model import condition
    from ivr.cli import announce_told as told
    from ivr.cli.table import print_table

    async def work(desk: Desk) -> None:
        zone = desk.zone
        found = await desk.publisher.store.newest(ended=everything)
        rows = [
            (v.announcement_id, str(v.version), condition(v, desk.now), v.kind, str(v.target), v.service or "all",
             told.eta(v, desk.now, zone), told.local(v.until, zone), " ".join(v.texts), v.author)
            for v in found
        ]  # fmt: skip
        empty = "no announcement is live or drafted" if not everything else "there is no announcement"
        head = ("id", "version", "state", "kind", "for", "service", "expected end", "until", "languages", "author")
        print_table(head, rows, empty=empty)

    at_desk(work)


@command.command()
@id_argument
def show(announcement: str) -> None:
    """Show an announcement: what callers hear now, and every version."""
    from ivr.cli import announce_told as told

    async def work(desk: Desk) -> None:
        zone = desk.zone
        history = await desk.publisher.store.history(announcement)
        told.tell_version(history[-1], desk.now, zone)
        for each in history:
            eta = told.local(each.eta, zone) if each.eta else "unknown"
            click.echo(f"  version {each.version}: {each.state} by {each.author} at {told.local(each.at, zone)}, "
                       f"expected end {eta}, until {told.local(each.until, zone)}")  # fmt: skip

    at_desk(work)
