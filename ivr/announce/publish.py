"""The one way an announcement goes live, changes and ends: clips made and verified, then one transaction.

After the transaction a hint goes over Redis and the first controller's answer is waited for; controllers
also poll, so a lost hint costs half a second. Called by the command line.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from redis.asyncio import Redis
from redis.exceptions import RedisError

from ivr.announce.model import DRAFT, ENDED, LIVE, OUTAGE, TEXT_MOST, Target, Version
from ivr.announce.speech import Maker, make_clips, spoken_maker
from ivr.announce.store import Announcements, Audience
from ivr.announce.wording import ADVISED_S, text_warnings
from ivr.call import LANGUAGES
from ivr.db import Database
from ivr.errors import InputError, SpeechError
from ivr.settings import Settings

HINTS = "hotline:announcements"  # published: the snapshot's new version
ANSWERS = "hotline:announcements:live"  # published by each controller whose callers hear that version
ANSWER_S = 2.0
AFTER_ETA = timedelta(hours=4)
WITHOUT_ETA = timedelta(hours=12)
Keep = Literal["keep"]
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")  # no voice says them


@dataclass(frozen=True)
class Draft:
    """What ops typed, already read into types. until  None chooses a sensible end."""

    target: Target
    texts: Mapping[str, str]
    service: str = ""
    eta: datetime | None = None
    until: datetime | None = None
    kind: str = OUTAGE


@dataclass(frozen=True)
class Outcome:
    """What was done. audience  customers concerned, and all; None where they do not matter.

    heard_after_s  until the first controller's callers hear it, None when none answered.
    """

    version: Version
    warnings: tuple[str, ...] = ()
    audience: tuple[int, int] | None = None
    heard_after_s: float | None = None


@dataclass
class Publisher:
    """Post, change and end announcements. redis  None sends no hint.  maker  replaced in tests."""

    database: Database
    settings: Settings
    redis: Redis | None = None
    maker: Maker | None = None
    store: Announcements = field(init=False)

    def __post_init__(self) -> None:
        self.store = Announcements(self.database, clip_folder(self.settings).parent)
        self.zone = ZoneInfo(self.settings.timezone)

    async def post(self, draft: Draft, author: str, now: datetime, *, hold: bool = False) -> Outcome:
        """Bring a new announcement to the phones, or keep it as a draft when `hold`.

        Raises InputError when something in it is wrong (nothing is kept), SpeechError when no voice could
        speak it (it is kept as a draft).
        """
        until = draft.until or default_until(draft.eta, now)
        self._check(draft.texts, draft.eta, until, now)
        version = Version(await self.store.unused_id(), 1, DRAFT, author, now, draft.target, draft.service,
                          dict(draft.texts), draft.eta, until, kind=draft.kind)  # fmt: skip
        if hold:
            await self.store.add(version)
            return Outcome(version, tuple(await self._warnings(version, now)), await self._audience(version))
        try:
            return await self._go_live(version, now)
        except SpeechError as error:
            await self.store.add(version)
            retry = f"ivr announce publish {version.announcement_id}"
            raise SpeechError(f"{error}; kept as a draft, `{retry}` tries again") from error

    async def publish(self, announcement_id: str, author: str, now: datetime) -> Outcome:
        """Bring a draft to the phones."""
        held = (await self.store.history(announcement_id))[-1]
        if held.state != DRAFT:
            raise InputError(f"announcement {held.announcement_id} is not a draft, it is {held.state}")
        self._check(held.texts, None, held.until, now)
        return await self._go_live(_next(held, author, now), now)

    async def update(
        self, announcement_id: str, author: str, now: datetime, *, texts: Mapping[str, str] | None = None,
        eta: datetime | Keep | None = "keep", until: datetime | None = None,
    ) -> Outcome:  # fmt: skip
        """Change texts, expected end or expiry of a live announcement or a draft; the rest stays.

        A new expected end beyond the expiry moves the expiry as well, unless `until` is given.
        """
        held = (await self.store.history(announcement_id))[-1]
        if held.state == ENDED:
            raise InputError(f"announcement {held.announcement_id} has ended; post a new one")
        changed = replace(_next(held, author, now), texts={**held.texts, **(texts or {})})
        if eta != "keep":
            changed = replace(changed, eta=eta, until=max(held.until, default_until(eta, now)))
        changed = replace(changed, until=until or changed.until)
        self._check(changed.texts, None if eta == "keep" else changed.eta, changed.until, now)
        if held.state == DRAFT:
            await self.store.add(changed)
            return Outcome(changed, tuple(await self._warnings(changed, now)), await self._audience(changed))
        return await self._go_live(changed, now)

    async def end(self, announcement_id: str, author: str, now: datetime) -> Outcome:
        """Take an announcement off the phones."""
        held = (await self.store.history(announcement_id))[-1]
        if held.state == ENDED:
            at = held.at.astimezone(self.zone)
            raise InputError(f"announcement {held.announcement_id} was ended by {held.author} at {at:%H:%M on %d.%m.}")
        ended = replace(_next(held, author, now), state=ENDED)
        return await self._store(ended, [], None)

    def _check(self, texts: Mapping[str, str], eta: datetime | None, until: datetime, now: datetime) -> None:
        check(texts, eta and eta.astimezone(self.zone), until.astimezone(self.zone), now)

    async def _go_live(self, version: Version, now: datetime) -> Outcome:
        clips = await make_clips(
            version.texts, version.eta, now=now, zone=self.zone, folder=clip_folder(self.settings),
            maker=self.maker or spoken_maker(),
        )  # fmt: skip
        live = replace(version, state=LIVE, clips=clips)
        warnings = await self._warnings(live, now)
        return await self._store(live, warnings, await self._audience(live))

    async def _store(self, version: Version, warnings: list[str], audience: tuple[int, int] | None) -> Outcome:
        answers = _Answers(self.redis)
        await answers.open()
        try:
            snapshot = await self.store.add(version)
            heard_after_s = await answers.wait(snapshot)
        finally:
            await answers.close()
        return Outcome(version, (*warnings, *answers.warnings), audience, heard_after_s)

    async def _audience(self, version: Version) -> tuple[int, int] | None:
        if version.target.dnis and not (version.target.areas or version.target.prefix):
            return None
        return await Audience(self.database).count(version.target)

    async def _warnings(self, version: Version, now: datetime) -> list[str]:
        """Return everything ops should know before callers tell them."""
        warnings = text_warnings(version.texts, LANGUAGES, self.settings.default_language)
        for language, variants in version.clips.items():
            longest = max(clip.seconds for clip in variants.values())
            if longest > ADVISED_S:
                warnings.append(f"the {language} wording lasts {longest:.0f} s; {ADVISED_S:.0f} s or less is advised")
        if version.eta and version.until <= version.eta:
            warnings.append("it ends before the time it promises: set a later --until")
        warnings += await self._area_warning(version.target)
        for other in await self.store.live(now):
            same = (other.target, other.service) == (version.target, version.service)
            if same and other.announcement_id != version.announcement_id:
                warnings.append(
                    f"announcement {other.announcement_id} has the same target and service and is no "
                    f"longer heard: `ivr announce end {other.announcement_id}`"
                )
        return warnings

    async def _area_warning(self, target: Target) -> list[str]:
        audience = Audience(self.database)
        warnings = []
        for area in target.areas:
            if not (await audience.count(Target(areas=(area,))))[0]:
                near = await audience.nearest_area(area)
                warnings.append(f"no customer lives in {area}" + (f"; did you mean {near}?" if near else ""))
        return warnings


def clip_folder(settings: Settings) -> Path:
    """Return the folder of the clips."""
    return settings.var_dir / "announcements"


def default_until(eta: datetime | None, now: datetime) -> datetime:
    """Return when an announcement should end if nobody says: four hours after its expected end, or twelve from now."""
    return max(eta, now) + AFTER_ETA if eta else now + WITHOUT_ETA


def check(texts: Mapping[str, str], eta: datetime | None, until: datetime, now: datetime) -> None:
    """Raise InputError for what cannot be put on the phones."""
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
    if until.timestamp() <= now.timestamp():  # of one zone, Python would compare the clocks' hands
        raise InputError(f"its end {until:%Y-%m-%d %H:%M} is past; expected a later --until")
    if eta is not None and eta.timestamp() <= now.timestamp():
        raise InputError(f"the expected end {eta:%Y-%m-%d %H:%M} is past; expected a later --eta")


def _next(held: Version, author: str, now: datetime) -> Version:
    return replace(held, version=held.version + 1, author=author, at=now)


class _Answers:
    """Tell controllers that there is a new version, and hear when the first one has it."""

    def __init__(self, redis: Redis | None) -> None:
        self.redis = redis
        self.warnings: list[str] = []
        self.pubsub = redis.pubsub(ignore_subscribe_messages=True) if redis else None

    async def open(self) -> None:
        try:
            if self.pubsub:
                async with asyncio.timeout(ANSWER_S):
                    await self.pubsub.subscribe(ANSWERS)
        except (RedisError, OSError, TimeoutError):
            await self.close()
            self.warnings.append("Redis cannot be reached: running controllers notice by themselves within a second")

    async def wait(self, snapshot: int) -> float | None:
        """Send the hint for `snapshot`; return the seconds until a controller plays it, None without an answer."""
        if not (self.redis and self.pubsub and snapshot):
            return None
        began = time.monotonic()
        try:
            async with asyncio.timeout(ANSWER_S):
                await self.redis.publish(HINTS, str(snapshot))
                while True:
                    message = await self.pubsub.get_message(timeout=ANSWER_S)
                    if message and int(message["data"]) >= snapshot:
                        return time.monotonic() - began
        except TimeoutError:
            self.warnings.append("no running controller has answered: callers hear it as soon as one runs")
        except (RedisError, OSError) as error:
            self.warnings.append(f"Redis failed ({error}): running controllers notice by themselves within a second")
        return None

    async def close(self) -> None:
        pubsub, self.pubsub = self.pubsub, None
        if pubsub:
            try:
                await pubsub.aclose()  # type: ignore[no-untyped-call]
            except (RedisError, OSError):
                return
