"""The storm radar at work: every few seconds it looks at the latest callers and drafts an announcement for a storm.

Callers are those of this controller, from memory, and those of the others, from their records; what is usual comes
from the records of past weeks, read anew every quarter of an hour in small portions. Of several controllers the one
with the lease in Redis looks; without Redis each may: the same draft is made once all the same. Nothing goes live
by itself. Called by `app.py`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from redis.asyncio import Redis
from redis.exceptions import RedisError

from ivr import log
from ivr.announce import radar
from ivr.announce.live import Live
from ivr.announce.model import APPROVED, DRAFT, ENDED, OUTAGE, PLANNED, RADAR, Target, Version
from ivr.announce.publish import Draft, Publisher
from ivr.area import contains
from ivr.call import Call, Customer
from ivr.errors import InputError, PeerError
from ivr.record.callers import Called, Callers
from ivr.record.model import CallRecord
from routing.link import cancellable

logger = log.logger(__name__)

LOOK_S = 3.0
LATE_S = 15.0  # records of other controllers may be written so late
LEASE, LEASE_MS = "hotline:radar", 15_000
WEEKS = 8
SLOT_S, AROUND_S, PORTION_S = 900, 1800, 300  # usual: half an hour before and after, anew every slot
NOTE_S = 30.0  # an open draft is brought up to date so often at most
QUIET_S = 3600.0  # after ops threw a draft away, the same area is left alone
AT_ONCE = 200  # callers looked up before other work gets its turn
SEEN_MOST = 50_000
AUTHOR = "radar"
TEXTS = {
    "pl": "Odbieramy wiele zgłoszeń z Państwa okolicy i sprawdzamy, czy doszło do awarii.",
    "ru": "Мы получаем много обращений из вашего района и проверяем, нет ли аварии.",
    "en": "We are receiving many calls from your area and are checking whether there is a fault.",
}


@dataclass
class _Seen:
    """A call in the window. caller  None when his area is not known, or an announcement tells him already."""

    called: Called
    caller: radar.Caller | None = None
    looked_up: tuple[int, int, int] = (-2, -2, -2)


class RadarWatch:
    """The radar of one controller. name  of the controller, for the lease."""

    def __init__(
        self, live: Live, publisher: Publisher, redis: Redis | None, name: str, *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self.live, self.publisher, self.redis, self.name, self.clock = live, publisher, redis, name, clock
        self.window = timedelta(seconds=publisher.settings.radar_s)
        self.zone = ZoneInfo(publisher.settings.timezone)
        self.callers = Callers(publisher.database)
        self.usuals: radar.Usuals | None = None
        self._slot: tuple[int, int] = (-1, -1)
        self._read_upto: datetime | None = None
        self._seen: dict[str, _Seen] = {}

    def noted(self, record: CallRecord) -> None:
        """Take note of a call of this controller that begins; of one that ended there is nothing to do."""
        if record.ended_at is None and len(self._seen) < SEEN_MOST:
            self._see(Called(record.call_id, record.ani, record.dnis, record.started_at))

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.look()
            except PeerError as error:
                logger.warning("the radar could not look", error=str(error))
            except Exception:  # a radar that fails must not end the controller
                logger.exception("the radar could not look")

    async def look(self) -> tuple[radar.Finding, ...]:
        """Look once: forget old calls, and if it is this controller's turn find storms and draft. Raises PeerError."""
        now = self.clock()
        self._forget(now)
        if not await self._turn():
            self._read_upto = None
            return ()
        await self._read_others(now)
        usuals = await self._usual(now)
        found = radar.look(await self._concerned(now), usuals)
        if found:
            await self._draft(found, now)
        return found

    # -- who calls

    def _see(self, called: Called) -> None:
        self._seen.setdefault(called.call_id, _Seen(called))

    def _forget(self, now: datetime) -> None:
        since = now - self.window
        for call_id in [key for key, seen in self._seen.items() if seen.called.at < since]:
            del self._seen[call_id]

    async def _read_others(self, now: datetime) -> None:
        """Read the calls of all controllers since the last look, and those that may have been written late."""
        since = now - self.window
        if self._read_upto:
            since = max(since, self._read_upto - timedelta(seconds=LATE_S))
        for called in await self.callers.between(since, now):
            if called.call_id not in self._seen and len(self._seen) < SEEN_MOST:
                self._see(called)
        self._read_upto = now

    async def _concerned(self, now: datetime) -> list[radar.Caller]:
        """Return the callers no announcement tells already, looked up anew when something has changed."""
        state = (self.live.version, self.live.snapshot.customers_version, int(now.timestamp() // 60))
        for n, seen in enumerate(list(self._seen.values())):
            if seen.looked_up != state:
                seen.caller, seen.looked_up = self._caller(seen.called, now), state
                if n % AT_ONCE == 0:
                    await asyncio.sleep(0)
        return [seen.caller for seen in self._seen.values() if seen.caller]

    def _caller(self, called: Called, now: datetime) -> radar.Caller | None:
        customer = self.live.customer(called.number)
        if customer is None or not customer.area or self._told(called, customer, now):
            return None
        return radar.Caller(customer.account or customer.number, customer.area, called.at.timestamp())

    def _told(self, called: Called, customer: Customer, now: datetime) -> bool:
        call = Call(called.call_id, called.number, called.dnis, "")
        language = self.publisher.settings.default_language
        return bool(self.live.match(
            call, language=language, service="", now=now, customer=customer, kinds=(OUTAGE, PLANNED)
        ))  # fmt: skip

    # -- what is usual

    async def _usual(self, now: datetime) -> radar.Usuals:
        slot = (int(now.timestamp() // SLOT_S), self.live.snapshot.customers_version)
        if self.usuals is None or slot != self._slot:
            numbers = dict(self.live.snapshot.customers.numbers)
            customers = await asyncio.to_thread(_areas, numbers.values())
            middle = datetime.fromtimestamp((slot[0] + 0.5) * SLOT_S, UTC)
            weeks = [await self._week(middle, week) for week in range(1, WEEKS + 1)]
            window_s = self.window.total_seconds()
            self.usuals = radar.Usuals(customers, weeks, window_s=window_s, windows=2 * AROUND_S / window_s)
            self._slot = slot
        return self.usuals

    async def _week(self, middle: datetime, week: int) -> Counter[str]:
        """Return the callers by area around the same time of day, `week` weeks ago, summed over windows."""
        local = middle.astimezone(self.zone)  # the clock's hands count, also when a clock change lies between
        then = (local - timedelta(weeks=week)).astimezone(UTC)
        window_s, counted = self.window.total_seconds(), Counter[str]()
        seen: set[tuple[int, str]] = set()
        for portion in range(-AROUND_S, AROUND_S, PORTION_S):
            begins = then + timedelta(seconds=portion)
            for called in await self.callers.between(begins, begins + timedelta(seconds=PORTION_S)):
                customer = self.live.customer(called.number)
                if customer is None:
                    continue
                one = (int(called.at.timestamp() // window_s), customer.account or customer.number)
                if one not in seen:
                    seen.add(one)
                    counted.update(radar.parts(customer.area))
            await asyncio.sleep(0)
        return counted

    # -- whose turn it is

    async def _turn(self) -> bool:
        """Is the lease ours? Without Redis it is."""
        if self.redis is None:
            return True
        try:
            with cancellable():
                if await self.redis.set(LEASE, self.name, nx=True, px=LEASE_MS):
                    return True
                if await self.redis.get(LEASE) != self.name:
                    return False
                await self.redis.pexpire(LEASE, LEASE_MS)
        except (RedisError, OSError, TimeoutError) as error:
            logger.debug("no lease for the radar, it looks all the same", error=str(error))
        return True

    # -- what is drafted

    async def _draft(self, found: Iterable[radar.Finding], now: datetime) -> None:
        """Draft an announcement for each area, or bring the open draft of it up to date."""
        known = [each for each in await self.publisher.store.newest(ended=True) if each.source == RADAR]
        for finding in found:
            if _thrown_away(finding.area, known, now):
                continue
            open_ = [each for each in known if each.state in (DRAFT, APPROVED) and each.target.areas]
            narrower = [each for each in open_ if contains(finding.area, each.target.areas[0])]
            wider = [each for each in open_ if contains(each.target.areas[0], finding.area)]
            same = next((each for each in open_ if each.target.areas[0] == finding.area), None)
            if wider and not same:
                continue  # told by the draft of the area that holds it
            if same and (now - same.at).total_seconds() < NOTE_S:
                continue
            await self._keep(finding, same, now)
            for each in narrower:
                if each is not same:
                    await self.publisher.end(each.announcement_id, AUTHOR, now)

    async def _keep(self, finding: radar.Finding, same: Version | None, now: datetime) -> None:
        target = Target(areas=(finding.area,))
        texts = same.texts if same else TEXTS
        service = same.service if same else ""
        note = self.note(finding, since=_first(same))
        try:
            kept = (await self.publisher.draft_again(
                Draft(target, texts, service, source=RADAR, note=note), AUTHOR, now
            )).version  # fmt: skip
        except InputError as error:
            logger.warning("storm, but no draft could be kept", area=finding.area, error=str(error))
            return
        if same is None:
            logger.warning("storm: an announcement is drafted", announcement=kept.announcement_id, note=note)

    def note(self, finding: radar.Finding, since: str = "") -> str:
        """Return the finding in words. since  the time of the first caller as told before."""
        minutes = f"{self.window.total_seconds() / 60:.3g} min"
        first = since or f"{datetime.fromtimestamp(finding.first, self.zone):%H:%M}"
        return f"{finding.callers} calls from {finding.area} in {minutes} (usual {finding.usual:.2g}), first {first}"


def _areas(customers: Iterable[Customer]) -> Counter[str]:
    return Counter(each.area for each in customers if each.area)


def _first(draft: Version | None) -> str:
    """Return when the first caller of a draft's storm came, as its note tells."""
    return draft.note.rpartition(", first ")[2][:5] if draft else ""


def _thrown_away(area: str, known: Iterable[Version], now: datetime) -> bool:
    """Has somebody ended a draft of this area, or of one that holds it, a short while ago?"""
    return any(
        each.state == ENDED and each.author != AUTHOR and (now - each.at).total_seconds() < QUIET_S
        and any(contains(one, area) for one in each.target.areas)
        for each in known
    )  # fmt: skip
