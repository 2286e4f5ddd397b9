"""The page Dialplans and its API: the drawn flow with counts, versions, what changed, rolling back with its note."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI

from ivr.call import Call
from ivr.desk.audit import Audit
from ivr.flow.model import Number
from ivr.record import trace as t
from ivr.record.store import Records
from ivr.versions.publish import Publisher
from ivr.versions.store import Versions
from tests.support.page_client import application, client_of
from tests.support.versions import content, versions_settings


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[FastAPI]:
    """The page on two versions of a small flow, the second live, with one call that took it."""
    settings = versions_settings(tmp_path)
    async with application(settings) as app:
        database = app.state.parts.database
        publisher = Publisher(database)
        for step, note in (("one", "first"), ("two", "second menu")):
            await publisher.publish(content(settings, step), "", author="ewa", note=note)
        live = await Versions(database).last()
        assert live is not None
        records = Records(database)
        log = records.begin(
            Call("1.1", "+48221234567", "100", "PJSIP/x"), datetime.now(UTC),
            number=Number("100", "main", "pl", "acme", ""), flow_version=live.version,
        )  # fmt: skip
        log.add(t.ENTERED, "two", flow="main", kind="say")
        log.add(t.LEFT, "two", flow="main", outcome="done", detail="")
        log.finish("completed")
        await records.flush()
        yield app


async def names(app: FastAPI) -> tuple[str, str]:
    """Return the first version and the second, which is live."""
    second, first = (each.version for each in await Versions(app.state.parts.database).list())
    return first, second


async def test_the_page_draws_the_live_flow_and_lists_versions(app: FastAPI) -> None:
    first, second = await names(app)
    async with client_of(app, ["engineer"]) as client:
        page = (await client.get("/dialplans")).text

    assert 'data-step="main.two"' in page
    assert first in page
    assert second in page
    assert "second menu" in page
    assert '<td>two</td><td class="number">1</td>' in page


async def test_an_older_version_is_drawn_as_it_was(app: FastAPI) -> None:
    first, _ = await names(app)
    async with client_of(app, ["ops"]) as client:
        page = (await client.get("/dialplans", params={"version": first})).text
        wrong = await client.get("/dialplans", params={"of": "mian"})

    assert 'data-step="main.one"' in page
    assert "did you mean &#39;main&#39;" in wrong.text


async def test_what_changed_is_told_in_words_and_lines(app: FastAPI) -> None:
    first, second = await names(app)
    async with client_of(app, ["ops"]) as client:
        page = (await client.get("/dialplans/diff", params={"a": first, "b": second})).text
        same = (await client.get("/dialplans/diff", params={"a": first, "b": first})).text

    assert '<span class="added">+[steps.two]' in page
    assert '<span class="removed">-[steps.one]' in page
    assert "are the same" in same


async def test_who_may_not_change_flows_is_not_offered_it_and_refused(app: FastAPI) -> None:
    async with client_of(app, ["ops"]) as client:
        page = (await client.get("/dialplans")).text
        refused = await client.post("/dialplans/rollback", data={})
        refused_api = await client.post("/api/v1/dialplans/rollback", json={})

    assert 'action="/dialplans/rollback"' not in page
    assert (403, 403) == (refused.status_code, refused_api.status_code)


@pytest.mark.parametrize("by", ["page", "api"])
async def test_rolling_back_makes_the_older_one_live_and_is_written_down(app: FastAPI, by: str) -> None:
    """Page and API do the same; Asterisk is told (here there is none: that is a note, not a failure)."""
    first, second = await names(app)
    async with client_of(app, ["engineer"]) as client:
        if by == "page":
            answer = await client.post("/dialplans/rollback", data={"version": first, "note": "too long"})
        else:
            answer = await client.post("/api/v1/dialplans/rollback", json={"version": first, "note": "too long"})

    last = await Versions(app.state.parts.database).last()
    assert last is not None
    assert (303 if by == "page" else 200) == answer.status_code
    assert (first, "engineer", "too long") == (last.version, last.by, last.why)
    noted = await Audit(app.state.parts.database).list(what="dialplan.roll_back")
    assert [(first, second, "too long")] == [(n.subject, n.before["version"], n.after["note"]) for n in noted]


async def test_promoting_when_nothing_is_tried_is_a_clear_refusal(app: FastAPI) -> None:
    async with client_of(app, ["engineer"]) as client:
        answer = await client.post("/api/v1/dialplans/promote", json={})

    assert 422 == answer.status_code
    assert "no version is tried" in answer.json()["error"]


async def test_the_api_tells_versions_ways_and_the_picture(app: FastAPI) -> None:
    first, second = await names(app)
    async with client_of(app, ["engineer"]) as client:
        versions = (await client.get("/api/v1/dialplans/versions")).json()
        live = (await client.get("/api/v1/dialplans/live")).json()
        ways = (await client.get("/api/v1/dialplans/ways")).json()
        picture = await client.get("/api/v1/dialplans/picture", params={"of": "100", "period": "today"})
        old = await client.get("/api/v1/dialplans/picture", params={"version": first})

    assert [(second, "live", 1), (first, "was live", 0)] == [(v["version"], v["state"], v["calls"]) for v in versions]
    assert {"version": second, "tried": "", "share": 0.0} == live
    assert [("main", "two", 1, {"done": 1})] == [(s["flow"], s["step"], s["entered"], s["left"]) for s in ways["steps"]]
    assert "image/svg+xml" == picture.headers["content-type"]
    assert 'data-step="main.two"' in picture.text
    assert 'data-step="main.one"' in old.text


async def test_before_anything_is_live_the_page_says_what_to_do(tmp_path: Path) -> None:
    async with application(versions_settings(tmp_path)) as app, client_of(app, ["engineer"]) as client:
        page = await client.get("/dialplans")
        live = await client.get("/api/v1/dialplans/live")

    assert 200 == page.status_code
    assert "Nothing is live yet" in page.text
    assert 422 == live.status_code
