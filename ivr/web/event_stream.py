"""An answer that goes on: server-sent events, for as long as the browser reads them in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ivr.web.watching import Watching

SLOW_S = 10.0  # who takes longer to read one event is dropped; he comes back and gets what is new then


class EventStream(Response):
    """Sends what `events` gives until that ends, the reader leaves or is too slow."""

    media_type = "text/event-stream"

    def __init__(self, watching: Watching, events: AsyncIterator[str]) -> None:
        super().__init__(headers={"x-accel-buffering": "no"})
        del self.headers["content-length"]
        self.watching, self.events = watching, events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send, until it is over."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        with self.watching.seat():
            sending, leaving = asyncio.create_task(self._send(send)), asyncio.create_task(_left(receive))
            try:
                await asyncio.wait([sending, leaving], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (sending, leaving):
                    task.cancel()
                await asyncio.wait([sending, leaving])
        if not sending.cancelled() and (error := sending.exception()):
            raise error

    async def _send(self, send: Send) -> None:
        try:
            async for text in self.events:
                async with asyncio.timeout(SLOW_S):
                    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (TimeoutError, OSError, ClientDisconnect):
            pass


async def _left(receive: Receive) -> None:
    """Return when the reader has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def event(kind: str, data: str = "", number: str = "") -> str:
    """Return one event as it is written. data  one line."""
    return (f"id: {number}\n" if number else "") + f"event: {kind}\ndata: {data}\n\n"
