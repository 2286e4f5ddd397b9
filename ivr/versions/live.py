"""The call flows calls follow: the live version and a canary, swapped whole while calls are up.

A poll of the database every POLL_S is the guarantee, a message over Redis only makes it quicker. A dead database or
Redis, and a version this controller cannot build, leave what is loaded. A call keeps the edition it began with for as
long as it lasts. Called by `app.py` (start, run, new calls) and `canary.py` (roll_back).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from weakref import WeakValueDictionary

from redis.asyncio import Redis

from ivr import db, log
from ivr.answers import DIALPLANS, answer, hint
from ivr.db import Database
from ivr.errors import ConfigError, DatabaseError, PeerError
from ivr.flow.model import Dialplans
from ivr.hints import listen
from ivr.settings import Settings
from ivr.sound import PromptSet
from ivr.speech.catalog import keep_index, load_prompt_set
from ivr.versions.folder import read_folder, unpublished
from ivr.versions.model import LIVE, ROLLED_BACK, Change, Content, in_share, prompts_of
from ivr.versions.store import Superseded, Versions

logger = log.logger(__name__)

POLL_S = 0.5
PATIENCE_S = 5.0  # a database that says nothing so long counts as dead
TAKE_OVER_S = 1.0  # a caller in the middle of a call waits no longer for his old version
START = "start"  # who made the first version live: a controller that found none

NOTHING = Dialplans("", {}, {}, {}, {}, {}, ())


@dataclass(frozen=True)
class Edition:
    """One version as calls see it: flows and the prompts they speak by."""

    dialplans: Dialplans
    prompts: PromptSet

    @property
    def version(self) -> str:
        return self.dialplans.version


@dataclass(frozen=True)
class Snapshot:
    """What new calls follow. canary  None when none is tried, or when this controller cannot build it."""

    change: Change
    live: Edition
    canary: Edition | None = None


class LiveDialplans:
    """The snapshot and what keeps it fresh. on_change  awaited after every swap, the first one too."""

    def __init__(
        self, database: Database, redis: Redis | None, settings: Settings, name: str, *,
        on_change: Callable[[], Awaitable[None]] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self.database, self.redis, self.settings, self.name = database, redis, settings, name
        self.store, self.on_change, self.clock = Versions(database), on_change, clock
        self.snapshot = Snapshot(Change(0, LIVE, "", "", clock(), START), Edition(NOTHING, PromptSet("", {})))
        self._editions: WeakValueDictionary[tuple[str, str], Edition] = WeakValueDictionary()
        self._wake = asyncio.Event()
        self._refused = 0
        self._unwritten: Change | None = None
        self._database_lost = False

    # -- what new calls ask

    def edition(self, call_id: str, dnis: str) -> Edition:
        """Return what a new call follows; a number only one of two editions knows decides by itself."""
        live, canary, change = self.snapshot.live, self.snapshot.canary, self.snapshot.change
        if canary is None:
            return live
        first, second = (canary, live) if in_share(call_id, canary.version, change.share) else (live, canary)
        return second if dnis not in first.dialplans.numbers and dnis in second.dialplans.numbers else first

    async def edition_of(self, version: str) -> Edition:
        """Return the edition a call that another controller began follows; what is live when it cannot be had soon."""
        for edition in self._known():
            if edition.version == version:
                return edition
        try:
            async with asyncio.timeout(TAKE_OVER_S):
                prompts = prompts_of(version, await db.to_the_end(self.store.history()))
                return await db.to_the_end(self._edition(version, prompts))
        except (TimeoutError, DatabaseError, ConfigError) as error:
            logger.warning("a call cannot keep its version", version=version, error=_line(error))
            return self.snapshot.live

    def _known(self) -> list[Edition]:
        return [each for each in (self.snapshot.live, self.snapshot.canary, *self._editions.values()) if each]

    # -- kept fresh

    async def start(self) -> None:
        """Load what is live; nothing yet: make dialplans/ live. What cannot be loaded: follow dialplans/ until it can.

        Raises ConfigError when dialplans/ is needed and has mistakes.
        """
        try:
            await db.to_the_end(self.refresh())
        except (DatabaseError, TimeoutError) as error:
            logger.error("database lost, calls follow the files of dialplans/", error=_line(error))
            self._database_lost = True
        if self.snapshot.live.version:
            if pending := unpublished(self.settings, self.snapshot.change):
                logger.info(pending)
            return
        dialplans, content = read_folder(self.settings)
        edition = Edition(dialplans, load_prompt_set(self.settings))
        await self._take(Snapshot(replace(self.snapshot.change, version=content.version), edition))

    async def run(self) -> None:
        """Keep the snapshot fresh for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._poll())
            if self.redis is not None:
                tasks.create_task(listen(self.redis, DIALPLANS.hints, self._wake))

    async def refresh(self) -> bool:
        """Take what holds now; return whether it is another than before. Raises DatabaseError, TimeoutError."""
        async with asyncio.timeout(PATIENCE_S):
            last = await self.store.last() or await self._publish_folder()
        before = self.snapshot.change.number
        if last.number == before or last.number == self._refused:
            return False
        refused = ""
        try:
            live = await self._edition(last.version, last.prompts)
        except ConfigError as error:
            self._refused = last.number
            refused = f"version {last.version} cannot be used here: {_line(error)}"
            logger.error("dialplans refused, the old ones stay", version=last.version, error=_line(error))
            await answer(self.redis, DIALPLANS, last.number, self.name, refused)
            return False
        canary = None
        if last.tried:
            try:
                canary = await self._edition(last.canary, last.canary_prompts)
            except ConfigError as error:
                refused = f"version {last.tried} cannot be used here: {_line(error)}"
                logger.error("canary refused", version=last.tried, error=_line(error))
        await self._take(Snapshot(last, live, canary))
        await answer(self.redis, DIALPLANS, last.number, self.name, refused)
        return True

    async def _publish_folder(self) -> Change:
        """Make dialplans/ live, the first version there is; another controller may be quicker."""
        dialplans, content = read_folder(self.settings)
        change = Change(1, LIVE, content.version, keep_index(self.settings), self.clock(), START)
        try:
            await self.store.add(change, content)
            logger.info("the files of dialplans/ are live, nothing was before", version=dialplans.version)
            return change
        except Superseded:
            last = await self.store.last()
            assert last is not None
            return last

    async def _edition(self, version: str, prompts: str) -> Edition:
        """Return a version with its prompts, from memory while somebody uses it. Raises ConfigError, DatabaseError."""
        known = self._editions.get((version, prompts))
        if known is None:
            async with asyncio.timeout(PATIENCE_S):
                content = await self.store.read(version)
            if content is None:
                raise ConfigError(f"version {version} is not in the database")
            known = await asyncio.to_thread(self._build, content, prompts)
            self._editions[version, prompts] = known
        return known

    def _build(self, content: Content, prompts: str) -> Edition:
        return Edition(content.build(), load_prompt_set(self.settings, prompts))

    async def _take(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        change = snapshot.change
        logger.info("dialplans live", version=change.version, by=change.by,
                    **({"canary": change.canary, "share": change.share} if change.tried else {}))  # fmt: skip
        if self.on_change is not None:
            try:
                await self.on_change()
            except PeerError as error:
                logger.warning("dialplans could not be handed on", error=str(error))

    async def _poll(self) -> None:
        while True:
            self._wake.clear()
            await self._refresh_or_keep()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._wake.wait()

    async def _refresh_or_keep(self) -> None:
        try:
            await db.to_the_end(self._write_roll_back())
            await db.to_the_end(self.refresh())
        except (DatabaseError, TimeoutError) as error:
            if not self._database_lost:
                logger.error("database lost, dialplans stay as they are", error=_line(error))
            self._database_lost = True
        except ConfigError as error:  # nothing live yet, and dialplans/ has mistakes
            logger.error("dialplans could not be loaded, they stay as they are", error=_line(error))
        except Exception:  # a row nobody can read must not stop the calls
            logger.exception("dialplans could not be loaded, they stay as they are")
        else:
            self._database_lost = False

    # -- a canary that does harm

    async def roll_back(self, change: Change, why: str) -> None:
        """Give the canary of `change` no more calls, here at once, and everywhere by the history.

        Of several controllers that find the same, one writes. A dead database does not keep the canary alive here.
        """
        if change.number != self.snapshot.change.number or self.snapshot.canary is None:
            return
        logger.warning("canary rolled back", version=change.canary, live=change.version, why=why)
        self._unwritten = replace(change, number=change.number + 1, state=ROLLED_BACK, at=self.clock(),
                                  by="automatic", why=why, share=0.0)  # fmt: skip
        await self._take(replace(self.snapshot, canary=None))
        self._wake.set()

    async def _write_roll_back(self) -> None:
        change = self._unwritten
        if change is None:
            return
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self.store.add(change)
            await hint(self.redis, DIALPLANS, change.number)
        except Superseded:
            logger.debug("another controller was quicker")
        self._unwritten = None


def _line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or "no answer"
