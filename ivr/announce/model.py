"""What an announcement is: immutable versions with a target, texts, an expected end and clips. Pure.

Every change is a new version; the newest one holds. `store` keeps them, `live` hands them to calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

DRAFT, APPROVED, LIVE, RESTORED, ENDED = "draft", "approved", "live", "restored", "ended"
STATES = (DRAFT, APPROVED, LIVE, RESTORED, ENDED)
HEARD = (LIVE, RESTORED)  # callers hear these
OUTAGE, PLANNED, INFO = "outage", "planned", "info"
KINDS = (OUTAGE, PLANNED, INFO)
END, OFFER, CONTINUE = "end", "offer", "continue"
AFTER = (END, OFFER, CONTINUE)
OPS, RADAR, MONITORING, PHONE, REOPENED = "ops", "radar", "monitoring", "phone", "reopened"
SOURCES = (OPS, RADAR, MONITORING, PHONE, REOPENED)
MACHINES = (RADAR, MONITORING, REOPENED)
SERVICE_MOST, TEXT_MOST, NOTE_MOST = 40, 1200, 400
AREAS_MOST, NUMBERS_MOST = 100, 20_000
SCHEDULED, OVERDUE, EXPIRED = "scheduled", "overdue", "expired"
CONDITIONS = (DRAFT, APPROVED, SCHEDULED, LIVE, OVERDUE, RESTORED, EXPIRED, ENDED)


@dataclass(frozen=True)
class Target:
    """Whom an announcement concerns; nothing set means everyone.

    areas  paths: customers at or below one of them.  node  a name anywhere in a customer's area path, as of a failed
    switch.  numbers  E.164 numbers or accounts of customers.  prefix  of the caller's number in E.164; beside one of
    the three it counts only for callers whose area is not known.  Who is in one of these is concerned.
    dnis, project, classes  narrow that to callers of one number, one client company, some customer classes.
    """

    areas: tuple[str, ...] = ()
    dnis: str = ""
    prefix: str = ""
    project: str = ""
    classes: tuple[str, ...] = ()
    node: str = ""
    numbers: tuple[str, ...] = ()

    @property
    def everyone(self) -> bool:
        return self == Target()

    @property
    def by_customer(self) -> bool:
        """Does it take a known customer to be concerned?"""
        return bool(self.areas or self.node or self.numbers)

    @cached_property
    def listed(self) -> frozenset[str]:
        """`numbers`, quick to look one up in."""
        return frozenset(self.numbers)

    def __str__(self) -> str:
        who = [f"area {area}" for area in self.areas]
        who += [f"node {self.node}"] if self.node else []
        who += [f"{len(self.numbers)} listed customers"] if self.numbers else []
        who += [f"callers from {self.prefix}"] if self.prefix else []
        said = [" or ".join(who)]
        said += [f"number {self.dnis}"] if self.dnis else []
        said += [f"project {self.project}"] if self.project else []
        said += [f"{' or '.join(self.classes)} customers"] if self.classes else []
        return ", ".join(filter(None, said)) or "everyone"


@dataclass(frozen=True)
class ClipRef:
    """Audio of one wording. file  absolute path without extension.  voice  who speaks, for ops to see."""

    file: str
    seconds: float
    voice: str = ""


@dataclass(frozen=True)
class Version:
    """One version of one announcement.

    eta  expected end, None when unknown.  eta_from  the earliest, when it is a range; of planned work, when it begins.
    starts  not heard before.
    until  when it is no longer played, whatever else happens.  as_of  the age of the information is said.
    clips  language -> variant of the wording (announce/wording.py) -> audio; empty for a draft.
    kind  outage; planned: work that was announced; info: no fault at all, so it never ends a call.
    after  the most that may follow it: end, offer or continue; a flow's step may ask for less.
    source  where it came from.  note  why, in words, for ops to read.
    recordings  language -> name of a recording (announce/recording.py) played in place of that text.
    """

    announcement_id: str
    version: int
    state: str
    author: str
    at: datetime
    target: Target
    service: str
    texts: Mapping[str, str]
    eta: datetime | None
    until: datetime
    clips: Mapping[str, Mapping[str, ClipRef]] = field(default_factory=dict)
    kind: str = OUTAGE
    starts: datetime | None = None
    eta_from: datetime | None = None
    as_of: bool = False
    after: str = END
    source: str = OPS
    note: str = ""
    recordings: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"announcement:{self.announcement_id} v{self.version}"

    def is_live(self, now: datetime) -> bool:
        """Is it to be played at `now`?"""
        return self.state in HEARD and now < self.until and (self.starts is None or now >= self.starts)


def condition(version: Version, now: datetime) -> str:
    """Return what holds of it at `now`, one of CONDITIONS: its state, or what time has made of that.

    scheduled  live, but its beginning is to come.  overdue  live, and its expected end has passed.
    expired  `until` has passed.
    """
    if version.state not in HEARD:
        return version.state
    if now >= version.until:
        return EXPIRED
    if version.starts is not None and now < version.starts:
        return SCHEDULED
    late = version.eta is not None and now >= version.eta and version.kind != INFO
    return OVERDUE if late and version.state == LIVE else version.state


def overdue(versions: Iterable[Version], now: datetime) -> tuple[Version, ...]:
    """Return those that are heard though their expected end has passed: somebody has to say what holds now."""
    return tuple(each for each in versions if condition(each, now) == OVERDUE)


def service_name(text: str) -> str:
    """Return a service in its one spelling. Raises ValueError when it is not a short name."""
    service = text.strip().lower()
    if len(service) > SERVICE_MOST or not re.fullmatch(r"[\w-]*", service):
        raise ValueError(f"{text!r} is not a service; expected one short name, for example internet")
    return service
