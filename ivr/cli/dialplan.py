"""`ivr dialplan`: check, list and try call flows, print their reference."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.table import Table

from ivr.call import DISPOSITIONS, LANGUAGES
from ivr.desk.staffing import check_staffing
from ivr.errors import ConfigError, Finding, InputError, nearest
from ivr.flow.commands import Announcement, Queued
from ivr.flow.load import Dialplans, load, prompt_keys, prompt_texts
from ivr.flow.model import plain
from ivr.flow.reference import markdown
from ivr.flow.steps import KINDS
from ivr.flow.trial import Situation, Transcript, try_flow
from ivr.hours import is_open
from ivr.settings import settings
from ivr.sound import Clip


@click.group(name="dialplan")
def command() -> None:
    """Check, list and try call flows."""


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check(as_json: bool) -> None:
    """Check every file of dialplans/, and that somebody answers every queue; exit status 1 when there is a mistake."""
    try:
        dialplans = _load()
        staffing = asyncio.run(check_staffing(settings(), dialplans))
        if staffing.findings:
            raise ConfigError(*staffing.findings)
    except ConfigError as error:
        if not as_json:
            raise
        click.echo(json.dumps({"ok": False, "findings": [_finding(f) for f in error.findings]}, indent=2))
        sys.exit(1)
    if as_json:
        found = {"ok": True, "version": dialplans.version, "findings": [], "notes": staffing.notes}
        click.echo(json.dumps(found, indent=2))
        return
    for note in staffing.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(
        f"dialplans {dialplans.version}: {len(dialplans.numbers)} numbers, {len(dialplans.flows)} flows, "
        f"{len(dialplans.queues)} queues, no mistake"
    )


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool) -> None:
    """List numbers, queues and opening hours."""
    dialplans = _load()
    now = datetime.now(ZoneInfo(settings().timezone))
    opened = {name: is_open(calendar, now) for name, calendar in dialplans.hours.items()}
    if as_json:
        numbers = [dataclasses.asdict(number) for number in dialplans.numbers.values()]
        queues = [plain(queue) for queue in dialplans.queues.values()]
        click.echo(
            json.dumps(
                {"version": dialplans.version, "numbers": numbers, "queues": queues, "open": opened}, indent=2
            )
        )
        return
    _print(
        ("number", "flow", "language", "name"),
        [(n.number, n.flow, n.language, n.name) for n in dialplans.numbers.values()],
    )
    _print(
        ("queue", "need", "priority", "longest wait", "then", "title"),
        [
            (q.name, str(q.plan().need), str(q.priority), f"{q.max_wait_s} s", str(q.overflow), q.title)
            for q in dialplans.queues.values()
        ],
    )
    _print(
        ("calendar", "now"), [(name, "open" if now_open else "closed") for name, now_open in opened.items()]
    )


@command.command()
def reference() -> None:
    """Print the reference of every step, key and outcome (docs/dialplan.md)."""
    click.echo(markdown(), nl=False)


@command.command(name="try")
@click.argument("number")
@click.option(
    "--keys",
    default="",
    help="What the caller presses: keys, w to let a question pass, w2 to wait 2 seconds.",
)
@click.option(
    "--announce", multiple=True, metavar="TEXT", help="An announcement that certainly concerns the caller."
)
@click.option("--maybe", multiple=True, metavar="TEXT", help="An announcement that may concern the caller.")
@click.option("--service", default="", help="Service of these announcements, for example internet.")
@click.option(
    "--at", "at_text", default="", metavar="TIME", help="When the call comes, such as 2026-12-25T10:00."
)
@click.option("--open", "opened", multiple=True, metavar="CALENDAR", help="Take this calendar as open.")
@click.option("--closed", multiple=True, metavar="CALENDAR", help="Take this calendar as closed.")
@click.option(
    "--queue",
    "queues",
    multiple=True,
    metavar="QUEUE=OUTCOME",
    help="How waiting ends: nobody, full, too_long, timeout, a key …",
)
@click.option(
    "--transfer",
    "transfers",
    multiple=True,
    metavar="TARGET=OUTCOME",
    help="How a transfer ends: busy, no_answer …",
)
@click.option(
    "--language",
    type=click.Choice(LANGUAGES),
    help="Language the call begins in (the number's unless given).",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def try_(
    number: str, keys: str, announce: tuple[str, ...], maybe: tuple[str, ...], service: str, at_text: str,
    opened: tuple[str, ...], closed: tuple[str, ...], queues: tuple[str, ...], transfers: tuple[str, ...],
    language: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Tell what a caller of NUMBER would hear and where the call would end, without a phone.

    A key is pressed when the hotline next asks for one; a key right after a wait is pressed at that moment.
    Example: ivr dialplan try 100 --announce "No internet in Wola." --keys w1,3,1
    """
    dialplans = _load()
    if number not in dialplans.numbers:
        raise InputError(_unknown("number", number, dialplans.numbers))
    dialled = dialplans.numbers[number]
    situation = Situation(
        _moment(at_text),
        [(_announcement(i, text, i < len(announce)), service) for i, text in enumerate((*announce, *maybe))],
        {
            _calendar(name, dialplans): state
            for state, names in ((True, opened), (False, closed))
            for name in names
        },
        {name: _queued(outcome) for name, outcome in _pairs("queue", queues, dialplans.queues).items()},
        {
            name: _one_of("transfer", outcome)
            for name, outcome in _pairs("target", transfers, dialplans.targets).items()
        },
    )
    texts = prompt_texts(settings().prompts_dir)
    transcript = try_flow(
        dialplans.flows[dialled.flow], dialplans, keys, situation, language or dialled.language, texts
    )
    click.echo(
        json.dumps(_as_json(transcript), indent=2, ensure_ascii=False) if as_json else _as_text(transcript)
    )


