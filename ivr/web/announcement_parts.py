"""What the pages of announcements and their API share: conditions, choices, the check that nobody else changed it.

Called by `pages/announcements.py`, `pages/announcement_compose.py` and `api/announcements.py`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import HTTPException

from ivr.announce.draft import Draft
from ivr.announce.model import (
    APPROVED,
    DRAFT,
    ENDED,
    EXPIRED,
    LIVE,
    MONITORING,
    OVERDUE,
    PLANNED,
    RADAR,
    REOPENED,
    RESTORED,
    SCHEDULED,
    Target,
    Version,
    condition,
)
from ivr.announce.preview import Preview
from ivr.announce.publish import Publisher
from ivr.desk.areas import Areas
from ivr.errors import ConfigError
from ivr.flow import load as flows
from ivr.record.figures import AnnouncementFigures, Counts
from ivr.settings import Settings
from ivr.web.announcement_notices import Notices
from ivr.web.parts import Parts

GROUPS = ("proposed", OVERDUE, LIVE, SCHEDULED, RESTORED, APPROVED, DRAFT, EXPIRED, ENDED)
MACHINES = (RADAR, MONITORING, REOPENED)
ENDED_MOST = 50  # shown
CHOICES_S, COUNTED_S = 20.0, 0.5


@dataclass(frozen=True)
class Choices:
    """What the dialplans know. numbers  dialled one -> what it is called."""

    numbers: Mapping[str, str]
    projects: Sequence[str]
    services: Sequence[str]


class Desk:
    """One process's announcement pages: what they lean on, and what they need not ask for each time."""

    def __init__(self, parts: Parts) -> None:
        self.settings: Settings = parts.settings
        self.publisher: Publisher = parts.publisher
        self.preview = Preview(parts.database, parts.settings, parts.publisher.maker)
        self.figures = AnnouncementFigures(parts.database)
        self.areas = Areas(parts.database)
        self.notices = Notices()
        self._choices = (0.0, Choices({}, (), ()))
        self._counted: tuple[float, tuple[str, ...], dict[str, Counts]] = (0.0, (), {})
        self._counting = asyncio.Lock()

    async def choices(self) -> Choices:
        """Return what the dialplans offer to choose from; nothing while they cannot be read."""
        at, known = self._choices
        if not at or time.monotonic() - at > CHOICES_S:
            known = await asyncio.to_thread(_choices, self.settings)
            self._choices = (time.monotonic(), known)
        return known

    async def counters(self, ids: Sequence[str]) -> dict[str, Counts]:
        """Return the counters; many who look at once cost one query."""
        wanted = tuple(sorted(ids))
        async with self._counting:
            at, of, counts = self._counted
            if of != wanted or time.monotonic() - at > COUNTED_S:
                counts = await self.figures.counters(wanted) if wanted else {}
                self._counted = (time.monotonic(), wanted, counts)
        return counts

    def as_draft(self, version: Version, now: datetime) -> Draft:
        """Return a draft of the same; times that have passed are left out."""
        eta = version.eta if version.eta and version.eta > now else None
        return Draft(
            version.target, version.texts, version.service, eta, version.until if version.until > now else None,
            version.kind, version.starts if version.starts and version.starts > now else None,
            version.eta_from if eta or version.kind == PLANNED else None, version.as_of, version.after,
            note=version.note, recordings=version.recordings,
        )  # fmt: skip

    async def grouped(self, now: datetime, *, ended: bool = False) -> dict[str, list[Version]]:
        """Return the newest versions by group, in the order they are shown."""
        found: dict[str, list[Version]] = {name: [] for name in GROUPS}
        for version in await self.publisher.store.newest(ended=ended):
            found[group(version, now)].append(version)
        found[ENDED] = found[ENDED][:ENDED_MOST]
        return {name: versions for name, versions in found.items() if versions}


def desk_of(parts: Parts) -> Desk:
    """Return the desk of these parts, one for the process."""
    found = parts.__dict__.get("announcement_desk")
    if found is None:
        found = parts.__dict__["announcement_desk"] = Desk(parts)
    assert isinstance(found, Desk)
    return found


def group(version: Version, now: datetime) -> str:
    """Return one of GROUPS: what machines propose stands before everything else."""
    holds = condition(version, now)
    return "proposed" if holds in (DRAFT, APPROVED) and version.source in MACHINES else holds


def stamp(groups: Mapping[str, Sequence[Version]]) -> str:
    """Return a word that changes when another version, or another condition, is to be shown."""
    return ".".join(mark(name, each) for name, of in groups.items() for each in of)


def mark(name: str, version: Version) -> str:
    """Return the part of a stamp that stands for one version in its group."""
    return f"{name[:2]}{version.announcement_id}v{version.version}"


def check_unchanged(held: Version, expected: int | None, text: str) -> None:
    """Raise 409 with `text` when `held` is another version than the one somebody looked at; None: he does not mind."""
    if expected and held.version != expected:
        raise HTTPException(409, text)


def facts(version: Version) -> dict[str, Any]:
    """Return what the audit log keeps of a version."""
    target = version.target
    return {
        "version": version.version, "state": version.state, "target": brief(target), "service": version.service,
        "texts": dict(version.texts), "eta": version.eta, "eta_from": version.eta_from, "until": version.until,
        "starts": version.starts, "kind": version.kind, "after": version.after,
    }  # fmt: skip


def brief(target: Target) -> str:
    """Return a target in words, cut where it is long."""
    return str(target)[:400]


def _choices(settings: Settings) -> Choices:
    try:
        plans = flows.load(settings.dialplans_dir, flows.prompt_keys(*settings.prompt_dirs))
    except (ConfigError, OSError):
        return Choices({}, (), ())
    services = {
        str(step.values.get("service") or "")
        for flow in plans.flows.values() for step in flow.steps.values() if step.kind in ("announce", "status")
    }  # fmt: skip
    numbers = {name: each.name for name, each in sorted(plans.numbers.items())}
    projects = sorted({each.project for each in plans.numbers.values() if each.project})
    return Choices(numbers, tuple(projects), tuple(sorted(services - {""})))


def sound_name(file: str | Path) -> str:
    """Return the name a clip is served by."""
    return Path(file).name.removesuffix(".listen.wav")
