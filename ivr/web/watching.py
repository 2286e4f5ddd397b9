"""One look at the floor for everybody who watches a page: at most one in LOOK_S per process, none when nobody does.

Redis says by its stream that something happened, so a look comes at once after a quiet time; the database has no
such voice and is asked every second. Called by the pages Live and Agents and by the API.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Collection, Iterator

from ivr import log
from ivr.floor import Floor, Lookout
from routing.errors import RoutingError

logger = log.logger(__name__)

LOOK_S = 0.7  # from one look to the next, at least
STILL_S = 1.0  # and at most, while somebody watches
GATHER_S = 0.25
RETRY_S = 1.0
IDLE_S = 10.0  # after the last watcher left
CATCH_UP_S = 1.0
WATCHERS_MOST = 200
END_TRIES = 10


async def end(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel tasks, wait for their end; more than once: redis-py on Python 3.11 may swallow a cancellation."""
    for _ in range(END_TRIES):
        left = [task for task in tasks if not task.done()]
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=1)


class Watching:
    """What is going on, and who wants to know. number  of looks so far; token  tells this process from others."""

    def __init__(self, lookout: Lookout) -> None:
        self.lookout = lookout
        self.token = secrets.token_hex(3)
        self.number, self.watchers = 0, 0
        self.floor: Floor | None = None
        self._looked_at = self._wanted_at = float("-inf")
        self._news, self._happened, self._caught_up = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def full(self) -> bool:
        """Do as many watch as may?"""
        return self.watchers >= WATCHERS_MOST

    @contextlib.contextmanager
    def seat(self) -> Iterator[None]:
        """Count one who watches until the block ends."""
        self.watchers += 1
        try:
            yield
        finally:
            self.watchers -= 1
            self._wanted_at = self.clock()

    async def now(self) -> Floor:
        """Return what is going on, not older than about a second; goes on looking for a while."""
        self._wanted_at = self.clock()
        self._start()
        while self.floor is None or self.clock() - self._looked_at > 2 * STILL_S + LOOK_S:
            await self.wait_newer(self.number, STILL_S)
        return self.floor

    async def wait_newer(self, than: int, timeout_s: float) -> bool:
        """Wait for a look after look number `than`; False when there was none in time."""
        self._start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self.number <= than:
                    await self._news.wait()
        return self.number > than

    def looked(self) -> None:
        """Look soon: something was just changed here."""
        self._happened.set()

    async def close(self) -> None:
        """Look no more."""
        await end(self._tasks)

    def _start(self) -> None:
        if not any(task for task in self._tasks if not task.done()):
            self._tasks = [asyncio.create_task(self._watch())]

    async def _watch(self) -> None:
        """Look again and again while somebody watches."""
        learning = asyncio.create_task(self._learn())
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CATCH_UP_S):
                    await self._caught_up.wait()
            while self.watchers or self.clock() - self._wanted_at < IDLE_S:
                self._happened.clear()
                began = self.clock()
                await self._look()
                await asyncio.sleep(max(0.0, began + LOOK_S - self.clock()))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(STILL_S - LOOK_S):
                        await self._happened.wait()
        except Exception:
            logger.exception("looking at the floor broke")
            raise
        finally:
            await end([learning])

    async def _look(self) -> None:
        self.floor = await self.lookout.look()
        self._looked_at = self.clock()
        self.number += 1
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _learn(self) -> None:
        """Hear what happens in the queues, for the expected wait and to look at once."""
        while True:
            try:
                many = await self.lookout.router.learn()
            except RoutingError:
                self._caught_up.set()
                await asyncio.sleep(RETRY_S)
                continue
            if many:
                self._happened.set()
            if many < 500:
                self._caught_up.set()
                await asyncio.sleep(GATHER_S)

    @staticmethod
    def clock() -> float:
        """Return the seconds of the loop's clock."""
        return asyncio.get_running_loop().time()
