"""Who may reach which route: the only door. Every route says `allow(right)` or `open_to_all()`; nothing else is served.

`Guarded` stands around each route and decides before a byte of the body is read; `allow(...)` then gives the route
who it is. Refusals leave as `HTTPException`; `refusals.py` turns them into a page, a part of a page or a Problem.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import HTTPException
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ivr.access import Who
from ivr.desk.web_sessions import Session
from ivr.web.parts import parts_of
from ivr.web.rates import Rates

COOKIE = "__Host-hotline"
BODY = 64 * 1024  # bytes of a body unless a route says otherwise
BODY_S, BODY_RATE = 10.0, 64 * 1024  # a body may take 10 s, and a second more for every 64 KiB
ANSWER_S = 30.0  # until an answer begins
AGAIN_S = 30.0  # a stream that goes on longer than this is asked again who it is for
SAFE = ("GET", "HEAD", "OPTIONS")
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
ANYBODY_KNOWN = "own.account"  # right of everybody who is recognised as a person


class Access:
    """What a route asks for; as a dependency it gives who was recognised.

    right  None: open to all.  body  bytes of the longest body.  per_minute  how often one may ask, None: as he likes.
    unchanged  also before he has chosen a password of his own.  tokens  of any role will do where any person will.
    """

    def __init__(
        self, right: str | None, *, body: int = BODY, per_minute: int | None = None, unchanged: bool = False,
        tokens: bool = False,
    ) -> None:  # fmt: skip
        self.right, self.body, self.per_minute, self.unchanged = right, body, per_minute, unchanged
        self.tokens = tokens

    async def __call__(self, request: Request) -> Any:
        """Return who was recognised; None on an open route that nobody known asks for."""
        who: Who | None = request.state.who
        if request.state.form_has_csrf and who is not None:
            form = await request.form()
            sent = form.get("csrf", "")
            check_csrf(who, sent if isinstance(sent, str) else "")
        return who

    def lets(self, who: Who) -> bool:
        """May he use the route?"""
        if self.right == ANYBODY_KNOWN:
            return self.tokens or bool(who.csrf)
        return self.right is None or who.may(self.right)


def allow(right: str, *, body: int = BODY, per_minute: int | None = None) -> Access:
    """Return what a route of those with `right` (of ivr/access.py) depends on: `Annotated[Who, Depends(allow(...))]`.

    body  bytes it takes at most.  per_minute  how often one person or token may ask, None: as often as he likes.
    """
    return Access(right, body=body, per_minute=per_minute)


def allow_known(*, unchanged: bool = False, tokens: bool = False) -> Access:
    """The same for everybody with a session, whatever his roles. unchanged  also with a one-time password.

    tokens  and for every token.
    """
    return Access(ANYBODY_KNOWN, unchanged=unchanged, tokens=tokens)


def open_to_all(*, body: int = BODY, per_minute: int | None = None) -> Access:
    """Return what a public route depends on: `Annotated[Who | None, Depends(open_to_all())]`. No CSRF is checked."""
    return Access(None, body=body, per_minute=per_minute, unchanged=True)


def access_of(route: APIRoute) -> Access:
    """Return what a route asks for. Raises AssertionError when it does not say, or says it twice."""
    found, left = [], list(route.dependant.dependencies)
    while left:
        each = left.pop()
        left += each.dependencies
        if isinstance(each.call, Access):
            found.append(each.call)
    assert len(found) == 1, f"{route.path} ({route.name}) says {len(found)} times who may use it; expected once"
    return found[0]


class Guarded:
    """A route's application behind its door."""

    def __init__(self, inner: ASGIApp, access: Access, rates: Rates) -> None:
        self.inner, self.access, self.rates = inner, access, rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or let the route answer."""
        request = Request(scope)
        check_length(request, self.access.body)
        session, who = await recognise(request)
        request.state.who, request.state.session = who, session
        request.state.form_has_csrf = False
        if self.access.right is not None:
            self._admit(request, session, who)
        self._slow_down(request, who)
        body = Body(receive, self.access.body)
        stream = Stream(send, request) if session else send
        await self.inner(scope, body, stream)

    def _admit(self, request: Request, session: Session | None, who: Who | None) -> None:
        if who is None:
            raise HTTPException(401)
        if session and session.must_change and not self.access.unchanged:
            raise HTTPException(403, "password")
        if not self.access.lets(who):
            raise HTTPException(403)
        if session and request.method not in SAFE:
            request.state.form_has_csrf = not check_same_site(request, who)

    def _slow_down(self, request: Request, who: Who | None) -> None:
        if self.access.per_minute:
            key = (request.scope["route"].path, who.name if who else address_of(request))
            wait_s = self.rates.wait_s(key, self.access.per_minute, time.monotonic())
            if wait_s:
                raise HTTPException(429, headers={"Retry-After": str(int(wait_s) + 1)})


async def recognise(request: Request) -> tuple[Session | None, Who | None]:
    """Return who asks: by the bearer token (API only, then nothing else counts), else by the session's cookie."""
    sessions, now, address = parts_of(request).sessions, datetime.now(UTC), address_of(request)
    header = request.headers.get("authorization", "")
    if for_programs(request) and header:
        kind, _, token = header.partition(" ")
        return None, await sessions.of_token(token.strip()[:200], address, now) if kind.lower() == "bearer" else None
    cookie = request.cookies.get(COOKIE, "")
    session = await sessions.find(cookie, address, now) if cookie and len(cookie) <= 100 else None
    return session, session.who if session else None


