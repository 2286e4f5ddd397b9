"""What `ivr announce` prints."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

import click

from ivr.announce.model import APPROVED, DRAFT, END, INFO, OUTAGE, SCHEDULED, Version, condition
from ivr.announce.publish import Draft, Outcome
from ivr.announce.wording import PASSED, variant, wording
from ivr.errors import ConfigError, nearest
from ivr.settings import Settings

STATES = {DRAFT: "kept as a draft", APPROVED: "approved, not yet on the phones"}


def tell(outcome: Outcome, now: datetime, zone: ZoneInfo, *, until_chosen: bool = False) -> None:
    """Print what was done and what is doubtful about it."""
    version = outcome.version
    state = condition(version, now)
    kind = "" if version.kind == OUTAGE else f", {version.kind}"
    service = f", service {version.service}" if version.service else ""
    begins = f", heard from {local(version.starts, zone)}" if version.starts and state == SCHEDULED else ""
    click.echo(f"{version.announcement_id} version {version.version}: {STATES.get(state, state)}{begins}"
               f"{heard(outcome)}{kind}, for {version.target}{service}")  # fmt: skip
    chosen = " (chosen: give --until for another)" if until_chosen else ""
    click.echo(f"  {_end(version, zone)}not played after {local(version.until, zone)}{chosen}")
    if outcome.audience is not None:
        found, total = outcome.audience
        click.echo(f"  concerns {found} of {total} customers")
    tell_lengths(version)
    if outcome.opt_ins:
        click.echo(f"  {outcome.opt_ins} callers asked to be told and are called now")
    warn(outcome.warnings)


def tell_lengths(version: Version) -> None:
    """Print how long it is in each language, and who speaks."""
    for language, clips in version.clips.items():
        longest = max(clips.values(), key=lambda clip: clip.seconds)
        voices = ", ".join(dict.fromkeys(clip.voice for clip in clips.values() if clip.voice))
        click.echo(f"  {language}: {longest.seconds:.1f} s" + (f", voice {voices}" if voices else ""))


def tell_version(version: Version, now: datetime, zone: ZoneInfo) -> None:
    """Print one announcement as it is now: what callers hear of it."""
    click.echo(f"{version.announcement_id} version {version.version}: {condition(version, now)}, {version.kind}, "
               f"for {version.target}, service {version.service or 'all'}")  # fmt: skip
    click.echo(f"{_end(version, zone, eta(version, now, zone))}not played after {local(version.until, zone)}")
    if version.starts:
        click.echo(f"not heard before {local(version.starts, zone)}")
    if version.after != END:
        click.echo(f"after it the call may only {version.after}")
    if version.note:
        click.echo(f"{version.source}: {version.note}")
    which = variant(version, max(now, version.starts or now), zone)
    for language in version.texts:
        clip = version.clips.get(language, {}).get(which)
        length = f" ({clip.seconds:.1f} s, {clip.voice}, {clip.file})" if clip else ""
        click.echo(f"  {language}: {wording(version, language, which, zone)}{length}")


def heard(outcome: Outcome, where: str = "on") -> str:
    """Return when the first controller's callers heard of it, '' when none has answered."""
    after = outcome.heard_after_s
    return "" if after is None else f", {where} the phones after {after:.2f} s"


def warn(warnings: Collection[str]) -> None:
    """Print warnings on standard error."""
    for warning in warnings:
        click.echo(f"  warning: {warning}", err=True)


def eta(version: Version, now: datetime, zone: ZoneInfo) -> str:
    """Return the expected end in words."""
    if version.eta is None:
        return "unknown"
    first = f"{local(version.eta_from, zone)} to " if version.eta_from else ""
    passed = ", passed" if variant(version, now, zone).startswith(PASSED) else ""
    return f"{first}{local(version.eta, zone)}{passed}"


def _end(version: Version, zone: ZoneInfo, said: str = "") -> str:
    if version.kind == INFO and version.eta is None:
        return ""
    first = f"{local(version.eta_from, zone)} to " if version.eta_from else ""
    plain = f"{first}{local(version.eta, zone)}" if version.eta else "unknown"
    return f"expected end {said or plain}; "


def local(moment: datetime, zone: ZoneInfo) -> str:
    """Return a time on the hotline's clock."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def unheard(draft: Draft, conf: Settings) -> list[str]:
    """Return warnings about a number, a project or a service that no call flow knows."""
    try:
        from ivr.app import load_dialplans

        plans = load_dialplans(conf)
    except (ConfigError, ImportError):
        return []
    services = {
        str(step.values.get("service", ""))
        for flow in plans.flows.values() for step in flow.steps.values() if step.kind in ("announce", "status")
    }  # fmt: skip
    projects = {number.project for number in plans.numbers.values()}
    checks = [("number", draft.target.dnis, plans.numbers), ("project", draft.target.project, projects),
              ("service", draft.service, services)]  # fmt: skip
    return [_unknown(what, name, known) for what, name, known in checks if name and name not in known]


def _unknown(what: str, name: str, known: Collection[str]) -> str:
    near = nearest(name, known)
    hint = f"did you mean {near}?" if near else f"known: {', '.join(sorted(filter(None, known))) or 'none'}"
    return f"no call flow knows the {what} {name}; {hint}"
