"""The one way a version goes live, is tried on a share of calls, becomes everybody's, and is rolled back.

One transaction, then a hint over Redis; every living controller's answer is waited for. What a version needs around it
(rendered prompts, numbers in Asterisk) is done by `ivr/reload.py` before. Called by that and the command line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from redis.asyncio import Redis

from ivr.answers import DIALPLANS, Answers, Heard
from ivr.db import Database
from ivr.errors import InputError
from ivr.versions.model import CANARY, ENDED, LIVE, ROLLED_BACK, Change, Content, previous, prompts_of
from ivr.versions.store import Versions


@dataclass(frozen=True)
class Outcome:
    """What was done. change  None: nothing had to be.  before  what held until then, None for nothing."""

    change: Change | None
    before: Change | None
    heard: Heard


class Publisher:
    """Changes which version calls follow. redis  None sends no hint."""

    def __init__(
        self, database: Database, redis: Redis | None = None, *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self.store, self.redis, self.clock = Versions(database), redis, clock

    async def publish(
        self, content: Content, prompts: str, *, author: str, note: str = "", share: float | None = None
    ) -> Outcome:
        """Make `content` live, or let `share` percent of new calls try it. prompts  the index it speaks by.

        Live for everybody, it ends a canary. Raises InputError when a share was asked for and nothing is live yet.
        """
        before = await self.store.last()
        if share is not None and before is None:
            raise InputError("nothing is live yet that a share could be compared with: leave --share out")
        if before and share is not None and before.version == content.version and before.prompts == prompts:
            return Outcome(None, before, Heard())
        number = before.number + 1 if before else 1
        change = Change(number, LIVE, content.version, prompts, self.clock(), author, note)
        if before and share is not None:
            change = replace(
                change, state=CANARY, version=before.version, prompts=before.prompts, canary=content.version,
                canary_prompts=prompts, share=share,
            )  # fmt: skip
        if before and _same(before, change):
            return Outcome(None, before, Heard())
        return await self._store(change, before, content, note)

    async def promote(self, *, author: str, note: str = "") -> Outcome:
        """Let everybody follow the canary. Raises InputError when there is none."""
        before = await self._canary()
        change = Change(before.number + 1, LIVE, before.canary, before.canary_prompts, self.clock(), author,
                        note or f"canary of {before.share:g} % promoted")  # fmt: skip
        return await self._store(change, before)

    async def rollback(self, text: str = "", *, author: str, note: str = "") -> Outcome:
        """Make an older version live again: the one named, else end the canary, else the one live before.

        Raises InputError when there is no such one.
        """
        history = await self.store.history()
        if not history:
            raise InputError("nothing is live yet: `ivr dialplan reload` makes dialplans/ live")
        before = history[-1]
        if not text and before.tried:
            change = replace(before, number=before.number + 1, state=ENDED, at=self.clock(), by=author, why=note,
                             share=0.0)  # fmt: skip
            return await self._store(change, before)
        version, prompts = previous(history)
        if text:
            version = await self.store.find(text)
            prompts = prompts_of(version, history) or before.prompts
        if not version:
            raise InputError("there is no version before the one that is live")
        if text and version == before.version and not before.tried:
            raise InputError(f"version {version} is live already")
        content = await self.store.read(version)
        assert content is not None, version
        content.build()
        change = Change(before.number + 1, ROLLED_BACK, version, prompts, self.clock(), author, note,
                        before.tried or before.version)  # fmt: skip
        return await self._store(change, before)

    async def _canary(self) -> Change:
        before = await self.store.last()
        if before is None or not before.tried:
            raise InputError("no version is tried on a share of calls: `ivr dialplan reload --share 10%` begins that")
        return before

    async def _store(
        self, change: Change, before: Change | None, content: Content | None = None, note: str = ""
    ) -> Outcome:
        answers = Answers(self.redis, DIALPLANS)
        await answers.open()
        try:
            await self.store.add(change, content, note)
            return Outcome(change, before, await answers.wait(change.number))
        finally:
            await answers.close()


def _same(before: Change, after: Change) -> bool:
    """Tell whether calls would not notice the change."""
    return (before.version, before.prompts, before.tried, before.share if before.tried else 0.0) == (
        after.version, after.prompts, after.tried, after.share if after.tried else 0.0
    ) and (not after.tried or before.canary_prompts == after.canary_prompts)  # fmt: skip
