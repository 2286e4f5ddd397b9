"""What ops wants said, before it is an announcement: its defaults, and what is refused. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from ivr.announce.model import (
    AFTER,
    DRAFT,
    END,
    KINDS,
    NOTE_MOST,
    OPS,
    OUTAGE,
    PLANNED,
    SOURCES,
    TEXT_MOST,
    Target,
    Version,
)
from ivr.call import LANGUAGES
from ivr.errors import InputError

AFTER_ETA = timedelta(hours=4)
WITHOUT_ETA = timedelta(hours=12)
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)  # years a voice can say
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")  # no voice says them


@dataclass(frozen=True)
class Draft:
    """What ops typed, already read into types; the fields are those of Version. until  None chooses a sensible end."""

    target: Target
    texts: Mapping[str, str]
    service: str = ""
    eta: datetime | None = None
    until: datetime | None = None
    kind: str = OUTAGE
    starts: datetime | None = None
    eta_from: datetime | None = None
    as_of: bool = False
    after: str = END
    source: str = OPS
    note: str = ""
    recordings: Mapping[str, str] = field(default_factory=dict)

    def version(self, announcement_id: str, number: int, author: str, now: datetime) -> Version:
        """Return it as a version nobody hears yet."""
        until = self.until or default_until(self.eta, max(now, self.starts or now))
        return Version(
            announcement_id, number, DRAFT, author, now, self.target, self.service, dict(self.texts), self.eta, until,
            kind=self.kind, starts=self.starts, eta_from=self.eta_from, as_of=self.as_of, after=self.after,
            source=self.source, note=self.note.strip()[:NOTE_MOST], recordings=dict(self.recordings),
        )  # fmt: skip


def default_until(eta: datetime | None, now: datetime) -> datetime:
    """Return when an announcement should end if nobody says: four hours after its expected end, or twelve from now."""
    return max(eta, now) + AFTER_ETA if eta else now + WITHOUT_ETA


def check(version: Version, now: datetime, zone: ZoneInfo, *, eta_is_new: bool = True) -> None:
    """Raise InputError for what cannot be put on the phones. eta_is_new  False: its expected end may have passed."""
    check_texts(version.texts)
    for what, said, known in (
        ("kind", version.kind, KINDS), ("after", version.after, AFTER), ("source", version.source, SOURCES),
    ):  # fmt: skip
        if said not in known:
            raise InputError(f"{what} {said!r} is not known; expected one of {', '.join(known)}")
    _check_times(version, now.astimezone(UTC), zone, eta_is_new)


def check_texts(texts: Mapping[str, str]) -> None:
    """Raise InputError for texts nobody can speak."""
    if not texts:
        raise InputError("an announcement needs a text; expected --text-pl, --text-ru or --text-en")
    for language, text in texts.items():
        if language not in LANGUAGES:
            raise InputError(f"{language!r} is not a language; expected one of {', '.join(LANGUAGES)}")
        if not any(char.isalnum() for char in text):
            raise InputError(f"the {language} text is empty")
        if control := CONTROL.search(text):
            raise InputError(f"the {language} text holds the control character {control[0]!r}; expected plain text")
        if len(text) > TEXT_MOST:
            raise InputError(f"the {language} text has {len(text)} characters; expected at most {TEXT_MOST}")


def _check_times(version: Version, now: datetime, zone: ZoneInfo, eta_is_new: bool) -> None:
    eta, begin, until = version.eta, version.eta_from, version.until
    for moment in filter(None, (eta, begin, until, version.starts)):
        if not EARLIEST <= moment < LATEST:
            raise InputError(f"the year {moment.year} is none to announce; expected one from 2000 to 2099")
    if until <= now:
        raise InputError(f"its end {_local(until, zone)} is past; expected a later --until")
    if eta is not None and eta_is_new and eta <= now:
        raise InputError(f"the expected end {_local(eta, zone)} is past; expected a later --eta")
    if begin is not None and eta is None and version.kind != PLANNED:
        raise InputError("a range needs its latest end as well; expected --eta beside --eta-from")
    if begin is not None and eta is not None and begin >= eta:
        raise InputError(f"{_local(begin, zone)} is not before {_local(eta, zone)}; expected --eta-from before --eta")
    if version.starts is not None and version.starts >= until:
        raise InputError(f"it would begin at {_local(version.starts, zone)}, when it is over; expected a later --until")


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"
