"""The pages Calls and My calls, and their API: what is found, the story of one, numbers masked unless revealed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI

from ivr import db
from ivr.call import DISPOSITIONS, Call
from ivr.desk.audit import Audit
from ivr.flow.model import Number
from ivr.record import trace as t
from ivr.record.search import LIVING
from ivr.record.store import Records
from ivr.web.words import words
from tests.support.desk import desk_settings
from tests.support.page_client import application, client_of

CALLER = "+48221234567"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[FastAPI]:
    """The page on a database with three calls: one talked, one ended by an announcement, one still up."""
    async with application(desk_settings(tmp_path)) as app:
        await fill(app.state.parts.database)
        yield app


async def fill(database: db.Database) -> None:
    records = Records(database)
    ends = {"1.talked": "agent", "2.heard": "announced", "3.up": ""}
    for n, (call_id, disposition) in enumerate(ends.items()):
        log = records.begin(
            Call(call_id, CALLER if n == 0 else f"+4860100000{n}", "100", "PJSIP/x"),
            datetime.now(UTC) - timedelta(minutes=9 - n),
            number=Number("100", "main", "pl", "acme", "Support"), flow_version="v1",
        )  # fmt: skip
        log.add(t.ENTERED, "welcome", flow="main", kind="say")
        log.add(t.PRESSED, "menu", key="2")
        if disposition == "agent":
            log.queued("internet", 3, "wait")
            log.add(t.ANSWERED, "wait", agent="anna")
            log.talked("anna", 12.0, "wait")
        if disposition == "announced":
            log.add(t.PLAYED, "known", prompt="announcement:a123 v2", from_ms=10)
        if disposition:
            log.finish(disposition)
    await records.flush()


async def test_the_newest_calls_are_listed_with_masked_numbers(app: FastAPI) -> None:
    async with client_of(app, ["ops"]) as client:
        page = (await client.get("/calls")).text

    assert page.index("/calls/3.up") < page.index("/calls/2.heard") < page.index("/calls/1.talked")
    assert "+48*******67" in page
    assert CALLER not in page


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"text": "22 123 45 67"}, {"1.talked"}),
        ({"ended": "announced"}, {"2.heard"}),
        ({"ended": "up"}, {"3.up"}),
        ({"announcement": "a123"}, {"2.heard"}),
        ({"agent": "anna", "queue": "internet"}, {"1.talked"}),
        ({"since": "2020-01-01"}, set()),
    ],
)
async def test_page_and_api_find_the_same(app: FastAPI, asked: dict[str, str], found: set[str]) -> None:
    async with client_of(app, ["supervisor"]) as client:
        page = await client.get("/calls", params=asked)
        answer = await client.get("/api/v1/calls", params=asked)

    assert (200, 200) == (page.status_code, answer.status_code)
    assert found == {each["call_id"] for each in answer.json()["calls"]}
    assert found == {each for each in ("1.talked", "2.heard", "3.up") if f"/calls/{each}" in page.text}


async def test_pages_of_the_api_go_through_all(app: FastAPI) -> None:
    async with client_of(app, ["ops"]) as client:
        first = (await client.get("/api/v1/calls", params={"most": 2})).json()
        second = (await client.get("/api/v1/calls", params={"most": 2, "after": first["next"]})).json()

    assert ["3.up", "2.heard"] == [each["call_id"] for each in first["calls"]]
    assert (["1.talked"], None) == ([each["call_id"] for each in second["calls"]], second["next"])


async def test_a_mistake_is_told_and_what_was_typed_stays(app: FastAPI) -> None:
    async with client_of(app, ["ops"]) as client:
        page = await client.get("/calls", params={"since": "someday", "text": "0048 22"})
        answer = await client.get("/api/v1/calls", params={"ended": "anounced"})

    assert (422, 422) == (page.status_code, answer.status_code)
    assert "is no period; expected today" in page.text
    assert 'value="0048 22"' in page.text
    assert "did you mean" in answer.json()["error"]


async def test_the_story_of_a_call(app: FastAPI) -> None:
    """What happened with its clock, why he went where he went, the record's figures."""
    async with client_of(app, ["engineer"]) as client:
        page = (await client.get("/calls/1.talked")).text
        missing = await client.get("/calls/9.nobody")

    assert "pressed 2" in page
    assert "internet" in page
    assert "Why here" in page
    assert CALLER not in page
    assert 422 == missing.status_code
    assert "there is no call" in missing.text


async def test_revealing_a_number_needs_the_right_and_is_written_down(app: FastAPI) -> None:
    async with client_of(app, ["ops"]) as ops, client_of(app, ["supervisor"]) as boss:
        refused = await ops.post("/calls/1.talked", data={"why": "curious"})
        shown = await boss.post("/calls/1.talked", data={"why": "complaint 17"})
        refused_api = await ops.get("/api/v1/calls/1.talked", params={"reveal": True})
        shown_api = await boss.get("/api/v1/calls/1.talked", params={"reveal": True})

    assert (403, 403) == (refused.status_code, refused_api.status_code)
    assert CALLER in shown.text
    assert CALLER == shown_api.json()["call"]["caller"]
    noted = await Audit(app.state.parts.database).list(what="call.reveal")
    assert ["supervisor", "supervisor"] == [each.who for each in noted]
    assert {"why": "complaint 17"} in [dict(each.after) for each in noted]


async def test_an_agent_sees_his_own_calls_only(app: FastAPI) -> None:
    async with client_of(app, ["agent"], agent_id="anna") as anna:
        own = (await anna.get("/my-calls")).text
        others = await anna.get("/calls")
        story = await anna.get("/calls/1.talked")

    assert 1 == own.count("+48*******67")
    assert "+4860" not in own
    assert (403, 403) == (others.status_code, story.status_code)


async def test_an_agent_without_a_name_in_the_router_sees_none(app: FastAPI) -> None:
    async with client_of(app, ["agent"]) as somebody:
        own = (await somebody.get("/my-calls")).text

    assert "not tied to an agent" in own
    assert "+48" not in own


def test_every_ending_and_period_has_its_words() -> None:
    """A disposition added later must not break the page."""
    from ivr.web.pages.calls import PERIODS

    wanted = {f"calls.end_{each}" for each in (*DISPOSITIONS, LIVING)} | {f"calls.period_{each}" for each in PERIODS}

    assert wanted <= set(words())
