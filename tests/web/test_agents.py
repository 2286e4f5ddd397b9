"""The page Agents and its API over a real Redis: what is shown, changed at once, refused, and written down."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from ivr.desk.agents import Agents, Change
from ivr.settings import PROJECT, Settings
from routing.router import Router
from tests.support.desk import desk_settings
from tests.support.floor import controller
from tests.support.page_client import application, client_of
from tests.support.redis import real_redis

pytestmark = pytest.mark.real
PART = {"HX-Request": "true"}


@pytest.fixture
async def conf(tmp_path: Path) -> AsyncIterator[Settings]:
    """Dialplans in which callers of support have no way out but an agent."""
    async with real_redis(tmp_path) as redis:
        shutil.copytree(PROJECT / "dialplans", tmp_path / "dialplans")
        for file in (tmp_path / "dialplans" / "flows").glob("*.toml"):
            kept = [line for line in file.read_text().splitlines() if not line.startswith("on.nobody")]
            file.write_text("\n".join(kept) + "\n")
        yield desk_settings(tmp_path, redis_url=redis.url, dialplans=tmp_path / "dialplans")


@pytest.fixture
async def app(conf: Settings) -> AsyncIterator[FastAPI]:
    """The page with anna, who has every skill the queues ask for, and ola, who can do little."""
    async with application(conf) as app:
        agents: Agents = app.state.parts.agents
        every = {"internet": 5, "billing": 5, "tv": 5, "sales": 5, "support": 5}
        await agents.put({
            "anna": Change(name="Anna", skills=every, languages=("pl", "en", "ru"), pin="1234"),
            "ola": Change(name="Ola", skills={"tv": 1}, pin="1234"),
        })  # fmt: skip
        yield app


@pytest.fixture
async def router(conf: Settings, app: FastAPI) -> AsyncIterator[Router]:
    async with controller(conf) as router:
        await router.sign_in(Agents.profile(await app.state.parts.agents.get("anna")))
        yield router


async def test_the_matrix_shows_levels_and_states(app: FastAPI, router: Router) -> None:
    async with client_of(app, ["supervisor"]) as client:
        page = (await client.get("/agents")).text
        told = (await client.get("/api/v1/agents")).json()["agents"]

    assert 'aria-label="internet of Anna: 5"' in page
    assert 'aria-label="internet of Ola: none"' in page
    assert [("anna", "in", "ready"), ("ola", "out", "")] == [
        (each["agent_id"], each["status"], each["state"]) for each in told
    ]


async def test_a_level_acts_at_once_and_is_written_down(app: FastAPI, router: Router) -> None:
    """By page and by API; 0 takes the skill away."""
    async with client_of(app, ["supervisor"]) as client:
        form = (await client.get("/agents/anna/level?skill=tv", headers=PART)).text
        saved = await client.post("/agents/anna/level", data={"skill": "tv", "level": "8"}, headers=PART)
        patched = await client.patch("/api/v1/agents/anna", json={"skills": {"mobile": 3}, "projects": ["acme"]})
        known = (await router.snapshot()).agents[0].skills
    entry = next(each for each in await app.state.parts.audit.list() if each.before.get("skills", {}).get("tv") == 5)

    assert '<option value="5" selected>5</option>' in form
    assert "it acts at once" in saved.text
    assert (8, 3, 1) == (known["tv"], known["mobile"], known["project/acme"])
    assert 3 == patched.json()["agent"]["skills"]["mobile"]
    assert ("agent.edit", "anna", 5, 8) == (
        entry.what, entry.subject, entry.before["skills"]["tv"], entry.after["skills"]["tv"]
    )  # fmt: skip


async def test_pause_and_sign_out_act_at_once(app: FastAPI, router: Router) -> None:
    async def state() -> list[tuple[str, str]]:
        return [(view.status, view.reason) for view in (await router.snapshot()).agents]

    seen = []
    async with client_of(app, ["supervisor"]) as client:
        for act, data in (("pause", {"reason": "lunch"}), ("unpause", {}), ("sign-out", {})):
            assert 200 == (await client.post(f"/agents/anna/{act}", data=data, headers=PART)).status_code
            seen.append(await state())
        refused = await client.post("/api/v1/agents/anna/pause", json={"reason": "lunch"})
        back = await client.post("/api/v1/agents/anna/sign-in")

    assert [[("paused", "lunch")], [("in", "")], []] == seen
    assert (422, "agent anna is not signed in") == (refused.status_code, refused.json()["error"])
    assert "in" == back.json()["status"]


async def test_what_would_leave_callers_with_nobody_is_asked_twice(app: FastAPI, router: Router) -> None:
    """Nothing is saved at first; the warning names the queue and offers to save it all the same."""
    wanted = {
        "name": "Anna", "skills": "knitting:3", "languages": "pl", "projects": "", "roster": "", "ring_s": "20",
        "wrap_up_s": "10",
    }  # fmt: skip
    async with client_of(app, ["supervisor"]) as client:
        asked = await client.post("/agents/anna", data=wanted)
        kept = (await app.state.parts.agents.get("anna")).skills
        refused = await client.patch("/api/v1/agents/anna", json={"skills": dict.fromkeys(kept, 0) | {"knit": 1}})
        done = await client.post("/agents/anna", data={**wanted, "anyway": "1"})
    after = (await app.state.parts.agents.get("anna")).skills

    assert (422, True) == (asked.status_code, 'name="anyway" value="1"' in asked.text)
    assert "nobody can answer" in asked.text
    assert 5 == kept["internet"]
    assert 422 == refused.status_code
    assert 200 == done.status_code
    assert {"knitting": 3} == after


async def test_only_supervisors_see_and_change_agents(app: FastAPI, router: Router) -> None:
    async with client_of(app, ["ops"]) as client:
        answers = [
            await client.get("/agents"), await client.get("/api/v1/agents"),
            await client.post("/agents/anna/sign-out"), await client.patch("/api/v1/agents/anna", json={"name": "x"}),
        ]  # fmt: skip

    assert [403] * 4 == [answer.status_code for answer in answers]
