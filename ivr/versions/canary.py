"""Watch a canary: count how its calls and the live version's end, and roll it back when they end badly.

Two looks: at this controller's own calls at once, so that a flow that fails is gone after a handful of them, and every
LOOK_S at everybody's in the database. Built and run by `app.py`; told of calls by `record/store.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from ivr import db, log
from ivr.errors import DatabaseError
from ivr.record.model import CallRecord
from ivr.versions.judge import Counts, judge
from ivr.versions.live import LiveDialplans
from ivr.versions.model import Change

logger = log.logger(__name__)

LOOK_S = 1.0
PATIENCE_S = 5.0
BEFORE = timedelta(hours=6)  # so far back calls of the live version tell what is usual


class CanaryWatch:
    """The judge's eyes in one controller."""

    def __init__(self, live: LiveDialplans, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.live, self.clock = live, clock
        self._wake = asyncio.Event()
        self._begin(live.snapshot.change)

    def _begin(self, change: Change) -> None:
        self.change, self.since = change, self.clock()
        self.own: dict[str, Counts] = {}
        self.before: Counts | None = None

    def noted(self, record: CallRecord) -> None:
        """A call began, or ended (ended_at is set)."""
        change = self.live.snapshot.change
        if not change.tried:
            return
        if change.number != self.change.number:
            self._begin(change)
        if record.started_at < self.since:
            return
        counts = self.own.get(record.flow_version, Counts())
        if record.ended_at is None:
            self.own[record.flow_version] = Counts(counts.calls + 1, counts.failed, counts.left)
            return
        self.own[record.flow_version] = counts.ended(record.disposition)
        if record.flow_version == change.tried:
            self._wake.set()

    async def run(self) -> None:
        """Look for ever."""
        looked = 0.0
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._wake.wait()
            self._wake.clear()
            change = self.live.snapshot.change
            if not change.tried or self.live.snapshot.canary is None:
                continue
            if change.number != self.change.number:
                self._begin(change)
            now = asyncio.get_running_loop().time()
            if now - looked >= LOOK_S:
                looked = now
                await self._look_at_all(change)
            await self._look_at_own(change)

    async def _look_at_own(self, change: Change) -> None:
        counts = self.own
        why = judge(counts.get(change.tried, Counts()), counts.get(change.version, Counts()), self.before or Counts())
        if why:
            await self.live.roll_back(change, why)

    async def _look_at_all(self, change: Change) -> None:
        try:
            why = await db.to_the_end(self._everybody(change))
        except (DatabaseError, TimeoutError) as error:
            logger.debug("calls of the canary are not counted", error=str(error))
            return
        if why:
            await self.live.roll_back(change, why)

    async def _everybody(self, change: Change) -> str:
        store = self.live.store
        async with asyncio.timeout(PATIENCE_S):
            if self.before is None:
                self.before = (await store.counts([change.version], change.at - BEFORE, change.at))[change.version]
            counts = await store.counts([change.tried, change.version], change.at)
        return judge(counts[change.tried], counts[change.version], self.before)
