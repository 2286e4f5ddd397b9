"""Asking a company's own server over HTTP, within a limit that no server can stretch.

One POST of a JSON object, answered by a JSON object; no redirects, no cookies, no proxies of the environment, at
most REPLY_BYTES and AT_ONCE requests to one server. Whatever it does, the call goes on when its time is over.
Called by `session.py`; made and closed by `app.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import time
from collections import Counter
from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

from ivr import log
from ivr.errors import CallerHungUp
from ivr.flow.commands import Fetch, Fetched
from ivr.flow.facts import VALUE_CHARS, Value
from ivr.record import trace as t

if TYPE_CHECKING:
    import httpx

    from ivr.session import Session

logger = log.logger(__name__)

REPLY_BYTES = 64 * 1024
FIELDS_MOST = 100  # of a reply that are looked at
AT_ONCE = 50  # requests to one server; one more fails at once
RESULT = "result"
FAILED, TIMEOUT = Fetched("failed"), Fetched("timeout")


class Refused(Exception):
    """The server answered something that is no answer."""


class Webhooks:
    """The HTTP client all calls share. tokens  webhook -> bearer token. It connects at the first question."""

    def __init__(self, tokens: Mapping[str, str] | None = None) -> None:
        self._tokens = tokens or {}
        self._client: httpx.AsyncClient | None = None
        self._asking: Counter[str] = Counter()

    async def ask(self, name: str, url: str, told: Mapping[str, Value], timeout_s: float) -> Fetched:
        """Return what the server of webhook `name` says to `told` within `timeout_s`."""
        import httpx

        if self._asking[name] >= AT_ONCE:
            logger.warning("webhook failed", webhook=name, error=f"{AT_ONCE} calls wait for it already")
            return FAILED
        self._asking[name] += 1
        try:
            async with asyncio.timeout(timeout_s):
                return read_reply(await self._post(name, url, told, timeout_s))
        except (TimeoutError, httpx.TimeoutException):
            logger.warning("webhook did not answer in time", webhook=name, timeout_s=timeout_s)
            return TIMEOUT
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, Refused, OSError, ValueError) as error:
            logger.warning("webhook failed", webhook=name, error=f"{type(error).__name__}: {error}"[:200])
            return FAILED
        except Exception:  # whatever else a server can bring about, the call goes on
            logger.exception("webhook broke", webhook=name)
            return FAILED
        finally:
            self._asking[name] -= 1

    def open(self) -> None:
        """Load what asking needs, which takes a while: in a thread, before the first caller must wait for it."""
        self._opened()

    async def close(self) -> None:
        """Close every connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _post(self, name: str, url: str, told: Mapping[str, Value], timeout_s: float) -> bytes:
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if token := self._tokens.get(name):
            headers["Authorization"] = f"Bearer {token}"
        request = self._opened().stream("POST", url, json=dict(told), headers=headers, timeout=timeout_s)
        async with request as response:
            if not response.is_success:
                raise Refused(f"status {response.status_code}")
            if response.headers.get("content-encoding", "identity") != "identity":
                raise Refused("a compressed reply, which nobody asked for")
            reply = bytearray()
            async for part in response.aiter_raw():
                reply += part
                if len(reply) > REPLY_BYTES:
                    raise Refused(f"more than {REPLY_BYTES} bytes")
            return bytes(reply)

    def _opened(self) -> httpx.AsyncClient:
        import httpx

        if self._client is None:
            self._client = httpx.AsyncClient(
                verify=ssl.create_default_context(),  # this machine's authorities, so a company's own may be among them
                trust_env=False,
                follow_redirects=False,
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=AT_ONCE),
                headers={"User-Agent": "hotline"},
            )
        return self._client


def read_reply(text: bytes) -> Fetched:
    """Return what a reply says. Raises Refused for what is no JSON object."""
    try:
        reply = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError):  # ValueError: also of UTF-8, and of a number with thousands of digits
        raise Refused("the reply is not JSON") from None
    if not isinstance(reply, dict):
        raise Refused("the reply is not a JSON object")
    plain = {name: found for name, value in list(reply.items())[:FIELDS_MOST] if (found := _plain(value)) is not None}
    return Fetched("answered", plain.pop(RESULT, ""), plain)


def _plain(value: Any) -> str | None:
    """Return a text, a number or true/false as text fit for a variable; None for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)[:VALUE_CHARS]
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, str):
        return "".join(char if char.isprintable() else " " for char in value[:VALUE_CHARS]).strip()
    return None


async def fetch(session: Session, command: Fetch) -> Fetched:
    """Ask the server, play phrases meanwhile, and wait for what is left of the time."""
    began = time.monotonic()
    fetched = FAILED
    if url := session.dialplans.webhooks.get(command.webhook):
        told = {**command.send, "call": session.call.call_id}
        work = session.parts.webhooks.ask(command.webhook, url, told, command.timeout_s)
        asking = asyncio.ensure_future(work)
        try:
            await session.play(command.phrases)
            fetched = await _wait(session, asking, began + command.timeout_s - time.monotonic())
        finally:
            asking.cancel()  # not awaited: a connection that closes slowly is no concern of the caller
    else:
        await session.play(command.phrases)
    ms = int((time.monotonic() - began) * 1000)
    session.log.add(t.ASKED, session.step, webhook=command.webhook, outcome=fetched.outcome, ms=ms)
    return fetched


async def _wait(session: Session, asking: asyncio.Future[Fetched], left_s: float) -> Fetched:
    """Return the answer, or TIMEOUT. Raises CallEnded as soon as the caller leaves."""
    if not asking.done():
        await session.lease(max(0.0, left_s))
        hung_up = asyncio.ensure_future(session.channel.wait_hung_up())
        try:
            await asyncio.wait((asking, hung_up), timeout=max(0.0, left_s), return_when=asyncio.FIRST_COMPLETED)
            if hung_up.done():
                hung_up.result()
                raise CallerHungUp("the caller hung up")
        finally:
            hung_up.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait((hung_up,))
    return asking.result() if asking.done() else TIMEOUT
