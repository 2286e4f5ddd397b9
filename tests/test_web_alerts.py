"""The webhook's door: its own secret opens it, and the answers a program of monitoring gets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from ivr.desk.audit import Audit
from ivr.web.app import create_app
from ivr.web.parts import Parts, build
from tests.support.desk import desk_settings
from tests.test_announce_alerts import alert, payload

ADDRESS = "/api/v1/alerts"
SECRET = {"Authorization": "Bearer s3cret"}


@asynccontextmanager
async def monitoring(folder: Path, secret: str = "s3cret") -> AsyncIterator[tuple[httpx.AsyncClient, Parts]]:
    """Give a client of a web process with this secret, and its parts."""
    settings = desk_settings(folder, alert_secret=secret)
    parts = build(settings)
    app = create_app(settings, parts)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8460") as client:
        yield client, parts
    await parts.close()


async def test_alerts_are_drafted_and_audited(tmp_path: Path) -> None:
    """One answer for each alert."""
    async with monitoring(tmp_path) as (client, parts):
        answer = await client.post(ADDRESS, json=payload(alert(), alert(labels={})), headers=SECRET)
        (draft,) = await parts.publisher.store.newest()
        entries = await Audit(parts.database).list()

    assert 200 == answer.status_code
    drafted, refused = answer.json()
    assert ("drafted", draft.announcement_id) == (drafted["did"], drafted["announcement"])
    assert "neither `area` nor `node`" in refused["why"]
    assert [("monitoring", "announcement.draft", draft.announcement_id)] == [
        (each.who, each.what, each.subject) for each in entries
    ]


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic s3cret"}, {"Authorization": "Bearer "},
     {"Authorization": "Bearer \xff"}],
)  # fmt: skip
async def test_nobody_without_the_secret_gets_in(tmp_path: Path, headers: dict[str, str]) -> None:
    """401, and nothing is drafted."""
    async with monitoring(tmp_path) as (client, parts):
        raw = {key: value.encode("latin-1") for key, value in headers.items()}
        answer = await client.post(ADDRESS, json=payload(alert()), headers=raw)  # type: ignore[arg-type]
        drafts = await parts.publisher.store.newest()

    assert (401, ()) == (answer.status_code, drafts)


async def test_without_a_secret_there_is_no_webhook(tmp_path: Path) -> None:
    """404, whatever is sent: an empty secret opens nothing."""
    async with monitoring(tmp_path, "") as (client, _):
        found = {(await client.post(ADDRESS, json=payload(alert()), headers=headers)).status_code
                 for headers in ({}, {"Authorization": "Bearer "}, SECRET)}  # fmt: skip

    assert {404} == found


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"null", b'{"alerts": 5}', b"\xff\xfe", b'{"alerts": []}'])
async def test_what_is_no_payload_is_refused_clearly(tmp_path: Path, body: bytes) -> None:
    """422 and a sentence, never a fault."""
    async with monitoring(tmp_path) as (client, _):
        answer = await client.post(ADDRESS, content=body, headers=SECRET)

    assert 422 == answer.status_code
    assert answer.json()["error"]


async def test_only_wrong_alerts_are_an_error(tmp_path: Path) -> None:
    """So that Alertmanager's own counters show it; too large a body is not read."""
    async with monitoring(tmp_path) as (client, _):
        wrong = await client.post(ADDRESS, json=payload(alert(labels={})), headers=SECRET)
        large = await client.post(ADDRESS, content=b" " * (600 << 10), headers=SECRET)

    assert (422, 413) == (wrong.status_code, large.status_code)
