"""What the page measures: requests by route, how long they took, open streams. Stands around the application."""

from __future__ import annotations

import asyncio
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ivr.meters import WEB, Looks, Meters

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
STREAM = b"text/event-stream"


class Metered:
    """Middleware that counts. Labels are routes as they are declared, so that nobody adds to them by asking."""

    def __init__(self, app: ASGIApp) -> None:
        self.app, self.streams = app, 0
        self.meters = Meters("web", WEB, self.look)

    def look(self) -> Looks:
        """Return what a scrape finds besides the counts."""
        return {"hotline_web_streams": {(): self.streams}}

    async def run(self, port: int) -> None:
        """Answer scrapes on `port` for ever."""
        await asyncio.gather(self.meters.serve(port, "HOTLINE_WEB_METRICS_PORT"), self.meters.watch_lag())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status, streams = time.monotonic(), 0, False

        async def sent(message: Message) -> None:
            nonlocal status, streams
            if message["type"] == "http.response.start":
                status = message["status"]
                kinds = [value for name, value in message.get("headers", ()) if name == b"content-type"]
                streams = any(kind.startswith(STREAM) for kind in kinds)
                self.streams += streams
            await send(message)

        try:
            await self.app(scope, receive, sent)
        finally:
            self.streams -= streams
            route = getattr(scope.get("route"), "path", "") or "other"
            method = scope["method"] if scope["method"] in METHODS else "other"
            self.meters.count("hotline_web_requests_total", route, method, str(status))
            if not streams:
                self.meters.took("hotline_web_request_seconds", time.monotonic() - began, route)