def _load() -> Dialplans:
    return load(settings().dialplans_dir, prompt_keys(settings().prompts_dir))


def _finding(finding: Finding | str) -> dict[str, object]:
    return (
        {"wrong": finding}
        if isinstance(finding, str)
        else dataclasses.asdict(finding) | {"file": str(finding.file)}
    )


def _print(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    if not sys.stdout.isatty():
        click.echo("\n".join("\t".join(row) for row in (head, *rows)) + "\n")
        return
    table = Table(*head)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def _unknown(kind: str, name: str, known: Collection[str]) -> str:
    near = nearest(name, known)
    hint = f"did you mean {near!r}?" if near else "expected one of " + ", ".join(known)
    return f"no {kind} {name!r}; {hint}"


def _moment(text: str) -> datetime:
    zone = ZoneInfo(settings().timezone)
    if not text:
        return datetime.now(zone)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"--at: {text!r} is not a time, expected one such as 2026-12-25T10:00") from None
    return at if at.tzinfo else at.replace(tzinfo=zone)


def _announcement(index: int, text: str, certain: bool) -> Announcement:
    return Announcement(
        f"try{index + 1}", 1, (Clip("", text),), certain, certain, "given on the command line"
    )


def _calendar(name: str, dialplans: Dialplans) -> str:
    if name not in dialplans.hours:
        raise InputError(_unknown("calendar", name, dialplans.hours))
    return name


def _pairs(kind: str, pairs: tuple[str, ...], known: Collection[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, _, outcome = pair.partition("=")
        if name not in known:
            raise InputError(_unknown(kind, name, known))
        found[name] = outcome
    return found


def _queued(outcome: str) -> Queued:
    if len(outcome) == 1 and outcome in "0123456789*#":
        return Queued("key", outcome)
    return Queued(_one_of("queue", outcome))


def _one_of(kind: str, outcome: str) -> str:
    if outcome not in KINDS[kind].outcome:
        raise InputError(_unknown(f"{kind} outcome", outcome, KINDS[kind].outcome))
    return outcome


def _as_text(transcript: Transcript) -> str:
    rows = [
        f"{line.at_s:7.1f} s  {line.what:<9} {_quoted(line.what, line.text)}" for line in transcript.lines
    ]
    return "\n".join(rows)


def _quoted(what: str, text: str) -> str:
    if what == "ends":
        return f"{text}: {DISPOSITIONS[text]}"
    return f"“{text}”" if what == "says" else text


def _as_json(transcript: Transcript) -> dict[str, object]:
    return {
        "disposition": transcript.disposition,
        "steps": transcript.steps,
        "lines": [dataclasses.asdict(line) for line in transcript.lines],
    }
