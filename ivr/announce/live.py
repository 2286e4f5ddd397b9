"""The announcements and customers calls see: one immutable snapshot, swapped whole.

A poll of the database every POLL_S is the guarantee, a message over Redis only makes it quicker. A dead
database or Redis leaves the last snapshot. Called by `app.py` (run) and `session.py` (match, customer).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from redis.asyncio import Redis

from ivr import db, log
from ivr.announce.brief import brief
from ivr.announce.match import Match, match
from ivr.announce.model import INFO, KINDS, OUTAGE, PLANNED, RESTORED, ClipRef, Version, overdue
from ivr.announce.news import News
from ivr.announce.publish import clip_folder
from ivr.announce.speech import exists
from ivr.announce.store import SNAPSHOT, Announcements
from ivr.announce.wording import language_order, true_until, variant
from ivr.answers import ANNOUNCEMENTS, answer
from ivr.call import Call, Customer
from ivr.db import Database
from ivr.desk import customers
from ivr.desk.customer_index import CustomerIndex, index
from ivr.errors import DatabaseError, PeerError
from ivr.flow.commands import Announcement
from ivr.hints import listen
from ivr.number import normalise
from ivr.settings import Settings
from ivr.sound import Clip, Phrase, Prompt

logger = log.logger(__name__)

POLL_S = 0.5
PATIENCE_S = 5.0  # a database that says nothing so long counts as dead
GENERAL = {"internet": "outage_internet", "tv": "outage_tv", "phone": "outage_phone"}


@dataclass(frozen=True)
class Snapshot:
    """What is known at one moment. version, customers_version  -1 before the first load."""

    version: int = -1
    announcements: tuple[Version, ...] = ()
    customers_version: int = -1
    customers: CustomerIndex = field(default_factory=CustomerIndex)


class Live:
    """The snapshot and what keeps it fresh. on_change  awaited after every change in what callers hear."""

    def __init__(
        self, database: Database, redis: Redis | None, settings: Settings, *,
        on_change: Callable[[], Awaitable[None]] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self.database, self.redis, self.settings, self.clock = database, redis, settings, clock
        self.on_change = on_change
        self.snapshot = Snapshot()
        self._zone = ZoneInfo(settings.timezone)
        self._store = Announcements(database, clip_folder(settings).parent)
        self._customers = customers.Customers(database, settings)
        self._heard: object = ()
        self.news = News()  # for who waits in a queue
        self._overdue: set[tuple[str, int]] = set()  # versions ops was told of
        self._loaded, self._wake, self._changed = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._database_lost = False

    # -- what calls ask

    @property
    def version(self) -> int:
        return self.snapshot.version

    def customer(self, ani: str) -> Customer | None:
        """Return the customer whose number calls, None when it is withheld, odd or not in the file."""
        return self.snapshot.customers.numbers.get(self._number(ani))

    def account(self, digits: str) -> Customer | None:
        """Return the customer whose account has these digits, None for nobody or for several."""
        return self.snapshot.customers.accounts.get(digits)

    def postcode_area(self, digits: str) -> str:
        """Return the area of a postcode, '' when no customer has it."""
        return self.snapshot.customers.postcodes.get(digits, "")

    def match(
        self, call: Call, *, language: str, service: str, now: datetime, customer: Customer | None = None,
        kinds: Collection[str] = KINDS, project: str = "",
    ) -> tuple[Announcement, ...]:  # fmt: skip
        """Return what `call` should hear, in playing order, in the best language there is.

        customer  who was found to call, None for the one whose number it is.  kinds  of announcements.
        project  of the number he dialled.
        A tainted call matches only what is for everyone: nothing it says about itself is believed.
        """
        ani, dnis, project = ("", "", "") if call.tainted else (call.ani, call.dnis, project)
        found = match(
            (each for each in self.snapshot.announcements if each.kind in kinds), number=self._number(ani), dnis=dnis,
            customer=customer or self.customer(ani), service=service, now=now, project=project,
        )  # fmt: skip
        heard = (self._announcement(hit, language, now) for hit in found)
        return tuple(each for each in heard if each is not None)

    def fallback(
        self, dnis: str, language: str, now: datetime | None = None, *, project: str = ""
    ) -> tuple[tuple[str, ...], datetime | None]:
        """Return the clips that concern everybody who dials `dnis`, and until when they are true.

        For Asterisk's own ladder, which knows no customers. No clips: ((), None).
        """
        at = now or self.clock()
        found = match(self.snapshot.announcements, number="", dnis=dnis, customer=None, service="", now=at,
                      project=project)  # fmt: skip
        stems, ends = [], []
        for hit in found:
            clip = self._clip(hit.version, language, at)
            if clip:
                stems.append(clip.file)
                ends.append(true_until(hit.version, at, self._zone))
        return tuple(stems), min(ends, default=None)

    def _number(self, ani: str) -> str:
        try:
            return normalise(ani, self.settings.country_code)
        except ValueError:
            return ""

    def _announcement(self, hit: Match, language: str, now: datetime) -> Announcement | None:
        """Return what is played; None when its audio is gone and no general prompt could stand for it."""
        version = hit.version
        clip = self._clip(version, language, now)
        phrase: Phrase = Clip(clip.file, version.name) if clip else Prompt(_general(version))
        if clip is None:
            logger.error("announcement has no audio, the general one is played", announcement=version.name)
            if version.kind == INFO or version.state == RESTORED:
                return None
        return Announcement(
            version.announcement_id, version.version, (phrase,), hit.certain, hit.may_end, hit.why,
            planned=version.kind == PLANNED, after=hit.after, length_s=clip.seconds if clip else 0.0,
            restored=version.state == RESTORED, service=version.service,
            opt_in=version.kind == OUTAGE and version.state != RESTORED, brief=brief(version, now, self._zone),
        )  # fmt: skip

    def _clip(self, version: Version, language: str, now: datetime) -> ClipRef | None:
        """Return the audio, None when every file of it is gone."""
        wanted = variant(version, now, self._zone)
        for each in language_order(language, self.settings.default_language, version.clips):
            variants = version.clips[each]
            for which in dict.fromkeys((wanted, *variants)):
                if which in variants and exists(variants[which].file):
                    return variants[which]
        return None

    @property
    def database_lost(self) -> bool:
        """Did the last look at the database fail?"""
        return self._database_lost

    # -- kept fresh

    async def run(self) -> None:
        """Keep the snapshot fresh for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._poll())
            tasks.create_task(self._tell())
            if self.redis is not None:
                tasks.create_task(listen(self.redis, ANNOUNCEMENTS.hints, self._wake))

    async def wait_loaded(self) -> None:
        """Return after the first attempt to load, also when the database is dead: calls go on without."""
        await self._loaded.wait()

    async def refresh(self) -> bool:
        """Load what has changed; return whether the announcements have. Raises DatabaseError."""
        async with asyncio.timeout(PATIENCE_S):
            async with self.database.read() as connection:
                now = await db.versions(connection, (SNAPSHOT, customers.SNAPSHOT))
            before = self.snapshot
            changed = now[SNAPSHOT] != before.version
            if changed:
                before = Snapshot(now[SNAPSHOT], await self._store.live(self.clock()), before.customers_version,
                                  before.customers)  # fmt: skip
                self.snapshot = before
        if now[customers.SNAPSHOT] != before.customers_version:
            loaded = await self._customers.load()
            known = await asyncio.to_thread(index, loaded)
            self.snapshot = Snapshot(before.version, before.announcements, now[customers.SNAPSHOT], known)
            logger.info("customers loaded", customers=len(loaded))
        return changed

    async def _poll(self) -> None:
        while True:
            self._wake.clear()
            await self._refresh_or_keep()
            self._loaded.set()
            self._notice_change()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._wake.wait()

    async def _refresh_or_keep(self) -> None:
        try:
            changed = await db.to_the_end(self.refresh())
        except (DatabaseError, TimeoutError) as error:
            if not self._database_lost:
                logger.error("database lost, announcements stay as they are", error=str(error) or "no answer")
            self._database_lost = True
            return
        except Exception:  # a row nobody can read must not stop the calls
            logger.exception("announcements could not be loaded, they stay as they are")
            return
        if self._database_lost:
            logger.info("database is back")
            self._database_lost = False
        if changed:
            logger.info("announcements swapped", version=self.version, live=len(self.snapshot.announcements))
            await answer(self.redis, ANNOUNCEMENTS, self.version)

    def _notice_change(self) -> None:
        """Wake `_tell` when callers hear something else than before: also when a time has passed."""
        now = self.clock()
        heard = [
            (each.name, variant(each, now, self._zone))
            for each in self.snapshot.announcements if each.is_live(now)
        ]  # fmt: skip
        if heard != self._heard:
            self._heard = heard
            self._changed.set()
            self.news.tell()
            self._tell_ops(now)

    def _tell_ops(self, now: datetime) -> None:
        """Log, once a version, that its expected end has passed and nobody has said what holds now."""
        late = overdue(self.snapshot.announcements, now)
        for each in late:
            if (each.announcement_id, each.version) not in self._overdue and each.eta:
                logger.warning("announcement overdue, callers hear that it takes longer", announcement=each.name,
                               concerns=str(each.target), since=each.eta.isoformat())  # fmt: skip
        self._overdue = {(each.announcement_id, each.version) for each in late}

    async def _tell(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self.on_change is not None:
                try:
                    await self.on_change()
                except PeerError as error:
                    logger.warning("announcements could not be handed on", error=str(error))


def _general(version: Version) -> str:
    """Return the prompt played in place of an announcement whose audio is gone."""
    if version.kind == PLANNED:
        return "planned_work"
    return GENERAL.get(version.service, "general_outage")
