"""Asking a company's server: what it is told, what of its answer counts, and that nothing it does takes longer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ivr import webhook as module
from ivr.errors import CallerHungUp
from ivr.flow.commands import Fetch, Fetched
from ivr.session import Session
from ivr.webhook import FAILED, TIMEOUT, Refused, Webhooks, fetch, read_reply
from tests.support.answering import Answering
from tests.support.ports import free_port

LIMIT_S = 0.4


@pytest.fixture
async def server() -> AsyncIterator[Answering]:
    async with Answering({"/good": {"result": "paid", "amount": 12}, "/rubbish": b"<html>", "/list": [1]}) as up:
        yield up


@pytest.fixture
async def webhooks() -> AsyncIterator[Webhooks]:
    opened = Webhooks({"crm": "s3cret"})
    yield opened
    await opened.close()


async def test_an_answer(server: Answering, webhooks: Webhooks) -> None:
    """A POST of JSON with the key of that webhook; the result apart from the other fields."""
    fetched = await webhooks.ask("crm", server.url("/good"), {"call": "1.1", "repeat": 2, "area": None}, 2)
    asked = server.asked[0]

    assert Fetched("answered", "paid", {"amount": "12"}) == fetched
    assert {"call": "1.1", "repeat": 2, "area": None} == asked.body
    assert "Bearer s3cret" == asked.headers["authorization"]
    assert "identity" == asked.headers["accept-encoding"]


async def test_others_get_no_key_and_no_cookie(server: Answering, webhooks: Webhooks) -> None:
    """A key goes to its webhook only; what a server sets in one call it does not get back in another."""
    for _ in range(2):
        await webhooks.ask("billing", server.url("/good"), {}, 2)

    assert [False, False] == ["authorization" in each.headers or "cookie" in each.headers for each in server.asked]


@pytest.mark.parametrize("path", ["/slow", "/drips"])
async def test_the_limit_holds(server: Answering, webhooks: Webhooks, path: str) -> None:
    """Over everything, not over each read: a server that drips gains nothing."""
    began = time.monotonic()

    assert TIMEOUT == await webhooks.ask("crm", server.url(path), {}, LIMIT_S)
    assert LIMIT_S <= time.monotonic() - began < LIMIT_S + 0.3


@pytest.mark.parametrize("path", ["/rubbish", "/list", "/huge", "/moved", "/refuses"])
async def test_what_is_no_answer(server: Answering, webhooks: Webhooks, path: str) -> None:
    """No JSON, no object, without end, elsewhere (never followed), refused."""

    assert FAILED == await webhooks.ask("crm", server.url(path), {}, 5)
    assert [path] == [each.path for each in server.asked]


@pytest.mark.parametrize("url", ["http://127.0.0.1:{}/", "http://[::1", "https://127.0.0.1:{}/"])
async def test_nobody_there(webhooks: Webhooks, url: str) -> None:
    """A closed port and an address that is none fail at once."""

    assert FAILED == await webhooks.ask("crm", url.format(free_port()), {}, 2)


async def test_the_environment_decides_nothing(
    server: Answering, webhooks: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy set for other programs gets no callers' data."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port()}")

    assert "paid" == (await webhooks.ask("crm", server.url("/good"), {}, 2)).result


async def test_a_silent_server_cannot_pile_up_calls(
    server: Answering, webhooks: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more than AT_ONCE fails at once, other servers are asked as ever, and later there is room again."""
    monkeypatch.setattr(module, "AT_ONCE", 3)
    waiting = [asyncio.create_task(webhooks.ask("crm", server.url("/slow"), {}, 1)) for _ in range(3)]
    await asyncio.sleep(0.05)
    began = time.monotonic()

    assert FAILED == await webhooks.ask("crm", server.url("/good"), {}, 1)
    assert "paid" == (await webhooks.ask("billing", server.url("/good"), {}, 1)).result
    assert time.monotonic() - began < 0.5
    assert [TIMEOUT] * 3 == await asyncio.gather(*waiting)
    assert "paid" == (await webhooks.ask("crm", server.url("/good"), {}, 1)).result


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (b'{"result": "ok", "a": "x", "b": 1, "c": 1.50, "d": true, "e": null, "f": [1], "g": {"h": 1}}',
         {"a": "x", "b": "1", "c": "1.5", "d": "true"}),
        (b'{"result": "ok", "a": "two\\nlines\\u0000 \\ud800"}', {"a": "two lines"}),
        (b'{"result": "ok", "a": "' + b"x" * 500 + b'"}', {"a": "x" * 200}),
        (b'{"result": "ok", "a": -0.000001, "b": 1e300}', {"a": "-1e-06", "b": "1e+300"}),
    ],
)  # fmt: skip
def test_plain_fields(text: bytes, values: dict[str, str]) -> None:
    """Texts, numbers and true/false become printable text of 200 characters; the rest is left out."""

    assert Fetched("answered", "ok", values) == read_reply(text)


