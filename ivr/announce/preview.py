"""Who will hear an announcement and what it will sound like, before anybody does. Called by page, API, `ivr`.

Nothing is stored but audio: the very files publishing would make, so that it finds them made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from ivr.announce.audience import Callers, Reach
from ivr.announce.draft import Draft, check_texts
from ivr.announce.match import match
from ivr.announce.model import LIVE, RESTORED, Version
from ivr.announce.publish import CALLS_MOST, DAY, clip_folder
from ivr.announce.speech import Maker, make_clips, spoken_maker, wave_file
from ivr.announce.wording import variant, wording
from ivr.call import Customer, mask
from ivr.db import Database
from ivr.number import normalise
from ivr.settings import Settings

SAMPLE = 5  # customers named
RECENT_S = 30.0  # so long the calls of the last 24 hours are not read again: somebody types
REPLAY_MOST = 1_000_000  # calls looked at in one replay


@dataclass(frozen=True)
class Concerned:
    """One customer whom it concerns. number  masked."""

    number: str
    area: str
    class_: str


@dataclass(frozen=True)
class Audience:
    """Who will hear it. customers  concerned, of `total`; who dials a number or a project may be anybody.

    calls_24h  of the newest calls of the last 24 hours (`calls_24h_all`, at most 50,000) that would have heard it.
    sample  some of the customers.
    """

    customers: int
    total: int
    calls_24h: int
    calls_24h_all: int
    sample: tuple[Concerned, ...] = ()


@dataclass(frozen=True)
class Sound:
    """What a caller will hear now. file  WAV.  variants  of the wording that can become true, this one first."""

    variant: str
    text: str
    seconds: float
    file: str
    voice: str
    variants: tuple[str, ...] = ()


@dataclass(frozen=True)
class Replayed:
    """What recorded calls would have matched. customers  different ones; callers  different numbers, known or not."""

    calls: int
    all_calls: int
    customers: int
    callers: int


@dataclass(frozen=True)
class Calls:
    """Recorded calls. callers  alike ones as one, numbers in E.164 or ''.  known  customers among them, by number."""

    callers: tuple[Callers, ...]
    known: Mapping[str, Customer]


@dataclass
class Preview:
    """Previews of drafts and versions. maker  replaced in tests."""

    database: Database
    settings: Settings
    maker: Maker | None = None
    reach: Reach = field(init=False)
    _recent: tuple[datetime, Calls] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.reach = Reach(self.database)
        self.zone = ZoneInfo(self.settings.timezone)

    async def preview(self, wanted: Draft | Version, now: datetime) -> Audience:
        """Return who will hear it. Raises DatabaseError."""
        version = _version(wanted, now)
        (customers, total), sample, calls = await asyncio.gather(
            self.reach.customers(version.target), self.reach.sample(version.target, SAMPLE), self._calls(now)
        )
        replayed = await asyncio.to_thread(_matched, version, calls)
        some = tuple(Concerned(mask(each.number), each.area, each.class_) for each in sample)
        return Audience(customers, total, replayed.calls, replayed.all_calls, some)

    async def _calls(self, now: datetime) -> Calls:
        """Return the calls of the last 24 hours, as they were at most RECENT_S ago."""
        if self._recent is None or not 0 <= (now - self._recent[0]).total_seconds() < RECENT_S:
            self._recent = now, await _read(self.database, now - DAY, now, CALLS_MOST)
        return self._recent[1]

    async def sounds(self, wanted: Draft | Version, now: datetime, *, every: bool = True) -> dict[str, Sound]:
        """Return language -> what is heard first; every variant is made, so that publishing finds all of them.

        every  False makes only what is returned: quicker while somebody types. Raises InputError, SpeechError.
        """
        version = _version(wanted, now)
        check_texts(version.texts)
        which = variant(version, max(now, version.starts or now), self.zone)
        clips = await make_clips(
            version, now=now, zone=self.zone, folder=clip_folder(self.settings), maker=self.maker or spoken_maker(),
            only="" if every else which,
        )  # fmt: skip
        found = {}
        for language, made in clips.items():
            clip = made[which]
            file = await asyncio.to_thread(wave_file, clip)
            found[language] = Sound(which, wording(version, language, which, self.zone), clip.seconds, str(file),
                                    clip.voice, tuple(made))  # fmt: skip
        return found


async def replay(
    database: Database, version: Version, since: datetime, until: datetime, *, most: int = REPLAY_MOST
) -> Replayed:
    """Return which of the newest recorded calls of a time would have heard `version`, had it been live.

    Every different caller is really matched. Who was found by an account or a postcode he entered counts by the number
    he called from: digits are recorded nowhere.
    """
    return await asyncio.to_thread(_matched, version, await _read(database, since, until, most))


async def _read(database: Database, since: datetime, until: datetime, most: int) -> Calls:
    reach, code = Reach(database), database.settings.country_code
    calls = [replace(each, number=_number(each.number, code)) for each in await reach.calls(since, until, most)]
    return Calls(tuple(calls), await reach.who_called(each.number for each in calls))


def _matched(version: Version, recorded: Calls) -> Replayed:
    heard = replace(version, state=RESTORED if version.state == RESTORED else LIVE, starts=None)
    now = min(version.at, version.until)
    live = (replace(heard, until=now + DAY),)
    count, callers = 0, set()
    for each in recorded.callers:
        customer = recorded.known.get(each.number)
        if match(
            live, number=each.number, dnis=each.dnis, project=each.project, customer=customer, service="", now=now
        ):
            count += each.calls
            callers.add(each.number)
    total = sum(each.calls for each in recorded.callers)
    return Replayed(count, total, len(callers & recorded.known.keys()), len(callers - {""}))


def _number(text: str, code: str) -> str:
    try:
        return normalise(text, code)
    except ValueError:
        return ""


def _version(wanted: Draft | Version, now: datetime) -> Version:
    return wanted if isinstance(wanted, Version) else wanted.version("preview", 1, "", now)
