"""A dialler without a PBX: phones that answer, are busy, or ring, as the test says.

It behaves as `ivr.dialler.Dialler` and `ivr.ami.watch.Watch` do together; tests/asterisk/test_dialler.py runs the same
story on both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

from ivr.errors import AsteriskError

CAUSES = {"busy": 17, "not_answered": 19, "unknown": 1}


class FakeDialler:
    """Let phones ring. ways  number -> busy, not_answered, unknown; others go on ringing until `pick_up` or `hang_up`.

    placed  (id, number, shown, context) of every call, in order.  up  ids that ring or talk.
    """

    def __init__(self) -> None:
        self.connected = True
        self.ways: dict[str, str] = {}
        self.placed: list[tuple[str, str, str, str]] = []
        self.up: set[str] = set()
        self.most_up = 0
        self._failed: dict[str, asyncio.Event] = {}
        self._watches: dict[str, SimpleNamespace] = {}

    @contextmanager
    def failing(self, call_id: str, /) -> Iterator[asyncio.Event]:
        event = self._failed[call_id] = asyncio.Event()
        try:
            yield event
        finally:
            del self._failed[call_id]

    @contextmanager
    def follow(self, call_id: str) -> Iterator[SimpleNamespace]:
        """Stand in for `Watch.follow`."""
        if call_id in self._watches:
            raise ValueError(f"call {call_id} is already followed")
        watch = self._watches[call_id] = SimpleNamespace(hung_up=asyncio.Event(), cause=None)
        try:
            yield watch
        finally:
            del self._watches[call_id]

    async def dial(self, call_id: str, number: str, shown: str, context: str = "callback", /) -> None:
        if not self.connected:
            raise AsteriskError("not connected")
        self.placed.append((call_id, number, shown, context))
        self.up.add(call_id)
        self.most_up = max(self.most_up, len(self.up))
        if way := self.ways.get(number):
            self.hang_up(call_id, CAUSES[way])
            self._failed[call_id].set()

    def hang_up(self, call_id: str, cause: int = 16) -> None:
        """The channel is gone."""
        self.up.discard(call_id)
        if watch := self._watches.get(call_id):
            watch.cause = cause
            watch.hung_up.set()

    async def action_list(self, name: str) -> list[dict[str, str]]:
        """Stand in for `AmiClient.action_list`: the channels there are."""
        return [{"Uniqueid": each} for each in self.up]
