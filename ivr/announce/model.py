"""What an announcement is: immutable versions with a target, texts, an expected end and clips. Pure.

Every change is a new version; the newest one holds. `store` keeps them, `live` hands them to calls.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

DRAFT, LIVE, ENDED = "draft", "live", "ended"
OUTAGE, PLANNED, INFO = "outage", "planned", "info"
KINDS = (OUTAGE, PLANNED, INFO)
SERVICE_MOST, TEXT_MOST = 40, 1200


@dataclass(frozen=True)
class Target:
    """Whom an announcement concerns; nothing set means everyone.

    area  path: customers at it or below it.  prefix  of the caller's number in E.164; with an area it counts
    only for callers whose area is not known.  dnis  number dialled; it narrows the other two.
    """

    area: str = ""
    dnis: str = ""
    prefix: str = ""

    @property
    def everyone(self) -> bool:
        return not (self.area or self.dnis or self.prefix)

    def __str__(self) -> str:
        area = f"area {self.area}" if self.area else ""
        prefix = f"callers from {self.prefix}" if self.prefix else ""
        who = " or ".join(part for part in (area, prefix) if part)
        number = f"number {self.dnis}" if self.dnis else ""
        return ", ".join(part for part in (who, number) if part) or "everyone"


@dataclass(frozen=True)
class ClipRef:
    """Audio of one wording. file  absolute path without extension.  voice  who speaks, for ops to see."""

    file: str
    seconds: float
    voice: str = ""


@dataclass(frozen=True)
class Version:
    """One version of one announcement.

    eta  expected end, None when unknown.  until  when it is no longer played, whatever else happens.
    clips  language -> variant of the wording (announce/wording.py) -> audio; empty for a draft.
    kind  outage; planned: work that was announced; info: no fault at all, so it never ends a call.
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

    @property
    def name(self) -> str:
        return f"announcement:{self.announcement_id} v{self.version}"

    def is_live(self, now: datetime) -> bool:
        """Is it to be played at `now`?"""
        return self.state == LIVE and now < self.until


def service_name(text: str) -> str:
    """Return a service in its one spelling. Raises ValueError when it is not a short name."""
    service = text.strip().lower()
    if len(service) > SERVICE_MOST or not re.fullmatch(r"[\w-]*", service):
        raise ValueError(f"{text!r} is not a service; expected one short name, for example internet")
    return service
