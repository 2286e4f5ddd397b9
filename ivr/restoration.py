"""The restoration campaign of one controller: tells those who wanted to know that it works again, and asks them.

Any controller may hold any opt-in; `desk/opt_ins.py` lets one of them win, keeps the limits of all together, and a
holder that dies is seen by its beat standing still. Where several say that it is still out, ops gets a drafted
announcement. Built and run by `app.py` when there is a way out.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from ivr import log
from ivr.agi.channel import Channel
from ivr.announce.model import APPROVED, DRAFT, LIVE, REOPENED, Target, Version
from ivr.announce.publish import Draft, Outcome, Publisher
from ivr.area import contains
from ivr.db import Database
from ivr.desk.callbacks import now_utc
from ivr.desk.opt_ins import DONE, OptIn, OptIns
from ivr.errors import AsteriskError, DatabaseError, InputError
from ivr.placed_call import Dials, NotOurs
from ivr.restoration_areas import StillOut, still_out
from ivr.restoration_task import RestorationTask
from ivr.session import Parts
from ivr.sound import Prompt

logger = log.logger(__name__)

BEAT_S = 2.0
HELD_S = 8.0  # as call-backs
EXPIRE_S = 60.0  # how often it is looked for those whose time is over
CAUGHT_UP = timedelta(hours=1)  # answers of this time are looked at again by a controller that starts
SMS_HOOK, SMS_S = "sms_restored", 10.0
AUTHOR = "restoration"


class Announces(Protocol):
    """What knows announcements and takes drafts: `ivr.announce.publish.Publisher`."""

    @property
    def store(self) -> Knows: ...

    async def draft_again(self, draft: Draft, author: str, now: datetime) -> Outcome: ...


class Knows(Protocol):
    """What keeps announcements: `ivr.announce.store.Announcements`."""

    async def history(self, text: str) -> tuple[Version, ...]: ...

    async def newest(self, *, ended: bool = False) -> tuple[Version, ...]: ...


class Dialler(Dials, Protocol):
    """What places calls, while it is connected."""

    @property
    def connected(self) -> bool: ...


class Restoration:
    """The opt-ins one controller holds. holder  its name, unlike that of any other.  clock  replaced in tests."""

    def __init__(
        self, parts: Parts, database: Database, dialler: Dialler, holder: str, announces: Announces | None = None,
        clock: Callable[[], datetime] = now_utc,
    ) -> None:  # fmt: skip
        self.parts, self.dialler, self.holder, self.clock = parts, dialler, holder, clock
        self.announces: Announces = announces or Publisher(database, parts.settings)
        self.store = OptIns(database)
        self.zone = ZoneInfo(parts.settings.timezone)
        self.tasks: dict[str, RestorationTask] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._seen: dict[str, tuple[str, int, float]] = {}  # id -> holder, beat, since when by our clock
        self._to_look: set[str] = set()  # announcements with answers not yet looked at
        self._wake = asyncio.Event()
        self._expired_at = -EXPIRE_S
        self._closing = False

    async def handle(self, channel: Channel) -> None:
        """Lead the FastAGI connection of somebody who is told; `unknown` when we do not hold his opt-in."""
        opt_in_id = channel.headers.get("agi_uniqueid", "")
        task = self.tasks.get(opt_in_id)
        if task is not None and task.placed.expecting:
            await task.lead(channel)
            return
        found: OptIn | None = None
        with contextlib.suppress(DatabaseError):
            found = await self.store.find(opt_in_id)
        await channel.set_variable("HOTLINE_DONE", "over" if found and found.state == DONE else "unknown")

    async def run(self) -> None:
        """Show that we live, take on what nobody holds, place what is due, for ever."""
        down, caught_up = False, False
        while True:
            try:
                if not caught_up:
                    self._to_look.update(await self.store.still_out_since(self.clock() - CAUGHT_UP))
                    caught_up = True
                await self.look_round()
                down = False
            except DatabaseError as error:
                if not down:
                    logger.error("restoration calls are not placed", error=str(error))
                down = True
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEAT_S):
                    await self._wake.wait()

    async def close(self) -> None:
        """Let go of everything: other controllers take it on at once."""
        self._closing = True
        running = list(self._running.values())
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        try:
            await self.store.let_go(self.holder)
        except DatabaseError as error:
            logger.warning("opt-ins not released", error=str(error))

    async def look_round(self) -> None:
        """Do once what `run` does for ever. Raises DatabaseError."""
        if self._closing:
            return
        await self._look_after()
        if time.monotonic() - self._expired_at >= EXPIRE_S:
            self._expired_at = time.monotonic()
            await self.store.release_overlooked(self.clock())
            if expired := await self.store.expire(self.clock()):
                logger.warning("opt-ins expired: they could not be told in time", number=expired)
        for announcement_id in tuple(self._to_look):
            self._to_look.discard(announcement_id)
            await self._look_at(announcement_id)
        await self._place()

    def look_at(self, *announcements: str) -> None:
        """Somebody says it is still out: look soon whether he is the only one."""
        self._to_look.update(announcements)
        self._wake.set()

    # -- placing calls

    @property
    def open_now(self) -> bool:
        """Is it an hour of the day in which people are called?"""
        opens, _, closes = self.parts.settings.restored_hours.partition("-")
        return opens <= f"{self.clock().astimezone(self.zone):%H:%M}" < closes

    async def _place(self) -> None:
        settings = self.parts.settings
        limits = {"per_minute": settings.restored_per_minute, "at_once": settings.restored_at_once}
        while self.open_now and self.dialler.connected and await self.store.is_due(self.clock()):
            row = await self.store.claim(self.holder, self.clock(), **limits)
            if row is None or self._closing:
                return
            self._start(row, fresh=True)

    async def sent(self, row: OptIn) -> bool:
        """Ask the server that sends text messages, where there is one; True when it sent one."""
        url = self.parts.dialplans.webhooks.get(SMS_HOOK)
        if not url:
            return False
        text = self.parts.prompts.text(Prompt("restored_sms"), row.language)
        told = {
            "opt_in": row.opt_in_id, "announcement": row.announcement_id, "number": row.number, "account": row.account,
            "language": row.language, "text": text,
        }  # fmt: skip
        return (await self.parts.webhooks.ask(SMS_HOOK, url, told, SMS_S)).result == "sent"

    # -- who holds what

    async def _look_after(self) -> None:
        before = set(self.tasks)  # one claimed meanwhile is not in the list
        rows = await self.store.dialling()
        mine = {row.opt_in_id for row in rows if row.holder == self.holder}
        if mine:
            await self.store.beat(self.holder)
        for gone in before & self.tasks.keys() - mine:
            if not self.tasks[gone].settling:  # taken from us while we stood still
                self._running[gone].cancel()
        await self._take_on([row for row in rows if row.opt_in_id not in self.tasks])

    async def _take_on(self, rows: list[OptIn]) -> None:
        now, before, self._seen = time.monotonic(), self._seen, {}
        for row in rows:
            holder, beat, since = before.get(row.opt_in_id, ("", -1, now))
            if (holder, beat) != (row.holder, row.beat):
                since = now
            self._seen[row.opt_in_id] = (row.holder, row.beat, since)
            free = row.holder in ("", self.holder) or now - since >= HELD_S
            if free and await self.store.take(row, self.holder):
                logger.info("opt-in taken on", opt_in_id=row.opt_in_id, before=row.holder)
                self._start(replace(row, holder=self.holder), fresh=False)

    async def is_up(self, opt_in_id: str) -> bool:
        """Does the channel live? Waits for Asterisk to answer."""
        while True:
            try:
                return opt_in_id in {each.get("Uniqueid") for each in await self.parts.ami.action_list("Status")}
            except AsteriskError as error:
                logger.warning("opt-in cannot be taken over now", error=str(error))
                await asyncio.sleep(BEAT_S)

    def _start(self, row: OptIn, *, fresh: bool) -> None:
        task = self.tasks[row.opt_in_id] = RestorationTask(self, row)
        running = self._running[row.opt_in_id] = asyncio.create_task(task.run(fresh=fresh))
        running.add_done_callback(lambda done: self._ended(row.opt_in_id, done))

    def _ended(self, opt_in_id: str, done: asyncio.Task[None]) -> None:
        self.tasks.pop(opt_in_id, None)
        self._running.pop(opt_in_id, None)
        self._wake.set()
        if done.cancelled() or isinstance(error := done.exception(), NotOurs):
            return
        if error is not None:  # a bug ends this one; it is taken on again as if we had died
            logger.error("restoration call broke", opt_in_id=opt_in_id, error=repr(error))

    # -- still out

    async def _look_at(self, announcement_id: str) -> None:
        try:
            await self._reopen(announcement_id)
        except DatabaseError:
            self._to_look.add(announcement_id)
            raise
        except Exception as error:  # a bug must not keep the others from being called
            logger.exception("answers not looked at", announcement=announcement_id, error=str(error))

    async def _reopen(self, announcement_id: str) -> None:
        """Draft an announcement for every area in which too many say that it is still out."""
        try:
            history = await self.announces.store.history(announcement_id)
        except InputError:
            return
        restored = next((each for each in reversed(history) if each.state == LIVE), history[-1])
        rows = [row for row in await self.store.of(announcement_id) if row.outcome in ("works", "still_out")]
        answers = [(row.area, row.outcome == "works") for row in rows if row.state == DONE]
        for found in still_out(answers, restored.target.areas):
            try:
                await self._draft(restored, found)
            except InputError as error:
                logger.error("no draft for what is still out", announcement=announcement_id, error=str(error))

    async def _draft(self, restored: Version, found: StillOut) -> None:
        target = restored.target
        if found.area:
            target = replace(target, areas=(found.area,), node="", numbers=(), prefix="")
        where = found.area or "an area not known"
        note = f"{found.no} of {found.answers} say it is still out in {where}, after {restored.announcement_id}"[:400]
        same = next((each for each in await self.announces.store.newest() if _is_it(each, target, restored)), None)
        if same is None or (same.state == DRAFT and same.note != note):
            draft = Draft(
                target, restored.texts, restored.service, kind=restored.kind, source=REOPENED, note=note,
                after=restored.after,
            )  # fmt: skip
            same = (await self.announces.draft_again(draft, AUTHOR, self.clock())).version
            logger.error(
                "still out after a restoration: a draft waits for ops", announcement=restored.announcement_id,
                draft=same.announcement_id, area=found.area, no=found.no, answers=found.answers,
            )  # fmt: skip
        await self._tell_again(restored, found, same)

    async def _tell_again(self, restored: Version, found: StillOut, draft: Version) -> None:
        """Who says that it is still out wants to be told when that is over as well."""
        for row in await self.store.of(restored.announcement_id):
            here = row.area == found.area or (found.area and contains(found.area, row.area))
            if row.outcome == "still_out" and here:
                with contextlib.suppress(ValueError):
                    await self.store.add(
                        draft.announcement_id, row.number, account=row.account, area=row.area, language=row.language,
                        dnis=row.dnis, call_id=row.call_id, now=self.clock(),
                    )  # fmt: skip


def _is_it(version: Version, target: Target, restored: Version) -> bool:
    """Is this what was opened, or went live, because it is still out after `restored`?"""
    other = version.announcement_id != restored.announcement_id and version.state in (DRAFT, APPROVED, LIVE)
    same = (version.target, version.service, version.source) == (target, restored.service, REOPENED)
    return other and same
