"""Offers on their way to this controller's sessions: one stream in Redis, one reader, one inbox per call.

A script that makes an offer appends (call, token) to the stream of the controller holding the call: nothing
is lost while the connection is down. Called by `router`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any

from redis.exceptions import ResponseError

from routing.errors import RouterUnavailable, StaleOffer
from routing.link import BLOCK_MS, Client, answer, node_of
from routing.model import Offer

Take = Callable[[str, int], Awaitable[Offer]]
_RETRY_S = 0.2
BATCH = 200


class Waiting:
    """The inbox of one waiting call; a context manager, so no inbox outlives its session.

    offered  set while an offer lies here: interrupt what is playing and call `next_offer`.
    """

    def __init__(self, offers: Offers, call_id: str) -> None:
        self._offers, self._call_id, self._token = offers, call_id, 0
        self.offered = asyncio.Event()

    def __enter__(self) -> Waiting:
        self._offers.inboxes[self._call_id] = self
        self.put(self._offers.unclaimed.pop(self._call_id, 0))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._offers.inboxes.get(self._call_id) is self:
            del self._offers.inboxes[self._call_id]

    def put(self, token: int) -> None:
        """Lay an offer in; a newer one replaces it."""
        if token >= self._token and token > self._offers.taken.get(self._call_id, 0):
            self._token = token
            self.offered.set()

    def put_back(self, offer: Offer) -> None:
        """Leave an offer for the next `next_offer`, which looks whether it still stands."""
        self._offers.taken.pop(self._call_id, None)
        self.put(offer.token)

    async def next_offer(self, timeout_s: float | None) -> Offer | None:
        """Wait for an offer and take it: from here on the agent's phone may ring. None after `timeout_s`.

        timeout_s  None waits without end.  Offers that are over by now are passed over in silence. A dead
        Redis looks like waiting. Cancelling loses nothing: the offer comes with the next call.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self._taken()
        except TimeoutError:
            return None

    async def take(self) -> Offer | None:
        """Take the offer that lies here (`offered`); None when it is over, and after a moment when Redis is away."""
        token = self._token
        try:
            offer = await self._offers.take(self._call_id, token)
        except RouterUnavailable:
            await asyncio.sleep(_RETRY_S)
            return None
        except StaleOffer:
            offer = None
        if self._token == token:  # none newer came meanwhile
            self.offered.clear()
        return offer

    async def _taken(self) -> Offer:
        while True:
            await self.offered.wait()
            if offer := await self.take():
                return offer


class Offers:
    """All inboxes of a controller, and the reader that fills them.

    taken  call -> highest token taken, so an offer already handed out does not come again.
    unclaimed  call -> token of an offer nobody waits for yet.
    """

    def __init__(self, reader: Client, stream: str, take: Take) -> None:
        self._reader, self._stream, self._take = reader, stream, take
        self._last = "0"
        self.inboxes: dict[str, Waiting] = {}
        self.taken: dict[str, int] = {}
        self.unclaimed: dict[str, int] = {}

    async def take(self, call_id: str, token: int) -> Offer:
        """Take an offer in Redis and remember its token. Raises StaleOffer, RouterUnavailable."""
        offer = await self._take(call_id, token)
        self.taken[call_id] = max(token, self.taken.get(call_id, 0))
        return offer

    def forget(self, call_id: str) -> None:
        """The call ended: keep nothing of it."""
        self.taken.pop(call_id, None)
        self.unclaimed.pop(call_id, None)

    async def read(self, knows: Callable[[str], bool]) -> None:
        """Read the stream for ever. knows  whether a call is this controller's.

        Begins with the oldest entry: those of an earlier life are over and taking them says so.
        """
        while True:
            try:
                entries = await read_stream(self._reader, self._stream, self._last, BATCH)
            except (RouterUnavailable, ResponseError):
                await asyncio.sleep(_RETRY_S)
                continue
            for entry, fields in entries:
                self._last = entry
                self._deliver(fields["call"], int(fields["token"]), knows)

    def _deliver(self, call_id: str, token: int, knows: Callable[[str], bool]) -> None:
        if call_id in self.inboxes:
            self.inboxes[call_id].put(token)
        elif knows(call_id) and token > self.taken.get(call_id, 0):
            self.unclaimed[call_id] = token

    def restart(self) -> None:
        """Redis came back empty: its stream begins anew."""
        self._last = "0"


async def read_stream(reader: Client, stream: str, after: str, count: int) -> list[tuple[str, dict[str, str]]]:
    """Wait up to BLOCK_MS for entries of `stream` after id `after`; return (id, fields) of at most `count`.

    Raises RouterUnavailable, ResponseError.
    """
    found = await answer(_asked(reader, stream, after, count), within_s=None)
    if isinstance(found, dict):  # the newer protocol
        found = list(found.items())
    entries: list[Any] = found[0][1] if found else []
    return entries[0] if entries and isinstance(entries[0], list) else entries


async def _asked(reader: Client, stream: str, after: str, count: int) -> Any:
    # Not xread(): in a cluster it would ask a node for the key's place in the command first, every time.
    there = await node_of(reader, stream)
    words = ("XREAD", "COUNT", count, "BLOCK", BLOCK_MS, "STREAMS", stream, after)
    return await reader.execute_command(*words, **there)
