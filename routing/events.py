"""What happens in a routing group, read from its stream: for the expected wait, and to tell whether a line moved.

A waiting caller asks Redis for his place only when something happened in his queue; one reader per controller
knows that for all of them. Called by `router`.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping

from redis.exceptions import ResponseError

from routing.errors import RouterUnavailable
from routing.link import BLOCK_MS, Client
from routing.waiting import read_stream

Fields = Mapping[str, str]
# Events are gathered so long: a busy group costs a few reads a second, not one for each event.
GATHER_S = 0.1
BATCH = 500
RETRY_S = 0.2
LINES_MAX = 1000
# Silence of the reader after which nobody may believe that nothing happened.
DEAF_S = 2 * BLOCK_MS / 1000 + 1

# Who may take a call changed, or a call changed queues: the places of all lines may be told anew.
OF_ALL_QUEUES = frozenset(
    {"agent_signed_in", "agent_signed_out", "agent_paused", "agent_unpaused", "agent_updated", "lending", "changed"}
)
# Nobody comes before or after anybody by these.
OF_NO_LINE = frozenset({"ringing", "bridged", "agent_ready", "agent_wrap_up", "agent_back_off", "controller_in"})


class Events:
    """Reads the events of a group for ever.

    feed  gets every event once, in order.  on_changed  gets those of type `changed`: a supervisor's doing.
    """

    def __init__(self, reader: Client, root: str, feed: Callable[[Fields], None]) -> None:
        self._reader, self._stream, self._feed = reader, f"{root}:events", feed
        self._last, self._heard_at = "0", float("-inf")
        self._all = 0
        self._by_queue: Counter[str] = Counter()
        self._queues_of: dict[str, set[str]] = {}
        self._sharing: dict[str, set[str]] = {}
        self.on_changed: Callable[[Fields], None] = lambda _: None

    def number(self, queue: str) -> int:
        """Return a number that grows whenever the line of `queue`, or who serves it, may have changed."""
        return self._all + self._by_queue[queue]

    def changed(self, queue: str, since: int) -> bool:
        """Tell whether the line may have changed since `number` was `since`; True as well while Redis is silent."""
        return self.number(queue) != since or time.monotonic() - self._heard_at > DEAF_S

    def restart(self) -> None:
        """Redis came back empty: its stream begins anew, and nothing known of any line holds."""
        self._last = "0"
        self._all += 1

    async def read(self) -> None:
        """Read for ever, beginning with what the stream still holds (the last 10,000 events)."""
        while True:
            try:
                many = await self.read_once()
            except (RouterUnavailable, ResponseError):
                await asyncio.sleep(RETRY_S)
                continue
            await asyncio.sleep(GATHER_S if many < BATCH else 0)

    async def read_once(self) -> int:
        """Wait up to BLOCK_MS for events, take them into account; return how many. Raises as `read_stream`."""
        entries = await read_stream(self._reader, self._stream, self._last, BATCH)
        for entry, fields in entries:
            self._last = entry
            self.take(fields)
        self._heard_at = time.monotonic()
        return len(entries)

    def take(self, event: Fields) -> None:
        """Take one event into account."""
        kind = event["type"]
        if kind in OF_ALL_QUEUES:
            self._all += 1
        elif kind not in OF_NO_LINE and "queue" in event:
            queue = event["queue"]
            if "class" in event:
                self._learn(queue, event["class"].partition("@")[0])
            self._by_queue.update(self._sharing.get(queue, (queue,)))
        if kind == "changed":
            self.on_changed(event)
        self._feed(event)

    def _learn(self, queue: str, line: str) -> None:
        """Calls of this queue wait in this line: with those of every other queue that asks for the same."""
        if len(self._queues_of) >= LINES_MAX:
            self._queues_of.clear()
        queues = self._queues_of.setdefault(line, set())
        if queue not in queues:
            queues.add(queue)
            for each in queues:
                self._sharing.setdefault(each, set()).update(queues)
