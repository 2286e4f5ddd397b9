"""What the commands of `ivr announce` share: their options, what was typed, the publisher they work with."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from ivr.announce.model import AFTER, KINDS, OUTAGE, service_name
from ivr.announce.publish import Draft, NeedsConfirmation, Outcome, Publisher
from ivr.announce.typed import eta_time, point_in_time, read_target
from ivr.call import CLASSES, LANGUAGES
from ivr.db import Database
from ivr.errors import InputError
from ivr.settings import Settings, settings

FILE_BYTES = 2_000_000
Work = Callable[["Desk"], Awaitable[Any]]


@dataclass(frozen=True)
class Desk:
    """One command's work place."""

    publisher: Publisher
    now: datetime

    @property
    def settings(self) -> Settings:
        return self.publisher.settings

    @property
    def zone(self) -> ZoneInfo:
        return self.publisher.zone

    def eta(self, text: str | None) -> datetime | None:
        return self._time(eta_time, text)

    def time(self, text: str | None) -> datetime | None:
        return self._time(point_in_time, text)

    def _time(self, read: Callable[[str, datetime, ZoneInfo], datetime | None], text: str | None) -> datetime | None:
        try:
            return None if text is None else read(text, self.now, self.zone)
        except ValueError as error:
            raise InputError(str(error)) from error


def at_desk(work: Work) -> None:
    """Run `work` with a publisher on the settings' database and Redis."""
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    conf = settings()

    async def main() -> None:
        database = Database(conf)
        redis = Redis.from_url(conf.redis_address, socket_timeout=1.0, socket_connect_timeout=1.0,
                               retry=Retry(NoBackoff(), 0))  # fmt: skip
        try:
            await work(Desk(Publisher(database, conf, redis), datetime.now(UTC)))
        finally:
            await redis.aclose()
            await database.close()

    asyncio.run(main())


async def confirmed(publishing: Callable[[bool], Awaitable[Outcome]], yes: bool) -> Outcome:
    """Return what `publishing` did; of one that concerns many it is asked first, or --yes is needed."""
    try:
        return await publishing(yes)
    except NeedsConfirmation as asked:
        if not on_terminal():
            raise InputError(f"{asked.said}; expected --yes when that is right") from asked
        if not click.confirm(f"{asked.said}. Put it on the phones?"):
            raise InputError("nothing was changed") from None
        return await publishing(True)


def on_terminal() -> bool:
    """Is there somebody who can answer a question?"""
    return sys.stdin.isatty() and sys.stdout.isatty()


# -- options


def _all(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decorate(function: Any) -> Any:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


id_argument = click.argument("announcement")
texts_options = _all(
    *(click.option(f"--text-{language}", metavar="TEXT", help=f"What callers hear in {language!r}.")
      for language in LANGUAGES)
)  # fmt: skip
author_option = click.option("--author", default="", metavar="NAME", help="Who says so (default: your login name).")
yes_option = click.option("--yes", is_flag=True, help="It may concern a large share of all customers: do not ask.")
times_options = _all(
    click.option("--eta", metavar="TIME", help="Expected end: 18:30, 2026-11-24T06:00, or unknown. Spoken."),
    click.option(
        "--eta-from", metavar="TIME", help="The earliest end, of a range up to --eta; of planned work, its beginning."
    ),
    click.option("--as-of/--no-as-of", default=None, help="Also say how old this information is: as of 14:20."),
    click.option("--starts", metavar="TIME", help="Not heard before this; then it is on the phones by itself."),
    click.option("--until", metavar="TIME", help="Not played after this, whatever else happens."),
    click.option(
        "--after", type=click.Choice(AFTER), help="The most that may follow it: end the call, offer choices, go on."
    ),
)
target_options = _all(
    click.option(
        "--area", multiple=True, metavar="PATH", help="Customers at or below it: pl/mazowieckie/warszawa. Repeat it."
    ),
    click.option("--node", default="", metavar="NAME", help="Customers with this name in their area: a failed switch."),
    click.option("--number", multiple=True, metavar="NUMBER", help="This number or account. Repeat it."),
    click.option(
        "--numbers-file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
        help="Numbers or accounts, one a line; - reads standard input.",
    ),
    click.option(
        "--prefix", default="", metavar="+NUMBER", help="Callers whose number begins so and whose area is unknown."
    ),
    click.option("--dnis", default="", metavar="NUMBER", help="Of these, only callers who dialled this number."),
    click.option("--project", default="", metavar="NAME", help="Of these, only callers of this client company."),
    click.option(
        "--class", "classes", multiple=True, metavar="CLASS", help=f"Of these, only {', '.join(CLASSES)}. Repeat it."
    ),
    click.option("--service", default="", metavar="NAME", help="Only callers who call about it: internet, tv, phone."),
)  # fmt: skip
kind_option = click.option(
    "--kind", default=OUTAGE, show_default=True, type=click.Choice(KINDS),
    help="planned: work, not a fault. info: anything else; it never ends a call.",
)  # fmt: skip


# -- what was typed


def draft_of(desk: Desk, typed: dict[str, Any]) -> Draft:
    """Return what was given with target, times, kind and texts options."""
    numbers = [*typed["number"], *(_lines(typed["numbers_file"]) if typed["numbers_file"] else ())]
    target = read_target(
        desk.settings.country_code, areas=typed["area"], node=typed["node"], numbers=numbers, prefix=typed["prefix"],
        dnis=typed["dnis"], project=typed["project"], classes=typed["classes"],
    )  # fmt: skip
    draft = Draft(
        target, texts_of(typed), service_of(typed["service"]), desk.eta(typed["eta"]), desk.time(typed["until"]),
        typed["kind"], desk.time(typed["starts"]), desk.time(typed["eta_from"]), bool(typed["as_of"]),
    )  # fmt: skip
    return draft if typed["after"] is None else Draft(**{**vars(draft), "after": typed["after"]})


def texts_of(typed: dict[str, Any]) -> dict[str, str]:
    """Return the texts given, by language."""
    return {language: text for language in LANGUAGES if (text := typed[f"text_{language}"]) is not None}


def service_of(text: str) -> str:
    """Return a service in its one spelling. Raises InputError."""
    try:
        return service_name(text)
    except ValueError as error:
        raise InputError(str(error)) from error


def author_of(given: str) -> str:
    """Return who says so."""
    try:
        return (given.strip() or getpass.getuser())[:100]
    except (OSError, KeyError):
        raise InputError("your login name cannot be found; expected --author NAME") from None


def _lines(file: Path) -> list[str]:
    """Return what stands first in each line; empty lines and those after # are left out. Raises InputError."""
    try:
        raw = _read(file)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 text: {error.reason} at byte {error.start}") from error
    if len(raw) > FILE_BYTES:
        raise InputError(f"{file} is larger than {FILE_BYTES // 1_000_000} MB; expected one number or account a line")
    lines = (line.partition("#")[0].replace(";", ",") for line in text.splitlines())
    firsts = (line.partition(",")[0].strip().strip('"') for line in lines)
    return [first for first in firsts if first]


def _read(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read(FILE_BYTES + 1)
    with file.open("rb") as opened:
        return opened.read(FILE_BYTES + 1)
