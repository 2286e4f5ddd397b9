"""`ivr announce`: put an announcement on the phones, list, change and end them."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import click

from ivr.announce.model import KINDS, LIVE, OUTAGE, Target, Version, service_name
from ivr.announce.publish import Draft, Outcome, Publisher
from ivr.announce.wording import PASSED, eta_time, point_in_time, variant, wording
from ivr.area import area_path
from ivr.call import LANGUAGES
from ivr.db import Database
from ivr.errors import ConfigError, InputError, nearest
from ivr.settings import Settings, settings

Work = Callable[[Publisher, datetime], Awaitable[Any]]


def texts_options(function: Any) -> Any:
    """Add --text-pl, --text-ru and --text-en."""
    for language in reversed(LANGUAGES):
        option = click.option(f"--text-{language}", metavar="TEXT", help=f"What callers hear in {language!r}.")
        function = option(function)
    return function


author_option = click.option("--author", default="", metavar="NAME", help="Who says so (default: your login name).")
eta_option = click.option("--eta", metavar="TIME", help="Expected end: 18:30, 2026-11-24T06:00, or unknown. Spoken.")
until_option = click.option("--until", metavar="TIME", help="Not played after this, whatever else happens.")


@click.group()
def command() -> None:
    """Put an announcement on the phones, list, change and end them."""


@command.command()
@click.option("--area", default="", metavar="PATH", help="Customers at or below it: pl/mazowieckie/warszawa/wola.")
@click.option("--dnis", default="", metavar="NUMBER", help="Only callers who dialled this number.")
@click.option(
    "--prefix", default="", metavar="+NUMBER", help="Callers whose number begins so and whose area is unknown."
)
@click.option("--service", default="", metavar="NAME", help="Only callers who call about it: internet, tv, phone, ...")
@click.option(
    "--kind", default=OUTAGE, show_default=True, type=click.Choice(KINDS),
    help="planned: work, not a fault. info: anything else; it never ends a call.",
)  # fmt: skip
@texts_options
@eta_option
@until_option
@author_option
@click.option("--draft", is_flag=True, help="Keep it; `ivr announce publish ID` brings it to the phones.")
def post(
    area: str, dnis: str, prefix: str, service: str, kind: str, eta: str | None, until: str | None, author: str,
    draft: bool, **texts: str | None,
) -> None:  # fmt: skip
    """Put a new announcement on the phones. Without --area, --dnis and --prefix it is for everyone."""

    async def work(publisher: Publisher, now: datetime) -> None:
        conf, zone = publisher.settings, publisher.zone
        read = Draft(
            Target(tuple(filter(None, [_said(area_path, area)])), _dnis(dnis), _prefix(prefix, conf)), _texts(texts),
            _said(service_name, service), _time(eta_time, eta, now, zone), _time(point_in_time, until, now, zone), kind,
        )  # fmt: skip
        outcome = await publisher.post(read, _author(author), now, hold=draft)
        _print_outcome(outcome, zone, until_chosen=until is None)
        _warn(_unheard(read, conf))

    _run(work)


@command.command()
@click.argument("announcement")
@texts_options
@eta_option
@until_option
@author_option
def update(announcement: str, eta: str | None, until: str | None, author: str, **texts: str | None) -> None:
    """Change texts, expected end or expiry: a new version, heard at once. `last` is the one changed last."""
    if eta is None and until is None and not _texts(texts):
        raise InputError("nothing to change; expected --eta, --until or a --text-..")

    async def work(publisher: Publisher, now: datetime) -> None:
        zone = publisher.zone
        outcome = await publisher.update(
            announcement, _author(author), now, texts=_texts(texts), until=_time(point_in_time, until, now, zone),
            eta="keep" if eta is None else _time(eta_time, eta, now, zone),
        )  # fmt: skip
        _print_outcome(outcome, zone)

    _run(work)


@command.command()
@click.argument("announcement")
@author_option
def publish(announcement: str, author: str) -> None:
    """Put a draft on the phones."""

    async def work(publisher: Publisher, now: datetime) -> None:
        _print_outcome(await publisher.publish(announcement, _author(author), now), publisher.zone)

    _run(work)


@command.command()
@click.argument("announcement")
@author_option
def end(announcement: str, author: str) -> None:
    """Take an announcement off the phones."""

    async def work(publisher: Publisher, now: datetime) -> None:
        outcome = await publisher.end(announcement, _author(author), now)
        click.echo(
            f"{outcome.version.announcement_id} version {outcome.version.version}: ended{_heard(outcome, 'off')}"
        )
        _warn(outcome.warnings)

    _run(work)


@command.command(name="list")
@click.option("--all", "everything", is_flag=True, help="Ended ones as well.")
def list_(everything: bool) -> None:
    """List announcements, the newest first."""
    from ivr.cli.table import print_table

    async def work(publisher: Publisher, now: datetime) -> None:
        zone = publisher.zone
        found = await publisher.store.newest(ended=everything)
        rows = [
            (v.announcement_id, str(v.version), _state(v, now), v.kind, str(v.target), v.service or "all",
             _eta(v, now, zone), _local(v.until, zone), " ".join(v.texts), v.author)
            for v in found
        ]  # fmt: skip
        empty = "no announcement is live or drafted" if not everything else "there is no announcement"
        head = ("id", "version", "state", "kind", "for", "service", "expected end", "until", "languages", "author")
        print_table(head, rows, empty=empty)

    _run(work)


@command.command()
@click.argument("announcement")
def show(announcement: str) -> None:
    """Show an announcement: what callers hear now, and every version. `last` is the one changed last."""

    async def work(publisher: Publisher, now: datetime) -> None:
        zone = publisher.zone
        history = await publisher.store.history(announcement)
        newest = history[-1]
        click.echo(f"{newest.announcement_id} version {newest.version}: {_state(newest, now)}, {newest.kind}, "
                   f"for {newest.target}, service {newest.service or 'all'}")  # fmt: skip
        click.echo(f"expected end {_eta(newest, now, zone)}; not played after {_local(newest.until, zone)}")
        for language, text in newest.texts.items():
            which = variant(newest.eta, now, zone)
            clip = newest.clips.get(language, {}).get(which)
            length = f" ({clip.seconds:.1f} s, {clip.voice}, {clip.file})" if clip else ""
            click.echo(f"  {language}: {wording(text, language, newest.eta, which, zone)}{length}")
        for each in history:
            eta = _local(each.eta, zone) if each.eta else "unknown"
            click.echo(f"  version {each.version}: {each.state} by {each.author} at {_local(each.at, zone)}, "
                       f"expected end {eta}, until {_local(each.until, zone)}")  # fmt: skip

    _run(work)


def _run(work: Work) -> None:
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
            await work(Publisher(database, conf, redis), datetime.now(UTC))
        finally:
            await redis.aclose()
            await database.close()

    asyncio.run(main())


# -- what was typed


def _texts(options: dict[str, str | None]) -> dict[str, str]:
    return {name.removeprefix("text_"): text for name, text in options.items() if text is not None}


def _author(given: str) -> str:
    try:
        return (given.strip() or getpass.getuser())[:100]
    except (OSError, KeyError):
        raise InputError("your login name cannot be found; expected --author NAME") from None


def _said(read: Callable[[str], str], text: str) -> str:
    try:
        return read(text) if text else ""
    except ValueError as error:
        raise InputError(str(error)) from error


def _time(read: Callable[[str, datetime, ZoneInfo], Any], text: str | None, now: datetime, zone: ZoneInfo) -> Any:
    try:
        return None if text is None else read(text, now, zone)
    except ValueError as error:
        raise InputError(str(error)) from error


def _dnis(text: str) -> str:
    number = text.strip()
    if number and not (number.isascii() and number.removeprefix("+").isdigit() and len(number) <= 20):
        raise InputError(f"{text!r} is not a number that can be dialled; expected digits")
    return number


def _prefix(text: str, conf: Settings) -> str:
    prefix = "".join(text.split())
    if not prefix:
        return ""
    digits = prefix.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
        raise InputError(f"{text!r} is not the beginning of a number; expected + and digits, for example +4822")
    if not prefix.startswith("+"):
        code = conf.country_code
        whole = digits.removeprefix("00") if digits.startswith(("00", code)) else code + digits.lstrip("0")
        raise InputError(f"prefix {text!r} has no country code; did you mean '+{whole}'?")
    return prefix


def _unheard(draft: Draft, conf: Settings) -> list[str]:
    """Return warnings about a number or a service that no call flow knows."""
    try:
        from ivr.app import load_dialplans

        plans = load_dialplans(conf)
    except (ConfigError, ImportError):
        return []
    services = {
        str(step.values.get("service", ""))
        for flow in plans.flows.values() for step in flow.steps.values() if step.kind in ("announce", "status")
    }  # fmt: skip
    checks = [("number", draft.target.dnis, plans.numbers), ("service", draft.service, services)]
    return [_unknown(what, name, known) for what, name, known in checks if name and name not in known]


def _unknown(what: str, name: str, known: Collection[str]) -> str:
    near = nearest(name, known)
    hint = f"did you mean {near}?" if near else f"known: {', '.join(sorted(filter(None, known))) or 'none'}"
    return f"no call flow knows the {what} {name}; {hint}"


# -- what is printed


def _print_outcome(outcome: Outcome, zone: ZoneInfo, *, until_chosen: bool = False) -> None:
    version = outcome.version
    state = "live" if version.state == LIVE else "kept as a draft"
    kind = "" if version.kind == OUTAGE else f", {version.kind}"
    click.echo(f"{version.announcement_id} version {version.version}: {state}{_heard(outcome)}{kind}, "
               f"for {version.target}"
               + (f", service {version.service}" if version.service else ""))  # fmt: skip
    eta = f"expected end {_local(version.eta, zone)}" if version.eta else "expected end unknown"
    chosen = " (chosen: give --until for another)" if until_chosen else ""
    click.echo(f"  {eta}; not played after {_local(version.until, zone)}{chosen}")
    if outcome.audience is not None:
        found, total = outcome.audience
        click.echo(f"  concerns {found} of {total} customers")
    for language, clips in version.clips.items():
        longest = max(clips.values(), key=lambda clip: clip.seconds)
        voices = ", ".join(dict.fromkeys(clip.voice for clip in clips.values() if clip.voice))
        click.echo(f"  {language}: {longest.seconds:.1f} s" + (f", voice {voices}" if voices else ""))
    _warn(outcome.warnings)


def _heard(outcome: Outcome, where: str = "on") -> str:
    after = outcome.heard_after_s
    return "" if after is None else f", {where} the phones after {after:.2f} s"


def _warn(warnings: Collection[str]) -> None:
    for warning in warnings:
        click.echo(f"  warning: {warning}", err=True)


def _state(version: Version, now: datetime) -> str:
    return "expired" if version.state == LIVE and not version.is_live(now) else version.state


def _eta(version: Version, now: datetime, zone: ZoneInfo) -> str:
    if version.eta is None:
        return "unknown"
    return _local(version.eta, zone) + (", passed" if variant(version.eta, now, zone) == PASSED else "")


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"