def for_programs(request: Request) -> bool:
    """Is it the API that is asked, where tokens count and errors are JSON?"""
    return request.url.path.startswith("/api/") or request.url.path == "/openapi.json"


def address_of(request: Request) -> str:
    """Return the address a request comes from."""
    return request.client.host if request.client else ""


def check_length(request: Request, most: int) -> None:
    """Refuse a body that says it is too long, before anything of it is read."""
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or len(length) > 15:
        raise HTTPException(400)
    if int(length) > most:
        raise HTTPException(413)


def check_same_site(request: Request, who: Who) -> bool:
    """Refuse what another site made the browser send. Returns False when the form is still to be asked for its token.

    Looks at Origin, else at Sec-Fetch-Site, and at the header X-CSRF-Token.
    """
    check_origin(request)
    token = request.headers.get("x-csrf-token")
    if token is None and request.headers.get("content-type", "").partition(";")[0].strip().lower() in FORMS:
        return False
    check_csrf(who, token or "")
    return True


def check_origin(request: Request) -> None:
    """Refuse a request that a page of another origin made."""
    origin = request.headers.get("origin")
    if origin is not None:
        if urlsplit(origin).netloc != request.headers.get("host"):
            raise HTTPException(403, "origin")
    elif request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise HTTPException(403, "origin")


def check_csrf(who: Who, sent: str) -> None:
    """Refuse what does not carry the session's own token."""
    if not who.csrf or not hmac.compare_digest(sent.encode("utf-8", "replace"), who.csrf.encode()):
        raise HTTPException(403, "csrf")


def login_address(request: Request) -> str:
    """Return where to log in and come back from; only a page that was asked for is come back to."""
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"/login?next={quote(path, safe='')}" if request.method == "GET" and path != "/" else "/login"


class Body:
    """A request's body as it comes in: not longer than `most`, not slower than it may be."""

    def __init__(self, receive: Receive, most: int) -> None:
        self.receive, self.most = receive, most
        self.got, self.complete = 0, False
        self.ends = time.monotonic() + BODY_S + most / BODY_RATE

    async def __call__(self) -> Message:
        if self.complete:
            return await self.receive()
        try:
            async with asyncio.timeout(max(0.0, self.ends - time.monotonic())):
                message = await self.receive()
        except TimeoutError:
            raise HTTPException(408) from None
        self.got += len(message.get("body", b""))
        self.complete = not message.get("more_body", False)
        if self.got > self.most:
            raise HTTPException(413)
        return message


class Stream:
    """An answer to a session as it goes out: one that goes on for long ends with its session."""

    def __init__(self, send: Send, request: Request) -> None:
        self.send, self.request = send, request
        self.asked = time.monotonic()

    async def __call__(self, message: Message) -> None:
        if message.get("more_body") and time.monotonic() - self.asked > AGAIN_S:
            self.asked = time.monotonic()
            _, who = await recognise(self.request)
            if who is None:
                await self.send({"type": "http.response.body", "body": b"", "more_body": False})
                raise asyncio.CancelledError
        await self.send(message)