@pytest.mark.parametrize(
    "text", [b"", b"[]", b'"paid"', b"\xff{}", b"[" * 60_000, b'{"a": ' + b"9" * 60_000 + b"}", b"{'result': 'ok'}"]
)
def test_no_json_object(text: bytes) -> None:
    """Nor deep ones, nor numbers that take long to read."""
    with pytest.raises(Refused):
        read_reply(text)


# -- during a call


@dataclass
class FakeChannel:
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait_hung_up(self) -> None:
        await self.hung_up.wait()


class FakeSession:
    """A call that plays for `plays_s` and has one webhook."""

    def __init__(self, webhooks: Webhooks, url: str, plays_s: float) -> None:
        self.channel, self.plays_s = FakeChannel(), plays_s
        self.call = SimpleNamespace(call_id="1.1")
        self.dialplans = SimpleNamespace(webhooks={"crm": url})
        self.parts = SimpleNamespace(webhooks=webhooks)
        self.step, self.trace, self.leased = "ask", [], 0.0  # type: ignore[var-annotated]
        self.log = SimpleNamespace(add=lambda event, step, **detail: self.trace.append((event, step, detail)))

    async def play(self, phrases: Any) -> str:
        await asyncio.sleep(self.plays_s)
        return ""

    async def lease(self, needed_s: float) -> None:
        self.leased = needed_s


def call_of(webhooks: Webhooks, url: str, plays_s: float = 0.0) -> Any:
    return FakeSession(webhooks, url, plays_s)


async def test_it_is_asked_while_something_is_said(server: Answering, webhooks: Webhooks) -> None:
    """The wait of the server and the words run together; only what is left is waited for."""
    session = call_of(webhooks, server.url("/slow"), plays_s=0.3)
    began = time.monotonic()

    assert TIMEOUT == await fetch(cast(Session, session), Fetch("crm", {}, LIMIT_S))
    assert LIMIT_S <= time.monotonic() - began < LIMIT_S + 0.2
    assert session.leased < 0.2


async def test_the_call_id_is_always_told_and_nothing_is_traced_of_values(
    server: Answering, webhooks: Webhooks
) -> None:
    """A fact called `call` does not hide it; the trace knows outcome and time."""
    session = call_of(webhooks, server.url("/good"))
    fetched = await fetch(cast(Session, session), Fetch("crm", {"call": "x", "account": "1001"}, 2))
    ((event, step, detail),) = session.trace

    assert ("paid", {"call": "1.1", "account": "1001"}) == (fetched.result, server.asked[0].body)
    assert ("asked", "ask", "crm", "answered") == (event, step, detail["webhook"], detail["outcome"])
    assert {"webhook", "outcome", "ms"} == set(detail)


async def test_a_caller_who_leaves_ends_it(server: Answering, webhooks: Webhooks) -> None:
    """At once, and the connection is closed."""
    session = call_of(webhooks, server.url("/slow"))
    asking = asyncio.create_task(fetch(cast(Session, session), Fetch("crm", {}, 5)))
    while not server.asked:
        await asyncio.sleep(0.01)
    session.channel.hung_up.set()

    with pytest.raises(CallerHungUp):
        await asking
    for _ in range(50):
        if server.asked[0].left_early:
            break
        await asyncio.sleep(0.01)
    assert server.asked[0].left_early


async def test_a_webhook_that_is_no_more(webhooks: Webhooks) -> None:
    """A name the call's version does not know fails without a question."""

    assert FAILED == await fetch(cast(Session, call_of(webhooks, "")), Fetch("other", {}, 1))
