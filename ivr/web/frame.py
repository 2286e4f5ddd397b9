"""What stands around the whole page: which hosts it answers to, how many headers, how long; security headers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ivr.web.guard import ANSWER_S
from ivr.web.refusals import broken, refuse

HEADERS_MOST, ADDRESS_MOST = 64, 4096
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
SECURITY = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Frame:
    """Middleware around everything; nothing that breaks within leaves it but as an answer."""

    def __init__(self, app: ASGIApp, hosts: Collection[str], secure: bool) -> None:
        self.app, self.hosts, self.secure = app, frozenset(hosts), secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return  # a WebSocket is closed: there are none
        begun = asyncio.Event()

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                begun.set()
                self._add(MutableHeaders(scope=message))
            await send(message)

        request = Request(scope, receive)
        status = self._refused(request)
        if status:
            await refuse(request, status)(scope, receive, sent)
            return
        try:
            await _in_time(self.app(scope, receive, sent), begun)
        except TimeoutError:
            await refuse(request, 503)(scope, receive, sent)
        except Exception as error:  # noqa: BLE001 - logged with its trace
            answer = await broken(request, error)
            if not begun.is_set():
                await answer(scope, receive, sent)

    def _refused(self, request: Request) -> int:
        """Return the status of a request that is not looked at any further, 0 for others."""
        headers = request.scope["headers"]
        if len(headers) > HEADERS_MOST:
            return 431
        if len(request.scope["path"]) + len(request.scope["query_string"]) > ADDRESS_MOST:
            return 414
        hosts = [value for name, value in headers if name == b"host"]
        host = hosts[0].decode("latin-1").lower() if len(hosts) == 1 else ""
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
        if name not in self.hosts:
            return 400
        return 0

    def _add(self, headers: MutableHeaders) -> None:
        for name, value in SECURITY.items():
            headers.setdefault(name, value)
        headers.setdefault("cache-control", "no-store")
        if self.secure:
            headers.setdefault("strict-transport-security", "max-age=31536000")


async def _in_time(work: Awaitable[None], begun: asyncio.Event) -> None:
    """Await an answer; one that has not begun in time is given up. A stream that has begun may go on."""
    task = asyncio.ensure_future(work)
    watch = asyncio.ensure_future(begun.wait())
    try:
        done, _ = await asyncio.wait([task, watch], timeout=ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            raise TimeoutError
        await task
    finally:
        watch.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
