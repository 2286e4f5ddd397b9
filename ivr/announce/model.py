"""What an announcement is: immutable versions with a target, texts, an expected end and clips. Pure.

Every change is a new version; the newest one holds. `store` keeps them, `live` hands them to calls.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

DRAFT, LIVE, ENDED = "draft", "live", "ended"
AREA_MOST, SERVICE_MOST, TEXT_MOST = 200, 40, 1200


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

    @property
    def name(self) -> str:
        return f"announcement:{self.announcement_id} v{self.version}"

    def is_live(self, now: datetime) -> bool:
        """Is it to be played at `now`?"""
        return self.state == LIVE and now < self.until


def area_path(text: str) -> str:
    """Return an area path in its one spelling: lower case, no slash at either end.

    Raises ValueError when it is not a path of names with / between them.
    """
    area = unicodedata.normalize("NFC", text).strip().strip("/").lower()
    parts = area.split("/")
    if not area or len(area) > AREA_MOST or not all(re.fullmatch(r"\w[\w.-]*", part) for part in parts):
        raise ValueError(
            f"{text!r} is not an area; expected names with / between them, for example pl/mazowieckie/warszawa/wola"
        )
    return area


def contains(area: str, other: str) -> bool:
    """Is `other` at or below `area`? Whole names count: a/b contains a/b/c, not a/bc."""
    return other == area or other.startswith(area + "/")


def service_name(text: str) -> str:
    """Return a service in its one spelling. Raises ValueError when it is not a short name."""
    service = text.strip().lower()
    if len(service) > SERVICE_MOST or not re.fullmatch(r"[\w-]*", service):
        raise ValueError(f"{text!r} is not a service; expected one short name, for example internet")
    return service
