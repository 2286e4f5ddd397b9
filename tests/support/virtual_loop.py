"""An asyncio event loop whose time and order are ours: a clock that jumps, and a seed that says which task goes next.

Nothing real is waited for: when no task can go on, time jumps to the next timer. Of the tasks that can, a seeded
generator picks one, so one seed is one interleaving, and the same again whenever it is run. Every task belongs to
somebody (`OWNER`); a whole owner can stand still for a while, as a stopped process does.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import random
import zlib
from collections.abc import Callable, Coroutine
from typing import Any

# Whose code runs: a controller's name; "" is the world outside (network, callers, phones).
OWNER: contextvars.ContextVar[str] = contextvars.ContextVar("owner", default="")
WORLD = contextvars.Context()


class VirtualLoop(asyncio.BaseEventLoop):
    """`before_step` is called before each step; it may kill, stop or start an owner.

    steps  run so far.  stopped  owner -> time at which he goes on.  hurried  owners who run first and in order (those
    being ended: asyncio ends the tasks of a group in no fixed order).  trace  what happened; `told` is its checksum.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.random = random.Random(seed)
        self.steps, self.told, self._now_s = 0, 0, 0.0
        self.stopped: dict[str, float] = {}
        self.hurried: set[str] = set()
        self.before_step: Callable[[], None] | None = None
        self.trace: list[str] = []
        self.broken: list[str] = []
        self.set_exception_handler(lambda _, context: self.broken.append(_words(context)))

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now_s

    def tell(self, line: str) -> None:
        """Add a line to the trace."""
        line = f"{self._now_s:9.4f} {line}"
        self.trace.append(line)
        self.told = zlib.crc32(line.encode(), self.told)

    def spawn(self, owner: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start a task of `owner`."""
        context = contextvars.Context()
        context.run(OWNER.set, owner)
        return self.create_task(work, context=context)

    def stop_owner(self, owner: str, for_s: float) -> None:
        """Let nothing of `owner` run for so long; what arrives for him meanwhile waits."""
        self.stopped[owner] = self._now_s + for_s

    def _run_once(self) -> None:
        if self.before_step:
            self.before_step()
        while (at := self._pick()) is None:
            self._jump()
        handle = self._ready[at]
        del self._ready[at]
        self.steps += 1
        if not handle._cancelled:
            handle._run()

    def _pick(self) -> int | None:
        """Return which of the ready handles goes next; None when none can."""
        able = []
        for at, handle in enumerate(self._ready):
            owner = handle._context.get(OWNER, "")
            if owner in self.hurried or self._stopping:
                return at
            if self.stopped.get(owner, 0.0) <= self._now_s:
                able.append(at)
        if not able:
            return None
        return able[self.random.randrange(len(able))] if len(able) > 1 else able[0]

    def _jump(self) -> None:
        """Go to the next moment at which something can happen."""
        ends = [until for until in self.stopped.values() if until > self._now_s]
        while self._scheduled and self._scheduled[0]._cancelled:
            heapq.heappop(self._scheduled)._scheduled = False
        if self._scheduled:
            ends.append(self._scheduled[0]._when)
        assert ends, "nothing can happen any more: a task waits for what never comes"
        self._now_s = max(self._now_s, min(ends))
        while self._scheduled and self._scheduled[0]._when <= self._now_s:
            handle = heapq.heappop(self._scheduled)
            handle._scheduled = False
            if not handle._cancelled:
                self._ready.append(handle)

    def _process_events(self, event_list: Any) -> None:
        """There are no sockets."""

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector."""


def _words(context: dict[str, Any]) -> str:
    return f"{context.get('message')}: {context.get('exception')!r}"
