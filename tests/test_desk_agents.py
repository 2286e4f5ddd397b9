"""Agents: phones of their own, PINs that are kept nowhere, clear refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ivr.db import Database
from ivr.desk.agent_values import skill
from ivr.desk.agents import Agents, Change, hash_pin, pin_matches
from ivr.errors import InputError
from tests.support.desk import desk_settings, opened


@pytest.fixture
async def agents(tmp_path: Path) -> AsyncIterator[Agents]:
    database: Database
    async with opened(desk_settings(tmp_path)) as database:
        yield Agents(database)


async def test_an_agent_gets_a_phone_and_a_pin(agents: Agents) -> None:
    """Random and long; found again by id and by phone."""
    anna = await agents.add("anna", name="Anna Nowak", skills={"internet": 5, "billing": 2})
    ola = await agents.add("ola", skills={"internet": 3}, pin="4711")

    assert (anna.agent, ola.agent) == await agents.list()
    assert anna.agent == await agents.get("anna") == await agents.by_endpoint(anna.agent.endpoint)
    assert anna.agent.endpoint != ola.agent.endpoint
    assert len(anna.agent.sip_password) >= 24
    assert 6 == len(anna.pin)
    assert await agents.by_endpoint("nobody") is None


async def test_pins_are_checked_and_never_stored(agents: Agents) -> None:
    """Only a salted hash is kept; an unknown agent has no PIN."""
    added = await agents.add("anna", skills={"internet": 5}, pin="4711")

    assert await agents.check_pin("anna", "4711")
    assert [False] * 3 == [await agents.check_pin("anna", pin) for pin in ("4712", "", "４７１１")]
    assert not await agents.check_pin("nobody", "4711")
    assert "4711" not in added.agent.pin_hash
    assert hash_pin("4711") != hash_pin("4711")
    assert pin_matches("4711", hash_pin("4711"))


async def test_skills_and_pin_can_change(agents: Agents) -> None:
    """The phone stays."""
    before = (await agents.add("anna", skills={"internet": 5}, pin="4711")).agent
    after = await agents.change("anna", Change(skills={"billing": 2}, pin="1234"))

    assert (before.endpoint, {"billing": 2}) == (after.endpoint, after.skills)
    assert after == await agents.get("anna")
    assert await agents.check_pin("anna", "1234")


async def test_the_router_gets_a_profile(agents: Agents) -> None:
    """What routing must know, and no secret."""
    profile = agents.profile(
        (await agents.add("anna", name="Anna", skills={"internet": 5}, ring_s=15, wrap_up_s=3)).agent
    )

    assert ("anna", {"internet": 5}, 15, 3, "Anna") == (
        profile.agent_id, profile.skills, profile.ring_s, profile.wrap_up_s, profile.name,
    )  # fmt: skip


async def test_projects_and_languages_are_skills_to_the_router(agents: Agents) -> None:
    """A language at level 10 unless the skill says otherwise; the first is his own."""
    added = await agents.add("anna", skills={"tv": 5, "lang/ru": 3}, projects=("acme",), languages=("en", "ru"))
    profile = agents.profile(added.agent)

    assert {"tv": 5, "lang/ru": 3, "lang/en": 10, "project/acme": 1} == profile.all_skills
    assert ("en", ("acme",)) == (profile.language, profile.projects)


async def test_removed_agents_are_gone(agents: Agents) -> None:
    """A second removal names the nearest."""
    await agents.add("anna", skills={"internet": 5})
    await agents.add("hanna", skills={"internet": 5})
    await agents.remove("anna")
    with pytest.raises(InputError, match="there is no agent 'anna'; did you mean 'hanna'"):
        await agents.remove("anna")


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"agent_id": "Anna Nowak"}, "agent id 'Anna Nowak': expected"),
        ({"agent_id": ""}, "agent id ''"),
        ({"skills": {}}, "agent ola has no skill"),
        ({"pin": "12"}, "expected 4 to 8 digits"),
        ({"pin": "12a4"}, "expected 4 to 8 digits"),
        ({"ring_s": 1}, "ring time 1 s; expected 5 to 120"),
        ({"wrap_up_s": -1}, "wrap-up time -1 s"),
        ({"agent_id": "anna"}, "there is an agent 'anna' already"),
    ],
)
async def test_what_is_refused(agents: Agents, change: dict[str, object], wrong: str) -> None:
    """Nothing is added."""
    await agents.add("anna", skills={"internet": 5})
    values = {"agent_id": "ola", "skills": {"internet": 5}, **change}
    with pytest.raises(InputError, match=wrong):
        await agents.add(values.pop("agent_id"), **values)  # type: ignore[arg-type]

    assert ["anna"] == [agent.agent_id for agent in await agents.list()]


def test_skills_are_read() -> None:
    """NAME:LEVEL; five without a level."""

    assert ("internet", 5) == skill("Internet:5")
    assert ("billing", 5) == skill("billing")
    for wrong in ("", ":5", "a b:1", "internet:11", "internet:0", "internet:x", "internet:٥"):
        with pytest.raises(InputError, match="skill"):
            skill(wrong)
