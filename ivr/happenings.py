"""What can happen to a caller who waits with music: he leaves, presses a key, an agent is found, there is news for him,
time passes.

Nothing is sent to his channel or to Redis meanwhile. Called by `waiting.py`.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self

from ivr.agi.channel import Channel
from ivr.ami.watch import CallWatch
from ivr.errors import CallerHungUp
from routing.model import Offer
from routing.waiting import Waiting

KEY_SEEN_S = 0.5  # AMI tells of a key that stopped a prompt at most so much later than AGI does


class Happenings:
    """The ears of one waiting caller; a context manager, so that nothing listens any longer than he waits."""

    def __init__(self, channel: Channel, watch: CallWatch, line: Waiting, news: asyncio.Event) -> None:
        """news  set when callers hear something else than before; who looks at it clears it."""
        self._watch, self._line, self._news = watch, line, news
        self._hung_up: asyncio.Future[None] = asyncio.ensure_future(channel.wait_hung_up())
        self._key = self._next_key()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await _end(self._hung_up)
        await _end(self._key)

    @property
    def pending(self) -> bool:
        """Does an offer or a key wait to be looked at? Then nothing more is said first."""
        return self._line.offered.is_set() or self._key.done()

    async def next(self, timeout_s: float) -> Offer | str | None:
        """Return the offer or the key that came within `timeout_s`, else None, also at once when there is news.

        Raises CallerHungUp, and ControllerLost when the connection to Asterisk ended.
        """
        offered = asyncio.ensure_future(self._line.offered.wait())
        news = asyncio.ensure_future(self._news.wait())
        try:
            ears = (self._hung_up, self._key, offered, news)
            await asyncio.wait(ears, timeout=max(0.0, timeout_s), return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _end(offered)
            await _end(news)
        if self._hung_up.done():
            self._hung_up.result()
            raise CallerHungUp("the caller hung up")
        if self._line.offered.is_set() and (offer := await self._line.take()):
            return offer
        return self._taken_key() if self._key.done() else None

    async def heard(self, key: str) -> str:
        """Return the key that stopped a prompt, once: AMI tells of it as well."""
        await asyncio.wait((self._key,), timeout=KEY_SEEN_S)
        return self._taken_key() if self._key.done() else key

    def _next_key(self) -> asyncio.Future[str]:
        return asyncio.ensure_future(self._watch.keys.get())

    def _taken_key(self) -> str:
        key, self._key = self._key.result(), self._next_key()
        return key


async def _end(future: asyncio.Future[Any]) -> None:
    """Cancel `future` and wait until it is over, whatever comes out of it."""
    future.cancel()
    await asyncio.wait((future,))
    if not future.cancelled():
        future.exception()
